//! The statement that writes an event of the application.

use audit_core::query::{Bind, BoundQuery};
use audit_core::schema;
use audit_core::stamp::Slot;

use crate::event_row::{self, Expressions};

use super::trigger::Sqlite;

pub(crate) fn manual_insert(texts: &[(&'static str, String)]) -> BoundQuery {
    let given = texts.iter().enumerate().map(|(index, (name, _))| {
        let bind = format!("?{}", index + 1);
        let value = match *name {
            "metadata" => {
                format!(
                    "json_patch(coalesce({}, '{{}}'), {bind})",
                    Sqlite.slot(Slot::Metadata)
                )
            }
            _ => bind,
        };
        (*name, value)
    });
    let moment = [
        ("occurred_at", "audit_now()".to_owned()),
        ("id", "audit_id()".to_owned()),
        ("transaction_id", "audit_transaction()".to_owned()),
    ];
    let columns = event_row::manual_columns(&Sqlite, moment, given.collect());
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    BoundQuery {
        text: format!(
            "INSERT INTO main.{} ({}) VALUES ({})",
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
