//! The task that writes.

use std::slice::from_ref;
use std::sync::{Arc, Weak};
use std::time::Duration;

use audit_core::lane::WriteError;
use audit_core::{Event, EventSink, Outcome, QueuedEvent};
use tokio::time::{sleep, timeout};

use crate::shared::{Shared, own_event};
use crate::spill::Spill;

/// The pause before a second try, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];

/// How often the database answers with the same error before the cause is looked for in the events.
const FAILURES: u32 = 4;

/// How long what was spilled may be in the memory of the machine alone.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Writes the events of a lane.
pub(crate) struct Writer<S> {
    sink: Arc<S>,
    shared: Arc<Shared>,
}

/// What became of one try to write.
enum Tried {
    Written,
    /// No try will do.
    Refused,
    /// Answered with an error that may pass, or may be due to an event.
    Failed,
    /// Not answered, or due to something that passes.
    Unavailable,
}

impl<S: EventSink> Writer<S> {
    pub(crate) fn new(sink: Arc<S>, shared: Arc<Shared>) -> Self {
        Self { sink, shared }
    }

    /// Writes until the lane is shut down and everything is written.
    pub(crate) async fn run(self) {
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
        let done = blocking(spill, move |spill| spill.done(&part)).await;
        done.inspect_err(told).is_ok()
    }

    /// Writes how many events were dropped since that was last told.
    async fn tell_dropped(&self) -> bool {
        let Some(report) = self.shared.report(|| self.sink.stamp()) else {
            return false;
        };
        self.write(from_ref(&report.event)).await;
        self.shared.told();
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
        let mut failures = 0;
        let mut notice = None;
        loop {
            match self.tried(events).await {
                Tried::Written => return true,
                Tried::Refused => return false,
                Tried::Failed => failures += 1,
                Tried::Unavailable => {}
            }
            if failures >= FAILURES {
                if events.len() > 1 {
                    return false;
                }
                if self.is_noted(&mut notice).await {
                    // Between the last try and this one all may have come to rights.
                    match self.tried(events).await {
                        Tried::Written => return true,
                        Tried::Refused => return false,
                        Tried::Failed => {
                            tracing::error!(
                                "the database takes other audit events and not this one, which is lost"
                            );
                            return false;
                        }
                        Tried::Unavailable => failures = 0,
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Notes in the log that an event cannot be written; says whether the database takes that.
    async fn is_noted(&self, notice: &mut Option<QueuedEvent>) -> bool {
        // The same until it is written.
        if notice.is_none() {
            let event = Event::custom("audit.lane.write_failed")
                .outcome(Outcome::Failure)
                .reason_code("database_failed");
            *notice = own_event(event, || self.sink.stamp());
        }
        let Some(event) = notice.as_ref() else {
            return false;
        };
        let is_written = matches!(self.tried(from_ref(event)).await, Tried::Written);
        if is_written {
            *notice = None;
        }
        is_written
    }

    /// Tries once.
    async fn tried(&self, events: &[QueuedEvent]) -> Tried {
        let written = timeout(self.shared.write_timeout, self.sink.write(events)).await;
        let Ok(written) = written else {
            tracing::warn!("the database gives no answer; audit events of the lane wait");
            return Tried::Unavailable;
        };
        let (error, tried) = match written {
            Ok(()) => {
                self.shared.counters.written(events.len());
                return Tried::Written;
            }
            Err(WriteError::Refused(error)) => {
                // Of several each is tried by itself.
                if events.len() == 1 {
                    tracing::error!(%error, "the database refuses an audit event, which is lost");
                }
                return Tried::Refused;
            }
            Err(error @ WriteError::Failed(_)) => (error, Tried::Failed),
            Err(error) => (error, Tried::Unavailable),
        };
        let cause = std::error::Error::source(&error);
        let cause = cause.map(ToString::to_string).unwrap_or_default();
        tracing::warn!(%error, cause, "audit events of the lane wait");
        tried
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

/// Has the machine keep what was spilled, again and again, for as long as there is a lane.
pub(crate) async fn keep_in_sync(spill: Weak<Spill>) {
    loop {
        sleep(SYNC_EVERY).await;
        let Some(spill) = spill.upgrade() else {
            return;
        };
        let synced = blocking(&spill, |spill| {
            spill.sync_or_tell();
            Ok(())
        });
        // An error is that the runtime ends.
        let _ = synced.await;
    }
}
