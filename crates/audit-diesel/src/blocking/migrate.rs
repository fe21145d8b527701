//! The shared migration, and the triggers for the audited tables.

use audit_adapter::{self as adapter, Attachment, ContextScope, Report, prepare};
use audit_core::Audit;
use diesel::result::Error;

use super::check::examine;
use super::database::AuditConnection;
use super::database::sealed::Capture;
use super::session::{Session, finish, outside_a_transaction, unreadable};

/// The audit tables or triggers could not be brought to where the rules want them.
pub type MigrateError = adapter::MigrateError<Error>;

/// Brings the audit tables to the newest shape, installs the triggers that the rules ask for, and
/// ends with a [`check`](crate::check()), probe and all. It can run again at any time, and by many
/// processes at once. Afterwards the connection carries the context of this thread.
///
/// On SQLite the triggers belong to the connections: this one has them then, those of an
/// [`AuditedManager`](crate::AuditedManager) get them at their next checkout.
///
/// # Errors
/// [`MigrateError`]; what had been done by then is rolled back where the database can.
/// `Error::AlreadyInTransaction` inside a transaction of Diesel's, before anything runs.
pub fn migrate<C: AuditConnection>(
    connection: &mut C,
    audit: &Audit,
) -> Result<Report, MigrateError> {
    connection.inside().migrate(audit)
}

/// The same on Diesel's own connection.
pub(super) fn migrated<C: Capture>(
    connection: &mut C,
    audit: &Audit,
) -> Result<Report, MigrateError> {
    let failed = MigrateError::Database;
    outside_a_transaction(connection).map_err(failed)?;
    finish(adapter::migrate(&mut Session(connection), audit))?;
    let attachment = Attachment::new(audit, ContextScope::Connection);
    let prepared = finish(prepare(&mut Session(connection), &attachment));
    prepared.map_err(unreadable).map_err(failed)?;
    let report = examine(connection, audit)?;
    Ok(adapter::allowed(report, audit)?)
}
