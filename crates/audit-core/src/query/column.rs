//! What is read of a row.

use crate::schema::{Column, ColumnKind, LOG_COLUMNS};
use crate::vocabulary::Dialect;

/// The expressions that give each column of `audit_logs`, in their order, as the texts that
/// [`Event::from_texts`](crate::Event::from_texts) reads.
pub fn column_texts(dialect: Dialect) -> impl Iterator<Item = String> {
    let columns = LOG_COLUMNS.iter();
    columns.map(move |column| as_text(dialect, *column))
}

/// The expression that gives an instant, as another one has it, as text by RFC 3339, in UTC and to the
/// microsecond; on SQLite an instant is such a text already.
#[must_use]
pub fn time_text(dialect: Dialect, instant: &str) -> String {
    match dialect {
        Dialect::MySql => format!("DATE_FORMAT({instant}, '%Y-%m-%dT%H:%i:%s.%fZ')"),
        Dialect::Postgres => {
            format!("to_char({instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        }
        Dialect::Sqlite => instant.to_owned(),
    }
}

/// The expression that gives a column as the text that `Event::from_texts` reads.
fn as_text(dialect: Dialect, column: Column) -> String {
    let name = column.name;
    match (dialect, column.kind) {
        (_, ColumnKind::Time) => time_text(dialect, name),
        (Dialect::Postgres, ColumnKind::List) => format!("to_json({name})::text"),
        (Dialect::Postgres, ColumnKind::Text) => name.to_owned(),
        (Dialect::Postgres, _) => format!("{name}::text"),
        (Dialect::Sqlite, ColumnKind::Uuid) => format!("lower(hex({name}))"),
        (Dialect::Sqlite, ColumnKind::Integer) => format!("CAST({name} AS TEXT)"),
        (Dialect::MySql, ColumnKind::Uuid) => format!("LOWER(HEX({name}))"),
        (Dialect::MySql, ColumnKind::Integer) => format!("CAST({name} AS CHAR)"),
        (Dialect::Sqlite | Dialect::MySql, ColumnKind::Boolean) => {
            format!("CASE {name} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END")
        }
        (Dialect::Sqlite | Dialect::MySql, _) => name.to_owned(),
    }
}
