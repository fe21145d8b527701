//! Why an event was not taken, and why there is no lane.

use std::io;
use std::path::PathBuf;

use audit_core::ManualEventError;

/// An event was not taken. It is counted, and it is not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The lane was shut down, and has no file with room.
    #[error("the audit lane was shut down and takes no event any more")]
    Closed,
    /// The event is not complete.
    #[error(transparent)]
    Event(#[from] ManualEventError),
    /// There is no room, and the policy of the lane has no other place for the event.
    #[error("the audit lane has no room; the event was dropped and counted")]
    Full,
    /// The event is larger than any that the lane takes.
    #[error("an event of {bytes} bytes is larger than the {limit} that the audit lane takes")]
    TooLarge {
        /// The size of the event.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
}

impl SendError {
    /// Whether the same event may be taken later without anyone doing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Full)
    }

    /// Whether the event was recorded: never.
    #[must_use]
    pub fn was_recorded(&self) -> bool {
        false
    }
}

/// A lane could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no runtime to write in.
    #[error("an audit lane writes in the background; start it inside a tokio runtime")]
    NoRuntime,
    /// A limit leaves no room for any event.
    #[error("`{setting}` of an audit lane must be more than 0")]
    Limit {
        /// The setting.
        setting: &'static str,
    },
    /// The file of spilled events cannot be used.
    #[error("the file `{}` of spilled audit events cannot be used", path.display())]
    Spill {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another lane has the file of spilled events.
    #[error("another audit lane uses the file `{}`; give each a file of its own", path.display())]
    SpillInUse {
        /// The file.
        path: PathBuf,
    },
}
