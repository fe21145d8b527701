//! The probe as statements of the application's own connection.

use audit_core::query::{BoundQuery, column_texts};
use audit_core::{Dialect, schema};

use crate::probe::writes;
use crate::sql::literal;

pub(crate) fn probe(token: &str) -> Vec<BoundQuery> {
    let table = format!("main.{}", schema::PROBE_TABLE);
    let mut statements = writes(Dialect::Sqlite, &table, token);
    let columns: Vec<String> = column_texts(Dialect::Sqlite).collect();
    statements.push(BoundQuery::plain(format!(
        "SELECT json_array({}) FROM main.{} WHERE table_name = '{}' AND record_id = {} ORDER BY \
         occurred_at, id",
        columns.join(", "),
        schema::LOG_TABLE,
        schema::PROBE_TABLE,
        literal(Dialect::Sqlite, token),
    )));
    statements
}
