//! Reading the log.

use audit_core::EventError;
use audit_core::query::QueryError;

/// The log could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError<E: std::error::Error + 'static> {
    /// The query cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The database failed.
    #[error("the database failed at a statement of the audit log")]
    Database(#[source] E),
    /// A stored row is not an event.
    #[error(transparent)]
    Stored(#[from] EventError),
}
