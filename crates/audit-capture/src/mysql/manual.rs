//! The statement that writes an event of the application.

use audit_core::query::{Bind, BoundQuery};
use audit_core::schema;
use audit_core::stamp::Slot;

use crate::event_row::{self, Expressions};

use super::event::{self, Statement};

pub(crate) fn manual_insert(texts: &[(&'static str, String)]) -> BoundQuery {
    let given = texts.iter().map(|(name, _)| {
        let value = match *name {
            "metadata" => format!(
                "JSON_MERGE_PATCH(COALESCE({}, '{{}}'), ?)",
                Statement.slot(Slot::Metadata)
            ),
            _ => "?".to_owned(),
        };
        (*name, value)
    });
    // The statement runs on either server: only a comment that MySQL skips asks for the
    // transaction state. The clock is the statement's, so that time and id agree.
    let micros = event::microseconds("UTC_TIMESTAMP(6)");
    let moment = [
        ("occurred_at", "UTC_TIMESTAMP(6)".to_owned()),
        ("id", event::id(&micros)),
        (
            "transaction_id",
            "/*M! IF(@@in_transaction, */ @audit_transaction_id /*M! , NULL) */".to_owned(),
        ),
    ];
    let columns = event_row::manual_columns(&Statement, moment, given.collect());
    // The binds follow the texts, so the given columns keep their order.
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    BoundQuery {
        text: format!(
            "INSERT INTO {} ({}) VALUES ({})",
            schema::LOG_TABLE,
            names.join(", "),
            values.join(", "),
        ),
        binds: texts
            .iter()
            .map(|(_, text)| Bind::Text(text.clone()))
            .collect(),
    }
}
