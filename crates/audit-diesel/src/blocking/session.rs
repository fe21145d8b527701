//! A connection that blocks, as the audit log uses one.

use std::future::ready;
use std::num::NonZeroU32;

use audit_adapter::{CatalogReadError, Rows};
use audit_core::Dialect;
pub(crate) use audit_core::log::finish;
use audit_core::query::BoundQuery;
use diesel::connection::{TransactionManager, TransactionManagerStatus};
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

/// How many transactions Diesel has opened on the connection, savepoints included.
///
/// # Errors
/// When an earlier one has left it in a state that Diesel does not use any more.
pub(crate) fn depth<C: Capture>(connection: &mut C) -> Result<usize, Error> {
    depth_of(C::TransactionManager::transaction_manager_status_mut(
        connection,
    ))
}

/// The same of what Diesel knows of a connection.
pub(crate) fn depth_of(status: &TransactionManagerStatus) -> Result<usize, Error> {
    let depth = status.transaction_depth()?.map_or(0, NonZeroU32::get);
    Ok(usize::try_from(depth).unwrap_or(usize::MAX))
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
