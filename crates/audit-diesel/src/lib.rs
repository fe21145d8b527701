#![doc = include_str!("../README.md")]

#[cfg(any(
    feature = "async-mysql",
    feature = "async-postgres",
    feature = "mysql",
    feature = "postgres",
    feature = "sqlite",
))]
#[macro_use]
mod row;

#[cfg(feature = "async")]
pub mod asynchronous;
mod blocking;
#[cfg(feature = "deadpool-diesel")]
pub mod deadpool;
#[cfg(feature = "executor")]
mod executor;
mod options;
mod refusal;
#[cfg(feature = "schema")]
pub mod schema;

pub use audit_adapter::{CaptureError, ContextScope, Finding, Report};
#[cfg(feature = "migrations")]
pub use blocking::AuditMigrations;
pub use blocking::{
    AnyConnection, AttachError, AuditConnection, AuditedManager, CheckError, ConnectionReader, Log,
    LogError, MigrateError, RecordError, Writer, attach, begin, begin_with_options, check,
    check_pool, establish, log, migrate, record, stamp, transaction, transaction_with_options,
    unaudited, writer,
};
#[cfg(all(feature = "async", feature = "executor"))]
pub use executor::Interrupted;
pub use options::{TransactionOptions, UnsupportedOption};
pub use refusal::Adapter;
#[cfg(feature = "executor")]
pub use {
    blocking::AuditedConnection,
    executor::{NotAttached, TransactionBuilder},
};
