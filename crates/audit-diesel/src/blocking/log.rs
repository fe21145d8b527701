//! Reading the log: the paved path.

use audit_core::query::LogQuery;
use audit_core::{BlockingLogReader, Event};
use diesel::result::Error;

use super::database::AuditConnection;
use super::session::{Session, finish};

/// Which events to read, newest first; see [`log`].
pub type Log<'c, C> = audit_core::Log<ConnectionReader<'c, C>>;

/// Reads the log through a connection.
#[derive(Debug)]
pub struct ConnectionReader<'c, C>(&'c mut C);

/// The log could not be read.
pub type LogError = audit_adapter::LogError<Error>;

/// Starts reading the log of the database behind a connection; `load` reads. Any connection will
/// do, attached or not.
pub fn log<C: AuditConnection>(connection: &mut C) -> Log<'_, C> {
    Log::new(ConnectionReader(connection))
}

impl<C: AuditConnection> BlockingLogReader for ConnectionReader<'_, C> {
    type Error = LogError;

    fn read(&mut self, query: &LogQuery) -> Result<Vec<Event>, LogError> {
        finish(audit_adapter::read_log(&mut Session(self.0.raw()), query))
    }
}
