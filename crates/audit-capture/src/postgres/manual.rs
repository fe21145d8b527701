//! Events that the application records itself: one call of a function, which fixes what the
//! caller must not choose.

use audit_core::query::{Bind, BoundQuery};
use audit_core::stamp::Slot;

use crate::event_row::{self, Expressions};

use super::POSTGRES_REFUSED;
use super::expression::{Postgres, event_id};

pub(crate) fn manual_insert(texts: &[(&'static str, String)]) -> BoundQuery {
    let event: serde_json::Map<String, serde_json::Value> = texts
        .iter()
        .map(|(name, text)| {
            // No text of PostgreSQL holds a NUL.
            let text = text.replace('\0', "\u{fffd}");
            ((*name).to_owned(), serde_json::Value::from(text))
        })
        .collect();
    BoundQuery {
        text: "SELECT audit.record($1::json)".to_owned(),
        binds: vec![Bind::Text(serde_json::Value::from(event).to_string())],
    }
}

/// The body of `audit.record`.
pub(super) fn record_body() -> String {
    let field = |name: &str| format!("event ->> '{name}'");
    let over = |name: &str, slot| format!("coalesce({}, {})", field(name), Postgres.slot(slot));
    let given = vec![
        ("action", field("action")),
        (
            "outcome",
            format!("coalesce({}, 'success')", field("outcome")),
        ),
        ("table_name", field("table_name")),
        ("record_id", field("record_id")),
        ("before_data", format!("({})::json", field("before_data"))),
        ("after_data", format!("({})::json", field("after_data"))),
        ("label", over("label", Slot::Label)),
        ("description", field("description")),
        ("reason", over("reason", Slot::Reason)),
        ("reason_code", field("reason_code")),
        ("error_code", field("error_code")),
        ("error_message", field("error_message")),
        ("severity", over("severity", Slot::Severity)),
        ("data_class", field("data_class")),
        (
            "compliance",
            format!(
                "CASE WHEN {0} IS NOT NULL THEN ARRAY(SELECT json_array_elements_text(({0})::json)) END",
                field("compliance")
            ),
        ),
        (
            "metadata",
            format!(
                "coalesce(v_metadata, {})",
                Postgres.json_slot(Slot::Metadata)
            ),
        ),
    ];
    let moment = [
        ("occurred_at", "v_time".to_owned()),
        ("id", "v_id".to_owned()),
        ("transaction_id", "pg_current_xact_id()::text".to_owned()),
    ];
    let columns = event_row::manual_columns(&Postgres, moment, given);
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    include_str!("record.sql")
        .replace("@ID@", &event_id("v_micros"))
        .replace("@REFUSED@", POSTGRES_REFUSED)
        .replace("@PREFIX@", crate::ERROR_PREFIX)
        .replace("@METADATA@", &Slot::Metadata.number().to_string())
        .replace("@COLUMNS@", &names.join(", "))
        .replace("@VALUES@", &values.join(", "))
}
