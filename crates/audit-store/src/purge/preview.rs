//! What a purge would remove, in numbers.

use audit_core::LogReader;
use audit_core::query::{Grouping, LogQuery, QueryError};
use chrono::{DateTime, Utc};

use super::Purge;
use crate::error::StoreError;
use crate::stats::Count;
use crate::trail::Trail;

/// What a policy would remove.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purgeable {
    /// The policy.
    pub policy: String,
    /// How long it keeps events, in its own words.
    pub keep: String,
    /// Events before this instant have been kept for long enough.
    pub cutoff: DateTime<Utc>,
    /// How many events would go.
    pub events: u64,
    /// The same by table, the largest first.
    pub tables: Vec<Count>,
    /// When the oldest of them happened.
    pub oldest: Option<DateTime<Utc>>,
    /// When the newest of them happened.
    pub newest: Option<DateTime<Utc>>,
    /// What stays because of holds.
    pub held: Vec<Held>,
}

/// What a hold keeps from a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// The name of the hold.
    pub hold: String,
    /// How many events; one that several holds keep counts for each.
    pub events: u64,
}

impl<R: LogReader> Trail<R> {
    /// What each policy of a purge would remove now, and what stays because of holds. It reads all
    /// that has been kept for long enough, several times.
    ///
    /// # Errors
    /// [`StoreError::Hold`] when a hold cannot be read, [`StoreError::Log`] when the database fails.
    pub async fn preview(&mut self, purge: &Purge) -> Result<Vec<Purgeable>, StoreError<R::Error>> {
        let holds = self.holds().await?;
        let mut told = Vec::new();
        for due in &purge.due {
            let query = due.without_held(&holds);
            let mut held = Vec::new();
            for hold in holds.iter().filter(|hold| hold.is_active()) {
                let kept = due.query.clone().and(hold.selection.query());
                let events = self.count_where_any(&kept, purge.now).await?;
                held.push(Held {
                    hold: hold.name.clone(),
                    events,
                });
            }
            held.retain(|held| held.events > 0);
            told.push(Purgeable {
                policy: due.policy.clone(),
                keep: due.keep.clone(),
                cutoff: due.cutoff,
                events: self.count(&query).await?,
                tables: self
                    .counts(&query, Grouping::Table, LogQuery::MAX_LIMIT)
                    .await?,
                oldest: self.edge(&query, purge.now).await?,
                newest: self.edge(&query.clone().reversed(), purge.now).await?,
                held,
            });
        }
        Ok(told)
    }

    /// How many events a query has, none where its times leave none.
    async fn count_where_any(
        &mut self,
        query: &LogQuery,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError<R::Error>> {
        match query.to_counts(self.dialect(), now, None, 1) {
            Err(QueryError::EmptyRange { .. }) => Ok(0),
            _ => self.count(query).await,
        }
    }

    /// When the first event of a query happened.
    async fn edge(
        &mut self,
        query: &LogQuery,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError<R::Error>> {
        let query = self.within(query).limit(1);
        let rows = self.texts(query.to_positions(self.dialect(), now)).await?;
        let places = super::positions(&rows)?;
        Ok(places.first().map(|place| place.occurred_at))
    }
}
