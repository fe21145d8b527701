//! The events that wait in memory: bounded by number and by bytes.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audit_core::QueuedEvent;
use tokio::sync::Notify;

/// How much a queue holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

/// What is written at once: the largest number and size.
pub(crate) const BATCH: Limits = Limits {
    events: 256,
    bytes: 256 * 1024,
};

/// What became of an event that was given to a queue.
pub(crate) enum Pushed {
    Taken,
    Full(QueuedEvent),
    Closed(QueuedEvent),
}

/// The events that wait, the oldest first.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    limits: Limits,
    work: Notify,
    room: Notify,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<QueuedEvent>,
    /// Those that are being written; they take room until they are.
    in_flight: Arc<[QueuedEvent]>,
    bytes: usize,
    is_closed: bool,
}

/// The room that an event takes.
pub(crate) fn size(event: &QueuedEvent) -> usize {
    event.as_json().len() + size_of::<QueuedEvent>()
}

fn sizes<'a>(events: impl IntoIterator<Item = &'a QueuedEvent>) -> usize {
    events.into_iter().map(size).sum()
}

impl Queue {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                in_flight: Arc::default(),
                bytes: 0,
                is_closed: false,
            }),
            limits,
            work: Notify::new(),
            room: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event where there is room.
    pub(crate) fn push(&self, event: QueuedEvent) -> Pushed {
        let mut state = self.state();
        if state.is_closed {
            return Pushed::Closed(event);
        }
        let bytes = state.bytes + size(&event);
        if state.len() >= self.limits.events || bytes > self.limits.bytes {
            return Pushed::Full(event);
        }
        state.bytes = bytes;
        state.waiting.push_back(event);
        drop(state);
        self.work.notify_one();
        Pushed::Taken
    }

    /// Takes an event once there is room; `false` when the queue is closed.
    pub(crate) async fn push_when_room(&self, mut event: QueuedEvent) -> bool {
        loop {
            let mut room = pin!(self.room.notified());
            // From here on no notice is missed.
            room.as_mut().enable();
            match self.push(event) {
                Pushed::Taken => return true,
                Pushed::Closed(_) => return false,
                Pushed::Full(back) => event = back,
            }
            room.await;
        }
    }

    /// The oldest events, for writing; they take room until [`Queue::done`].
    pub(crate) fn batch(&self) -> Arc<[QueuedEvent]> {
        let mut state = self.state();
        let mut bytes = 0;
        let fits = |event: &&QueuedEvent| {
            bytes += size(event);
            bytes <= BATCH.bytes
        };
        let events = state.waiting.iter().take(BATCH.events);
        // One that is larger than a batch is one by itself.
        let fitting = events.take_while(fits).count().max(1);
        let end = fitting.min(state.waiting.len());
        state.in_flight = state.waiting.drain(..end).collect();
        Arc::clone(&state.in_flight)
    }

    /// Gives the room of the last batch free.
    pub(crate) fn done(&self) {
        let mut state = self.state();
        state.bytes -= sizes(state.in_flight.iter());
        state.in_flight = Arc::default();
        drop(state);
        self.room.notify_waiters();
    }

    /// Returns when there may be work.
    pub(crate) async fn work(&self) {
        self.work.notified().await;
    }

    /// Says that there is work beside the queue.
    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }

    /// Takes no event from now on.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.room.notify_waiters();
        self.work.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// The number of events that take room.
    pub(crate) fn len(&self) -> usize {
        self.state().len()
    }

    /// Removes and gives what was not written; part of the last batch may have been.
    pub(crate) fn take_rest(&self) -> Vec<QueuedEvent> {
        let mut state = self.state();
        let in_flight = std::mem::take(&mut state.in_flight);
        let waiting = std::mem::take(&mut state.waiting);
        state.bytes = 0;
        in_flight.iter().cloned().chain(waiting).collect()
    }
}

impl State {
    fn len(&self) -> usize {
        self.waiting.len() + self.in_flight.len()
    }
}
