//! Events that the application records itself.

use audit_core::{ManualEvent, ManualEventError};

use crate::session::Session;

/// A manual event was not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError<E: std::error::Error + 'static> {
    /// The event is not complete.
    #[error(transparent)]
    Event(#[from] ManualEventError),
    /// The database refused it.
    #[error("the event could not be written; the transaction can be rolled back")]
    Database(#[source] E),
}

/// Records an event in the caller's transaction: it is there when the transaction commits, and
/// gone when it rolls back. Who, where and why come from the context on the connection.
///
/// # Errors
/// [`RecordError::Event`] before anything runs, [`RecordError::Database`] when the database
/// refuses the event.
pub async fn record<S: Session>(
    session: &mut S,
    event: ManualEvent,
) -> Result<(), RecordError<S::Error>> {
    let query = audit_capture::manual_insert(S::DIALECT, &event.to_texts()?);
    let done = session.texts(&query).await;
    done.map(|_| ()).map_err(RecordError::Database)
}
