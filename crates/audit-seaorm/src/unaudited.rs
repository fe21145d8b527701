//! Work without the triggers that are put on each connection.

use std::future::Future;
use std::pin::Pin;

use sea_orm::{DatabaseConnection, DbErr};

use crate::backend::with_pool;
use crate::error::{conn, unsupported};

/// Runs work on a connection without the triggers that are put on each connection, for a migration
/// of the application that they would stand in the way of (SQLite: dropping a column). Changes of
/// rows by it are **not recorded**. The others get the triggers of the schema as it is then when
/// they are next taken.
///
/// Where triggers are in the schema (PostgreSQL, MySQL) the work gets the connection as it is.
///
/// # Errors
/// The error of the work, or of opening its connection; `sqlx::Error::Configuration` inside a
/// `DbErr::Conn` when the connection has no pool of sqlx.
///
/// # Cancel safety
/// The connection of the work is in no pool: a dropped future closes it.
pub async fn unaudited<F, T, E>(connection: &DatabaseConnection, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(
        &'c DatabaseConnection,
    ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>,
    E: From<DbErr>,
{
    #[cfg(feature = "sqlite")]
    if let Some(pool) = <sqlx::Sqlite as crate::backend::Backend>::pool(connection) {
        let options = pool.connect_options().as_ref().clone();
        let plain = sqlx::sqlite::SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(|error| E::from(conn(error)))?;
        let result = work(&DatabaseConnection::from(plain.clone())).await;
        plain.close().await;
        return result;
    }
    with_pool!(connection, _pool => work(connection).await, else Err(conn(unsupported()).into()))
}
