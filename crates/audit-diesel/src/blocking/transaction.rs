//! Transactions that carry the context.

use audit_adapter::{Attachment, ContextScope};
use audit_core::Audit;
use diesel::QueryResult;
use diesel::result::Error;

use super::database::AuditConnection;
use crate::options::TransactionOptions;

/// Runs work in a transaction that carries the context of this thread, in the number of round trips
/// that `Connection::transaction` takes. It commits when the work is `Ok`, and rolls back when it is
/// not. Inside a transaction of Diesel's it opens a savepoint, and the context stays as it is.
///
/// On PostgreSQL the context ends with the transaction, which is all there is of it under
/// [`ContextScope::Transaction`]; elsewhere it stays on the connection, as after
/// [`stamp`](crate::stamp). On MySQL the transaction has an id in the log.
///
/// # Errors
/// As `diesel::Connection::transaction`: the error of the work, or of opening or ending the
/// transaction.
pub fn transaction<C, T, E>(
    connection: &mut C,
    audit: &Audit,
    work: impl FnOnce(&mut C) -> Result<T, E>,
) -> Result<T, E>
where
    C: AuditConnection,
    E: From<Error>,
{
    begin(connection, audit)?;
    ended(connection, work, commit, rollback)
}

/// Runs work as [`transaction`] does, with an isolation level or another of
/// [`TransactionOptions`]. It cannot be a savepoint, which has none of its own.
///
/// # Errors
/// As [`transaction`] and [`begin_with_options`].
pub fn transaction_with_options<C, T, E>(
    connection: &mut C,
    audit: &Audit,
    options: TransactionOptions,
    work: impl FnOnce(&mut C) -> Result<T, E>,
) -> Result<T, E>
where
    C: AuditConnection,
    E: From<Error>,
{
    begin_with_options(connection, audit, options)?;
    ended(connection, work, commit, rollback)
}

fn commit<C: AuditConnection>(connection: &mut C) -> QueryResult<()> {
    connection.inside().commit()
}

fn rollback<C: AuditConnection>(connection: &mut C) -> QueryResult<()> {
    connection.inside().rollback()
}

/// Runs work in an open transaction and ends it as the work does.
pub(super) fn ended<C, T, E>(
    connection: &mut C,
    work: impl FnOnce(&mut C) -> Result<T, E>,
    commit: fn(&mut C) -> QueryResult<()>,
    rollback: fn(&mut C) -> QueryResult<()>,
) -> Result<T, E>
where
    E: From<Error>,
{
    match work(connection) {
        Ok(value) => {
            commit(connection)?;
            Ok(value)
        }
        Err(error) => match rollback(connection) {
            // A broken transaction is most likely the work's doing.
            Ok(()) | Err(Error::BrokenTransactionManager) => Err(error),
            Err(rollback) => Err(rollback.into()),
        },
    }
}

/// Opens the transaction of [`transaction`] alone, for work that is no closure. Diesel ends it:
/// `AnsiTransactionManager::commit_transaction` or `rollback_transaction`, of Diesel's
/// `TransactionManager`. A pool closes a connection that comes back without.
///
/// # Errors
/// When it cannot be opened, or an earlier one has left the connection in a state that Diesel does
/// not use any more.
pub fn begin<C: AuditConnection>(connection: &mut C, audit: &Audit) -> Result<(), Error> {
    let inside = connection.inside();
    match inside.is_inside_a_transaction()? {
        true => inside.begin_savepoint(),
        false => begin_with_options(connection, audit, TransactionOptions::new()),
    }
}

/// Opens the transaction of [`transaction_with_options`] alone, as [`begin`] does.
///
/// # Errors
/// As [`begin`]; `Error::AlreadyInTransaction` inside a transaction of Diesel's;
/// [`UnsupportedOption`](crate::UnsupportedOption) in an `Error::QueryBuilderError` when the
/// database has no such option.
pub fn begin_with_options<C: AuditConnection>(
    connection: &mut C,
    audit: &Audit,
    options: TransactionOptions,
) -> Result<(), Error> {
    let connection = connection.inside();
    if connection.is_inside_a_transaction()? {
        return Err(Error::AlreadyInTransaction);
    }
    let opening = options.opening(connection.dialect_inside())?;
    let attachment = Attachment::new(audit, ContextScope::Transaction);
    connection.begin_by(opening, &attachment, &attachment.current_stamp())
}
