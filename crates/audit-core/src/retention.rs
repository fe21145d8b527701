//! How long events are kept, and what holds them beyond that: pure decisions, as queries of the log.

mod hold;
mod policy;
mod selection;

pub use hold::{Hold, NewHold, StoredHoldError, exclusion, holds};
pub use policy::{Due, Kept, Policy, Retention, RetentionError};
pub use selection::Selection;

/// The business verb of the event that a purge leaves.
pub const PURGE: &str = "audit.purge";
/// The business verb of the event that placing a hold leaves.
pub const PLACE_HOLD: &str = "audit.hold.place";
/// The business verb of the event that releasing a hold leaves.
pub const RELEASE_HOLD: &str = "audit.hold.release";

/// The business verb of the event that a partition leaves which becomes a table of its own.
pub const DETACH_PARTITION: &str = "audit.partition.detach";
/// The business verb of the event that a partition leaves which is dropped.
pub const DROP_PARTITION: &str = "audit.partition.drop";

use crate::query::{BoundQuery, LogQuery};
use crate::vocabulary::Dialect;

/// The events that tell why others are gone or stay. No policy is for them.
fn own() -> LogQuery {
    LogQuery::new().action([
        PURGE,
        PLACE_HOLD,
        RELEASE_HOLD,
        DETACH_PARTITION,
        DROP_PARTITION,
    ])
}

/// The statement that claims the purging of a database for its connection, until that is closed: its
/// only row is `1` or `true`, and something else while another connection has the claim. `None` on
/// SQLite, which has no such claim.
#[must_use]
pub fn claim(dialect: Dialect) -> Option<BoundQuery> {
    let text = match dialect {
        // The name of a lock is shorter than one of a database may be.
        Dialect::MySql => {
            "SELECT CAST(GET_LOCK(CONCAT('audit.purge.', SHA1(DATABASE())), 0) AS CHAR)"
        }
        Dialect::Postgres => {
            "SELECT pg_try_advisory_lock(hashtextextended('audit.purge', 0))::text"
        }
        Dialect::Sqlite => return None,
    };
    Some(BoundQuery::plain(text))
}
