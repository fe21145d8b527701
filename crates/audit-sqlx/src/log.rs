//! Reading the log: the paved path.

use audit_core::query::LogQuery;
use audit_core::{Event, LogReader};
use sqlx::{Database, Pool};

use crate::database::AuditDatabase;
use crate::held::Held;
use crate::session::Session;

/// Which events to read from a database, newest first; see [`log`].
pub type Log<DB> = audit_core::Log<PoolReader<DB>>;

/// Reads the log through a pool.
#[derive(Debug, Clone)]
pub struct PoolReader<DB: Database>(Pool<DB>);

/// The log could not be read.
pub type LogError = audit_adapter::LogError<sqlx::Error>;

/// Starts reading the log of the database behind a pool. Any pool will do, attached or not.
pub fn log<DB: AuditDatabase>(pool: &Pool<DB>) -> Log<DB> {
    Log::new(PoolReader(pool.clone()))
}

impl<DB: AuditDatabase> LogReader for PoolReader<DB> {
    type Error = LogError;

    async fn read(&mut self, query: &LogQuery) -> Result<Vec<Event>, LogError> {
        let connection = Held::acquire(&self.0).await;
        let mut connection = connection.map_err(LogError::Database)?;
        let events = audit_adapter::read_log(&mut Session::<DB>(&mut connection), query).await?;
        connection.give_back();
        Ok(events)
    }
}
