//! A type that statements run through: each statement has the context of the task that runs it.

mod connection;
mod diesel_traits;
#[cfg(feature = "async-postgres")]
mod pipeline;
mod run;
mod save_changes;
mod transaction;

pub use connection::AuditedAsyncConnection;
pub(super) use run::Run;
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
pub(super) use run::{execute_alone, load_alone, run_alone, runs_alone};
