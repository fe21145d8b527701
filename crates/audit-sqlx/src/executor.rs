//! Types that statements run through: each statement has the context of the task that runs it.

mod connection;
mod pool;
mod statement;
mod transaction;

pub use connection::AuditedConnection;
pub use pool::AuditedPool;
pub use transaction::{AuditedTransaction, Interrupted};
