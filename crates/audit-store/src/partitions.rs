//! The log in monthly partitions: looked at, made, and taken apart.

mod removal;

use std::fmt;

use audit_capture::{CatalogError, Span};
use audit_core::query::{BoundQuery, QueryError};
use audit_core::retention::{
    DETACH_PARTITION, DROP_PARTITION, Retention, RetentionError, StoredHoldError,
};
use audit_core::{ManualEventError, RowWriter};
use chrono::{DateTime, Utc};

use crate::exclusive::ExclusionError;

pub use audit_capture::{Change, LogPartitions, Partition, PartitionRefusal, Step};

/// A change of the partitions was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionsError<E: std::error::Error + 'static> {
    /// A migration, or another change of the partitions, is running.
    #[error(
        "a migration or another change of the partitions is running; try again when it is done"
    )]
    Busy,
    /// The catalog of the database could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The database failed.
    #[error(transparent)]
    Database(E),
    /// The event of the change cannot be.
    #[error(transparent)]
    Event(#[from] ManualEventError),
    /// The transaction could not be kept apart from the placing of holds.
    #[error(transparent)]
    Exclusion(#[from] ExclusionError<E>),
    /// A hold keeps events of the partition.
    #[error(
        "the hold `{hold}` keeps events of `{partition}`; release it first, or purge what it does not keep"
    )]
    Held {
        /// The hold.
        hold: String,
        /// The partition.
        partition: String,
    },
    /// A hold cannot be read, so nobody knows what it keeps.
    #[error(transparent)]
    Hold(#[from] StoredHoldError),
    /// A policy of retention keeps events of the partition, or no policy lets them go.
    #[error(
        "{} of `{partition}`; wait until they let go, or say that it goes all the same",
        Keeper(.policy)
    )]
    Kept {
        /// The policy; `None` where there is none for the events.
        policy: Option<String>,
        /// The partition.
        partition: String,
    },
    /// What is kept cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// It makes no sense, or would lose events that are kept.
    #[error(transparent)]
    Refused(#[from] PartitionRefusal),
    /// A policy of retention reaches back beyond the calendar.
    #[error(transparent)]
    Retention(#[from] RetentionError),
    /// The database told a number or a time in a form that is not known.
    #[error("the database told `{text}`, which is no number and no time")]
    Unknown {
        /// What it told.
        text: String,
    },
}

/// Who keeps events, in words.
struct Keeper<'p>(&'p Option<String>);

impl fmt::Display for Keeper<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(policy) => write!(formatter, "the policy `{policy}` keeps events"),
            None => formatter.write_str("no policy of retention lets go of all events"),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// The statements that ran; none where all was as it should be.
    pub steps: Vec<Step>,
    /// How many events left the log, where a partition was detached or dropped.
    pub events: Option<u64>,
}

/// The partitions of the log, through the writer of an adapter.
///
/// The writer must be of one connection on which no transaction is open, such as
/// `audit_sqlx::writer(&mut *pool.acquire().await?)`: a conversion is several transactions, and locks of
/// the session keep others out. The account must be the owner of the log (PostgreSQL), or have ALTER, CREATE, DROP,
/// INSERT and SELECT on the database (MariaDB).
#[derive(Debug)]
pub struct Partitions<W> {
    pub(crate) writer: W,
    retention: Retention,
}

impl<W: RowWriter> Partitions<W> {
    /// The partitions that a writer reaches.
    pub fn of(writer: W) -> Self {
        Self {
            writer,
            retention: Retention::default(),
        }
    }

    /// No partition leaves the log while one of these policies keeps an event of it, by the clock of the
    /// database, or while it has an event that none of them is for. Without policies the holds alone
    /// are asked. Events that tell of purges, holds and partitions leave with their month.
    #[must_use]
    pub fn keeping(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// What the log is now.
    ///
    /// # Errors
    /// [`PartitionsError::Refused`] on SQLite, [`PartitionsError::Database`] when the database fails.
    pub async fn look(&mut self) -> Result<LogPartitions, PartitionsError<W::Error>> {
        let query = LogPartitions::query(self.writer.dialect())?;
        let text = self.text(&query).await?;
        Ok(LogPartitions::parse(&text)?)
    }

    /// The statements that a change takes at the moment, in order; nothing is changed. None where all is as it
    /// should be.
    ///
    /// # Errors
    /// [`PartitionsError::Refused`] when the change makes no sense; [`PartitionsError::Held`] and
    /// [`PartitionsError::Kept`] for a partition with events that a hold or a policy keeps.
    pub async fn plan(&mut self, change: &Change) -> Result<Vec<Step>, PartitionsError<W::Error>> {
        let steps = self.steps(change).await?;
        if let Change::Detach { partition } | Change::Drop { partition } = change {
            self.refuse(partition).await?;
        }
        Ok(steps)
    }

    async fn steps(&mut self, change: &Change) -> Result<Vec<Step>, PartitionsError<W::Error>> {
        let log = self.look().await?;
        let dialect = self.writer.dialect();
        let span = match log.span_of(dialect, change) {
            Some(table) => self.span(table).await?,
            None => None,
        };
        Ok(change.steps(dialect, &log, span)?)
    }

    /// Makes a change; see the guide `docs/partitions.md` for whom it holds up. What was interrupted can be
    /// made again.
    ///
    /// A partition that leaves the log is an event, `audit.partition.detach` or
    /// `audit.partition.drop`, by the context of this task. On PostgreSQL the event and the removal are one
    /// transaction. On MariaDB, where the removal commits by itself, the event is written before; when the
    /// removal fails then, another event says so.
    ///
    /// # Errors
    /// As [`Partitions::plan`]; [`PartitionsError::Busy`] while a migration or another change runs;
    /// [`PartitionsError::Database`] also when a lock was not given in time.
    ///
    /// # Cancel safety
    /// None: close the connection when the future is dropped, and make the change again.
    pub async fn apply(&mut self, change: &Change) -> Result<Changed, PartitionsError<W::Error>> {
        let dialect = self.writer.dialect();
        if let Some(take) = audit_capture::take_migration_lock(dialect)
            && self.text(&take).await? != "1"
        {
            return Err(PartitionsError::Busy);
        }
        let done = self.make(change).await;
        if let Some(give_back) = audit_capture::give_migration_lock_back(dialect) {
            let given = self.text(&give_back).await;
            return done.and_then(|done| given.map(|_| done));
        }
        done
    }

    async fn make(&mut self, change: &Change) -> Result<Changed, PartitionsError<W::Error>> {
        let steps = self.steps(change).await?;
        let events = match change {
            Change::Detach { partition } => {
                Some(self.remove(DETACH_PARTITION, partition, &steps).await?)
            }
            Change::Drop { partition } => {
                Some(self.remove(DROP_PARTITION, partition, &steps).await?)
            }
            _ => {
                self.run_all(&steps).await?;
                None
            }
        };
        Ok(Changed { steps, events })
    }

    /// Runs steps, each as often as it may be tried.
    pub(crate) async fn run_all(
        &mut self,
        steps: &[Step],
    ) -> Result<(), PartitionsError<W::Error>> {
        for step in steps {
            let mut tries = step.tries;
            while let Err(error) = self.run(&step.statement).await {
                tries = tries.saturating_sub(1);
                if tries == 0 {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn run(&mut self, statement: &str) -> Result<(), PartitionsError<W::Error>> {
        let done = self.writer.texts(&BoundQuery::plain(statement)).await;
        done.map(|_| ()).map_err(PartitionsError::Database)
    }

    /// The one text that a statement gives.
    pub(crate) async fn text(
        &mut self,
        query: &BoundQuery,
    ) -> Result<String, PartitionsError<W::Error>> {
        let rows = self.writer.texts(query).await;
        let rows = rows.map_err(PartitionsError::Database)?;
        Ok(rows
            .into_iter()
            .flatten()
            .flatten()
            .next()
            .unwrap_or_default())
    }

    /// The times of the oldest and the newest event of a table, `None` where it is empty.
    async fn span(&mut self, table: &str) -> Result<Option<Span>, PartitionsError<W::Error>> {
        let query = LogPartitions::span_query(self.writer.dialect(), table);
        let rows = self.writer.texts(&query).await;
        let rows = rows.map_err(PartitionsError::Database)?;
        let times = rows.into_iter().flatten().flatten().map(|text| {
            let time = text.parse::<DateTime<Utc>>();
            time.map_err(|_| PartitionsError::Unknown { text })
        });
        let times = times.collect::<Result<Vec<_>, _>>()?;
        Ok(match times.as_slice() {
            [oldest, newest] => Some((*oldest, *newest)),
            _ => None,
        })
    }
}
