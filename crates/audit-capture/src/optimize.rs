//! How a database keeps the log: what its catalog tells of sizes, statistics and indexes, and what is
//! to be done about it.

mod advice;
mod build;

use audit_core::Dialect;
use audit_core::query::BoundQuery;
use serde::Deserialize;

use crate::catalog::CatalogError;
pub use advice::{Advice, Matter, WantedIndex, advise};

/// What a connection may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct LogSight {
    /// Whether there is a log.
    pub has_log: bool,
    /// Whether it can be told how old the statistics are: on MariaDB by the right PROCESS alone.
    pub has_statistics: bool,
    /// Whether the size of each index can be told: on MariaDB by the right to read
    /// `mysql.innodb_index_stats`, on SQLite by its module `dbstat`.
    pub has_sizes: bool,
    /// Whether the database counts the reads of an index: MariaDB where `userstat` is on, SQLite
    /// never.
    pub has_reads: bool,
}

/// The log in figures, as its database tells them. Numbers of events are estimates but on SQLite.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct LogFigures {
    /// How many events it has.
    pub events: u64,
    /// What the events take, without indexes other than the primary key of MariaDB and SQLite, in bytes;
    /// `None` where the database cannot tell.
    pub table_bytes: Option<u64>,
    /// Its indexes, by name.
    pub indexes: Vec<IndexFigures>,
    /// The day in UTC since which reads are counted, as `2026-11-28`; `None` where the database cannot tell.
    #[serde(default)]
    pub counts_since: Option<String>,
    /// What the planner knows of the log, or of each partition; none where that cannot be seen.
    tables: Vec<TableFigures>,
    /// The partitions (PostgreSQL).
    #[serde(default)]
    leaves: Vec<String>,
    /// The indexes that were begun and not finished, whether or not they are part of one of all partitions
    /// (PostgreSQL).
    #[serde(default)]
    unfinished: Vec<String>,
}

/// An index of the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct IndexFigures {
    /// Its name.
    pub name: String,
    /// Whether it is there for more than reading.
    is_unique: bool,
    /// What it takes, in all partitions, in bytes; `None` where the database cannot tell.
    pub bytes: Option<u64>,
    /// How often it was read: scans on PostgreSQL, rows on MariaDB; `None` where nobody counts.
    #[serde(default)]
    pub reads: Option<u64>,
    /// The partitions that do not have it (PostgreSQL).
    #[serde(default)]
    lacking: Vec<String>,
}

/// A table of events, as its planner knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct TableFigures {
    name: String,
    events: u64,
    /// How many rows have changed since its statistics were made.
    changed: Option<u64>,
    /// How many rows are gone and still take their place (PostgreSQL).
    #[serde(default)]
    dead: Option<u64>,
    /// Whether there are statistics.
    is_analyzed: bool,
}

impl LogSight {
    /// The statement whose one text [`LogSight::parse`] reads; every account may run it.
    #[must_use]
    pub fn query(dialect: Dialect) -> BoundQuery {
        BoundQuery::plain(match dialect {
            Dialect::MySql => include_str!("optimize/mysql_sight.sql"),
            Dialect::Postgres => {
                "SELECT json_build_object('has_log', to_regclass('audit.audit_logs') IS NOT NULL, \
                 'has_statistics', true, 'has_sizes', true, 'has_reads', true)::text"
            }
            _ => include_str!("optimize/sqlite_sight.sql"),
        })
    }

    /// Reads the answer to [`LogSight::query`].
    ///
    /// # Errors
    /// [`CatalogError`] when the text is not one.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        CatalogError::read(text)
    }
}

impl LogFigures {
    /// The statement whose one text [`LogFigures::parse`] reads. On SQLite it reads all of the log.
    #[must_use]
    pub fn query(dialect: Dialect, sight: LogSight) -> BoundQuery {
        let seen = |is_seen: bool, text: &'static str, otherwise: &'static str| match is_seen {
            true => text.trim_end(),
            false => otherwise,
        };
        let bytes = |name: &str| {
            format!(
                "(SELECT sum(pgsize) FROM dbstat('main') WHERE aggregate = TRUE AND name = {name})"
            )
        };
        let sized = |name: &str| match sight.has_sizes {
            true => bytes(name),
            false => "NULL".to_owned(),
        };
        BoundQuery::plain(match dialect {
            Dialect::MySql => include_str!("optimize/mysql.sql")
                .replace(
                    "@STATISTICS@",
                    seen(
                        sight.has_statistics,
                        include_str!("optimize/mysql_statistics.sql"),
                        "JSON_ARRAY()",
                    ),
                )
                .replace(
                    "@SIZES@",
                    seen(
                        sight.has_sizes,
                        include_str!("optimize/mysql_sizes.sql"),
                        "NULL",
                    ),
                )
                .replace(
                    "@READS@",
                    seen(
                        sight.has_reads,
                        include_str!("optimize/mysql_reads.sql"),
                        "NULL",
                    ),
                ),
            Dialect::Postgres => include_str!("optimize/postgres.sql").to_owned(),
            _ => include_str!("optimize/sqlite.sql")
                .replace(
                    "@ANALYZED@",
                    seen(
                        sight.has_statistics,
                        "(SELECT max(CAST(stat AS INTEGER)) FROM main.sqlite_stat1 \
                         WHERE tbl = 'audit_logs')",
                        "NULL",
                    ),
                )
                .replace("@TABLE_BYTES@", &sized("'audit_logs'"))
                .replace("@INDEX_BYTES@", &sized("own.name")),
        })
    }

    /// Reads the answer to [`LogFigures::query`].
    ///
    /// # Errors
    /// [`CatalogError`] when the text is not one.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        CatalogError::read(text)
    }

    /// What an event takes with its entries in the indexes, in bytes on average; `None` where there is
    /// none, or a size is not known.
    #[must_use]
    pub fn bytes_per_event(&self) -> Option<u64> {
        let indexes = self.indexes.iter().filter(|index| !index.is_table());
        let bytes = indexes.map(|index| index.bytes);
        let bytes = bytes.chain([self.table_bytes]).sum::<Option<u64>>()?;
        bytes.checked_div(self.events)
    }
}

impl IndexFigures {
    /// Whether it is the table itself, as the primary key is on MariaDB.
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.name == "PRIMARY"
    }
}
