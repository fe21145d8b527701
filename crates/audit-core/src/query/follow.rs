//! What following the log asks of a database.

use crate::query::sql::Sql;
use crate::query::{BoundQuery, QueryError, time_text};
use crate::schema::{LOG_TABLE, qualified};
use crate::vocabulary::Dialect;

/// The statement whose only row tells how far the log can be read: the time of the database, in
/// RFC 3339; on PostgreSQL its snapshot, and whether it is a standby (`true` or `false`); on SQLite
/// the time of the newest event, or NULL, in place of the clock.
#[must_use]
pub fn horizon(dialect: Dialect) -> BoundQuery {
    BoundQuery::plain(match dialect {
        // The time is that before the snapshot was taken.
        Dialect::Postgres => format!(
            "SELECT {}, pg_current_snapshot()::text, pg_is_in_recovery()::text",
            time_text(dialect, "statement_timestamp()")
        ),
        Dialect::MySql => format!("SELECT {}", time_text(dialect, "UTC_TIMESTAMP(6)")),
        Dialect::Sqlite => format!(
            "SELECT max(occurred_at) FROM {}",
            qualified(dialect, LOG_TABLE)
        ),
    })
}

impl Sql {
    /// That it is visible in the second snapshot and was not in the first one.
    pub(super) fn between_snapshots(&mut self, old: &str, new: &str) -> Result<(), QueryError> {
        if self.dialect != Dialect::Postgres {
            return Err(QueryError::UnsupportedSnapshot);
        }
        let (new, old) = (self.bind(new)?, self.bind(old)?);
        self.condition(&format!(
            "CASE WHEN transaction_id ~ '^[0-9]{{1,19}}$' THEN \
             pg_visible_in_snapshot(transaction_id::xid8, {new}::text::pg_snapshot) AND NOT \
             pg_visible_in_snapshot(transaction_id::xid8, {old}::text::pg_snapshot) ELSE false END"
        ));
        Ok(())
    }
}
