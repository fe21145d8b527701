//! Whether the database captures what the rules ask for.

use audit_sqlx::{CheckError, Report};
use sea_orm::DatabaseConnection;

use crate::backend::with_pool;
use crate::error::unsupported;

/// Compares the triggers in the database with those that the rules of an attached connection ask
/// for, and proves by a probe that they work: [`audit_sqlx::check`] on its pool. A service may call
/// it at start.
///
/// # Errors
/// [`CheckError::Denied`] when there are gaps and `OnDrift::Deny` is set; `CheckError::Database`
/// with `sqlx::Error::Configuration` when the connection was not opened by
/// [`attach`](crate::attach).
///
/// # Cancel safety
/// A dropped future leaves no transaction open and nothing written; its connection is closed.
pub async fn check(connection: &DatabaseConnection) -> Result<Report, CheckError> {
    with_pool!(connection, pool => audit_sqlx::check(pool).await,
        else Err(CheckError::Database(unsupported())))
}
