//! Transactions that carry the context.

use std::future::Future;

use audit_adapter::{Attachment, ContextScope};
use audit_core::Audit;
use diesel::result::Error;
use diesel_async::TransactionManager;

use super::database::AsyncAuditConnection;
use super::database::sealed::Capture as _;
use super::session::{is_in_transaction, outside_a_transaction};
use crate::options::TransactionOptions;

/// Work on a connection, such as `async |connection| { .. }`. It is implemented for every such
/// closure whose future is `Send`.
pub trait AsyncWork<C, R>: AsyncFnOnce(C) -> R + FnOnce(C) -> Self::Work {
    /// The future of the work.
    type Work: Future<Output = R>;
}

impl<F, C, Work, R> AsyncWork<C, R> for F
where
    F: AsyncFnOnce(C) -> R + FnOnce(C) -> Work,
    Work: Future<Output = R>,
{
    type Work = Work;
}

/// Runs work in a transaction that carries the context of this task, in the number of round trips
/// that `AsyncConnection::transaction` takes. It commits when the work is `Ok`, and rolls back when
/// it is not. Inside a transaction of Diesel's it opens a savepoint, and the context stays as it is.
///
/// On PostgreSQL the context ends with the transaction, which is all there is of it under
/// [`ContextScope::Transaction`]; elsewhere it stays on the connection, as after
/// [`stamp`](super::stamp). On MySQL the transaction has an id in the log.
///
/// # Errors
/// As `AsyncConnection::transaction`: the error of the work, or of opening or ending the
/// transaction.
///
/// # Cancel safety
/// A connection on which the future was dropped is inside a transaction: Diesel's pools close it.
pub async fn transaction<C, T, E, F>(connection: &mut C, audit: &Audit, work: F) -> Result<T, E>
where
    C: AsyncAuditConnection,
    for<'c> F: AsyncFnOnce(&'c mut C) -> Result<T, E>
        + AsyncWork<&'c mut C, Result<T, E>, Work: Send>
        + Send,
    E: From<Error> + Send,
    T: Send,
{
    begin(connection, audit).await?;
    ended(connection, work).await
}

/// Runs work as [`transaction`] does, with an isolation level or another of
/// [`TransactionOptions`]. It cannot be a savepoint, which has none of its own.
///
/// # Errors
/// As [`transaction`] and [`begin_with_options`].
///
/// # Cancel safety
/// As [`transaction`].
pub async fn transaction_with_options<C, T, E, F>(
    connection: &mut C,
    audit: &Audit,
    options: TransactionOptions,
    work: F,
) -> Result<T, E>
where
    C: AsyncAuditConnection,
    for<'c> F: AsyncFnOnce(&'c mut C) -> Result<T, E>
        + AsyncWork<&'c mut C, Result<T, E>, Work: Send>
        + Send,
    E: From<Error> + Send,
    T: Send,
{
    begin_with_options(connection, audit, options).await?;
    ended(connection, work).await
}

/// Runs work in an open transaction and ends it as the work does.
pub(super) async fn ended<C, T, E, F>(connection: &mut C, work: F) -> Result<T, E>
where
    C: AsyncAuditConnection,
    for<'c> F: AsyncFnOnce(&'c mut C) -> Result<T, E>
        + AsyncWork<&'c mut C, Result<T, E>, Work: Send>
        + Send,
    E: From<Error> + Send,
    T: Send,
{
    match work(connection).await {
        Ok(value) => {
            C::TransactionManager::commit_transaction(connection).await?;
            Ok(value)
        }
        Err(error) => match C::TransactionManager::rollback_transaction(connection).await {
            // A broken transaction is most likely the work's doing.
            Ok(()) | Err(Error::BrokenTransactionManager) => Err(error),
            Err(rollback) => Err(rollback.into()),
        },
    }
}

/// Opens the transaction of [`transaction`] alone, for work that is no closure. Diesel ends it:
/// `commit_transaction` or `rollback_transaction` of the connection's `TransactionManager`.
///
/// # Errors
/// When it cannot be opened, or an earlier one has left the connection in a state that Diesel does
/// not use any more.
///
/// # Cancel safety
/// As [`transaction`].
pub async fn begin<C: AsyncAuditConnection>(
    connection: &mut C,
    audit: &Audit,
) -> Result<(), Error> {
    match is_in_transaction(connection.raw())? {
        true => C::TransactionManager::begin_transaction(connection).await,
        false => begin_with_options(connection, audit, TransactionOptions::new()).await,
    }
}

/// Opens the transaction of [`transaction_with_options`] alone, as [`begin`] does.
///
/// # Errors
/// As [`begin`]; `Error::AlreadyInTransaction` inside a transaction of Diesel's;
/// [`UnsupportedOption`](crate::UnsupportedOption) in an `Error::QueryBuilderError` when the
/// database has no such option.
///
/// # Cancel safety
/// As [`transaction`].
pub async fn begin_with_options<C: AsyncAuditConnection>(
    connection: &mut C,
    audit: &Audit,
    options: TransactionOptions,
) -> Result<(), Error> {
    outside_a_transaction(connection.raw())?;
    let opening = options.opening(C::Raw::DIALECT)?;
    let attachment = Attachment::new(audit, ContextScope::Transaction);
    connection.begin_by(&opening, &attachment).await
}
