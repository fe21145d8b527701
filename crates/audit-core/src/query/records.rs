//! The keys that a query knows of.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::query::filter::Filter;
use crate::query::sql::Sql;
use crate::query::{BoundQuery, LogQuery, QueryError};
use crate::schema::{LOG_TABLE, qualified};
use crate::vocabulary::Dialect;

/// Which keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Those that records had after an event.
    Left,
    /// Those that records gave up for others.
    GivenUp,
}

impl LogQuery {
    /// Refuses every filter but those of tables, schemas and tenants. What a record was is put together
    /// from its events: without some of them that is a state that never was.
    ///
    /// # Errors
    /// [`QueryError::NotOfTables`] when there is another filter.
    pub fn check_of_tables(&self) -> Result<(), QueryError> {
        let is_of_tables = |filter: &Filter| {
            matches!(
                filter,
                Filter::OneOf("table_name" | "table_schema" | "tenant_id", _)
            )
        };
        match self.filters.iter().all(is_of_tables) {
            true => Ok(()),
            false => Err(QueryError::NotOfTables),
        }
    }

    /// The statement that gives the keys of the records of this query, each once, `most` of them behind
    /// `after`, in the order of their bytes. The limit and the order of the query do not matter.
    ///
    /// # Errors
    /// [`QueryError`] when a filter or a time cannot be.
    pub fn to_keys(
        &self,
        dialect: Dialect,
        now: DateTime<Utc>,
        keys: Keys,
        after: Option<&str>,
        most: u32,
    ) -> Result<BoundQuery, QueryError> {
        self.check(now)?;
        let column = match keys {
            Keys::Left => "record_id",
            Keys::GivenUp => "previous_record_id",
        };
        // MySQL takes texts for one that differ in the spaces at their ends, and PostgreSQL has the
        // order of a language.
        let (told, bytes) = match dialect {
            Dialect::MySql => (
                format!("MIN({column})"),
                format!("CAST({column} AS BINARY)"),
            ),
            Dialect::Postgres => {
                let bytes = format!("{column} COLLATE \"C\"");
                (bytes.clone(), bytes)
            }
            Dialect::Sqlite => (column.to_owned(), column.to_owned()),
        };
        let mut sql = Sql::new(dialect);
        let log = qualified(dialect, LOG_TABLE);
        let _ = write!(sql.text, "SELECT {told} FROM {log}");
        self.write_filters(&mut sql, now, None)?;
        sql.condition(&format!("{column} IS NOT NULL"));
        if let Some(after) = after {
            let place = sql.bind(after)?;
            let place = match dialect {
                Dialect::MySql => format!("CAST({place} AS BINARY)"),
                _ => place,
            };
            sql.condition(&format!("{bytes} > {place}"));
        }
        let _ = write!(sql.text, " GROUP BY {bytes} ORDER BY {bytes} LIMIT {most}");
        Ok(sql.finish())
    }
}
