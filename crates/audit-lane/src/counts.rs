//! What became of the events of a lane, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of the events of a lane since it was started. Each number is exact; between two of
/// them an event may have moved on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Taken into the queue.
    pub queued: u64,
    /// Taken into the file, because there was no room in the queue or the lane was shut down.
    pub spilled: u64,
    /// Written to the database: from the queue, from the file, and those that tell of dropped ones.
    pub written: u64,
    /// Lost: for want of room, or because the lane was shut down.
    pub dropped: u64,
    /// Lost because the event is not complete, because the database takes no such event, or because a line
    /// of the file is none; a torn line at its end is one.
    pub refused: u64,
    /// In the queue now, those that are being written among them.
    pub waiting: u64,
    /// In the file now.
    pub in_file: u64,
}

/// The numbers as they grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    queued: AtomicU64,
    spilled: AtomicU64,
    written: AtomicU64,
    dropped: AtomicU64,
    refused: AtomicU64,
    /// Those of `dropped` that no event tells of yet.
    untold: AtomicU64,
    /// Those of `dropped` that waited when the lane was shut down.
    left: AtomicU64,
}

fn add(counter: &AtomicU64, events: usize) {
    counter.fetch_add(u64::try_from(events).unwrap_or(u64::MAX), Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn queued(&self) {
        add(&self.queued, 1);
    }

    pub(crate) fn spilled(&self) {
        add(&self.spilled, 1);
    }

    pub(crate) fn written(&self, events: usize) {
        add(&self.written, events);
    }

    pub(crate) fn refused(&self, events: usize) {
        add(&self.refused, events);
    }

    /// Counts lines of the file that are no events.
    pub(crate) fn unreadable(&self, lines: usize) {
        if lines > 0 {
            self.refused(lines);
            tracing::error!(lines, "lines among spilled audit events are no events");
        }
    }

    /// Counts a line at the end of the file that its process did not come to write in full.
    pub(crate) fn torn(&self, bytes: u64) {
        if bytes > 0 {
            self.refused(1);
            tracing::error!(bytes, "a torn line was cut off spilled audit events");
        }
    }

    /// Counts an event that is lost, and tells when the first of a row is.
    pub(crate) fn dropped(&self) {
        add(&self.dropped, 1);
        if self.untold.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!("the audit lane drops events: they have no room, or it was shut down");
        }
    }

    /// Takes over how many were dropped that no event tells of yet.
    pub(crate) fn take_untold(&self) -> u64 {
        self.untold.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn leave(&self, events: usize) {
        add(&self.left, events);
    }

    pub(crate) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    pub(crate) fn read(&self, waiting: u64, in_file: u64) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            queued: read(&self.queued),
            spilled: read(&self.spilled),
            written: read(&self.written),
            dropped: read(&self.dropped),
            refused: read(&self.refused),
            waiting,
            in_file,
        }
    }
}
