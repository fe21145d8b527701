//! Events that the application records itself.

use audit_core::ManualEvent;

use super::database::AsyncAuditConnection;
use super::session::Session;
use crate::blocking::RecordError;

/// Records an event in the caller's transaction: it is there when the transaction commits, and
/// gone when it rolls back. Who, where and why come from the context on the connection.
///
/// # Errors
/// [`RecordError::Event`] before anything runs, [`RecordError::Database`] when the database
/// refuses the event.
pub async fn record<C: AsyncAuditConnection>(
    connection: &mut C,
    event: ManualEvent,
) -> Result<(), RecordError> {
    let connection = connection.current().await;
    let connection = connection.map_err(RecordError::Database)?;
    audit_adapter::record(&mut Session(connection), event).await
}
