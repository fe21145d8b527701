//! The log in monthly partitions: what it is, what a change of it takes, and the statements of that.
//!
//! The partitions are those of `occurred_at`: `audit_logs_past` for what was there before the log had
//! partitions, `audit_logs_2027_01` for a month, and `audit_logs_future` for what no month is made for,
//! so that no write fails for want of one.

mod mysql;
mod plan;
mod postgres;

use audit_core::Dialect;
use audit_core::query::{BoundQuery, time_text};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use crate::catalog::CatalogError;
pub(crate) use plan::is_of_log;
pub use plan::{Change, Step};
pub(crate) use postgres::change as postgres_change;

/// The partition of what was there before.
const PAST: &str = "audit_logs_past";

/// The partition of what no month is made for.
const FUTURE: &str = "audit_logs_future";

/// The log as its database keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct LogPartitions {
    /// The time of the database.
    #[serde(deserialize_with = "instant")]
    now: DateTime<Utc>,
    /// Whether there is a log.
    has_log: bool,
    /// Whether the server is a MySQL that is no MariaDB.
    #[serde(default)]
    is_mysql: bool,
    /// What it is partitioned by, as the database writes it; `None` where it is one table.
    pub key: Option<String>,
    /// Whether a change was begun and not ended.
    pub is_unfinished: bool,
    /// Whether the new table of a conversion is there (MySQL).
    #[serde(default)]
    has_new: bool,
    /// What is on the log and cannot be taken along.
    obstacles: Vec<String>,
    /// The partitions, oldest first, and at the end the one of what no month is made for.
    pub partitions: Vec<Partition>,
}

/// A partition of the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Partition {
    /// Its name; on PostgreSQL it is a table in the schema `audit`.
    pub name: String,
    /// The first moment that it is for; `None` where it has all that is older.
    #[serde(default, deserialize_with = "maybe_instant")]
    pub starts_at: Option<DateTime<Utc>>,
    /// The first moment that it is not for any more; `None` where it has all that is newer.
    #[serde(default, deserialize_with = "maybe_instant")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Whether it is the one of what no month is made for.
    pub is_rest: bool,
    /// How many events it has, as the database estimates.
    pub rows: u64,
    /// What it takes on the disk, with its indexes, in bytes.
    pub bytes: u64,
}

/// A change of the partitions that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionRefusal {
    /// SQLite has no partitions.
    #[error("SQLite has no partitions; purge old events in batches there")]
    NoPartitions,
    /// MySQL itself has not what this needs of MariaDB.
    #[error("partitions are made on MariaDB from 10.7 on, and not on MySQL")]
    NotMariaDb,
    /// There is no log.
    #[error("there is no audit log in this database; run `migrate`")]
    NoLog,
    /// The log is one table.
    #[error("the log has no partitions; convert it first")]
    NotPartitioned,
    /// Somebody has partitioned the log in another way.
    #[error(
        "the log is partitioned by `{key}` and not by ranges of `occurred_at`; leave it as it is"
    )]
    OtherKey {
        /// The way.
        key: String,
    },
    /// What is on the log and would stay with the old table.
    #[error("the log cannot be converted while this refers to it, drop it and make it again after: {}", .objects.join(", "))]
    Obstacles {
        /// What it is.
        objects: Vec<String>,
    },
    /// A change was begun and not ended.
    #[error("an earlier change of the partitions was not ended; repeat it")]
    Unfinished,
    /// Events for which no month is made lie before the newest month.
    #[error(
        "`{partition}` has events from {oldest}, before the end of the newest month, and cannot become one; take them out of it"
    )]
    OldEvents {
        /// Where they are.
        partition: String,
        /// The time of the oldest.
        oldest: DateTime<Utc>,
    },
    /// There is no such partition.
    #[error("the log has no partition `{name}`")]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// The time of the partition is not over, or it is the one of what no month is made for.
    #[error("`{name}` still takes new events; only a partition whose time is over can go")]
    InUse {
        /// The partition.
        name: String,
    },
    /// More months ahead than make sense.
    #[error("{months} months ahead are too many; make at most {most}", most = Change::MOST_MONTHS_AHEAD)]
    TooManyMonths {
        /// The number that was given.
        months: u32,
    },
}

/// The time of the oldest and the newest event of a partition.
pub type Span = (DateTime<Utc>, DateTime<Utc>);

fn instant<'d, D: Deserializer<'d>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn maybe_instant<'d, D: Deserializer<'d>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let time = text.map(|text| text.parse()).transpose();
    time.map_err(serde::de::Error::custom)
}

impl LogPartitions {
    /// The statement whose one text [`LogPartitions::parse`] reads.
    ///
    /// # Errors
    /// [`PartitionRefusal::NoPartitions`] for SQLite.
    pub fn query(dialect: Dialect) -> Result<BoundQuery, PartitionRefusal> {
        match dialect {
            Dialect::Postgres => Ok(postgres::query()),
            Dialect::MySql => Ok(mysql::query()),
            _ => Err(PartitionRefusal::NoPartitions),
        }
    }

    /// Reads the answer to [`LogPartitions::query`].
    ///
    /// # Errors
    /// [`CatalogError`] when the text is not one.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let mut read: Self = CatalogError::read(text)?;
        // MySQL tells the ends alone.
        let mut last = None;
        for partition in &mut read.partitions {
            partition.starts_at = partition.starts_at.or(last);
            last = partition.ends_at;
        }
        if let Some(rest) = read
            .partitions
            .iter_mut()
            .find(|partition| partition.is_rest)
        {
            rest.starts_at = None;
        }
        Ok(read)
    }

    /// Whether the log has the partitions that this module makes, and a change of them is possible.
    ///
    /// # Errors
    /// [`PartitionRefusal`], in every other case.
    pub fn is_partitioned(&self) -> Result<bool, PartitionRefusal> {
        if self.is_mysql {
            return Err(PartitionRefusal::NotMariaDb);
        }
        if !self.has_log {
            return Err(PartitionRefusal::NoLog);
        }
        match self.key.as_deref() {
            None => Ok(false),
            Some("RANGE (occurred_at)" | "RANGE COLUMNS (`occurred_at`)") => Ok(true),
            Some(key) => Err(PartitionRefusal::OtherKey {
                key: key.to_owned(),
            }),
        }
    }

    /// The table whose oldest and newest event a plan of this change needs, as
    /// [`LogPartitions::span_query`] reads it.
    #[must_use]
    pub fn span_of(&self, dialect: Dialect, change: &Change) -> Option<&str> {
        match (dialect, change) {
            // A conversion that was interrupted after the events had moved.
            (Dialect::MySql, Change::Convert { .. }) => self.has_new.then_some(mysql::NEW),
            (Dialect::Postgres, Change::Create { .. }) => {
                self.rest().map(|rest| rest.name.as_str())
            }
            _ => None,
        }
    }

    /// The statement that reads the times of the oldest and the newest event of a table, as texts
    /// or NULL.
    #[must_use]
    pub fn span_query(dialect: Dialect, table: &str) -> BoundQuery {
        let table = match dialect {
            Dialect::MySql => crate::mysql::name(table),
            _ => postgres::of_log(table),
        };
        let text = |instant| time_text(dialect, instant);
        let (oldest, newest) = (text("min(occurred_at)"), text("max(occurred_at)"));
        BoundQuery::plain(format!("SELECT {oldest}, {newest} FROM {table}"))
    }

    /// The statement that counts the events of a partition.
    #[must_use]
    pub fn count_query(dialect: Dialect, partition: &str) -> BoundQuery {
        BoundQuery::plain(match dialect {
            Dialect::MySql => mysql::count(partition),
            _ => postgres::count(partition),
        })
    }

    /// The statement that tells whether a partition has events, as `1` or `0`.
    pub(crate) fn any_query(dialect: Dialect, partition: &str) -> BoundQuery {
        let (one, table) = match dialect {
            Dialect::MySql => ("CHAR", mysql::of_log(partition)),
            _ => ("text", postgres::of_log(partition)),
        };
        BoundQuery::plain(format!(
            "SELECT CAST(count(*) AS {one}) FROM (SELECT 1 FROM {table} LIMIT 1) AS event"
        ))
    }

    /// The statement that keeps writers out of a partition until the transaction ends, where a
    /// change of the partitions is part of a transaction.
    #[must_use]
    pub fn hold(dialect: Dialect, partition: &str) -> Option<String> {
        (dialect == Dialect::Postgres).then(|| postgres::hold(partition))
    }

    /// The time of the database when it was looked at.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// A partition of a name whose time is over.
    ///
    /// # Errors
    /// [`PartitionRefusal::Unknown`], [`PartitionRefusal::InUse`].
    pub fn finished(&self, name: &str) -> Result<&Partition, PartitionRefusal> {
        let mut named = self.partitions.iter().filter(|found| found.name == name);
        let name = || name.to_owned();
        let partition = named
            .next()
            .ok_or_else(|| PartitionRefusal::Unknown { name: name() })?;
        match partition.ends_at {
            Some(end) if end <= self.now => Ok(partition),
            _ => Err(PartitionRefusal::InUse { name: name() }),
        }
    }

    pub(crate) fn rest(&self) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.is_rest)
    }
}
