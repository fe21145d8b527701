//! What the application holds of a lane.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use audit_core::lane::Sending;
use audit_core::stamp::Stamp;
use audit_core::{EventQueue, EventSink, ManualEvent, QueuedEvent};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::builder::LaneBuilder;
use crate::counts::Counts;
use crate::error::SendError;
use crate::overflow::Overflow;
use crate::queue::{Pushed, size};
use crate::shared::Shared;

/// The largest event that a lane takes, whatever its limits.
pub(crate) const LARGEST_EVENT: usize = 1024 * 1024;

/// A bounded queue of events and a task that writes them. Cloning is cheap, and a clone is the same
/// lane.
///
/// When the last clone is dropped the task writes what is there and ends, unless the runtime ends
/// before it: call [`Lane::shutdown`] to know.
#[derive(Clone)]
pub struct Lane {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    stamp: Arc<dyn Fn() -> Arc<Stamp> + Send + Sync>,
    overflow: Overflow,
    largest: usize,
    /// The task, until it has ended: who ends it holds the lock, and another waits for that.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

/// What a lane that was shut down leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rest {
    /// The events that were lost by this or an earlier shutdown; some of them may have been written.
    pub lost: u64,
    /// The events in the file, which the next lane of that file writes.
    pub in_file: u64,
}

impl fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lane")
            .field("overflow", &self.inner.overflow)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// Whether an event that was offered has to wait.
enum Offered {
    Taken,
    Waits(QueuedEvent, Waiting),
}

/// The wait of an event for room: when it ends without any the event is lost.
struct Waiting {
    shared: Arc<Shared>,
    deadline: Duration,
    is_taken: bool,
}

impl Waiting {
    /// Waits until the event is taken or the deadline has passed.
    async fn room_for(mut self, event: QueuedEvent) -> Result<(), SendError> {
        match timeout(self.deadline, self.shared.queue.push_when_room(event)).await {
            Ok(true) => {
                self.is_taken = true;
                Ok(())
            }
            Ok(false) => Err(SendError::Closed),
            Err(_) => Err(SendError::Full),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.is_taken {
            self.shared.counters.queued();
        } else {
            self.shared.count_dropped();
        }
    }
}

impl Lane {
    /// Begins a lane that writes through a sink, such as `audit_sqlx::event_sink(&pool)`, and says what
    /// happens when its queue is full.
    pub fn builder<S: EventSink>(sink: S, overflow: Overflow) -> LaneBuilder<S> {
        LaneBuilder::new(sink, overflow)
    }

    pub(crate) fn new<S: EventSink>(
        shared: Arc<Shared>,
        sink: Arc<S>,
        overflow: Overflow,
        max_bytes: usize,
        task: JoinHandle<()>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                shared,
                stamp: Arc::new(move || sink.stamp()),
                overflow,
                largest: max_bytes.min(LARGEST_EVENT),
                task: Mutex::new(Some(task)),
            }),
        }
    }

    /// Takes an event, with the time and the context of this call, also where the future is never
    /// polled. It waits only under [`Overflow::Block`], and no longer than its deadline.
    ///
    /// # Errors
    /// [`SendError`], when the event was not taken.
    ///
    /// # Cancel safety
    /// An event that waits for room when the future is dropped is lost, and counted.
    pub fn send(
        &self,
        event: ManualEvent,
    ) -> impl Future<Output = Result<(), SendError>> + Send + use<> {
        let offered = self.offer(event);
        async move {
            match offered? {
                Offered::Taken => Ok(()),
                Offered::Waits(event, waiting) => waiting.room_for(event).await,
            }
        }
    }

    /// Takes an event at once or not at all, with the time and the context of this call.
    ///
    /// # Errors
    /// [`SendError`], when the event was not taken.
    pub fn try_send(&self, event: ManualEvent) -> Result<(), SendError> {
        match self.offer(event)? {
            Offered::Taken => Ok(()),
            Offered::Waits(..) => Err(SendError::Full),
        }
    }

    fn offer(&self, event: ManualEvent) -> Result<Offered, SendError> {
        let shared = &self.inner.shared;
        let event = QueuedEvent::new(event, &(self.inner.stamp)()).inspect_err(|error| {
            shared.counters.refused(1);
            tracing::error!(%error, "an audit event is not complete, and lost");
        })?;
        let (bytes, limit) = (size(&event), self.inner.largest);
        if bytes > limit {
            shared.count_dropped();
            tracing::error!(bytes, limit, "an audit event is too large, and lost");
            return Err(SendError::TooLarge { bytes, limit });
        }
        match shared.queue.push(event) {
            Pushed::Taken => {
                shared.counters.queued();
                Ok(Offered::Taken)
            }
            Pushed::Closed(event) => {
                let spilled = shared.spill_or_drop(&event);
                spilled.then_some(Offered::Taken).ok_or(SendError::Closed)
            }
            Pushed::Full(event) => match self.inner.overflow {
                Overflow::Block { deadline } => {
                    let waiting = Waiting {
                        shared: Arc::clone(shared),
                        deadline,
                        is_taken: false,
                    };
                    Ok(Offered::Waits(event, waiting))
                }
                Overflow::DropNewest | Overflow::Spill { .. } => {
                    let spilled = shared.spill_or_drop(&event);
                    spilled.then_some(Offered::Taken).ok_or(SendError::Full)
                }
            },
        }
    }

    /// What became of the events so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.inner.shared.counts()
    }

    /// Closes the queue, writes the events that wait, also in the file, and returns when all are
    /// written or the deadline has passed. Then what waits in memory goes into the file, where there is
    /// one, and so does what is sent from now on; without a file that is dropped.
    ///
    /// Of several calls at a time one follows the other; the deadline of each counts from its turn.
    ///
    /// # Cancel safety
    /// When the future is dropped the lane stays closed and its task goes on writing, unless the
    /// deadline has passed. Another call takes over.
    pub async fn shutdown(&self, deadline: Duration) -> Rest {
        let shared = &self.inner.shared;
        shared.queue.close();
        let mut slot = self.inner.task.lock().await;
        if let Some(task) = slot.as_mut() {
            if timeout(deadline, &mut *task).await.is_err() {
                task.abort();
                // Its end, which is the error that it was aborted.
                let _ = task.await;
            }
            *slot = None;
        }
        let (of_all, stamp) = (Arc::clone(shared), Arc::clone(&self.inner.stamp));
        // Off the threads that serve; it comes to its end also when nobody waits for it.
        if let Err(error) = spawn_blocking(move || of_all.keep_rest(&*stamp)).await {
            tracing::error!(%error, "what was left in the audit lane may be lost");
        }
        Rest {
            lost: shared.counters.left(),
            in_file: shared.counts().in_file,
        }
    }
}

impl EventQueue for Lane {
    fn send(&self, event: ManualEvent) -> Sending {
        let sending = Self::send(self, event);
        Sending::new(async move {
            if let Err(error) = sending.await {
                // The numbers of the lane tell of it, and its own events do.
                tracing::debug!(%error, "an audit event was not taken");
            }
        })
    }
}
