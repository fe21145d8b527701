//! Generated row triggers that name the columns, because MySQL has no row that a trigger could
//! hand on as a whole.
//!
//! Foreign-key cascades fire no trigger there, so a parent's triggers also record the children
//! that go with it.

mod cascade;
mod column;
mod event;
mod manual;
mod parts;
mod pending;
mod probe;
mod skipped;
mod trigger;

use audit_core::rules::JsonPath;
use audit_core::{Audit, Dialect, schema};
use serde::Deserialize;

use crate::catalog::{Catalog, Column, InstalledTrigger, Table};
use crate::finding::Finding;
use crate::own::Own;
use crate::plan::Plan;
use crate::sql::{identifier, literal};

pub(crate) use manual::manual_insert;
pub(crate) use probe::{definition_of_log, probe};
pub(crate) use trigger::triggers;

/// What only MySQL and MariaDB have in their catalog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Whether the server is MariaDB.
    pub is_mariadb: bool,
    /// The database that holds `audit_logs`.
    pub log_schema: Option<String>,
    /// Accounts that triggers of ours run as and that are not there any more.
    pub missing_definers: Vec<String>,
    /// Whether the server writes every statement to a log, with its binds.
    pub logs_binds: bool,
    /// Who may drop or truncate tables of one database, or one table of it: administrators, who may
    /// do so in all, are not among them.
    pub droppers: Vec<Dropper>,
    /// Foreign keys with an action of tables elsewhere that refer to those of a database.
    pub outer_children: Vec<OuterChild>,
}

/// An account with the right DROP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dropper {
    /// The account or role.
    pub account: String,
    /// The database.
    pub schema: String,
    /// The table; `None` stands for all of the database.
    pub table: Option<String>,
}

/// A foreign key that leads out of a database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OuterChild {
    /// The database of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub foreign_key: String,
    /// The database of the table that it refers to.
    pub parent_schema: String,
    /// The table that it refers to.
    pub parent: String,
}

impl Facts {
    /// Adds what holds for another database of the server.
    pub(crate) fn extend(&mut self, other: Self) {
        self.missing_definers.extend(other.missing_definers);
        self.droppers.extend(other.droppers);
        self.outer_children.extend(other.outer_children);
    }
}

/// One column of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ForeignKeyColumn {
    /// The name of the foreign key.
    pub name: String,
    /// The column.
    pub column: String,
    /// Its place in the foreign key, counted from 1.
    pub position: u32,
    /// The schema of the table that it refers to.
    pub parent_schema: String,
    /// The table that it refers to.
    pub parent: String,
    /// The column that it refers to.
    pub parent_column: String,
    /// What happens here when the parent is deleted, in the words of SQL.
    pub on_delete: String,
    /// What happens here when the parent's key changes, in the words of SQL.
    pub on_update: String,
}

/// What every name of a trigger of ours starts with.
const PREFIX: &str = "audit_";

/// What the body of every trigger of ours starts with; the catalog query knows them by it.
const LABEL: &str = "audit_capture: BEGIN";

/// The longest name of a trigger, in characters; counted in bytes here, which is never more.
const LONGEST_NAME: usize = 64;

/// The catalog of one database, the place of whose name reads `{schema}`, with the tables whose
/// names match `{only}`.
pub(crate) const CATALOG_QUERY: &str = include_str!("mysql/catalog.sql");

/// The catalog queries for these databases, and for our own tables in the connection's own.
pub(crate) fn catalog_queries(schemas: &[String]) -> Vec<String> {
    let query = |schema: &str, only: &str| {
        let query = CATALOG_QUERY.replace("{schema}", schema);
        query.replace("{only}", only)
    };
    let named = schemas.iter().map(|name| query(&hex_literal(name), "'.'"));
    let mut queries: Vec<String> = named.collect();
    let ours = if queries.is_empty() {
        "'.'"
    } else {
        "'^audit_(probe|settings)$'"
    };
    queries.push(query("DATABASE()", ours));
    queries
}

/// A text as a literal that reads the same in every `sql_mode` and character set.
pub(crate) fn hex_literal(text: &str) -> String {
    use std::fmt::Write as _;

    let mut literal = String::with_capacity(text.len() * 2 + 12);
    literal.push_str("_utf8mb4 X'");
    for byte in text.bytes() {
        let _ = write!(literal, "{byte:02X}");
    }
    literal.push('\'');
    literal
}

/// The two keys of HMAC-SHA256, padded to its block, from which the triggers compute
/// `Redaction::Hash`: what the connection holds instead of the key.
///
/// # Source
/// RFC 2104, section 2.
#[must_use]
pub(crate) fn padded_keys(key: &[u8]) -> ([u8; 64], [u8; 64]) {
    use sha2::{Digest, Sha256};

    let digest = Sha256::digest(key);
    let short = if key.len() > 64 {
        digest.as_slice()
    } else {
        key
    };
    let (mut inner, mut outer) = ([0x36; 64], [0x5c; 64]);
    for ((byte, inner), outer) in short.iter().zip(&mut inner).zip(&mut outer) {
        *inner ^= byte;
        *outer ^= byte;
    }
    (inner, outer)
}

pub(crate) fn name(text: &str) -> String {
    identifier(Dialect::MySql, text)
}

fn text(value: &str) -> String {
    literal(Dialect::MySql, value)
}

/// A name in its schema.
pub(crate) fn qualified(schema: Option<&str>, object: &str) -> String {
    match schema {
        None => name(object),
        Some(schema) => format!("{}.{}", name(schema), name(object)),
    }
}

/// The image of a row of these columns, whatever its length.
pub(crate) fn whole_image(columns: &[Column], is_mariadb: bool) -> String {
    let cells = columns.iter().map(|column| {
        let value = column::Value { column, is_mariadb };
        let json = value.json(&name(&column.name), None, usize::MAX);
        format!("{}, {json}", hex_literal(&column.name))
    });
    format!("JSON_OBJECT({})", cells.collect::<Vec<_>>().join(", "))
}

pub(crate) fn drop_trigger(found: &InstalledTrigger) -> String {
    format!(
        "DROP TRIGGER IF EXISTS {}",
        qualified(found.schema.as_deref(), &found.name)
    )
}

/// Whether the values of a column can be taken apart at a path.
pub(crate) fn can_follow(column: &Column, path: &JsonPath, catalog: &Catalog) -> bool {
    let is_mariadb = catalog.mysql.is_mariadb;
    column::Value { column, is_mariadb }.has_documents() && parts::can_follow(path)
}

/// Adds what holds for the database as a whole.
pub(crate) fn complete(plan: &mut Plan, audit: &Audit, catalog: &Catalog) {
    mark_misplaced(plan.installed_mut(), catalog);
    let (triggers, findings) = pending::triggers(audit, catalog);
    triggers
        .into_iter()
        .for_each(|trigger| plan.add_trigger(trigger));
    findings
        .into_iter()
        .for_each(|finding| plan.add_finding(finding));
    for table in &catalog.tables {
        let audited = plan.has_trigger_on(table.schema.as_deref(), &table.name);
        let engine = table.engine.as_deref().unwrap_or("InnoDB");
        let is_log = table.name == schema::LOG_TABLE && table.schema == catalog.mysql.log_schema;
        if (audited || is_log) && !engine.eq_ignore_ascii_case("InnoDB") {
            plan.add_finding(Finding::NotTransactional {
                table: table.name.clone(),
                engine: engine.to_owned(),
            });
        }
    }
    for account in &catalog.mysql.missing_definers {
        plan.add_finding(Finding::DefinerMissing {
            account: account.clone(),
        });
    }
    for finding in unseen(plan, audit, catalog) {
        plan.add_finding(finding);
    }
}

/// What of the audited tables of the application no trigger sees.
fn unseen(plan: &Plan, audit: &Audit, catalog: &Catalog) -> Vec<Finding> {
    let audited: Vec<&Table> = catalog
        .tables
        .iter()
        .filter(|table| Own::of(Dialect::MySql, catalog, table).is_none())
        .filter(|table| {
            // An excluded parent of audited tables has triggers as well.
            let schema = table.schema.as_deref();
            plan.has_trigger_on(schema, &table.name) && !audit.is_excluded(schema, &table.name)
        })
        .collect();
    let is_audited = |schema: &str, name: Option<&str>| {
        audited.iter().any(|table| {
            table.schema.as_deref() == Some(schema) && name.is_none_or(|name| table.name == name)
        })
    };
    let droppers = catalog.mysql.droppers.iter();
    let truncates = droppers
        .filter(|dropper| is_audited(&dropper.schema, dropper.table.as_deref()))
        .map(|dropper| Finding::TruncateAllowed {
            account: dropper.account.clone(),
        });
    let is_listed = |child: &OuterChild| {
        let mut tables = catalog.tables.iter();
        tables
            .any(|table| table.schema.as_ref() == Some(&child.schema) && table.name == child.table)
    };
    let children = catalog.mysql.outer_children.iter();
    let cascades = children
        .filter(|child| is_audited(&child.parent_schema, Some(&child.parent)))
        .filter(|child| !is_listed(child) && !audit.is_excluded(Some(&child.schema), &child.table))
        .map(|child| Finding::CascadeLeaves {
            database: child.schema.clone(),
            table: child.table.clone(),
            foreign_key: child.foreign_key.clone(),
        });
    truncates.chain(cascades).collect()
}

/// A trigger of ours that a trigger of the application stands before or behind, on the wrong
/// side, is not the one that is wanted; nor is any while one runs as nobody.
fn mark_misplaced(installed: &mut [InstalledTrigger], catalog: &Catalog) {
    for found in installed {
        let event = found.definition.as_str();
        let is_after = event.starts_with("AFTER");
        let misplaced = catalog.user_triggers.iter().any(|other| {
            other.table == found.table
                && other.schema == found.schema
                && event
                    .strip_prefix(&other.event)
                    .is_some_and(|rest| rest.starts_with(' '))
                && (other.order < found.order) == is_after
        });
        if misplaced || !catalog.mysql.missing_definers.is_empty() {
            found.definition.push_str(" misplaced");
        }
    }
}
