#![doc = include_str!("../README.md")]

#[macro_use]
mod columns;

pub mod actor;
mod audit;
pub mod context;
pub mod diff;
mod event;
pub mod lane;
pub mod log;
mod manual_event;
pub mod query;
mod record_id;
mod redact;
pub mod request;
pub mod retention;
pub mod rules;
pub mod schema;
pub mod stamp;
mod switch;
mod vocabulary;

pub use actor::{Actor, ActorSource};
pub use audit::{Audit, AuditBuilder, BuildError, Limits, MissingContext, OnDrift, SettingsError};
pub use context::AuditContext;
pub use event::{Event, EventError, Json, WireError};
pub use lane::{EventQueue, EventSink, QueuedEvent};
pub use log::{BlockingLogReader, BlockingRowWriter, Log, LogReader, RowWriter};
pub use manual_event::{ManualEvent, ManualEventError};
pub use record_id::record_id;
pub use redact::Redaction;
pub use rules::{Enrichment, TableRule};
pub use switch::Switch;
pub use vocabulary::{
    ActorKind, Assurance, DataClass, Dialect, LogIndex, Operation, Outcome, Severity, Snapshot,
    Source, UnknownWord,
};
