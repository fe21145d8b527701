//! How the database keeps the log: what it takes, what its planner knows of it, and what mends that.

use audit_capture::{LogSight, WantedIndex, advise};
use audit_core::{Dialect, LogIndex, RowWriter};

use crate::partitions::{LogPartitions, PartitionRefusal, Partitions, PartitionsError, Step};

pub use audit_capture::{Advice, IndexFigures, LogFigures, Matter};

/// What a look at the log found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Examined {
    /// The log in figures.
    pub figures: LogFigures,
    /// What there is to say: of statistics, then indexes, then partitions.
    pub advice: Vec<Advice>,
}

/// Looks at the tables and indexes of the log through the writer of an adapter, and mends them.
///
/// The writer must be of one connection on which no transaction is open, such as
/// `audit_sqlx::writer(&mut *pool.acquire().await?)`: PostgreSQL makes an index in none while others
/// write. The account must be the owner of the log (PostgreSQL), or have ALTER, INDEX, INSERT and SELECT on the
/// database (MariaDB).
#[derive(Debug)]
pub struct Optimize<W> {
    partitions: Partitions<W>,
}

impl<W: RowWriter> Optimize<W> {
    /// The log that a writer reaches.
    pub fn of(writer: W) -> Self {
        Self {
            partitions: Partitions::of(writer),
        }
    }

    /// What the log is now, and what there is to say of it; nothing is changed. `asked` are the indexes that the
    /// rules ask for. PostgreSQL and MariaDB are asked for what they know; on SQLite all of the log is
    /// read.
    ///
    /// # Errors
    /// [`PartitionsError::Refused`] with [`PartitionRefusal::NoLog`] where there is no log,
    /// [`PartitionsError::Database`] when the database fails.
    pub async fn look(
        &mut self,
        asked: &[LogIndex],
    ) -> Result<Examined, PartitionsError<W::Error>> {
        let dialect = self.partitions.writer.dialect();
        let text = self.partitions.text(&LogSight::query(dialect)).await?;
        let sight = LogSight::parse(&text)?;
        if !sight.has_log {
            return Err(PartitionRefusal::NoLog.into());
        }
        let query = LogFigures::query(dialect, sight);
        let text = self.partitions.text(&query).await?;
        let figures = LogFigures::parse(&text)?;
        let mut advice = advise(dialect, sight, &figures, &wanted(dialect, asked));
        advice.extend(self.of_partitions().await?);
        Ok(Examined { figures, advice })
    }

    async fn of_partitions(&mut self) -> Result<Vec<Advice>, PartitionsError<W::Error>> {
        let dialect = self.partitions.writer.dialect();
        if dialect == Dialect::Sqlite {
            return Ok(Vec::new());
        }
        let log = self.partitions.look().await?;
        if !matches!(log.is_partitioned(), Ok(true)) {
            return Ok(Vec::new());
        }
        // What stands against making months is told by the command that makes them.
        let next = match self.partitions.plan(&LogPartitions::NEXT_MONTHS).await {
            Err(PartitionsError::Refused(_)) => Vec::new(),
            next => next?,
        };
        let has_rest = match log.rest_query(dialect) {
            Some(query) => self.partitions.text(&query).await? == "1",
            None => false,
        };
        Ok(log.advise(dialect, has_rest, next))
    }

    /// Runs the steps of an advice that is safe, and gives them; of another it runs none. Look again to
    /// see whether it helped: PostgreSQL passes over what the account may not do.
    ///
    /// # Errors
    /// [`PartitionsError`], also when a lock was not given in time. An index that was begun and not
    /// finished then is found by the next look.
    ///
    /// # Cancel safety
    /// None: close the connection when the future is dropped, and look again.
    pub async fn apply(&mut self, advice: &Advice) -> Result<Vec<Step>, PartitionsError<W::Error>> {
        if !advice.is_safe {
            return Ok(Vec::new());
        }
        if matches!(
            advice.matter,
            Matter::EventsInRest { .. } | Matter::MissingMonths
        ) {
            let changed = self.partitions.apply(&LogPartitions::NEXT_MONTHS).await?;
            return Ok(changed.steps);
        }
        self.partitions.run_all(&advice.steps).await?;
        Ok(advice.steps.clone())
    }
}

/// The indexes that the log is to have, and those that it may have.
fn wanted(dialect: Dialect, asked: &[LogIndex]) -> Vec<WantedIndex> {
    let default = audit_migrations::default_indexes(dialect).map(|index| WantedIndex {
        name: index.name.to_owned(),
        statement: index.statement.to_owned(),
        leads_to: index.leads_to.to_owned(),
        opt_in: None,
        is_asked: true,
    });
    let opt_in = LogIndex::ALL.iter().map(|index| WantedIndex {
        name: index.name(),
        statement: audit_migrations::index(dialect, *index).to_owned(),
        leads_to: index.leads_to(),
        opt_in: Some(*index),
        is_asked: asked.contains(index),
    });
    default.chain(opt_in).collect()
}
