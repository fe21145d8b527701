//! SeaORM's traits over the executors of sqlx: each statement has the context of the task that runs it.

mod connection;
mod driver;
mod options;
mod runner;
mod shared;
mod traits;
mod transaction;

pub use connection::AuditedConnection;
pub use transaction::AuditedTransaction;
