//! Events that the application records itself.

use audit_core::ManualEvent;
use sqlx::Connection;

use crate::database::AuditDatabase;
use crate::session::Session;

/// A manual event was not recorded.
pub type RecordError = audit_adapter::RecordError<sqlx::Error>;

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
    audit_adapter::record(&mut Session::<C::Database>(connection), event).await
}
