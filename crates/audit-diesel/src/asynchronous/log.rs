//! Reading the log: the paved path.

use audit_adapter::Session as _;
use audit_core::log::Rows;
use audit_core::query::BoundQuery;
use audit_core::{Dialect, LogReader};

use super::database::AsyncAuditConnection;
use super::database::sealed::Capture as _;
use super::session::Session;
use crate::blocking::LogError;

/// Which events to read, newest first; see [`log`].
pub type Log<'c, C> = audit_core::Log<ConnectionReader<'c, C>>;

/// Reads the log through a connection.
#[derive(Debug)]
pub struct ConnectionReader<'c, C>(pub(super) &'c mut C);

/// Starts reading the log of the database behind a connection. Any connection will do, attached or
/// not.
pub fn log<C: AsyncAuditConnection>(connection: &mut C) -> Log<'_, C> {
    Log::new(ConnectionReader(connection))
}

impl<C: AsyncAuditConnection> LogReader for ConnectionReader<'_, C> {
    type Error = LogError;

    fn dialect(&self) -> Dialect {
        C::Raw::DIALECT
    }

    async fn texts(&mut self, query: &BoundQuery) -> Result<Rows, LogError> {
        let rows = Session(self.0.raw()).texts(query).await;
        rows.map_err(LogError::Database)
    }
}
