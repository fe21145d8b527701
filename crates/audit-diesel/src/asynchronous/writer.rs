//! Changing rows for audit-store.

use audit_adapter::Until;
use audit_core::log::Rows;
use audit_core::query::BoundQuery;
use audit_core::{Dialect, LogReader, RowWriter};

use super::connection::stamp_until;
use super::database::AsyncAuditConnection;
use super::log::ConnectionReader;
use crate::blocking::LogError;

/// Changes rows through a connection on which a transaction is open; see [`writer`].
#[derive(Debug)]
pub struct Writer<'c, C>(ConnectionReader<'c, C>);

/// What audit-store changes rows through: a connection on which the caller has a transaction open, as
/// after [`begin`](super::begin) or inside of diesel-async's `transaction`. What it did is there when
/// the caller commits.
pub fn writer<C: AsyncAuditConnection>(connection: &mut C) -> Writer<'_, C> {
    Writer(ConnectionReader(connection))
}

impl<C: AsyncAuditConnection> LogReader for Writer<'_, C> {
    type Error = LogError;

    fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    async fn texts(&mut self, query: &BoundQuery) -> Result<Rows, LogError> {
        self.0.texts(query).await
    }
}

impl<C: AsyncAuditConnection> RowWriter for Writer<'_, C> {
    async fn stamp(&mut self) -> Result<(), LogError> {
        let stamped = stamp_until(&mut *self.0.0, Until::TransactionEnd).await;
        stamped.map_err(LogError::Database)
    }
}
