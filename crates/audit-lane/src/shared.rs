//! What those who send and the one that writes have in common.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audit_core::stamp::Stamp;
use audit_core::{Actor, AuditContext, Event, ManualEvent, Outcome, QueuedEvent};

use crate::counts::{Counters, Counts};
use crate::queue::Queue;
use crate::spill::Spill;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) spill: Option<Arc<Spill>>,
    pub(crate) counters: Counters,
    /// How long one try to write may take.
    pub(crate) write_timeout: Duration,
    /// What tells of dropped events: the same until it is written, so that none is told twice.
    pub(crate) report: Mutex<Option<Report>>,
}

/// An event that tells of dropped ones.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) event: QueuedEvent,
    dropped: u64,
}

/// An event of the lane itself, in no context of the application.
pub(crate) fn own_event(
    event: ManualEvent,
    stamp: impl FnOnce() -> Arc<Stamp>,
) -> Option<QueuedEvent> {
    let myself = AuditContext::new().with_actor(Actor::system("audit-lane"));
    QueuedEvent::new(event, &myself.sync_scope(stamp)).ok()
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
            self.queue.wake();
        } else {
            self.count_dropped();
        }
        spilled
    }

    /// Counts an event that is lost, and has the task tell of it.
    pub(crate) fn count_dropped(&self) {
        self.counters.dropped();
        self.queue.wake();
    }

    fn pending(&self) -> MutexGuard<'_, Option<Report>> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tells of the events that were dropped since that was last told; the same until
    /// [`Shared::told`].
    pub(crate) fn report(&self, stamp: impl FnOnce() -> Arc<Stamp>) -> Option<Report> {
        let mut pending = self.pending();
        if pending.is_none() {
            let dropped = self.counters.take_untold();
            if dropped == 0 {
                return None;
            }
            tracing::warn!(dropped, "the audit lane dropped events");
            let event = Event::custom("audit.lane.dropped")
                .outcome(Outcome::Failure)
                .reason_code("lane_full")
                .metadata("dropped", dropped);
            *pending = own_event(event, stamp).map(|event| Report { event, dropped });
        }
        pending.clone()
    }

    /// Notes that the report was written.
    pub(crate) fn told(&self) {
        *self.pending() = None;
    }

    /// Puts what the task has left into the file, where there is one, and tells what is lost. The task
    /// has ended.
    pub(crate) fn keep_rest(&self, stamp: &dyn Fn() -> Arc<Stamp>) {
        let rest = self.queue.take_rest();
        let lost = rest.iter().filter(|event| !self.spill_or_drop(event));
        let lost = lost.count();
        self.counters.leave(lost);
        if lost > 0 {
            tracing::error!(lost, "the audit lane was shut down before all was written");
        }
        while let Some(report) = self.report(stamp) {
            let spill = self.spill.as_ref();
            if spill.is_some_and(|spill| spill.append(&report.event).unwrap_or(false)) {
                self.counters.spilled();
            } else {
                let dropped = report.dropped;
                tracing::error!(
                    dropped,
                    "audit events were dropped, and no event tells of it"
                );
            }
            self.told();
        }
        if let Some(spill) = &self.spill {
            spill.sync_or_tell();
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let waiting = u64::try_from(self.queue.len()).unwrap_or(u64::MAX);
        let in_file = self.spill.as_ref().map_or(0, |spill| spill.len());
        self.counters.read(waiting, in_file)
    }
}
