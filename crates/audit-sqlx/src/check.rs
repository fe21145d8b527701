//! Whether the database captures what the rules ask for.

use audit_adapter::{self as adapter, Report, Stamping, Strategy};
use audit_core::{Dialect, OnDrift};
use sqlx::Pool;

use crate::database::AuditDatabase;
use crate::held::Held;
use crate::session::{Session, unreadable};
use crate::{attachment, migrate};

/// The check could not be made, or found gaps that are not allowed.
pub type CheckError = adapter::CheckError<sqlx::Error>;

/// Compares the triggers in the database with those that the rules of an attached pool ask for,
/// and proves by a probe that they work: on a connection of the pool, under a context of its own,
/// it writes to the table `audit_probe`, looks at what arrives in the log, and rolls back. A
/// service may call it at start.
///
/// The probe proves the connection that it got. It needs no right on the log: on PostgreSQL every
/// role may make it; on MySQL the account needs SELECT, INSERT, UPDATE and DELETE on
/// `audit_probe`. It takes five round trips or fewer, and on SQLite the lock of writers while they
/// last; a database that stays locked for longer than the connection waits is
/// [`ProbeBusy`](crate::Finding::ProbeBusy).
///
/// # Errors
/// [`CheckError::Denied`] when there are gaps and `OnDrift::Deny` is set;
/// `sqlx::Error::Configuration` when the pool was not built by [`attach`](crate::attach).
///
/// # Cancel safety
/// A dropped future leaves no transaction open and nothing written; its connection is closed.
pub async fn check<DB: AuditDatabase>(pool: &Pool<DB>) -> Result<Report, CheckError> {
    check_by(pool, Strategy::Triggers).await
}

/// The same where statements write their own events (`AuditedPool::inline`): triggers of ours on tables of
/// the application are a finding there, and what the probe proves is that the log takes events. Which tables
/// have something in the way of statements is told by `AuditedPool::obstacles`.
///
/// # Errors
/// As [`check`].
///
/// # Cancel safety
/// As [`check`].
#[cfg(all(feature = "executor", feature = "postgres"))]
pub async fn check_inline(pool: &sqlx::PgPool) -> Result<Report, CheckError> {
    check_by(pool, Strategy::Inline).await
}

async fn check_by<DB: AuditDatabase>(
    pool: &Pool<DB>,
    strategy: Strategy,
) -> Result<Report, CheckError> {
    let failed = CheckError::Database;
    let attachment = attachment::find(pool).map_err(failed)?;
    let audit = attachment.audit();
    let probe = adapter::new_probe();
    let stamping = Stamping::of(Some(&attachment), audit, &probe);
    let acquire = || probe.context().scope(Held::acquire(pool));
    let mut connection = acquire().await.map_err(failed)?;
    let session = &mut Session::<DB>(&mut connection);
    let mut report = adapter::examine_by(session, audit, strategy, &probe, &stamping).await?;
    if report.has_gaps() && audit.on_drift() == OnDrift::Install {
        if DB::DIALECT == Dialect::Sqlite {
            let prepared = adapter::prepare(session, &attachment).await;
            prepared.map_err(unreadable).map_err(failed)?;
        } else {
            connection.give_back();
            migrate::install::<DB>(pool, audit, strategy).await?;
            connection = acquire().await.map_err(failed)?;
        }
        let session = &mut Session::<DB>(&mut connection);
        report = adapter::examine_by(session, audit, strategy, &probe, &stamping).await?;
    }
    connection.give_back();
    adapter::allowed(report, audit)
}
