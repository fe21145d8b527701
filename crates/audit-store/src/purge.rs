//! Removing what the policies of retention let go, in batches.

use audit_core::log::Rows;
use audit_core::query::{Position, horizon};
use audit_core::retention::{Due, Hold, Retention, RetentionError, StoredHoldError, holds};
use audit_core::{Dialect, LogReader};
use chrono::{DateTime, Utc};

use crate::error::StoreError;
use crate::trail::{Everything, Trail};

mod apply;
mod preview;

pub use apply::{PurgeError, Purged};
pub use preview::{Held, Purgeable};

/// What policies of retention let go at a moment; [`Trail::purge`] makes it. Nothing goes before
/// [`Batch::apply`].
#[derive(Debug, Clone)]
#[must_use = "nothing is removed until its batches are applied"]
pub struct Purge {
    due: Vec<Due>,
    now: DateTime<Utc>,
}

/// The batches of a purge, one after the other: the policies that keep longest first, of each the
/// oldest events first.
#[derive(Debug)]
pub struct Batches<'p> {
    purge: &'p Purge,
    most: u32,
    /// The policy that is purged.
    place: usize,
    /// How far it has come.
    last: Option<Position>,
}

/// Some events that a policy lets go.
#[derive(Debug, Clone)]
#[must_use = "nothing is removed until it is applied"]
pub struct Batch {
    due: Due,
    now: DateTime<Utc>,
    places: Vec<Position>,
}

impl<R: LogReader> Trail<R, Everything> {
    /// Begins a purge: the moment from which the policies count is the present one of the database's
    /// clock (of this process on SQLite), so that a clock that is wrong elsewhere removes nothing.
    /// What this trail does not reach is not removed.
    ///
    /// # Errors
    /// [`StoreError::Retention`] when a policy reaches back beyond the calendar, [`StoreError::Log`]
    /// when the database fails.
    pub async fn purge(&mut self, retention: &Retention) -> Result<Purge, StoreError<R::Error>> {
        let now = self.clock().await?;
        self.purge_of(retention.due(now)?, now)
    }

    /// The same for one policy. What another one keeps longer stays.
    ///
    /// # Errors
    /// As [`Self::purge`], and [`StoreError::Retention`] when there is no such policy.
    pub async fn purge_by(
        &mut self,
        retention: &Retention,
        policy: &str,
    ) -> Result<Purge, StoreError<R::Error>> {
        let now = self.clock().await?;
        self.purge_of(retention.due_of(policy, now)?, now)
    }

    fn purge_of(
        &self,
        mut due: Vec<Due>,
        now: DateTime<Utc>,
    ) -> Result<Purge, StoreError<R::Error>> {
        for due in &mut due {
            due.query = self.within(&due.query);
        }
        Ok(Purge { due, now })
    }

    async fn clock(&mut self) -> Result<DateTime<Utc>, StoreError<R::Error>> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(Utc::now());
        }
        let rows = self.texts(Ok(horizon(self.dialect()))).await?;
        let text = rows.into_iter().flatten().next().flatten();
        let text = text.unwrap_or_default();
        text.parse()
            .map_err(|_| StoreError::UnknownHorizon { text })
    }

    /// Every hold, the oldest first, those that were released among them.
    ///
    /// # Errors
    /// [`StoreError::Hold`] when one cannot be read, [`StoreError::Log`] when the database fails.
    pub async fn holds(&mut self) -> Result<Vec<Hold>, StoreError<R::Error>> {
        let rows = self.texts(Ok(holds(self.dialect(), false))).await?;
        Ok(stored(&rows)?)
    }
}

pub(crate) fn stored(rows: &Rows) -> Result<Vec<Hold>, StoredHoldError> {
    rows.iter().map(|row| Hold::from_texts(row)).collect()
}

impl Purge {
    /// The events in batches of `most` at most, 1 to [`LogQuery::MAX_LIMIT`](crate::LogQuery::MAX_LIMIT). A batch is a
    /// transaction: a larger one keeps its locks for longer, a smaller one writes more events of its
    /// own.
    #[must_use]
    pub fn batches(&self, most: u32) -> Batches<'_> {
        Batches {
            purge: self,
            most,
            place: 0,
            last: None,
        }
    }
}

impl Batches<'_> {
    /// Looks for the next batch, without a lock; `None` when there is no more. A batch that is not
    /// applied is not given again.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the size of a batch cannot be, when holds and policies name more
    /// values than a statement takes ([`LogQuery::MAX_VALUES`](crate::LogQuery::MAX_VALUES)) or when the database fails,
    /// [`StoreError::Hold`] when a hold cannot be read. It can be called again.
    ///
    /// # Cancel safety
    /// A batch that was not waited for is given by the next call.
    pub async fn next<R: LogReader>(
        &mut self,
        trail: &mut Trail<R>,
    ) -> Result<Option<Batch>, StoreError<R::Error>> {
        let holds = trail.holds().await?;
        while let Some(due) = self.purge.due.get(self.place) {
            let query = due.without_held(&holds).limit(self.most);
            let query = match self.last {
                Some(position) => query.after(position),
                None => query,
            };
            let places = query.to_positions(trail.dialect(), self.purge.now);
            let places = positions(&trail.texts(places).await?)?;
            if let Some(last) = places.last() {
                self.last = Some(*last);
                return Ok(Some(Batch {
                    due: due.clone(),
                    now: self.purge.now,
                    places,
                }));
            }
            self.place += 1;
            self.last = None;
        }
        Ok(None)
    }
}

fn positions(rows: &Rows) -> Result<Vec<Position>, audit_core::EventError> {
    let read = |row: &Vec<Option<String>>| Position::from_texts(row.iter().map(Option::as_deref));
    rows.iter().map(read).collect()
}

impl<E: std::error::Error + 'static> From<RetentionError> for StoreError<E> {
    fn from(error: RetentionError) -> Self {
        Self::Retention(error)
    }
}

impl<E: std::error::Error + 'static> From<StoredHoldError> for StoreError<E> {
    fn from(error: StoredHoldError) -> Self {
        Self::Hold(error)
    }
}
