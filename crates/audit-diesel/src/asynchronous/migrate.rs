//! The shared migration, and the triggers for the audited tables.

use audit_adapter::{self as adapter, Attachment, ContextScope, Report, prepare};
use audit_core::Audit;

use super::check::examine;
use super::database::AsyncAuditConnection;
use super::session::{Session, outside_a_transaction};
use crate::blocking::{MigrateError, unreadable};

/// Brings the audit tables to the newest shape, installs the triggers that the rules ask for, and
/// ends with a [`check`](super::check()), probe and all. It can run again at any time, and by many
/// processes at once. Afterwards the connection carries the context of this task.
///
/// On SQLite the triggers belong to the connections: this one has them then, those of an attached
/// pool get them at their next checkout.
///
/// # Errors
/// [`MigrateError`]; what had been done by then is rolled back where the database can.
/// `Error::AlreadyInTransaction` inside a transaction of Diesel's, before anything runs.
///
/// # Cancel safety
/// A connection on which the future was dropped is inside a transaction: close it. An attached pool
/// does not hand it out again.
pub async fn migrate<C: AsyncAuditConnection>(
    connection: &mut C,
    audit: &Audit,
) -> Result<Report, MigrateError> {
    let connection = connection.raw();
    let failed = MigrateError::Database;
    outside_a_transaction(connection).map_err(failed)?;
    adapter::migrate(&mut Session(connection), audit).await?;
    let attachment = Attachment::new(audit, ContextScope::Connection);
    let prepared = prepare(&mut Session(connection), &attachment).await;
    prepared.map_err(unreadable).map_err(failed)?;
    let report = examine(connection, audit).await?;
    Ok(adapter::allowed(report, audit)?)
}
