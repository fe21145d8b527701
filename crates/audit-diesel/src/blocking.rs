//! Connections that block: `diesel::Connection`, plain or out of r2d2.

mod check;
mod connection;
mod database;
#[cfg(feature = "executor")]
mod executor;
mod inside;
mod log;
mod manager;
mod migrate;
#[cfg(feature = "migrations")]
mod migrations;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod session;
#[cfg(feature = "sqlite")]
mod sqlite;
mod transaction;
mod writer;

pub use check::{CheckError, check, check_pool};
pub use connection::{AttachError, attach, establish, stamp, unaudited};
pub use database::AuditConnection;
#[cfg(feature = "executor")]
pub use executor::AuditedConnection;
pub use inside::AnyConnection;
pub use log::{ConnectionReader, Log, LogError, log};
pub use manager::AuditedManager;
pub use migrate::{MigrateError, migrate};
#[cfg(feature = "migrations")]
pub use migrations::AuditMigrations;
pub use record::{RecordError, record};
pub use transaction::{begin, begin_with_options, transaction, transaction_with_options};
pub use writer::{Writer, writer};

#[cfg(any(feature = "async", feature = "deadpool-diesel"))]
pub(crate) use connection::initialize;
#[cfg(feature = "async")]
pub(crate) use connection::knows_functions;
#[cfg(feature = "deadpool-diesel")]
pub(crate) use database::Cleared;
#[cfg(all(feature = "async", feature = "executor"))]
pub(crate) use executor::unregistered;
#[cfg(all(feature = "async-sqlite", feature = "executor"))]
pub(crate) use sqlite::put_on_held;
#[cfg(feature = "async-sqlite")]
pub(crate) use sqlite::{put_on_idle, texts};
#[cfg(feature = "async")]
pub(crate) use {
    check::unreachable,
    session::{depth_of, unreadable},
};
