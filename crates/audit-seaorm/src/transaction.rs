//! Transactions that carry the context.

use std::future::Future;
use std::pin::Pin;

use audit_adapter::{Until, replacement};
use audit_core::context;
use audit_sqlx::adapter;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel,
    TransactionError, TransactionOptions, TransactionSession, TransactionTrait,
};

use crate::backend::with_pool;
use crate::error::{conn, unsupported};
use crate::record;

/// Opens a transaction that carries the context of this task: SeaORM's own type, in the number of
/// round trips that `connection.begin()` takes; one more with
/// [`ContextScope::Transaction`](crate::ContextScope::Transaction).
///
/// Nested transactions are SeaORM's own: `transaction.begin()` is a savepoint, whose changes are
/// recorded with those around it.
///
/// # Errors
/// As `begin` of SeaORM; `sqlx::Error::Configuration` inside a `DbErr::Conn` when the connection
/// was not opened by [`attach`](crate::attach).
///
/// # Cancel safety
/// A dropped future leaves no transaction open: the connection is rolled back or closed before
/// anyone else gets it.
pub async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    stamped(connection, connection.begin()).await
}

/// Opens a transaction as [`begin`] does, with an isolation level or access mode.
///
/// # Errors
/// As [`begin`].
///
/// # Cancel safety
/// As [`begin`].
pub async fn begin_with_config(
    connection: &DatabaseConnection,
    isolation_level: Option<IsolationLevel>,
    access_mode: Option<AccessMode>,
) -> Result<DatabaseTransaction, DbErr> {
    let begin = connection.begin_with_config(isolation_level, access_mode);
    stamped(connection, begin).await
}

/// Opens a transaction as [`begin`] does, with all that SeaORM can say of one, the mode of SQLite
/// among it.
///
/// # Errors
/// As [`begin`].
///
/// # Cancel safety
/// As [`begin`].
pub async fn begin_with_options(
    connection: &DatabaseConnection,
    options: TransactionOptions,
) -> Result<DatabaseTransaction, DbErr> {
    stamped(connection, connection.begin_with_options(options)).await
}

/// Runs work in a transaction of [`begin`]: committed when it succeeds, rolled back with all its
/// events when it fails. The closure is the one that `connection.transaction(..)` takes.
///
/// # Errors
/// `TransactionError::Transaction` with the error of the work; `TransactionError::Connection` as
/// [`begin`], or when the transaction cannot be ended.
///
/// # Cancel safety
/// As [`begin`].
pub async fn transaction<F, T, E>(
    connection: &DatabaseConnection,
    work: F,
) -> Result<T, TransactionError<E>>
where
    F: for<'c> FnOnce(
        &'c DatabaseTransaction,
    ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>,
{
    transaction_with_config(connection, work, None, None).await
}

/// Runs work as [`transaction`] does, with an isolation level or access mode.
///
/// # Errors
/// As [`transaction`].
///
/// # Cancel safety
/// As [`begin`].
pub async fn transaction_with_config<F, T, E>(
    connection: &DatabaseConnection,
    work: F,
    isolation_level: Option<IsolationLevel>,
    access_mode: Option<AccessMode>,
) -> Result<T, TransactionError<E>>
where
    F: for<'c> FnOnce(
        &'c DatabaseTransaction,
    ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>,
{
    let transaction = begin_with_config(connection, isolation_level, access_mode)
        .await
        .map_err(TransactionError::Connection)?;
    let result = work(&transaction).await;
    ended(transaction, result).await
}

/// Runs work as [`transaction`] does; an `async` closure may borrow what is around it. It is the
/// one that `connection.transaction_async(..)` takes.
///
/// # Errors
/// As [`transaction`].
///
/// # Cancel safety
/// As [`begin`].
pub async fn transaction_async<F, T, E>(
    connection: &DatabaseConnection,
    work: F,
) -> Result<T, TransactionError<E>>
where
    F: for<'c> AsyncFnOnce(&'c DatabaseTransaction) -> Result<T, E>,
{
    let transaction = begin(connection)
        .await
        .map_err(TransactionError::Connection)?;
    let result = work(&transaction).await;
    ended(transaction, result).await
}

/// Ends a transaction as its work did.
pub(crate) async fn ended<T, E>(
    transaction: impl TransactionSession,
    result: Result<T, E>,
) -> Result<T, TransactionError<E>> {
    let ended = match result {
        Ok(_) => transaction.commit().await,
        Err(_) => transaction.rollback().await,
    };
    ended.map_err(TransactionError::Connection)?;
    result.map_err(TransactionError::Transaction)
}

/// Puts the context of this task on the connection of a transaction that is held for longer than
/// one scope. Until this is called, it keeps the context of its beginning.
///
/// Outside every scope it gets the fallback of the pool that it came from: the service and
/// environment, and the actor of `MissingContext::System`.
///
/// # Errors
/// When the statement fails.
pub async fn stamp(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    stamp_until(transaction, Until::Replaced).await
}

/// The same for as long as is said.
pub(crate) async fn stamp_until(
    transaction: &DatabaseTransaction,
    until: Until,
) -> Result<(), DbErr> {
    let current = context::current().map(|context| context.stamp(None, None));
    let dialect = record::dialect(transaction.get_database_backend())?;
    let query = replacement(dialect, current.as_deref(), until);
    record::run(transaction, query).await
}

/// Opens a transaction of an attached connection, in the way of SeaORM that is given.
async fn stamped(
    connection: &DatabaseConnection,
    begin: impl Future<Output = Result<DatabaseTransaction, DbErr>>,
) -> Result<DatabaseTransaction, DbErr> {
    let (transaction, first) = with_pool!(connection,
        pool => adapter::begin(pool, begin).await.map_err(conn)?,
        else return Err(conn(unsupported())));
    let transaction = transaction?;
    if let Some(first) = first {
        transaction.execute_unprepared(&first).await?;
    }
    Ok(transaction)
}
