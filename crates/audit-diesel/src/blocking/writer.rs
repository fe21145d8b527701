//! Changing rows for audit-store.

use audit_adapter::Until;
use audit_core::log::Rows;
use audit_core::query::BoundQuery;
use audit_core::{BlockingLogReader, BlockingRowWriter, Dialect};

use super::database::AuditConnection;
use super::log::{ConnectionReader, LogError};

/// Changes rows through a connection on which a transaction is open; see [`writer`].
#[derive(Debug)]
pub struct Writer<'c, C>(ConnectionReader<'c, C>);

/// What audit-store changes rows through, wrapped in its `Blocking`: a connection on which the caller
/// has a transaction open, as inside of [`begin`](crate::begin) or Diesel's own `transaction`. What it
/// did is there when the caller commits.
pub fn writer<C: AuditConnection>(connection: &mut C) -> Writer<'_, C> {
    Writer(ConnectionReader::new(connection))
}

impl<C: AuditConnection> BlockingLogReader for Writer<'_, C> {
    type Error = LogError;

    fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    fn texts(&mut self, query: &BoundQuery) -> Result<Rows, LogError> {
        self.0.texts(query)
    }
}

impl<C: AuditConnection> BlockingRowWriter for Writer<'_, C> {
    fn stamp(&mut self) -> Result<(), LogError> {
        let stamped = self
            .0
            .connection
            .inside()
            .stamp_until(Until::TransactionEnd);
        stamped.map_err(LogError::Database)
    }
}
