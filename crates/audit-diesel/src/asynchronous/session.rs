//! A connection of diesel-async, as the audit log uses one.

use audit_adapter::Rows;
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use diesel::result::Error;
use diesel_async::TransactionManager;
use futures_core::future::BoxFuture;

use super::database::sealed::Capture;
use crate::blocking;
use crate::refusal::Adapter;

/// A connection that is borrowed for work of ours.
pub(crate) struct Session<'c, C>(pub(crate) &'c mut C);

impl<C: Capture> audit_adapter::Session for Session<'_, C> {
    type Adapter = Adapter;
    type Error = Error;

    const DIALECT: Dialect = C::DIALECT;

    fn run<'c>(&'c mut self, text: &'c str) -> BoxFuture<'c, Result<(), Error>> {
        Box::pin(self.0.batch_execute(text))
    }

    fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, Result<Rows, Error>> {
        self.0.texts(query)
    }
}

/// How many transactions Diesel has opened on the connection, savepoints included.
///
/// # Errors
/// When an earlier one has left it in a state that Diesel does not use any more.
pub(crate) fn depth<C: Capture>(connection: &mut C) -> Result<usize, Error> {
    let status = C::TransactionManager::transaction_manager_status_mut(connection);
    blocking::depth_of(status)
}

/// Whether Diesel has opened a transaction on the connection.
///
/// # Errors
/// As [`depth`].
pub(crate) fn is_in_transaction<C: Capture>(connection: &mut C) -> Result<bool, Error> {
    Ok(depth(connection)? > 0)
}

/// Refuses a connection on which Diesel has opened a transaction, for work that opens its own.
///
/// # Errors
/// `Error::AlreadyInTransaction`.
pub(crate) fn outside_a_transaction<C: Capture>(connection: &mut C) -> Result<(), Error> {
    match is_in_transaction(connection)? {
        true => Err(Error::AlreadyInTransaction),
        false => Ok(()),
    }
}
