//! Transactions that carry the context.

use audit_adapter::ContextScope;
use sqlx::{AssertSqlSafe, Pool, Transaction};

use crate::attachment;
use crate::database::AuditDatabase;

/// Opens a transaction that carries the context of this task: sqlx's own type, in the number of
/// round trips that `pool.begin()` takes.
///
/// # Errors
/// As `sqlx::Pool::begin`; `sqlx::Error::Configuration` when the pool was not built by
/// [`attach`](crate::attach).
///
/// # Cancel safety
/// A dropped future leaves no transaction open: the connection is rolled back or closed before
/// anyone else gets it.
pub async fn begin<DB: AuditDatabase>(
    pool: &Pool<DB>,
) -> Result<Transaction<'static, DB>, sqlx::Error> {
    let attachment = attachment::find(pool)?;
    let statement = match attachment.scope() {
        ContextScope::Connection => DB::begin_statement(None, None),
        ContextScope::Transaction => DB::begin_statement(None, Some(&attachment.current_stamp())),
    };
    match statement {
        None => pool.begin().await,
        Some(text) => pool.begin_with(AssertSqlSafe(text)).await,
    }
}
