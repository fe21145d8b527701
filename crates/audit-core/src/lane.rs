//! Events that no transaction of the application writes, on their way to the log: what a lane takes,
//! keeps and hands to a database.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::event::TIME_FORMAT;
use crate::manual_event::{ManualEvent, ManualEventError};
use crate::stamp::{Slot, Stamp};
use crate::vocabulary::ActorKind;

/// The slots of a stamp that an event of a lane has; each is the column of its name. `reverts` is not
/// among them: what was denied or failed takes nothing back.
const SLOTS: [Slot; 14] = [
    Slot::ActorId,
    Slot::ActorKind,
    Slot::ActorName,
    Slot::OnBehalfOf,
    Slot::TenantId,
    Slot::Assurance,
    Slot::Service,
    Slot::Environment,
    Slot::RequestId,
    Slot::CausationId,
    Slot::Context,
    Slot::Reason,
    Slot::Label,
    Slot::Severity,
];

/// Keeps apart the ids of one microsecond, in the order in which they were made.
static IDS: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// An event that waits to be written. Its time, its id and its context are those of the moment at
/// which it was made: written twice, it is there once.
#[derive(Clone, PartialEq, Eq)]
pub struct QueuedEvent {
    // No room for more than it is: its length counts against the bounds of lanes.
    json: Box<str>,
}

/// A text that is no queued event.
#[derive(Debug, thiserror::Error)]
#[error(
    "the text is not a queued event, which is a JSON object of texts with `occurred_at` and `id`"
)]
#[non_exhaustive]
pub struct NotQueued;

impl fmt::Debug for QueuedEvent {
    // What happened to whom has no business in a log of the program.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("QueuedEvent")
            .field("bytes", &self.json.len())
            .finish_non_exhaustive()
    }
}

impl QueuedEvent {
    /// An event that happens now, in the context of a stamp. Its time is that of the clock of this
    /// machine, to the microsecond. What the event says of itself wins over the stamp.
    ///
    /// # Errors
    /// [`ManualEventError`] when the event is not complete.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an event is sent once, as another is recorded once"
    )]
    pub fn new(event: ManualEvent, stamp: &Stamp) -> Result<Self, ManualEventError> {
        let texts = event.to_texts()?;
        let now = Utc::now();
        let mut columns = Map::new();
        let mut set = |name: &str, text: &str| {
            // No text of PostgreSQL holds a NUL.
            columns.insert(name.to_owned(), text.replace('\0', "\u{fffd}").into());
        };
        set("occurred_at", &now.format(TIME_FORMAT).to_string());
        set("id", &id(now).to_string());
        set(Slot::ActorKind.name(), ActorKind::Unknown.as_str());
        for slot in SLOTS {
            if let Some(text) = stamp.get(slot) {
                set(slot.name(), text);
            }
        }
        let mut metadata = object(stamp.get(Slot::Metadata));
        for (name, text) in texts {
            match name {
                "metadata" => metadata.extend(object(Some(&text))),
                _ => set(name, &text),
            }
        }
        if !metadata.is_empty() {
            set("metadata", &Value::from(metadata).to_string());
        }
        Ok(Self {
            json: Value::from(columns).to_string().into_boxed_str(),
        })
    }

    /// Reads what [`QueuedEvent::as_json`] gave.
    ///
    /// # Errors
    /// [`NotQueued`] when the text is something else, such as a part of it.
    pub fn from_json(text: &str) -> Result<Self, NotQueued> {
        let columns: Map<String, Value> = serde_json::from_str(text).map_err(|_| NotQueued)?;
        let is_text = |name: &str| columns.get(name).is_some_and(Value::is_string);
        if columns.values().all(Value::is_string) && is_text("occurred_at") && is_text("id") {
            let json = text.into();
            Ok(Self { json })
        } else {
            Err(NotQueued)
        }
    }

    /// The event as one line: a JSON object of texts by column.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }
}

/// The members of an object, as its text gives them.
fn object(text: Option<&str>) -> Map<String, Value> {
    let read = |text| serde_json::from_str(text).ok();
    text.and_then(read).unwrap_or_default()
}

/// A UUIDv7 of this moment, later than those before it.
fn id(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(
        &IDS,
        seconds,
        now.timestamp_subsec_nanos(),
    ))
}

/// What writes the events of a lane into a database; each adapter has one for its pools.
pub trait EventSink: Send + Sync + 'static {
    /// The error of the database library.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The context of this task as the connections of the adapter carry it.
    fn stamp(&self) -> Arc<Stamp>;

    /// Writes events, all or none. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`WriteError`], which says whether to try again. Of several that are refused each by itself may
    /// be taken.
    ///
    /// # Cancel safety
    /// When the future is dropped the events are there or not; writing them again is no harm.
    fn write(
        &self,
        events: &[QueuedEvent],
    ) -> impl Future<Output = Result<(), WriteError<Self::Error>>> + Send;
}

/// Events were not written, or nobody knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError<E: std::error::Error + 'static> {
    /// The database will not take a value of one of them, however often it is tried.
    #[error("the database takes no such event")]
    Refused(#[source] E),
    /// The database answered with another error: it is due to the state of the database and passes, or it
    /// is due to one of the events and does not. Whether other events are taken tells.
    #[error("the database answers with an error")]
    Failed(#[source] E),
    /// The database cannot be written to now.
    #[error("the database cannot be written to at present")]
    Unavailable(#[source] E),
}

/// The future of [`EventQueue::send`].
#[must_use = "futures do nothing unless polled"]
pub struct Sending(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Sending {
    /// Ends when this future does.
    pub fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for Sending {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(task)
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Sending").finish_non_exhaustive()
    }
}

/// What takes events of middlewares and adapters that no transaction writes; a lane is one.
pub trait EventQueue: Send + Sync + 'static {
    /// Takes an event, in the context of this task and with the time of this call. The future is
    /// ready as soon as the queue has decided; what it cannot take it counts and tells.
    fn send(&self, event: ManualEvent) -> Sending;
}

impl<Q: EventQueue + ?Sized> EventQueue for Arc<Q> {
    fn send(&self, event: ManualEvent) -> Sending {
        (**self).send(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, AuditContext, Event};

    fn columns(event: &QueuedEvent) -> Map<String, Value> {
        serde_json::from_str(event.as_json()).unwrap()
    }

    #[test]
    fn an_event_has_the_context_of_its_stamp_and_its_own_words_over_it() {
        let context = AuditContext::new()
            .with_actor(Actor::user("alice"))
            .with_reason("ticket 7")
            .with_label("of the context")
            .with_metadata("both", 1)
            .with_metadata("context", 1);
        let event = Event::custom("invoice.approve")
            .label("of the event")
            .metadata("both", 2);
        let stamp = context.stamp(Some("billing"), None);
        let columns = columns(&QueuedEvent::new(event, &stamp).unwrap());
        for (name, text) in [
            ("action", "invoice.approve"),
            ("actor_id", "alice"),
            ("actor_kind", "user"),
            ("label", "of the event"),
            ("metadata", r#"{"both":2,"context":1}"#),
            ("reason", "ticket 7"),
            ("service", "billing"),
        ] {
            assert_eq!(columns[name], text, "{name}");
        }
    }

    #[test]
    fn without_a_context_the_actor_is_unknown() {
        let event = QueuedEvent::new(Event::custom("x"), &Stamp::default()).unwrap();
        assert_eq!(columns(&event)["actor_kind"], "unknown");
        assert_eq!(columns(&event).get("actor_id"), None);
    }

    #[test]
    fn ids_are_of_their_time_and_grow() {
        let made = |_| columns(&QueuedEvent::new(Event::custom("x"), &Stamp::default()).unwrap());
        let events: Vec<_> = (0..1000).map(made).collect();
        for pair in events.windows(2) {
            assert!(pair[0]["id"].as_str() < pair[1]["id"].as_str());
        }
        for event in events {
            let id: Uuid = event["id"].as_str().unwrap().parse().unwrap();
            let time: DateTime<Utc> = event["occurred_at"].as_str().unwrap().parse().unwrap();
            let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
            let millis = i64::try_from(seconds * 1000 + u64::from(nanos / 1_000_000)).unwrap();
            assert_eq!(millis, time.timestamp_millis());
        }
    }

    #[test]
    fn a_torn_text_is_no_event() {
        let event = QueuedEvent::new(Event::custom("x"), &Stamp::default()).unwrap();
        assert_eq!(QueuedEvent::from_json(event.as_json()).unwrap(), event);
        let (torn, _) = event.as_json().split_at(event.as_json().len() / 2);
        for text in [torn, "{}", "[]", r#"{"id":1,"occurred_at":"x"}"#] {
            assert!(QueuedEvent::from_json(text).is_err(), "{text}");
        }
    }
}
