//! Whether the database captures what the rules ask for.

use std::fmt::Display;
use std::future::Future;
use std::ops::DerefMut;

use audit_adapter::{
    self as adapter, Attachment, ContextScope, Report, Stamping, prepare,
    triggers_are_on_connection,
};
use audit_core::{Audit, OnDrift};

use super::connection::stamp;
use super::database::AsyncAuditConnection;
use super::database::sealed::Capture;
use super::session::{Session, outside_a_transaction};
use crate::blocking::{CheckError, unreachable, unreadable};

/// Compares the triggers in the database with those that the rules ask for, and proves by a probe
/// that they work: under a context of its own it writes to the table `audit_probe`, looks at what
/// arrives in the log, and rolls back. Afterwards the connection carries the context of this task.
///
/// It proves triggers and connection; that a pool puts the context on its connections is what
/// [`check_pool`] proves. What the probe needs is as for the blocking [`check`](crate::check()).
///
/// # Errors
/// [`CheckError::Denied`] when there are gaps and `OnDrift::Deny` is set;
/// `Error::AlreadyInTransaction` inside a transaction of Diesel's.
///
/// # Cancel safety
/// Nothing is written. A connection on which the future was dropped is inside a transaction: close
/// it. An attached pool does not hand it out again.
pub async fn check<C: AsyncAuditConnection>(
    connection: &mut C,
    audit: &Audit,
) -> Result<Report, CheckError> {
    let connection = connection.raw();
    outside_a_transaction(connection).map_err(CheckError::Database)?;
    let mut report = examine(connection, audit).await?;
    if report.has_gaps() && audit.on_drift() == OnDrift::Install {
        install(connection, audit).await?;
        report = examine(connection, audit).await?;
    }
    adapter::allowed(report, audit)
}

/// [`check`] through a pool: `get` takes a connection out of it, in the context of the probe, so
/// that the probe proves the hooks of [`attach`](super::attach) as well. A service may call it at
/// start.
///
/// Under [`ContextScope::Transaction`] nothing is on a connection of the pool: call [`check`].
///
/// # Errors
/// As [`check`]; [`CheckError::Database`] when `get` fails.
pub async fn check_pool<C, P, E, F>(
    audit: &Audit,
    get: impl Fn() -> F + Sync,
) -> Result<Report, CheckError>
where
    C: AsyncAuditConnection,
    P: DerefMut<Target = C> + Send,
    E: Display,
    F: Future<Output = Result<P, E>> + Send,
{
    let mut report = examine_pool(audit, &get).await?;
    if report.has_gaps() && audit.on_drift() == OnDrift::Install {
        let mut connection = get().await.map_err(unreachable)?;
        install(connection.raw(), audit).await?;
        drop(connection);
        report = examine_pool(audit, &get).await?;
    }
    adapter::allowed(report, audit)
}

async fn examine_pool<C, P, E, F>(
    audit: &Audit,
    get: &(impl Fn() -> F + Sync),
) -> Result<Report, CheckError>
where
    C: AsyncAuditConnection,
    P: DerefMut<Target = C> + Send,
    E: Display,
    F: Future<Output = Result<P, E>> + Send,
{
    let probe = adapter::new_probe();
    let connection = probe.context().clone().scope(get()).await;
    let mut connection = connection.map_err(unreachable)?;
    let session = &mut Session(connection.raw());
    adapter::examine(session, audit, &probe, &Stamping::Checkout).await
}

/// Examines a connection that is stamped by hand, and gives it back to the context of this task.
pub(crate) async fn examine<C: Capture>(
    connection: &mut C,
    audit: &Audit,
) -> Result<Report, CheckError> {
    let probe = adapter::new_probe();
    let stamping = Stamping::of(None, audit, &probe);
    let report = adapter::examine(&mut Session(connection), audit, &probe, &stamping).await;
    stamp(connection).await.map_err(CheckError::Database)?;
    report
}

/// Makes the triggers those that the rules ask for.
async fn install<C: Capture>(connection: &mut C, audit: &Audit) -> Result<(), CheckError> {
    let session = &mut Session(connection);
    if triggers_are_on_connection(C::DIALECT) {
        let attachment = Attachment::new(audit, ContextScope::Connection);
        let prepared = prepare(session, &attachment).await;
        return prepared.map_err(unreadable).map_err(CheckError::Database);
    }
    adapter::install(session, audit).await
}
