//! What cannot be asked.

use crate::rules::PathError;

/// A query that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The time from which to read is not before the one up to which.
    #[error("nothing lies between `{since}` and `{until}`; give an earlier time to read from")]
    EmptyRange {
        /// The time from which to read, in RFC 3339.
        since: String,
        /// The time up to which to read, in RFC 3339.
        until: String,
    },
    /// A condition on a field cannot be read.
    #[error(
        "`{text}` is no condition; write one such as `after.status = \"paid\"` or `context.route != null`, with a JSON text, number, true, false or null behind the sign"
    )]
    InvalidCondition {
        /// The condition.
        text: String,
    },
    /// A condition on a record as it was cannot be read.
    #[error(
        "`{text}` is no condition on a record; write one such as `status = \"paid\"` or `address.city != null`, with a JSON text, number, true, false or null behind the sign"
    )]
    InvalidStateCondition {
        /// The condition.
        text: String,
    },
    /// A time is neither a duration nor an instant.
    #[error(
        "`{text}` is no time; write a duration such as `90m`, `24h`, `30d`, `2w`, `3mo`, `1y`, a day such as `2026-01-31`, or an instant such as `2026-01-31T09:00:00Z`"
    )]
    InvalidTime {
        /// The text.
        text: String,
    },
    /// The limit is zero or above the maximum.
    #[error("the limit is {limit}; ask for 1 to {maximum} events at once")]
    InvalidLimit {
        /// The limit.
        limit: u32,
        /// The maximum.
        maximum: u32,
    },
    /// A text to search for is empty or too long.
    #[error("a text to search for has {length} characters; give 1 to {maximum}")]
    InvalidSearch {
        /// Its characters.
        length: usize,
        /// The maximum.
        maximum: usize,
    },
    /// A filter names no value, so that nothing could pass it.
    #[error("the filter `{filter}` names no value; leave it out or give it one")]
    NoValue {
        /// The column of the filter.
        filter: &'static str,
    },
    /// A filter beside tables, schemas and tenants, where records are put together from their events.
    #[error(
        "what the records of a table were takes all of their events; narrow by table, schema and tenant alone"
    )]
    NotOfTables,
    /// A text with a NUL character, which PostgreSQL neither holds nor compares.
    #[error("a text of the query has a NUL character, which no event of PostgreSQL has")]
    Nul,
    /// The path of a condition is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The filters name more values than one statement takes.
    #[error("the filters name {count} values; ask for at most {maximum} at once")]
    TooManyValues {
        /// The values.
        count: usize,
        /// The maximum.
        maximum: usize,
    },
    /// The database cannot follow this path of a condition.
    #[error("the database cannot follow the path `{path}`; {remedy}")]
    UnsupportedPath {
        /// The path.
        path: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Snapshots are PostgreSQL's.
    #[error("only PostgreSQL tells what became visible between two snapshots; ask by time")]
    UnsupportedSnapshot,
}
