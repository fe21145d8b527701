//! Events that the application records itself.

use audit_core::ManualEvent;
use diesel::result::Error;

use super::database::AuditConnection;

/// A manual event was not recorded.
pub type RecordError = audit_adapter::RecordError<Error>;

/// Records an event in the caller's transaction: it is there when the transaction commits, and
/// gone when it rolls back. Who, where and why come from the context on the connection.
///
/// # Errors
/// [`RecordError::Event`] before anything runs, [`RecordError::Database`] when the database
/// refuses the event.
pub fn record<C: AuditConnection>(
    connection: &mut C,
    event: ManualEvent,
) -> Result<(), RecordError> {
    connection.inside().record(event)
}
