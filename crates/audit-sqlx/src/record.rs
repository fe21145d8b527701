//! Events that the application records itself.

use audit_core::{ManualEvent, ManualEventError};
use sqlx::Connection;

use crate::database::{AuditDatabase, sealed::Capture};

/// A manual event was not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The event is not complete.
    #[error(transparent)]
    Event(#[from] ManualEventError),
    /// The database refused it.
    #[error("the event could not be written; the transaction can be rolled back")]
    Database(#[from] sqlx::Error),
}

/// Records an event in the caller's transaction: it is there when the transaction commits, and
/// gone when it rolls back. Who, where and why come from the context on the connection.
///
/// # Errors
/// [`RecordError::Event`] before anything runs, [`RecordError::Database`] when the database
/// refuses the event.
pub async fn record<C>(connection: &mut C, event: ManualEvent) -> Result<(), RecordError>
where
    C: Connection<Database: AuditDatabase>,
{
    let query = audit_capture::manual_insert(<C::Database as Capture>::DIALECT, &event.to_texts()?);
    <C::Database as Capture>::texts(connection, &query).await?;
    Ok(())
}
