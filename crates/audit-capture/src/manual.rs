//! Events that the application records itself.

use audit_core::Dialect;
use audit_core::query::BoundQuery;

/// The statement that writes an event with these columns, as `ManualEvent::to_texts` gives them;
/// id, time, context and `source` come from the connection.
#[must_use]
pub fn manual_insert(dialect: Dialect, texts: &[(&'static str, String)]) -> BoundQuery {
    match dialect {
        Dialect::MySql => crate::mysql::manual_insert(texts),
        Dialect::Postgres => crate::postgres::manual_insert(texts),
        _ => crate::sqlite::manual_insert(texts),
    }
}
