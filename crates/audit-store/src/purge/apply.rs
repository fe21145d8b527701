//! A batch that is removed.

use audit_capture::manual_insert;
use audit_core::query::{LogQuery, Position, QueryError, removal};
use audit_core::retention::{self, PURGE, StoredHoldError};
use audit_core::{Dialect, Event, EventError, ManualEvent, ManualEventError, RowWriter, Severity};
use chrono::{DateTime, SecondsFormat, Utc};

use super::{Batch, positions, stored};
use crate::exclusive::{self, ExclusionError};

/// What a batch removed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// The policy that let it go.
    pub policy: String,
    /// How many events: fewer than the batch has when a hold was placed since, or another purge
    /// came first.
    pub events: u64,
    /// When the first of them happened.
    pub first: Option<DateTime<Utc>>,
    /// When the last of them happened.
    pub last: Option<DateTime<Utc>>,
}

/// A batch was not removed; the transaction is to be rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PurgeError<E: std::error::Error + 'static> {
    /// The event of the purge is not complete.
    #[error(transparent)]
    Event(#[from] ManualEventError),
    /// A hold cannot be read, so nobody knows what it keeps.
    #[error(transparent)]
    Hold(#[from] StoredHoldError),
    /// The transaction could not be kept apart from the placing of holds.
    #[error(transparent)]
    Exclusion(#[from] ExclusionError<E>),
    /// The conditions cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The database failed, or refused it.
    #[error(
        "the events could not be removed; roll back, and see that the account may read and delete in `audit_logs`, as its owner may"
    )]
    Refused(#[source] E),
    /// A stored row is not an event.
    #[error(transparent)]
    Stored(#[from] EventError),
}

impl Batch {
    /// The policy that lets it go.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.due.policy
    }

    /// Removes it, in the caller's transaction, with an event that tells so by the context of the
    /// connection: its action is `audit.purge`, and its metadata has the policy, how long that keeps,
    /// the cutoff, how many events went, and when the first and the last of them happened.
    ///
    /// From here to the end of the transaction no hold is placed or released, and no other purge
    /// removes anything: commit at once. What a hold keeps that was placed since the batch was looked
    /// for stays. When nothing is left to remove there is no event.
    ///
    /// # Errors
    /// All leave the transaction to be rolled back. [`PurgeError::Exclusion`] where the transaction
    /// might not see the newest holds, [`PurgeError::Hold`] when one cannot be read, and
    /// [`PurgeError::Refused`] when the account may not remove events or the database fails.
    ///
    /// # Cancel safety
    /// None: roll the transaction back when the future is dropped.
    pub async fn apply<W: RowWriter>(
        &self,
        writer: &mut W,
    ) -> Result<Purged, PurgeError<W::Error>> {
        let dialect = writer.dialect();
        exclusive::enter(writer).await?;
        let rows = writer.texts(&retention::holds(dialect, true)).await;
        let holds = stored(&rows.map_err(PurgeError::Refused)?)?;
        let query = self.due.without_held(&holds);
        let places = self.locked(&query, writer).await?;
        let purged = Purged {
            policy: self.due.policy.clone(),
            events: u64::try_from(places.len()).unwrap_or(u64::MAX),
            first: places.iter().min().map(|place| place.occurred_at),
            last: places.iter().max().map(|place| place.occurred_at),
        };
        if places.is_empty() {
            return Ok(purged);
        }
        let removed = writer.texts(&removal(dialect, &places)?).await;
        removed.map_err(PurgeError::Refused)?;
        self.record(&purged, dialect, writer).await?;
        Ok(purged)
    }

    /// Those of its events that still go.
    async fn locked<W: RowWriter>(
        &self,
        query: &LogQuery,
        writer: &mut W,
    ) -> Result<Vec<Position>, PurgeError<W::Error>> {
        let locked = query.to_locked_positions(writer.dialect(), self.now, &self.places)?;
        let rows = writer.texts(&locked).await;
        Ok(positions(&rows.map_err(PurgeError::Refused)?)?)
    }

    async fn record<W: RowWriter>(
        &self,
        purged: &Purged,
        dialect: Dialect,
        writer: &mut W,
    ) -> Result<(), PurgeError<W::Error>> {
        let event = manual_insert(dialect, &self.event(purged).to_texts()?);
        let written = writer.texts(&event).await;
        written.map(|_| ()).map_err(PurgeError::Refused)
    }

    fn event(&self, purged: &Purged) -> ManualEvent {
        let instant = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut event = Event::custom(PURGE)
            .severity(Severity::High)
            .metadata("policy", self.due.policy.as_str())
            .metadata("keep", self.due.keep.as_str())
            .metadata("cutoff", instant(self.due.cutoff))
            .metadata("events", purged.events);
        for (name, time) in [("first", purged.first), ("last", purged.last)] {
            if let Some(time) = time {
                event = event.metadata(name, instant(time));
            }
        }
        event
    }
}
