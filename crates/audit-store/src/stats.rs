//! The log in numbers.

use audit_core::LogReader;
use audit_core::query::{Grouping, LogQuery};

use crate::error::StoreError;
use crate::trail::{Trail, now};

/// How many events a group has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// The group: a day, an actor, a table. `None` for events that have none.
    pub group: Option<String>,
    /// Its events.
    pub events: u64,
}

/// What the events of a query are, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// All events.
    pub events: u64,
    /// By day in UTC, in the order of time, days without events left out.
    pub days: Vec<Count>,
    /// The actors with most events.
    pub actors: Vec<Count>,
    /// The tables with most events.
    pub tables: Vec<Count>,
    /// The tenants with most events.
    pub tenants: Vec<Count>,
    /// By operation.
    pub operations: Vec<Count>,
    /// By severity.
    pub severities: Vec<Count>,
    /// By outcome.
    pub outcomes: Vec<Count>,
}

impl Stats {
    /// How many actors, tables and tenants are told.
    pub const TOP: u32 = 10;
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// How many events a query has, all of them whatever its limit is. It reads them all.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the query cannot be asked or the database fails.
    pub async fn count(&mut self, query: &LogQuery) -> Result<u64, StoreError<R::Error>> {
        let counts = self.counts_of(query, None, 1).await?;
        Ok(counts.first().map_or(0, |count| count.events))
    }

    /// The groups of a query with most events, `most` of them; days and hours in the order of
    /// time, and all of them.
    ///
    /// # Errors
    /// [`StoreError::TooManyGroups`] for more days or hours than [`LogQuery::MAX_LIMIT`],
    /// [`StoreError::Log`] when the query cannot be asked or the database fails.
    pub async fn counts(
        &mut self,
        query: &LogQuery,
        grouping: Grouping,
        most: u32,
    ) -> Result<Vec<Count>, StoreError<R::Error>> {
        if !grouping.is_time() {
            return self.counts_of(query, Some(grouping), most).await;
        }
        let maximum = LogQuery::MAX_LIMIT;
        let counts = self.counts_of(query, Some(grouping), maximum + 1).await?;
        match counts.len() > maximum as usize {
            true => Err(StoreError::TooManyGroups { maximum }),
            false => Ok(counts),
        }
    }

    /// What the events of a query are, in numbers. It reads them once for each list; events that
    /// are written meanwhile may be in one list and not yet in another.
    ///
    /// # Errors
    /// As [`Self::counts`].
    pub async fn stats(&mut self, query: &LogQuery) -> Result<Stats, StoreError<R::Error>> {
        let (top, all) = (Stats::TOP, LogQuery::MAX_LIMIT);
        Ok(Stats {
            events: self.count(query).await?,
            days: self.counts(query, Grouping::Day, all).await?,
            actors: self.counts(query, Grouping::Actor, top).await?,
            tables: self.counts(query, Grouping::Table, top).await?,
            tenants: self.counts(query, Grouping::Tenant, top).await?,
            operations: self.counts(query, Grouping::Operation, all).await?,
            severities: self.counts(query, Grouping::Severity, all).await?,
            outcomes: self.counts(query, Grouping::Outcome, all).await?,
        })
    }

    async fn counts_of(
        &mut self,
        query: &LogQuery,
        grouping: Option<Grouping>,
        most: u32,
    ) -> Result<Vec<Count>, StoreError<R::Error>> {
        let query = self.within(query);
        let counts = query.to_counts(self.dialect(), now(), grouping, most);
        let rows = self.texts(counts).await?;
        let count = |row: Vec<Option<String>>| {
            let mut row = row.into_iter();
            let group = row.next().flatten();
            let number = row.next().flatten().unwrap_or_default();
            let events = number.parse();
            events
                .map(|events| Count { group, events })
                .map_err(|_| StoreError::UnknownNumber { text: number })
        };
        rows.into_iter().map(count).collect()
    }
}
