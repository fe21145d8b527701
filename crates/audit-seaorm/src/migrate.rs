//! The shared migration, and the triggers for the audited tables.

use audit_core::Audit;
use audit_sqlx::{MigrateError, Report};
use sea_orm::DatabaseConnection;

use crate::backend::with_pool;
use crate::error::unsupported;

/// Brings the audit tables to the newest shape, installs the triggers that the rules ask for, and
/// ends with a [`check`](crate::check), probe and all: [`audit_sqlx::migrate`] on the pool of the
/// connection. It can run again at any time, and by many processes at once.
///
/// On SQLite, where the triggers belong to the connections, the connection must be an attached one.
///
/// # Errors
/// [`MigrateError`]; what had been done by then is rolled back where the database can.
pub async fn migrate(
    connection: &DatabaseConnection,
    audit: &Audit,
) -> Result<Report, MigrateError> {
    with_pool!(connection, pool => audit_sqlx::migrate(pool, audit).await,
        else Err(MigrateError::Database(unsupported())))
}
