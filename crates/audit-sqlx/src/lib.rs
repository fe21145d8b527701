#![doc = include_str!("../README.md")]

mod attachment;
mod catalog;
mod check;
mod connection;
mod database;
mod error;
mod held;
mod log;
mod migrate;
#[cfg(feature = "mysql")]
mod mysql;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod probe;
mod record;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod session;
#[cfg(feature = "sqlite")]
mod sqlite;
mod transaction;

pub use audit_capture::Finding;
pub use check::{CheckError, Report, check};
pub use connection::{stamp, unaudited};
pub use database::AuditDatabase;
pub use error::CaptureError;
pub use log::{Log, LogError, log};
pub use migrate::{MigrateError, migrate};
pub use pool::{Attach, ContextScope, attach};
pub use record::{RecordError, record};
pub use transaction::begin;
