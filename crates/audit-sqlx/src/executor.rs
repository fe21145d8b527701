//! Types that statements run through: each statement has the context of the task that runs it.

mod connection;
mod inline;
mod opened;
mod pool;
mod refusal;
mod run;
mod statement;
mod transaction;

pub use connection::AuditedConnection;
pub use inline::InlineOptions;
pub use opened::{Opened, interrupt};
pub use pool::AuditedPool;
pub use refusal::InlineRefusal;
pub(crate) use run::Run;
pub use transaction::{AuditedTransaction, Interrupted};
