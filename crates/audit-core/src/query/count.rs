//! Counting events.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::query::sql::Sql;
use crate::query::{BoundQuery, LogQuery, QueryError};
use crate::schema::{LOG_TABLE, qualified};
use crate::vocabulary::Dialect;

/// By what events are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grouping {
    /// By business verb.
    Action,
    /// By actor.
    Actor,
    /// By day in UTC, as `2026-01-31`.
    Day,
    /// By hour in UTC, as `2026-01-31T09`.
    Hour,
    /// By operation.
    Operation,
    /// By outcome.
    Outcome,
    /// By severity.
    Severity,
    /// By table.
    Table,
    /// By tenant.
    Tenant,
}

impl Grouping {
    /// Whether the groups are spans of time, which come in their order; others come with the
    /// largest first.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Day | Self::Hour)
    }

    fn key(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Action, _) => "action",
            (Self::Actor, _) => "actor_id",
            (Self::Operation, _) => "operation",
            (Self::Outcome, _) => "outcome",
            (Self::Severity, _) => "severity",
            (Self::Table, _) => "table_name",
            (Self::Tenant, _) => "tenant_id",
            (Self::Day, Dialect::MySql) => "DATE_FORMAT(occurred_at, '%Y-%m-%d')",
            (Self::Day, Dialect::Postgres) => {
                "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
            }
            (Self::Day, Dialect::Sqlite) => "substr(occurred_at, 1, 10)",
            (Self::Hour, Dialect::MySql) => "DATE_FORMAT(occurred_at, '%Y-%m-%dT%H')",
            (Self::Hour, Dialect::Postgres) => {
                "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24')"
            }
            (Self::Hour, Dialect::Sqlite) => "substr(occurred_at, 1, 13)",
        }
    }
}

impl LogQuery {
    /// The statement that counts the events of this query, all of them whatever its limit is: rows of
    /// the group, NULL where an event has none, and the number. Without a grouping it gives one row.
    ///
    /// # Errors
    /// [`QueryError`] when a filter or a time cannot be.
    pub fn to_counts(
        &self,
        dialect: Dialect,
        now: DateTime<Utc>,
        grouping: Option<Grouping>,
        most: u32,
    ) -> Result<BoundQuery, QueryError> {
        self.check(now)?;
        let number = match dialect {
            Dialect::MySql => "CAST(COUNT(*) AS CHAR)",
            Dialect::Postgres | Dialect::Sqlite => "CAST(COUNT(*) AS text)",
        };
        let key = grouping.map(|grouping| grouping.key(dialect));
        // MySQL takes texts for one that differ in the spaces at their ends.
        let (told, group) = match (key, dialect) {
            (None, Dialect::Postgres) => ("NULL::text".to_owned(), String::new()),
            (None, _) => ("NULL".to_owned(), String::new()),
            (Some(key), Dialect::MySql) => {
                (format!("MIN({key})"), format!("CAST({key} AS BINARY)"))
            }
            (Some(key), _) => (key.to_owned(), key.to_owned()),
        };
        let mut sql = Sql::new(dialect);
        let log = qualified(dialect, LOG_TABLE);
        let _ = write!(sql.text, "SELECT {told}, {number} FROM {log}");
        self.write_filters(&mut sql, now, None)?;
        if let Some(grouping) = grouping {
            let order = if grouping.is_time() {
                ""
            } else {
                "COUNT(*) DESC, "
            };
            let _ = write!(
                sql.text,
                " GROUP BY {group} ORDER BY {order}{group} LIMIT {most}"
            );
        }
        Ok(sql.finish())
    }
}
