//! Functions that are the same whatever the rules.

use super::manual::record_body;
use super::probe::probe_body;
use super::{Settings, name, text};

/// A function of ours that no trigger calls directly.
pub(super) struct Helper {
    pub(super) name: &'static str,
    /// The statements that make it.
    pub(super) create: String,
    /// Its definition as `catalog.sql` reads it.
    pub(super) definition: String,
    /// Whether every role may call it.
    is_public: bool,
}

/// Whom a helper serves.
#[derive(Clone, Copy)]
enum Caller {
    /// The functions of triggers, with whose rights it runs.
    Ours,
    /// The same, of which one that has few columns fixes little of how values are written.
    OursOfAnyValue,
    /// Statements that write their own events, when the server plans them.
    Plans,
    /// Every role; it runs with the rights of the log's owner.
    Everyone,
}

/// The name of the function that makes the probe.
pub(super) const PROBE: &str = "probe";

pub(super) fn all() -> [Helper; 10] {
    [
        helper(
            "clipped",
            "image json, cell_bytes int, image_bytes int",
            "json",
            Caller::Ours,
            include_str!("clipped.sql"),
        ),
        helper(
            "drifted",
            "relation oid, old_row record, new_row record, rule json, hash_key bytea, images \
             boolean, OUT record_id text, OUT previous_record_id text, OUT before_data json, OUT \
             after_data json, OUT changed_fields text[]",
            "SETOF record",
            Caller::OursOfAnyValue,
            include_str!("drifted.sql"),
        ),
        helper(
            "fits",
            "relation oid, last_number int",
            "boolean",
            Caller::Plans,
            include_str!("fits.sql"),
        ),
        helper(
            "hidden",
            "document text, parts json, whole text, hash_key bytea",
            "json",
            Caller::Ours,
            include_str!("hidden.sql"),
        ),
        helper(
            "hidden_part",
            "part json, parts json, hash_key bytea",
            "text",
            Caller::Ours,
            include_str!("hidden_part.sql"),
        ),
        helper(
            "plain",
            "value anyelement, custom boolean",
            "text",
            Caller::OursOfAnyValue,
            include_str!("plain.sql"),
        ),
        helper(
            "record",
            "event json",
            "text",
            Caller::Everyone,
            &record_body(),
        ),
        helper(
            "shown",
            "value anyelement",
            "json",
            Caller::OursOfAnyValue,
            include_str!("shown.sql"),
        ),
        helper(
            "record_queued",
            "events json",
            "text",
            Caller::Everyone,
            &crate::queued::postgres_body(),
        ),
        helper(PROBE, "token text", "text", Caller::Everyone, &probe_body()),
    ]
}

fn helper(
    function: &'static str,
    arguments: &str,
    returns: &str,
    caller: Caller,
    body: &str,
) -> Helper {
    let (rights, settings) = match caller {
        Caller::Ours => ("", Settings::only(&[])),
        Caller::OursOfAnyValue => ("", Settings::all()),
        Caller::Plans => ("IMMUTABLE", Settings::only(&[])),
        Caller::Everyone => ("SECURITY DEFINER", Settings::all()),
    };
    let to_whom = match caller {
        Caller::Ours | Caller::OursOfAnyValue | Caller::Plans => {
            "REVOKE ALL ON FUNCTION {} FROM PUBLIC"
        }
        Caller::Everyone => "GRANT EXECUTE ON FUNCTION {} TO PUBLIC",
    };
    let quoted = format!("audit.{}", name(function));
    let body = format!("\n#variable_conflict use_variable\n{body}");
    Helper {
        name: function,
        is_public: matches!(caller, Caller::Everyone),
        create: format!(
            "CREATE OR REPLACE FUNCTION {quoted}({arguments}) RETURNS {returns} LANGUAGE plpgsql \
             {rights}\n{}\nAS {};\n{}",
            settings.clauses(),
            text(&body),
            to_whom.replace("{}", &quoted),
        ),
        definition: format!(
            "definer {}\nsettings {}\n{body}",
            matches!(caller, Caller::Everyone),
            settings.texts(),
        ),
    }
}

/// What a role needs that writes the events of its own statements.
pub(crate) fn inline_grants(role: &str) -> Vec<String> {
    let role = name(role);
    let functions = all().into_iter().filter(|helper| !helper.is_public);
    let mut grants = vec![format!("GRANT INSERT ON audit.audit_logs TO {role}")];
    grants.extend(functions.map(|helper| {
        let function = name(helper.name);
        format!("GRANT EXECUTE ON FUNCTION audit.{function} TO {role}")
    }));
    grants
}
