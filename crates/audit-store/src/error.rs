//! Why the trail could not be read.

use audit_core::EventError;
use audit_core::query::QueryError;
use audit_core::retention::{RetentionError, StoredHoldError};

use crate::cursor::{CursorError, KeyError};

/// The trail could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError<E: std::error::Error + 'static> {
    /// The cursor is not one of this query.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// A hold cannot be read, so nobody knows what it keeps.
    #[error(transparent)]
    Hold(StoredHoldError),
    /// There is no key for cursors.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The reader failed, or refused the query.
    #[error(transparent)]
    Log(E),
    /// A policy of retention cannot work.
    #[error(transparent)]
    Retention(RetentionError),
    /// A standby of PostgreSQL does not tell which transactions are open.
    #[error("a standby does not tell which transactions are open; follow the log on the primary")]
    Standby,
    /// The catalog of the database could not be read.
    #[error(transparent)]
    Catalog(#[from] audit_capture::CatalogError),
    /// There are more events than one plan takes back.
    #[error("there are more than {maximum} events to take back; narrow the query")]
    TooManyEvents {
        /// The maximum.
        maximum: usize,
    },
    /// There are more groups than are counted at once.
    #[error("there are more than {maximum} groups; ask for a shorter time or for days")]
    TooManyGroups {
        /// The maximum.
        maximum: u32,
    },
    /// The database told the state of its transactions in a form that is not known.
    #[error("the database told its time or its snapshot as `{text}`, which cannot be read")]
    UnknownHorizon {
        /// What it told.
        text: String,
    },
    /// The log told a time in a form that is not known.
    #[error("the log told a time as `{text}`, which cannot be read")]
    UnknownTime {
        /// What it told.
        text: String,
    },
    /// The database told a number in a form that is not known.
    #[error("the database told a number as `{text}`, which cannot be read")]
    UnknownNumber {
        /// What it told.
        text: String,
    },
}

impl<E: std::error::Error + From<QueryError> + 'static> From<QueryError> for StoreError<E> {
    fn from(error: QueryError) -> Self {
        Self::Log(error.into())
    }
}

impl<E: std::error::Error + From<EventError> + 'static> From<EventError> for StoreError<E> {
    fn from(error: EventError) -> Self {
        Self::Log(error.into())
    }
}
