//! Transactions that carry the context.

use audit_adapter::{Attachment, ContextScope};
use audit_core::Audit;
use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use diesel::result::Error;

use super::database::AuditConnection;
use super::database::sealed::Capture as _;
use super::session::is_in_transaction;

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
    match work(connection) {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(connection.raw())?;
            Ok(value)
        }
        Err(error) => match AnsiTransactionManager::rollback_transaction(connection.raw()) {
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
    let connection = connection.raw();
    if is_in_transaction(connection)? {
        return AnsiTransactionManager::begin_transaction(connection);
    }
    let attachment = Attachment::new(audit, ContextScope::Transaction);
    let stamp = attachment.current_stamp();
    match C::Raw::begin_statement(&stamp) {
        Some(text) => AnsiTransactionManager::begin_transaction_sql(connection, &text),
        None => {
            connection.check_out(&attachment, &stamp)?;
            AnsiTransactionManager::begin_transaction(connection)
        }
    }
}
