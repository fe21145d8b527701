//! The settings of a lane.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_core::EventSink;
use tokio::runtime::Handle;

use crate::error::StartError;
use crate::lane::Lane;
use crate::overflow::Overflow;
use crate::queue::{Limits, Queue};
use crate::shared::Shared;
use crate::spill::Spill;
use crate::writer::{Writer, keep_in_sync};

/// A lane under construction; see [`Lane::builder`].
#[derive(Debug)]
#[must_use = "call `start` to get the lane"]
pub struct LaneBuilder<S> {
    sink: S,
    overflow: Overflow,
    limits: Limits,
    write_timeout: Duration,
}

impl<S: EventSink> LaneBuilder<S> {
    pub(crate) fn new(sink: S, overflow: Overflow) -> Self {
        Self {
            sink,
            overflow,
            limits: Limits {
                events: 10_000,
                bytes: 16 * 1024 * 1024,
            },
            write_timeout: Duration::from_secs(120),
        }
    }

    /// How many events wait in memory at most; 10,000 unless set.
    pub fn max_events(mut self, events: usize) -> Self {
        self.limits.events = events;
        self
    }

    /// How many bytes the events that wait take at most; 16 MiB unless set. What is being written takes
    /// up to three times 256 KiB beside it.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How long one try to write may take; two minutes unless set. Then the connection is given up and
    /// the events are tried again: its peer may be gone without a word. Writing them again is no harm.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Starts the task that writes, in the runtime of the caller. What an earlier process spilled is
    /// written first.
    ///
    /// # Errors
    /// [`StartError`]: outside a runtime, with a limit of 0, or when the file to spill to cannot be
    /// used.
    pub fn start(self) -> Result<Lane, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        for (setting, is_zero) in [
            ("max_events", self.limits.events == 0),
            ("max_bytes", self.limits.bytes == 0),
            ("write_timeout", self.write_timeout.is_zero()),
        ] {
            if is_zero {
                return Err(StartError::Limit { setting });
            }
        }
        let spill = match &self.overflow {
            Overflow::Spill { path, max_bytes } => Some(Arc::new(Spill::open(path, *max_bytes)?)),
            Overflow::Block { .. } | Overflow::DropNewest => None,
        };
        if let Some(spill) = &spill {
            runtime.spawn(keep_in_sync(Arc::downgrade(spill)));
        }
        let shared = Arc::new(Shared {
            queue: Queue::new(self.limits),
            spill,
            counters: crate::counts::Counters::default(),
            write_timeout: self.write_timeout,
            report: Mutex::default(),
        });
        if let Some(spill) = &shared.spill {
            shared.counters.torn(spill.torn_bytes());
        }
        let sink = Arc::new(self.sink);
        let task = runtime.spawn(Writer::new(Arc::clone(&sink), Arc::clone(&shared)).run());
        let largest = self.limits.bytes;
        Ok(Lane::new(shared, sink, self.overflow, largest, task))
    }
}
