//! Whether the database captures what the rules ask for.

use audit_adapter::{
    self as adapter, Attachment, ContextScope, Report, Stamping, prepare,
    triggers_are_on_connection,
};
use audit_core::{Audit, OnDrift};
use diesel::r2d2::{ManageConnection, Pool};
use diesel::result::{DatabaseErrorKind, Error};

use super::connection::stamp;
use super::database::AuditConnection;
use super::database::sealed::Capture;
use super::manager::AuditedManager;
use super::session::{Session, finish, outside_a_transaction, unreadable};

/// The check could not be made, or found gaps that are not allowed.
pub type CheckError = adapter::CheckError<Error>;

/// Compares the triggers in the database with those that the rules ask for, and proves by a probe
/// that they work: under a context of its own it writes to the table `audit_probe`, looks at what
/// arrives in the log, and rolls back. Afterwards the connection carries the context of this thread.
///
/// It proves triggers and connection; that a pool puts the context on its connections is what
/// [`check_pool`] proves.
///
/// The probe needs no right on the log: on PostgreSQL every role may make it; on MySQL the account
/// needs SELECT, INSERT, UPDATE and DELETE on `audit_probe`. On SQLite it takes the lock of writers
/// while it lasts; a database that stays locked for longer than the connection waits is
/// [`Finding::ProbeBusy`](crate::Finding::ProbeBusy).
///
/// # Errors
/// [`CheckError::Denied`] when there are gaps and `OnDrift::Deny` is set;
/// `Error::AlreadyInTransaction` inside a transaction of Diesel's.
pub fn check<C: AuditConnection>(connection: &mut C, audit: &Audit) -> Result<Report, CheckError> {
    connection.inside().check(audit)
}

/// The same on Diesel's own connection.
pub(super) fn checked<C: Capture>(connection: &mut C, audit: &Audit) -> Result<Report, CheckError> {
    outside_a_transaction(connection).map_err(CheckError::Database)?;
    let mut report = examine(connection, audit)?;
    if report.has_gaps() && audit.on_drift() == OnDrift::Install {
        install(connection, audit)?;
        report = examine(connection, audit)?;
    }
    adapter::allowed(report, audit)
}

/// [`check`] through a pool: the connection is taken out of it in the context of the probe, so that
/// the probe proves the hooks of [`AuditedManager`] as well. A service may call it at start. That the
/// pool's builder has set `test_on_check_out` to `false` is a gap.
///
/// Under [`ContextScope::Transaction`] nothing is on a connection of the pool: call [`check`].
///
/// # Errors
/// As [`check`]; [`CheckError::Database`] when the pool has no connection to give.
pub fn check_pool<M>(pool: &Pool<AuditedManager<M>>, audit: &Audit) -> Result<Report, CheckError>
where
    M: ManageConnection<Connection: AuditConnection, Error: From<Error>>,
{
    let mut report = examine_pool(pool, audit)?;
    if report.has_gaps() && audit.on_drift() == OnDrift::Install {
        let mut connection = pool.get().map_err(unreachable)?;
        connection.inside().install(audit)?;
        drop(connection);
        report = examine_pool(pool, audit)?;
    }
    adapter::allowed(report, audit)
}

fn examine_pool<M>(pool: &Pool<AuditedManager<M>>, audit: &Audit) -> Result<Report, CheckError>
where
    M: ManageConnection<Connection: AuditConnection, Error: From<Error>>,
{
    let probe = adapter::new_probe();
    let connection = probe.context().sync_scope(|| pool.get());
    let mut connection = connection.map_err(unreachable)?;
    connection.inside().check_taken(audit, &probe)
}

/// Examines a connection that is stamped by hand, and gives it back to the context of this thread.
pub(crate) fn examine<C: Capture>(connection: &mut C, audit: &Audit) -> Result<Report, CheckError> {
    let probe = adapter::new_probe();
    let stamping = Stamping::of(None, audit, &probe);
    let report = finish(adapter::examine(
        &mut Session(connection),
        audit,
        &probe,
        &stamping,
    ));
    stamp(connection).map_err(CheckError::Database)?;
    report
}

/// Makes the triggers those that the rules ask for.
pub(super) fn install<C: Capture>(connection: &mut C, audit: &Audit) -> Result<(), CheckError> {
    let session = &mut Session(connection);
    if triggers_are_on_connection(C::DIALECT) {
        let attachment = Attachment::new(audit, ContextScope::Connection);
        let prepared = finish(prepare(session, &attachment));
        return prepared.map_err(unreadable).map_err(CheckError::Database);
    }
    finish(adapter::install(session, audit))
}

/// The pool's error is a text by now.
pub(crate) fn unreachable(error: impl std::fmt::Display) -> CheckError {
    let told = Box::new(error.to_string());
    CheckError::Database(Error::DatabaseError(
        DatabaseErrorKind::ClosedConnection,
        told,
    ))
}
