#![doc = include_str!("../README.md")]

mod attach;
mod backend;
mod check;
#[cfg(feature = "entity")]
pub mod entity;
mod error;
#[cfg(feature = "executor")]
mod executor;
mod log;
mod migrate;
#[cfg(feature = "migration")]
mod migrator;
mod record;
#[cfg(feature = "postgres")]
mod search_path;
mod transaction;
mod unaudited;
mod writer;

pub use attach::{Attach, attach};
#[cfg(feature = "executor")]
pub use audit_sqlx::Interrupted;
pub use audit_sqlx::{
    CaptureError, CheckError, ContextScope, Finding, LogError, MigrateError, NotAttached, Report,
    record_failure,
};
pub use check::check;
pub use error::{Adapter, UnsupportedConnection, cause};
#[cfg(feature = "executor")]
pub use executor::{AuditedConnection, AuditedTransaction};
pub use log::{ConnectionReader, Log, log};
pub use migrate::migrate;
#[cfg(feature = "migration")]
pub use migrator::AuditMigrator;
pub use record::{RecordError, record};
pub use transaction::{
    begin, begin_with_config, begin_with_options, stamp, transaction, transaction_async,
    transaction_with_config,
};
pub use unaudited::unaudited;
pub use writer::{Writer, WriterError, writer};
