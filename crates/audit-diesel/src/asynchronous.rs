//! Connections of diesel-async: those of its pools, and those that the caller holds.
//!
//! | pool | what runs at checkout |
//! |---|---|
//! | deadpool | the manager's recycling method, at every checkout but the first of a connection, for which it is the set-up |
//! | bb8 | the recycling method, at every checkout; **leave `test_on_check_out` as it is**, `true` |
//! | mobc | the recycling method, at every checkout but the first; **leave `test_on_check_out` as it is, and set no `health_check_interval`** |
//!
//! [`attach`] puts the context on the connection there, in place of the ping. Nothing is taken off
//! at release, where these pools have no hook that could wait: a connection that is idle carries
//! the context of its last user until the next checkout replaces it. A pool that is told to skip
//! its checks hands out connections with the context of somebody else; [`check_pool`] finds that.

mod attach;
mod check;
mod connection;
mod database;
#[cfg(feature = "executor")]
mod executor;
mod log;
mod migrate;
#[cfg(feature = "async-mysql")]
mod mysql;
#[cfg(feature = "async-postgres")]
mod postgres;
mod record;
mod session;
#[cfg(feature = "async-sqlite")]
mod sqlite;
mod transaction;
mod writer;

pub use attach::{Attach, attach};
pub use check::{check, check_pool};
pub use connection::{attach_connection, establish, stamp, unaudited};
pub use database::AsyncAuditConnection;
#[cfg(feature = "executor")]
pub use executor::AuditedAsyncConnection;
pub use log::{ConnectionReader, Log, log};
pub use migrate::migrate;
pub use record::record;
pub use transaction::{
    AsyncWork, begin, begin_with_options, transaction, transaction_with_options,
};
pub use writer::{Writer, writer};
