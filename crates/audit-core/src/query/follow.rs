//! What following the log asks of a database.

use crate::query::sql::Sql;
use crate::query::{BoundQuery, QueryError};
use crate::schema::{LOG_TABLE, qualified};
use crate::vocabulary::Dialect;

/// The statement whose only row tells how far the log can be read: the time of the database, in
/// RFC 3339; on PostgreSQL its snapshot, and whether it is a standby (`true` or `false`); on SQLite
/// the time of the newest event, or NULL, in place of the clock.
#[must_use]
pub fn horizon(dialect: Dialect) -> BoundQuery {
    BoundQuery::plain(match dialect {
        // The time is that before the snapshot was taken.
        Dialect::Postgres => "SELECT to_char(statement_timestamp() AT TIME ZONE 'UTC', \
             'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), pg_current_snapshot()::text, \
             pg_is_in_recovery()::text"
            .to_owned(),
        Dialect::MySql => {
            "SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ')".to_owned()
        }
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
