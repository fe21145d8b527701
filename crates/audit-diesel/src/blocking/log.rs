//! Reading the log: the paved path.

use audit_core::log::Rows;
use audit_core::query::BoundQuery;
use audit_core::{BlockingLogReader, Dialect};
use diesel::result::Error;

use super::database::AuditConnection;

/// Which events to read, newest first; see [`log`].
pub type Log<'c, C> = audit_core::Log<ConnectionReader<'c, C>>;

/// Reads the log through a connection.
#[derive(Debug)]
pub struct ConnectionReader<'c, C> {
    pub(super) connection: &'c mut C,
    dialect: Dialect,
}

impl<'c, C: AuditConnection> ConnectionReader<'c, C> {
    pub(super) fn new(connection: &'c mut C) -> Self {
        let dialect = connection.inside().dialect_inside();
        Self {
            connection,
            dialect,
        }
    }
}

/// The log could not be read.
pub type LogError = audit_adapter::LogError<Error>;

/// Starts reading the log of the database behind a connection; `load` reads. Any connection will
/// do, attached or not.
pub fn log<C: AuditConnection>(connection: &mut C) -> Log<'_, C> {
    Log::new(ConnectionReader::new(connection))
}

impl<C: AuditConnection> BlockingLogReader for ConnectionReader<'_, C> {
    type Error = LogError;

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn texts(&mut self, query: &BoundQuery) -> Result<Rows, LogError> {
        let rows = self.connection.inside().rows(query);
        rows.map_err(LogError::Database)
    }
}
