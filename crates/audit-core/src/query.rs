//! Reading the log, as text and binds: each adapter runs the same statement its own way.

mod bind;
mod column;
mod condition;
mod count;
mod document;
mod error;
mod field;
pub(crate) mod filter;
mod follow;
mod index;
mod instant;
mod keyed;
mod one_of;
mod position;
mod records;
pub(crate) mod setter;
pub(crate) mod sql;
mod state;

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::schema::{self, LOG_TABLE};
use crate::vocabulary::Dialect;

pub use bind::{Bind, BoundQuery};
pub use column::{column_texts, time_text};
pub use count::Grouping;
pub use error::QueryError;
pub use field::{Document, FieldFilter};
pub use follow::horizon;
pub use index::index_names;
pub use instant::When;
pub(crate) use instant::before;
pub use keyed::removal;
pub use one_of::OneOf;
pub use position::Position;
pub use records::Keys;
pub use state::{StateFilter, StateTest};

use filter::{Filter, check_range};
use setter::setters;
use sql::Sql;

/// Which events to read, newest first. Every setter narrows it and gives a new query: an event must
/// pass all filters, and of one filter with several values any will do.
///
/// Texts are compared by their bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[must_use]
pub struct LogQuery {
    pub(crate) filters: Vec<Filter>,
    #[serde(skip)]
    pub(crate) limit: Option<u32>,
    pub(crate) oldest_first: bool,
    #[serde(skip)]
    after: Option<Position>,
    #[serde(skip)]
    one_more: bool,
    #[serde(skip)]
    between: Option<(String, String)>,
}

impl LogQuery {
    /// The most events that one query gives.
    pub const MAX_LIMIT: u32 = 10_000;
    /// The events that a query gives unless told otherwise.
    pub const DEFAULT_LIMIT: u32 = 100;
    /// The most values that the filters of a query name together.
    pub const MAX_VALUES: usize = 1_000;

    /// Every event.
    pub fn new() -> Self {
        Self::default()
    }

    setters!();

    /// Events that this query and another one both give. The order is the other way round where
    /// one of the two says so, the limit is the smaller of those that are set.
    pub fn and(mut self, other: Self) -> Self {
        self.filters.extend(other.filters);
        self.oldest_first |= other.oldest_first;
        self.limit = match (self.limit, other.limit) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
        self.one_more |= other.one_more;
        self.after = other.after.or(self.after);
        self.between = other.between.or(self.between);
        self
    }

    /// Events that another query does not give. The order and the limit of that one do not matter.
    pub fn except(self, other: Self) -> Self {
        self.narrow(|query| query.filters.push(Filter::Except(other.filters)))
    }

    /// Events behind a position, in the order of the query.
    pub fn after(self, position: Position) -> Self {
        self.narrow(|query| query.after = Some(position))
    }

    /// The same events in the other order.
    pub fn reversed(self) -> Self {
        self.narrow(|query| query.oldest_first = !query.oldest_first)
    }

    /// One event beyond the limit, by which a reader sees that there are more.
    pub fn one_more(self) -> Self {
        self.narrow(|query| query.one_more = true)
    }

    /// Events that are visible in the second snapshot of PostgreSQL and were not in the first one;
    /// snapshots are texts of [`horizon`].
    pub fn between_snapshots(self, old: impl Into<String>, new: impl Into<String>) -> Self {
        let both = (old.into(), new.into());
        self.narrow(|query| query.between = Some(both))
    }

    /// Whether the oldest events come first.
    #[must_use]
    pub fn is_oldest_first(&self) -> bool {
        self.oldest_first
    }

    /// The query as one text: the same for equal filters and order, whatever the limit and the
    /// position are.
    #[must_use]
    pub fn canonical(&self) -> String {
        // INVARIANT: no part of a query has a form that JSON does not have.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// How many events are asked for at most.
    ///
    /// # Errors
    /// [`QueryError::InvalidLimit`] for 0, and for more than [`Self::MAX_LIMIT`].
    pub fn checked_limit(&self) -> Result<u32, QueryError> {
        let limit = self.limit.unwrap_or(Self::DEFAULT_LIMIT);
        match limit {
            1..=Self::MAX_LIMIT => Ok(limit),
            _ => Err(QueryError::InvalidLimit {
                limit,
                maximum: Self::MAX_LIMIT,
            }),
        }
    }

    fn narrow(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The statement in a dialect. Spans of time are before `now`.
    ///
    /// # Errors
    /// [`QueryError`] when a filter, a time or the limit cannot be.
    pub fn to_sql(&self, dialect: Dialect, now: DateTime<Utc>) -> Result<BoundQuery, QueryError> {
        let columns: Vec<String> = column_texts(dialect).collect();
        self.select(dialect, now, &columns)
    }

    /// The statement that gives the positions of the events alone; [`Position::from_texts`] reads
    /// its rows.
    ///
    /// # Errors
    /// As [`Self::to_sql`].
    pub fn to_positions(
        &self,
        dialect: Dialect,
        now: DateTime<Utc>,
    ) -> Result<BoundQuery, QueryError> {
        // INVARIANT: the first two columns of the log are its key.
        let columns: Vec<String> = column_texts(dialect).take(2).collect();
        self.select(dialect, now, &columns)
    }

    fn select(
        &self,
        dialect: Dialect,
        now: DateTime<Utc>,
        columns: &[String],
    ) -> Result<BoundQuery, QueryError> {
        let limit = self.checked_limit()? + u32::from(self.one_more);
        self.check(now)?;
        let direction = if self.oldest_first { "" } else { " DESC" };
        let end = format!(" ORDER BY occurred_at{direction}, id{direction} LIMIT {limit}");
        let log = schema::qualified(dialect, LOG_TABLE);
        let mut sql = Sql::new(dialect);
        let _ = write!(sql.text, "SELECT {} FROM ", columns.join(", "));
        let record = self.filters.iter().find_map(|filter| match filter {
            Filter::Record(ids) => Some((filter, ids.as_slice())),
            _ => None,
        });
        match record {
            None => {
                sql.text.push_str(&log);
                self.write_filters(&mut sql, now, None)?;
            }
            Some((filter, ids)) => {
                self.write_record(&mut sql, &log, (filter, ids), now, &end)?;
            }
        }
        sql.text.push_str(&end);
        Ok(sql.finish())
    }

    /// Refuses what no statement can say.
    fn check(&self, now: DateTime<Utc>) -> Result<(), QueryError> {
        let count = self.filters.iter().map(Filter::count).sum();
        if count > Self::MAX_VALUES {
            return Err(QueryError::TooManyValues {
                count,
                maximum: Self::MAX_VALUES,
            });
        }
        check_range(&self.filters, now)
    }

    /// Writes every filter but the one that the caller has written.
    fn write_filters(
        &self,
        sql: &mut Sql,
        now: DateTime<Utc>,
        written: Option<&Filter>,
    ) -> Result<(), QueryError> {
        for filter in &self.filters {
            if !written.is_some_and(|written| std::ptr::eq(written, filter)) {
                filter.write(sql, now)?;
            }
        }
        if let Some((old, new)) = &self.between {
            sql.between_snapshots(old, new)?;
        }
        match self.after {
            Some(position) => sql.behind(position, self.oldest_first),
            None => Ok(()),
        }
    }

    /// A record is found by the key that it has and by the one that it had: one look each, because
    /// no index serves both, and the rest of the rows only of what is found.
    fn write_record(
        &self,
        sql: &mut Sql,
        log: &str,
        (filter, ids): (&Filter, &[String]),
        now: DateTime<Utc>,
        end: &str,
    ) -> Result<(), QueryError> {
        sql.text.push('(');
        for (column, before) in [("record_id", ""), ("previous_record_id", " UNION ")] {
            let _ = write!(
                sql.text,
                "{before}SELECT * FROM (SELECT occurred_at, id FROM {log}"
            );
            sql.begin_conditions();
            let is_one = sql.one_of_indexed(column, ids)?;
            sql.condition(&is_one);
            self.write_filters(sql, now, Some(filter))?;
            let _ = write!(sql.text, "{end}) AS by_{column}");
        }
        let _ = write!(sql.text, ") AS found JOIN {log} USING (occurred_at, id)");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
