//! Reading the log: the paved path.

use audit_core::Event;
use audit_core::query::LogQuery;
use audit_sqlx::LogError;
use sea_orm::DatabaseConnection;

use crate::backend::with_pool;
use crate::error::unsupported;

/// Which events to read, newest first; see [`log`].
#[derive(Debug, Clone)]
#[must_use = "call `list` to read"]
pub struct Log {
    connection: DatabaseConnection,
    query: LogQuery,
}

/// Starts reading the log of the database behind a connection, attached or not.
pub fn log(connection: &DatabaseConnection) -> Log {
    Log {
        connection: connection.clone(),
        query: LogQuery::new(),
    }
}

impl Log {
    /// Replaces what was asked so far by a query of audit-core.
    pub fn matching(mut self, query: LogQuery) -> Self {
        self.query = query;
        self
    }

    /// Reads the events.
    ///
    /// # Errors
    /// [`LogError::Query`] when a time or the limit cannot be, [`LogError::Database`] when the
    /// database fails, [`LogError::Stored`] when a row was not written by this log.
    pub async fn list(&self) -> Result<Vec<Event>, LogError> {
        with_pool!(&self.connection,
            pool => audit_sqlx::log(pool).matching(self.query.clone()).list().await,
            else Err(unsupported().into()))
    }
}
