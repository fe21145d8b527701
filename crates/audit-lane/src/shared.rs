//! What those who send and the one that writes have in common.

use std::sync::Arc;

use audit_core::QueuedEvent;

use crate::counts::{Counters, Counts};
use crate::queue::Queue;
use crate::spill::Spill;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) spill: Option<Arc<Spill>>,
    pub(crate) counters: Counters,
}

impl Shared {
    /// Puts an event that has no room in the queue into the file, where there is one; says whether it
    /// is there. One that is not is counted as lost.
    pub(crate) fn spill_or_drop(&self, event: &QueuedEvent) -> bool {
        let spilled = match self.spill.as_ref().map(|spill| spill.append(event)) {
            Some(Ok(spilled)) => spilled,
            Some(Err(error)) => {
                tracing::error!(%error, "an audit event could not be spilled");
                false
            }
            None => false,
        };
        if spilled {
            self.counters.spilled();
        } else {
            self.counters.dropped();
        }
        self.queue.wake();
        spilled
    }

    pub(crate) fn counts(&self) -> Counts {
        let waiting = u64::try_from(self.queue.len()).unwrap_or(u64::MAX);
        let in_file = self.spill.as_ref().map_or(0, |spill| spill.len());
        self.counters.read(waiting, in_file)
    }
}
