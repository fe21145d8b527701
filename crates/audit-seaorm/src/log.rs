//! Reading the log: the paved path.

use audit_core::query::LogQuery;
use audit_core::{Event, LogReader};
use audit_sqlx::LogError;
use sea_orm::DatabaseConnection;

use crate::backend::with_pool;
use crate::error::unsupported;

/// Which events to read from a database, newest first; see [`log`].
pub type Log = audit_core::Log<ConnectionReader>;

/// Reads the log through a connection of SeaORM.
#[derive(Debug, Clone)]
pub struct ConnectionReader(DatabaseConnection);

/// Starts reading the log of the database behind a connection, attached or not.
pub fn log(connection: &DatabaseConnection) -> Log {
    Log::new(ConnectionReader(connection.clone()))
}

impl LogReader for ConnectionReader {
    type Error = LogError;

    async fn read(&mut self, query: &LogQuery) -> Result<Vec<Event>, LogError> {
        with_pool!(&self.0,
            pool => audit_sqlx::log(pool).matching(query.clone()).list().await,
            else Err(LogError::Database(unsupported())))
    }
}
