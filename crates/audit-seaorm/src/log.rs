//! Reading the log: the paved path.

use audit_core::log::Rows;
use audit_core::query::BoundQuery;
use audit_core::{Dialect, LogReader};
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

    fn dialect(&self) -> Dialect {
        // SeaORM panics when a connection without a pool is asked for its database; whatever is said
        // of one here, `texts` refuses it.
        with_pool!(&self.0,
            pool => audit_sqlx::log(pool).into_parts().0.dialect(),
            else Dialect::Sqlite)
    }

    async fn texts(&mut self, query: &BoundQuery) -> Result<Rows, LogError> {
        with_pool!(&self.0,
            pool => audit_sqlx::log(pool).into_parts().0.texts(query).await,
            else Err(LogError::Database(unsupported())))
    }
}
