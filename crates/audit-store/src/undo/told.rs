//! What stands against an undo, in words.

use std::fmt;

use serde::Serializer;

use super::{Ambiguous, Conflict, Doubt, Missing, Obstacle, Unknown, Why};
use crate::words;

/// A list as the words for each.
pub(super) fn words<T: fmt::Display, S: Serializer>(
    list: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(ToString::to_string))
}

impl fmt::Display for Conflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value| words::value(Some(value));
        match self {
            Self::Behind { table, record_id } => write!(
                formatter,
                "the record waits for `{}` of `{}`",
                words::key(record_id),
                words::printable(table)
            ),
            Self::Changed {
                field,
                expected,
                found,
            } => write!(
                formatter,
                "`{}` is {} and no longer {}",
                words::printable(field),
                value(found),
                value(expected)
            ),
            Self::Between {
                field,
                expected,
                found,
            } => write!(
                formatter,
                "`{}` was changed in between, from {} to {}",
                words::printable(field),
                value(expected),
                value(found)
            ),
            Self::CameOrWent => formatter.write_str("the record came or went in between"),
            Self::Gone => formatter.write_str("the record is not there any more"),
            Self::NotNull { field } => write!(
                formatter,
                "`{}` takes no NULL any more",
                words::printable(field)
            ),
            Self::Circle => formatter.write_str(
                "the record and others refer to each other, by columns that may not be null, or have each other's keys",
            ),
            Self::Exists => formatter.write_str("there is such a record again"),
            Self::Referenced { table, rows } => write!(
                formatter,
                "{rows} rows of `{}` refer to the record",
                words::printable(table)
            ),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Unknown::Redacted => "is redacted in the log",
            Unknown::Truncated => "was too long for the log",
            Unknown::Younger => "came to the table later",
            Unknown::Gone => "is no column any more",
        };
        write!(formatter, "`{}` {why}", words::printable(&self.field))
    }
}

impl fmt::Display for Ambiguous {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = words::printable(&self.field);
        match self.doubt {
            Doubt::Null => write!(
                formatter,
                "`{field}` gets NULL, and may have been the document `null`"
            ),
            Doubt::Document => write!(
                formatter,
                "`{field}` gets the document `null`, and may have been NULL"
            ),
            Doubt::Within => write!(
                formatter,
                "`null` in `{field}` may have been NULL or the document `null`"
            ),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Why::Truncated => "emptied a table whose rows the log does not hold",
            Why::NoImage => "has no image of the row",
            Why::NoKey => "is of a table without a primary key, or does not tell all of it",
            Why::NoTable => "is of a table that is not there, or cannot be read",
        };
        write!(formatter, "event {} {why}", self.event)
    }
}
