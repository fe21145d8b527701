#![doc = include_str!("../README.md")]

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#[macro_use]
mod statement;

pub mod adapter;
mod attachment;
mod check;
mod connection;
mod database;
mod event_sink;
#[cfg(feature = "executor")]
mod executor;
mod held;
mod log;
pub mod maintenance;
mod migrate;
#[cfg(feature = "mysql")]
mod mysql;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod session;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stored_event;
mod transaction;
mod writer;

pub use attachment::NotAttached;
pub use audit_adapter::{CaptureError, ContextScope, Finding, Report, record_failure};
#[cfg(feature = "executor")]
pub use audit_capture::inline::{OnUncapturable, Uncapturable};
#[cfg(all(feature = "executor", feature = "postgres"))]
pub use check::check_inline;
pub use check::{CheckError, check};
pub use connection::{stamp, unaudited};
pub use database::AuditDatabase;
pub use event_sink::{PoolSink, event_sink};
#[cfg(feature = "executor")]
pub use executor::{
    AuditedConnection, AuditedPool, AuditedTransaction, InlineOptions, InlineRefusal, Interrupted,
};
pub use log::{Log, LogError, PoolReader, log};
#[cfg(all(feature = "executor", feature = "postgres"))]
pub use migrate::migrate_inline;
pub use migrate::{MigrateError, migrate};
pub use pool::{Attach, attach};
pub use record::{RecordError, record};
pub use session::Adapter;
pub use stored_event::StoredEvent;
pub use transaction::begin;
pub use writer::{Writer, writer};
