//! What happens to an event for which there is no room.

use std::path::PathBuf;
use std::time::Duration;

/// What a lane does with an event when its queue is full. There is no default: each loses something
/// else.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Whoever sends waits for room, and after this time the event is dropped. The events that wait for
    /// room are not in the bounds of the queue.
    Block {
        /// How long an event waits for room.
        deadline: Duration,
    },
    /// The new event is dropped at once.
    DropNewest,
    /// The new event goes into a file, from where it is written once the database takes events again,
    /// also by the next process. So does one that is sent once the lane was shut down. When the file is full as well the event is dropped.
    ///
    /// The file is appended to on the thread that sends. What is in it survives the end of the process,
    /// however that comes, and, after a second at most, that of the machine. One lane at a time has
    /// the file. It holds the events in plain text, readable for its owner alone (Unix).
    Spill {
        /// The file; it is made where it is missing, its folder must be there.
        path: PathBuf,
        /// The size that the file does not exceed.
        max_bytes: u64,
    },
}
