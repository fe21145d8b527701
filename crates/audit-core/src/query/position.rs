//! A place in the order of events.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::{EventError, Texts};

/// The place of an event among all: events are ordered by it, in every query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When the event happened, to the microsecond.
    pub occurred_at: DateTime<Utc>,
    /// Its id.
    pub id: Uuid,
}

impl Position {
    /// Reads a position from the texts of one row, as
    /// [`LogQuery::to_positions`](crate::query::LogQuery::to_positions) selects them.
    ///
    /// # Errors
    /// When a text is not what its column holds.
    pub fn from_texts<'a>(
        texts: impl IntoIterator<Item = Option<&'a str>>,
    ) -> Result<Self, EventError> {
        let mut row = Texts::of(texts.into_iter());
        Ok(Self {
            occurred_at: row.required()?,
            id: row.required()?,
        })
    }
}
