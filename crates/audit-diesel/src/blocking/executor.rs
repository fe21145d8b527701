//! A type that statements run through: each statement has the context of the thread that runs it.

mod connection;
#[cfg(feature = "postgres")]
mod copy;
mod diesel_traits;
mod save_changes;
mod transaction;

pub use connection::AuditedConnection;
#[cfg(feature = "async")]
pub(crate) use diesel_traits::unregistered;
