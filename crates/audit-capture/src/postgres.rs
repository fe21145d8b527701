//! Row and statement triggers, each with a function of its own in the schema `audit`.

mod body;
mod built_in;
mod expression;
mod facts;
mod helper;
mod manual;
mod probe;
mod rule;
mod splice;
mod trigger;

use audit_core::Dialect;
use sha2::{Digest, Sha256};

use crate::catalog::{Catalog, Column, InstalledTrigger};
use crate::finding::Finding;
use crate::plan::Plan;
use crate::sql::identifier;

pub(crate) use facts::{Cascade, Facts, InlineFacts};
pub(crate) use helper::inline_grants;
pub(crate) use manual::manual_insert;
pub(crate) use probe::probe;
pub(crate) use splice::{RETURNS_OLD, Splice, splice};
pub(crate) use trigger::triggers;

/// The schema of everything that is ours.
pub(crate) const SCHEMA: &str = "audit";

/// What every name of a trigger of ours starts with: no letter sorts before it, and triggers
/// fire in the order of their names.
const PREFIX: &str = "!audit_";

/// The SQLSTATE of a write that is refused because it has no context.
pub const POSTGRES_DENIED: &str = "AU001";

/// The SQLSTATE of an event of the application that cannot be.
pub const POSTGRES_REFUSED: &str = "AU002";

const SEARCH_PATH: &str = "search_path";

/// What holds for the length of a function that runs with the rights of the log's owner. The first
/// keeps it from running what a caller has put in the way; the others fix how values are written,
/// where it writes such. Each is as the catalog keeps it.
const SETTINGS: [(&str, &str); 7] = [
    (SEARCH_PATH, "pg_catalog, pg_temp"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "iso_8601"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("lc_monetary", "C"),
];

pub(crate) const CATALOG_QUERY: &str = include_str!("postgres/catalog.sql");

/// Functions that no trigger calls any more, once the triggers that go are gone.
pub(crate) const DROP_UNUSED: &str = "DO $$
DECLARE
    unused regprocedure;
BEGIN
    FOR unused IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'audit'::regnamespace AND p.prorettype = 'trigger'::regtype
        AND pg_catalog.pg_has_role(p.proowner, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgfoid = p.oid)
    LOOP
        EXECUTE pg_catalog.format('DROP FUNCTION %s', unused);
    END LOOP;
END
$$";

fn name(text: &str) -> String {
    identifier(Dialect::Postgres, text)
}

fn text(value: &str) -> String {
    crate::sql::literal(Dialect::Postgres, value)
}

/// Those of the settings that a function has.
#[derive(Debug, Clone)]
struct Settings(Vec<(&'static str, &'static str)>);

impl Settings {
    fn all() -> Self {
        Self(SETTINGS.to_vec())
    }

    /// The path on which names are looked for, and those that are named.
    fn only(names: &[&str]) -> Self {
        let is_wanted = |setting: &str| setting == SEARCH_PATH || names.contains(&setting);
        let settings = SETTINGS.into_iter();
        Self(settings.filter(|(setting, _)| is_wanted(setting)).collect())
    }

    /// As clauses of CREATE FUNCTION.
    fn clauses(&self) -> String {
        let clause = |(setting, value): &(&str, &str)| match *setting {
            // A list of names, not a text.
            SEARCH_PATH => format!("SET search_path = {value}"),
            _ => format!("SET {setting} = {}", text(value)),
        };
        self.0.iter().map(clause).collect::<Vec<_>>().join("\n")
    }

    /// As `catalog.sql` reads them.
    fn texts(&self) -> String {
        let pairs = self.0.iter();
        let pairs = pairs.map(|(setting, value)| format!("{setting}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }
}

pub(crate) fn drop_trigger(found: &InstalledTrigger) -> String {
    format!(
        "DROP TRIGGER {} ON {}.{}",
        name(&found.name),
        name(found.schema.as_deref().unwrap_or_default()),
        name(&found.table),
    )
}

/// Whether a column holds JSON.
pub(crate) fn has_documents(column: &Column) -> bool {
    matches!(column.type_name.as_str(), "json" | "jsonb")
}

/// Adds what holds for the database as a whole.
pub(crate) fn complete(plan: &mut Plan, catalog: &Catalog) {
    plan.add_preparation(DROP_UNUSED.to_owned());
    for helper in helper::all() {
        let same = |found: &facts::InstalledFunction| {
            found.name == helper.name && found.definition == helper.definition
        };
        if !catalog.postgres.functions.iter().any(same) {
            if helper.name == helper::PROBE {
                plan.forbid_probe();
            }
            plan.add_preparation(helper.create);
            plan.add_finding(Finding::FunctionDiffers {
                function: helper.name.to_owned(),
            });
        }
    }
    let facts = &catalog.postgres;
    let roles = |names: &[String], finding: fn(String) -> Finding| {
        names.iter().cloned().map(finding).collect::<Vec<_>>()
    };
    let mut findings = roles(&facts.superusers, |role| Finding::SuperuserOwner { role });
    findings.extend(roles(&facts.writers, |role| Finding::LogWritable { role }));
    findings.extend(roles(&facts.log_triggers, |trigger| Finding::LogAltered {
        trigger,
    }));
    findings.extend(roles(&facts.json_casts, |type_name| Finding::JsonCast {
        type_name,
    }));
    findings.extend(
        facts
            .foreign_types
            .iter()
            .cloned()
            .map(|(type_name, role)| Finding::ForeignType { type_name, role }),
    );
    for user in &catalog.user_triggers {
        if user.name.as_str() < PREFIX && plan.has_trigger_on(user.schema.as_deref(), &user.table) {
            findings.push(Finding::EarlierTrigger {
                table: user.table.clone(),
                trigger: user.name.clone(),
            });
        }
    }
    for table in &catalog.tables {
        if table.truncate_unseen && plan.has_trigger_on(table.schema.as_deref(), &table.name) {
            findings.push(Finding::TruncateUnseen {
                table: table.name.clone(),
            });
        }
    }
    if facts.has_large_objects {
        findings.push(Finding::LargeObjects);
    }
    for finding in findings {
        plan.add_finding(finding);
    }
}

/// The key of `Redaction::Hash` in the form in which a connection carries it: the two blocks that
/// HMAC makes of a key, in hex, so that no trigger has to make them.
///
/// # Source
/// RFC 2104, section 2.
#[must_use]
pub fn postgres_key(key: &[u8]) -> String {
    let mut block = [0_u8; 64];
    let digest;
    let key = if key.len() > block.len() {
        digest = Sha256::digest(key);
        digest.as_slice()
    } else {
        key
    };
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let masked = [0x36, 0x5c].map(|mask| block.map(|byte| byte ^ mask));
    crate::sql::hex(masked.as_flattened())
}
