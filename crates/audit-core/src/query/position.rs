//! A place in the order of events.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The place of an event among all: events are ordered by it, in every query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When the event happened, to the microsecond.
    pub occurred_at: DateTime<Utc>,
    /// Its id.
    pub id: Uuid,
}
