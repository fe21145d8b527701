//! Reading the log: the paved path.

use audit_adapter::Session as _;
use audit_core::log::Rows;
use audit_core::query::BoundQuery;
use audit_core::{Dialect, LogReader};
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

    fn dialect(&self) -> Dialect {
        DB::DIALECT
    }

    async fn texts(&mut self, query: &BoundQuery) -> Result<Rows, LogError> {
        let connection = Held::acquire(&self.0).await;
        let mut connection = connection.map_err(LogError::Database)?;
        let rows = Session::<DB>(&mut connection).texts(query).await;
        let rows = rows.map_err(LogError::Database)?;
        connection.give_back();
        Ok(rows)
    }
}
