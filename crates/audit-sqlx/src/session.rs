//! Statements that set something on the session of a server.

use sqlx::{Connection, Database, SqlSafeStr};

use crate::database::{ConnectionOf, Stamped};

/// Runs a statement and tells whether a transaction is open after it, by the state that the server
/// ends its answer with. Only sqlx's own way of opening a transaction looks at that state: it
/// fails when none is open, which is what is wanted here.
pub(crate) async fn set_outside_a_transaction<DB: Database>(
    connection: &mut ConnectionOf<DB>,
    statement: impl SqlSafeStr + Send,
) -> Result<Stamped, sqlx::Error> {
    match connection.begin_with(statement).await {
        Err(sqlx::Error::BeginFailed) => Ok(Stamped::Yes),
        Ok(_) | Err(sqlx::Error::InvalidSavePointStatement) => Ok(Stamped::InTransaction),
        // The open transaction has failed, and takes no statement any more (PostgreSQL).
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("25P02") => {
            Ok(Stamped::InTransaction)
        }
        Err(error) => Err(error),
    }
}
