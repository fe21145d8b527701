//! The shared migration, and the triggers for the audited tables.

use audit_adapter::{self as adapter, Report, Stamping, Strategy};
use audit_core::{Audit, Dialect};
use sqlx::Pool;

use crate::attachment;
use crate::check::CheckError;
use crate::database::AuditDatabase;
use crate::held::Held;
use crate::session::{Session, unreadable};

/// The audit tables or triggers could not be brought to where the rules want them.
pub type MigrateError = adapter::MigrateError<sqlx::Error>;

/// Brings the audit tables to the newest shape, installs the triggers that the rules ask for, and
/// ends with a [`check`](crate::check()), probe and all. It can run again at any time, and by many
/// processes at once.
///
/// On SQLite, where the triggers belong to the connections, the pool must be an attached one.
///
/// # Errors
/// [`MigrateError`]; what had been done by then is rolled back where the database can.
///
/// # Cancel safety
/// When the future is dropped its connection is closed. On MySQL, where statements of a migration
/// commit by themselves, run it again then.
pub async fn migrate<DB: AuditDatabase>(
    pool: &Pool<DB>,
    audit: &Audit,
) -> Result<Report, MigrateError> {
    migrate_by(pool, audit, Strategy::Triggers).await
}

/// Brings the audit tables to the newest shape for statements that write their own events
/// (`AuditedPool::inline`): triggers of ours are removed from the application's tables. It ends with a
/// [`check_inline`](crate::check_inline), can run again at any time, and by many processes at once. The
/// application's role then needs what `audit_capture::inline::Planner::grants` lists.
///
/// # Errors
/// As [`migrate`].
///
/// # Cancel safety
/// When the future is dropped its connection is closed.
#[cfg(all(feature = "executor", feature = "postgres"))]
pub async fn migrate_inline(pool: &sqlx::PgPool, audit: &Audit) -> Result<Report, MigrateError> {
    migrate_by(pool, audit, Strategy::Inline).await
}

async fn migrate_by<DB: AuditDatabase>(
    pool: &Pool<DB>,
    audit: &Audit,
    strategy: Strategy,
) -> Result<Report, MigrateError> {
    let attachment = match attachment::find(pool) {
        Err(error) if DB::DIALECT == Dialect::Sqlite => return Err(MigrateError::Database(error)),
        found => found.ok(),
    };
    let failed = MigrateError::Database;
    let mut connection = Held::acquire(pool).await.map_err(failed)?;
    adapter::migrate_by(&mut Session::<DB>(&mut connection), audit, strategy).await?;
    let probe = adapter::new_probe();
    if let Some(attachment) = &attachment {
        // The application's connections are what is to be proved.
        let prepared = adapter::prepare(&mut Session::<DB>(&mut connection), attachment).await;
        prepared.map_err(unreadable).map_err(failed)?;
        connection.give_back();
        connection = probe
            .context()
            .scope(Held::acquire(pool))
            .await
            .map_err(failed)?;
    }
    let stamping = Stamping::of(attachment.as_deref(), audit, &probe);
    let session = &mut Session::<DB>(&mut connection);
    let report = adapter::examine_by(session, audit, strategy, &probe, &stamping).await?;
    connection.give_back();
    Ok(adapter::allowed(report, audit)?)
}

/// Brings the audit tables to the newest shape, and does nothing else.
pub(crate) async fn tables<DB: AuditDatabase>(pool: &Pool<DB>) -> Result<(), MigrateError> {
    let connection = Held::acquire(pool).await;
    let mut connection = connection.map_err(MigrateError::Database)?;
    adapter::migrate_tables(&mut Session::<DB>(&mut connection)).await?;
    connection.give_back();
    Ok(())
}

/// Makes the triggers of the schema those that the rules ask for, on a connection of its own.
pub(crate) async fn install<DB: AuditDatabase>(
    pool: &Pool<DB>,
    audit: &Audit,
    strategy: Strategy,
) -> Result<(), CheckError> {
    let mut connection = Held::acquire(pool).await.map_err(CheckError::Database)?;
    adapter::install_by(&mut Session::<DB>(&mut connection), audit, strategy).await?;
    connection.give_back();
    Ok(())
}
