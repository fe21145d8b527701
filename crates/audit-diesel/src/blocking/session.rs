//! A connection that blocks, as the audit log uses one.

use std::future::ready;

use audit_adapter::{CatalogReadError, Rows};
use audit_core::Dialect;
pub(crate) use audit_core::log::finish;
use audit_core::query::BoundQuery;
use diesel::connection::TransactionManager;
use diesel::result::Error;
use futures_core::future::BoxFuture;

use super::database::sealed::Capture;
use crate::refusal::Adapter;

/// A connection that is borrowed for work of ours.
pub(crate) struct Session<'c, C>(pub(crate) &'c mut C);

impl<C: Capture> audit_adapter::Session for Session<'_, C> {
    type Adapter = Adapter;
    type Error = Error;

    const DIALECT: Dialect = C::DIALECT;

    fn run<'c>(&'c mut self, text: &'c str) -> BoxFuture<'c, Result<(), Error>> {
        Box::pin(ready(self.0.batch_execute(text)))
    }

    fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, Result<Rows, Error>> {
        Box::pin(ready(self.0.texts(query)))
    }
}

/// A catalog that is none is what its text could not be decoded to.
pub(crate) fn unreadable(error: CatalogReadError<Error>) -> Error {
    match error {
        CatalogReadError::Database(error) => error,
        other => Error::DeserializationError(Box::new(other)),
    }
}

/// Whether Diesel has opened a transaction on the connection.
///
/// # Errors
/// When an earlier one has left it in a state that Diesel does not use any more.
pub(crate) fn is_in_transaction<C: Capture>(connection: &mut C) -> Result<bool, Error> {
    let status = C::TransactionManager::transaction_manager_status_mut(connection);
    Ok(status.transaction_depth()?.is_some())
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
