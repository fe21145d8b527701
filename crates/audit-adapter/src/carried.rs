//! What is known of the context on a connection.

use std::sync::Arc;

use audit_core::stamp::Stamp;

/// The context that is on a connection whose statements bring their own, where that is sure.
// INVARIANT: forgotten before anything is sent that may change it, set when that is over: a future
// that is dropped leaves no belief behind.
#[derive(Debug)]
pub struct Carried {
    stamp: Option<Arc<Stamp>>,
    changes: u64,
}

impl Carried {
    /// With the context that is on it, where that is known.
    #[must_use]
    pub fn new(stamp: Option<Arc<Stamp>>) -> Self {
        Self { stamp, changes: 0 }
    }

    /// Whether this is sure to be on it.
    #[must_use]
    pub fn is(&self, stamp: &Arc<Stamp>) -> bool {
        self.stamp.as_ref() == Some(stamp)
    }

    /// Notes what was put on.
    pub fn set(&mut self, stamp: Arc<Stamp>) {
        self.change(Some(stamp));
    }

    /// Notes that it is not sure any more.
    pub fn forget(&mut self) {
        self.change(None);
    }

    fn change(&mut self, stamp: Option<Arc<Stamp>>) {
        self.stamp = stamp;
        self.changes = self.changes.wrapping_add(1);
    }

    /// How often it was set or forgotten: the same context at two times does not tell that no other was
    /// on between.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }
}
