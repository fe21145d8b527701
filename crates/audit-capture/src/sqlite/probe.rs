//! The probe as statements of the application's own connection.

use audit_core::query::{Bind, BoundQuery, column_texts};
use audit_core::{Dialect, schema};

use crate::probe::writes;

pub(crate) fn probe(token: &str) -> Vec<BoundQuery> {
    let mut statements = writes(&format!("main.{}", schema::PROBE_TABLE), token);
    let columns: Vec<String> = column_texts(Dialect::Sqlite).collect();
    statements.push(BoundQuery {
        text: format!(
            "SELECT json_array({}) FROM main.{} WHERE table_name = '{}' AND record_id = ? \
             ORDER BY occurred_at, id",
            columns.join(", "),
            schema::LOG_TABLE,
            schema::PROBE_TABLE,
        ),
        binds: vec![Bind::Text(token.to_owned())],
    });
    statements
}
