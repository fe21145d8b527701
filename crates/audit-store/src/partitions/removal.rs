//! A partition that leaves the log.

use audit_capture::{LogPartitions, Partition, Step};
use audit_core::query::{LogQuery, QueryError};
use audit_core::retention;
use audit_core::{Dialect, Event, ManualEvent, Outcome, RowWriter, Severity, schema};
use chrono::{DateTime, Utc};

use super::{Partitions, PartitionsError};
use crate::exclusive;
use crate::purge::stored;

/// The event of a removal.
fn event(action: &str, partition: &Partition, events: u64) -> ManualEvent {
    let time = |time: Option<DateTime<Utc>>| time.map(|time| time.to_rfc3339());
    Event::custom(action)
        .record(schema::LOG_TABLE, partition.name.as_str())
        .severity(Severity::High)
        .metadata("events", events)
        .metadata("starts_at", time(partition.starts_at))
        .metadata("ends_at", time(partition.ends_at))
}

impl<W: RowWriter> Partitions<W> {
    /// Takes a partition out of the log, and says how many events it had.
    pub(super) async fn remove(
        &mut self,
        action: &str,
        name: &str,
        steps: &[Step],
    ) -> Result<u64, PartitionsError<W::Error>> {
        let log = self.look().await?;
        // Nothing leaves while its month still takes events.
        let partition = log.finished(name)?;
        // Before anything is locked; a transaction that began in its month can still write to it.
        self.refuse_kept(partition, log.now()).await?;
        if self.writer.dialect() == Dialect::MySql {
            return self.remove_after(action, partition, steps).await;
        }
        self.run("BEGIN").await?;
        let removed = self
            .remove_within(action, partition, log.now(), steps)
            .await;
        let ended = self
            .run(if removed.is_ok() {
                "COMMIT"
            } else {
                "ROLLBACK"
            })
            .await;
        removed.and_then(|events| ended.map(|()| events))
    }

    /// Refuses what a removal refuses, by what is kept at the moment.
    pub(super) async fn refuse(&mut self, name: &str) -> Result<(), PartitionsError<W::Error>> {
        let log = self.look().await?;
        let partition = log.finished(name)?;
        self.refuse_kept(partition, log.now()).await?;
        self.refuse_held(partition, false).await
    }

    /// Refuses while a hold keeps an event of the partition. With a lock, which takes a transaction, no hold is
    /// placed until that ends.
    async fn refuse_held(
        &mut self,
        partition: &Partition,
        is_locked: bool,
    ) -> Result<(), PartitionsError<W::Error>> {
        let dialect = self.writer.dialect();
        if is_locked {
            exclusive::enter(&mut self.writer).await?;
        }
        let rows = self
            .writer
            .texts(&retention::holds(dialect, is_locked))
            .await;
        let holds = stored(&rows.map_err(PartitionsError::Database)?)?;
        for hold in holds.iter().filter(|hold| hold.is_active()) {
            if self.has(partition, hold.selection.query()).await? {
                return Err(PartitionsError::Held {
                    hold: hold.name.clone(),
                    partition: partition.name.clone(),
                });
            }
        }
        Ok(())
    }

    /// Refuses while a policy keeps an event of the partition.
    async fn refuse_kept(
        &mut self,
        partition: &Partition,
        now: DateTime<Utc>,
    ) -> Result<(), PartitionsError<W::Error>> {
        for kept in self.retention.kept(now)? {
            if self.has(partition, kept.query).await? {
                return Err(PartitionsError::Kept {
                    policy: kept.policy,
                    partition: partition.name.clone(),
                });
            }
        }
        Ok(())
    }

    /// Whether a query has an event of the time of the partition.
    async fn has(
        &mut self,
        partition: &Partition,
        mut query: LogQuery,
    ) -> Result<bool, PartitionsError<W::Error>> {
        if let Some(time) = partition.starts_at {
            query = query.since(time);
        }
        if let Some(time) = partition.ends_at {
            query = query.until(time);
        }
        let dialect = self.writer.dialect();
        let first = match query.limit(1).to_positions(dialect, Utc::now()) {
            // It is of another time.
            Err(QueryError::EmptyRange { .. }) => return Ok(false),
            first => first?,
        };
        let rows = self.writer.texts(&first).await;
        Ok(!rows.map_err(PartitionsError::Database)?.is_empty())
    }

    /// In a transaction: the count is that of what goes, because nobody else writes there.
    async fn remove_within(
        &mut self,
        action: &str,
        partition: &Partition,
        now: DateTime<Utc>,
        steps: &[Step],
    ) -> Result<u64, PartitionsError<W::Error>> {
        self.refuse_held(partition, true).await?;
        if let Some(hold) = LogPartitions::hold(self.writer.dialect(), &partition.name) {
            self.run(&hold).await?;
            // What was written to it in the meantime.
            self.refuse_kept(partition, now).await?;
            self.refuse_held(partition, false).await?;
        }
        let events = self.count(partition).await?;
        self.record(&event(action, partition, events)).await?;
        self.run_all(steps).await?;
        Ok(events)
    }

    /// Where the removal commits by itself: the event comes first, because one that came after could be
    /// missing. A hold that is placed between the look and the removal comes too late, and so does an event of
    /// a transaction that began before the month was over.
    async fn remove_after(
        &mut self,
        action: &str,
        partition: &Partition,
        steps: &[Step],
    ) -> Result<u64, PartitionsError<W::Error>> {
        // A lock would end before the removal does.
        self.refuse_held(partition, false).await?;
        let events = self.count(partition).await?;
        let event = event(action, partition, events);
        self.record(&event).await?;
        let removed = self.run_all(steps).await;
        if removed.is_err() {
            self.record(&event.outcome(Outcome::Failure)).await?;
        }
        removed.map(|()| events)
    }

    async fn record(&mut self, event: &ManualEvent) -> Result<(), PartitionsError<W::Error>> {
        let stamped = self.writer.stamp().await;
        stamped.map_err(PartitionsError::Database)?;
        let dialect = self.writer.dialect();
        let insert = audit_capture::manual_insert(dialect, &event.to_texts()?);
        let written = self.writer.texts(&insert).await;
        written.map(|_| ()).map_err(PartitionsError::Database)
    }

    async fn count(&mut self, partition: &Partition) -> Result<u64, PartitionsError<W::Error>> {
        let query = LogPartitions::count_query(self.writer.dialect(), &partition.name);
        let text = self.text(&query).await?;
        text.parse().map_err(|_| PartitionsError::Unknown { text })
    }
}
