//! What an event must be to be read, and how that is said in SQL.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::query::field::FieldFilter;
use crate::query::sql::Sql;
use crate::query::{QueryError, When};

/// One filter; an event must pass all of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum Filter {
    /// A list of texts has one of these.
    Contains(&'static str, Vec<String>),
    /// Not all of these hold.
    Except(Vec<Filter>),
    /// A field has, or has not, some value.
    Field(FieldFilter),
    /// It is one of these events.
    Id(Vec<Uuid>),
    /// It is of no record, but of a whole table.
    NoRecord,
    /// A column has one of these values.
    OneOf(&'static str, Vec<String>),
    /// It is of a table that one of these patterns names.
    Named(Vec<String>),
    /// It is of one of these records, under the present or the previous id.
    Record(Vec<String>),
    /// Some text of it has this one inside.
    Search(String),
    /// It is not older.
    Since(When),
    /// It is older.
    Until(When),
}

impl Filter {
    /// The longest text to search for, in characters.
    pub(crate) const MAX_SEARCH: usize = 500;

    /// How many values it names.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Field(field) => field.count(),
            Self::Id(ids) => ids.len(),
            Self::Except(filters) => filters.iter().map(Self::count).sum(),
            Self::Contains(_, values)
            | Self::Named(values)
            | Self::OneOf(_, values)
            | Self::Record(values) => values.len(),
            Self::Search(_) | Self::Since(_) | Self::Until(_) => 1,
            Self::NoRecord => 0,
        }
    }

    /// Adds the condition.
    pub(super) fn write(&self, sql: &mut Sql, now: DateTime<Utc>) -> Result<(), QueryError> {
        match self {
            Self::Contains(column, values) => sql.contains(column, values),
            Self::Except(filters) => sql.except(|sql| {
                let mut filters = filters.iter();
                filters.try_for_each(|filter| filter.write(sql, now))
            }),
            Self::Field(field) => sql.field(&field.read()?),
            Self::Id(ids) if ids.is_empty() => Err(QueryError::NoValue { filter: "id" }),
            Self::Id(ids) => sql.id(ids),
            Self::NoRecord => {
                sql.no_record();
                Ok(())
            }
            Self::Named(patterns) => sql.named(patterns),
            Self::OneOf(filter, values) if values.is_empty() => Err(QueryError::NoValue { filter }),
            Self::OneOf(column, values) => {
                let condition = sql.one_of(column, values)?;
                sql.condition(&condition);
                Ok(())
            }
            Self::Record(ids) => {
                let present = sql.one_of_indexed("record_id", ids)?;
                let previous = sql.one_of_indexed("previous_record_id", ids)?;
                sql.condition(&format!("({present} OR {previous})"));
                Ok(())
            }
            Self::Search(text) => {
                let length = text.chars().count();
                if length == 0 || length > Self::MAX_SEARCH {
                    return Err(QueryError::InvalidSearch {
                        length,
                        maximum: Self::MAX_SEARCH,
                    });
                }
                sql.search(text)
            }
            Self::Since(when) => sql.time(">=", when.instant(now)?),
            Self::Until(when) => sql.time("<", when.instant(now)?),
        }
    }
}

/// Refuses times between which nothing can lie.
pub(super) fn check_range(filters: &[Filter], now: DateTime<Utc>) -> Result<(), QueryError> {
    let (mut since, mut until) = (None, None);
    for filter in filters {
        match filter {
            Filter::Since(when) => since = since.max(Some(when.instant(now)?)),
            Filter::Until(when) => {
                let instant = when.instant(now)?;
                until = Some(until.map_or(instant, |until: DateTime<Utc>| until.min(instant)));
            }
            _ => {}
        }
    }
    match (since, until) {
        (Some(since), Some(until)) if since >= until => Err(QueryError::EmptyRange {
            since: since.to_rfc3339(),
            until: until.to_rfc3339(),
        }),
        _ => Ok(()),
    }
}
