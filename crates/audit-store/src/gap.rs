//! What the log does not tell of a state.

use std::fmt;

use crate::continuity::Break;
use crate::record::hides;
use crate::typed::ColumnChange;
use crate::words;

/// Something that the log does not tell of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gap {
    /// The log begins later: the state is what the first event found.
    BeforeFirstEvent,
    /// No event within reach holds all columns: images are of changed ones alone, or were suppressed. The
    /// others are missing.
    Incomplete,
    /// The log knows nothing of the record.
    NoEvent,
    /// An event changed the column and has no image, because images were suppressed. The state has no
    /// value of it.
    NoImage {
        /// The column.
        field: String,
    },
    /// A redaction hides the column, or a part of it.
    Redacted {
        /// The column.
        field: String,
    },
    /// The value was too long to be stored whole.
    Truncated {
        /// The column.
        field: String,
    },
    /// The table had other columns than the newest event tells of, as far as `migrate` found: what
    /// that did to the row is in no event.
    Columns {
        /// What became of a column.
        change: ColumnChange,
    },
    /// The column changed without an event within reach: an event found another value than the one
    /// before it left. The state has what events tell, and when it stopped to be so is not known. So it is
    /// where events were purged, capture was off, a rule ignores the column or the trail is narrowed.
    Unrecorded {
        /// The column.
        field: String,
    },
    /// A partition of the table was emptied, and no event says whether the record was in it.
    EmptiedInPart,
    /// The record came or went without an event within reach: the next event found one where there
    /// should be none, or none where there should be one.
    CameOrWent,
}

impl Gap {
    /// Whether because of it nobody can tell the value of a column, which the state has or has not.
    pub(crate) fn hides(&self, column: &str, is_told: bool) -> bool {
        match self {
            Self::BeforeFirstEvent | Self::CameOrWent | Self::EmptiedInPart | Self::NoEvent => true,
            Self::Incomplete => !is_told,
            Self::Columns { change } => change.alters(column),
            Self::NoImage { field }
            | Self::Redacted { field }
            | Self::Truncated { field }
            | Self::Unrecorded { field } => hides(field, column),
        }
    }
}

impl From<Break> for Gap {
    fn from(found: Break) -> Self {
        match found {
            Break::Changed { field, .. } => Self::Unrecorded { field },
            Break::CameOrWent => Self::CameOrWent,
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeFirstEvent => formatter.write_str(
                "the log begins later; this is what its first event of the record found",
            ),
            Self::Incomplete => {
                formatter.write_str("no event holds all columns; those that none tells are missing")
            }
            Self::NoEvent => formatter.write_str("the log has no event of the record"),
            Self::NoImage { field } => {
                let field = words::printable(field);
                write!(formatter, "`{field}` changed in an event without images")
            }
            Self::Redacted { field } => {
                let field = words::printable(field);
                write!(formatter, "`{field}` is hidden, or a part of it")
            }
            Self::Truncated { field } => {
                let field = words::printable(field);
                write!(formatter, "`{field}` was too long to be stored whole")
            }
            Self::Columns { change } => {
                write!(
                    formatter,
                    "{change} since the newest event, which no event tells"
                )
            }
            Self::Unrecorded { field } => {
                let field = words::printable(field);
                write!(
                    formatter,
                    "`{field}` changed without an event: the next one found another value"
                )
            }
            Self::CameOrWent => formatter.write_str("the record came or went without an event"),
            Self::EmptiedInPart => formatter
                .write_str("a partition was emptied, and no event says whether it held the record"),
        }
    }
}
