//! What is known of the context on a connection.

use std::sync::Arc;

use audit_core::stamp::Stamp;

/// The context that is on a connection, where that is sure.
// INVARIANT: forgotten before anything is sent that may change it, set when that is over: a future
// that is dropped leaves no belief behind.
#[derive(Debug)]
pub(super) struct Carried {
    stamp: Option<Arc<Stamp>>,
    changes: u64,
}

impl Carried {
    pub(super) fn new(stamp: Option<Arc<Stamp>>) -> Self {
        Self { stamp, changes: 0 }
    }

    pub(super) fn is(&self, stamp: &Arc<Stamp>) -> bool {
        self.stamp.as_ref() == Some(stamp)
    }

    pub(super) fn set(&mut self, stamp: Arc<Stamp>) {
        self.change(Some(stamp));
    }

    pub(super) fn forget(&mut self) {
        self.change(None);
    }

    fn change(&mut self, stamp: Option<Arc<Stamp>>) {
        self.stamp = stamp;
        self.changes = self.changes.wrapping_add(1);
    }

    /// How often it was set or forgotten: the same context at two times does not tell that no other was
    /// on between.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }
}
