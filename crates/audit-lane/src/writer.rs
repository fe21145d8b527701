//! The task that writes.

use std::slice::from_ref;
use std::sync::{Arc, Weak};
use std::time::Duration;

use audit_core::lane::WriteError;
use audit_core::{Actor, AuditContext, Event, EventSink, Outcome, QueuedEvent};

use crate::shared::Shared;
use crate::spill::Spill;

/// The pause before a second try, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];

/// How long what was spilled may be in the memory of the machine alone.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Writes the events of a lane.
pub(crate) struct Writer<S> {
    sink: Arc<S>,
    shared: Arc<Shared>,
    /// The event that tells of dropped ones: the same until it is written, so that none is told twice.
    report: Option<QueuedEvent>,
}

impl<S: EventSink> Writer<S> {
    pub(crate) fn new(sink: Arc<S>, shared: Arc<Shared>) -> Self {
        Self {
            sink,
            shared,
            report: None,
        }
    }

    /// Writes until the lane is shut down and everything is written.
    pub(crate) async fn run(mut self) {
        loop {
            // Before the looks: what was sent until then is seen by them.
            let is_closed = self.shared.queue.is_closed();
            let wrote = self.write_waiting().await;
            let replayed = self.replay().await;
            let told = self.tell_dropped().await;
            if wrote || replayed || told {
                continue;
            }
            if is_closed {
                return;
            }
            self.shared.queue.work().await;
        }
    }

    async fn write_waiting(&self) -> bool {
        let events = self.shared.queue.batch();
        if events.is_empty() {
            return false;
        }
        self.write(&events).await;
        self.shared.queue.done();
        true
    }

    /// Writes the oldest of what was spilled.
    async fn replay(&self) -> bool {
        let Some(spill) = &self.shared.spill else {
            return false;
        };
        let told = |error: &std::io::Error| {
            tracing::error!(%error, "the file of spilled audit events cannot be used");
        };
        let next = blocking(spill, Spill::next).await.inspect_err(told);
        let Ok(Some(part)) = next else {
            return false;
        };
        self.shared.counters.unreadable(part.unreadable);
        self.write(&part.events).await;
        spill.done(&part).inspect_err(told).is_ok()
    }

    /// Writes how many events were dropped since that was last told.
    async fn tell_dropped(&mut self) -> bool {
        if self.report.is_none() {
            let dropped = self.shared.counters.take_untold();
            if dropped == 0 {
                return false;
            }
            tracing::warn!(dropped, "the audit lane dropped events");
            let event = Event::custom("audit.lane.dropped")
                .outcome(Outcome::Failure)
                .reason_code("lane_full")
                .metadata("dropped", dropped);
            let myself = AuditContext::new().with_actor(Actor::system("audit-lane"));
            let stamp = myself.sync_scope(|| self.sink.stamp());
            self.report = QueuedEvent::new(event, &stamp).ok();
        }
        if let Some(report) = &self.report {
            self.write(from_ref(report)).await;
        }
        self.report = None;
        true
    }

    /// Writes events, for as long as it takes. Those that the database does not take are found by
    /// writing each by itself, and left out.
    async fn write(&self, events: &[QueuedEvent]) {
        if events.is_empty() || self.is_written(events).await {
            return;
        }
        for event in events {
            if events.len() == 1 || !self.is_written(from_ref(event)).await {
                self.shared.counters.refused(1);
            }
        }
    }

    /// Tries until the database has taken the events, or will not take one of them.
    async fn is_written(&self, events: &[QueuedEvent]) -> bool {
        let [mut pause, longest] = PAUSES;
        loop {
            match self.sink.write(events).await {
                Ok(()) => {
                    self.shared.counters.written(events.len());
                    return true;
                }
                Err(WriteError::Refused(error)) => {
                    // Of several each is tried by itself.
                    if events.len() == 1 {
                        tracing::error!(%error, "the database refuses an audit event, which is lost");
                    }
                    return false;
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    let cause = cause.map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(%error, cause, "audit events of the lane wait");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(longest);
                }
            }
        }
    }
}

/// Runs work on the file off the threads that serve.
async fn blocking<T: Send + 'static>(
    spill: &Arc<Spill>,
    work: impl FnOnce(&Spill) -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let spill = Arc::clone(spill);
    let done = tokio::task::spawn_blocking(move || work(&spill)).await;
    done.unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

/// Has the machine keep what was spilled.
pub(crate) async fn sync(spill: &Arc<Spill>) {
    if let Err(error) = blocking(spill, Spill::sync).await {
        tracing::error!(%error, "spilled audit events may not survive the end of the machine");
    }
}

/// Does so again and again, for as long as there is a lane.
pub(crate) async fn keep_in_sync(spill: Weak<Spill>) {
    while let Some(spill) = spill.upgrade() {
        sync(&spill).await;
        drop(spill);
        tokio::time::sleep(SYNC_EVERY).await;
    }
}
