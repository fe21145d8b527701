//! What differs between the databases of SeaORM; the rest of this crate is generic over it.

use audit_sqlx::AuditDatabase;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DatabaseConnectionType, DbErr};
use sqlx::Pool;
use sqlx::pool::PoolOptions;

/// A database whose pools SeaORM builds on sqlx.
pub(crate) trait Backend: AuditDatabase {
    /// The pool behind a connection of this database.
    fn pool(connection: &DatabaseConnection) -> Option<&Pool<Self>>;

    /// Has SeaORM build its pool of these options, whatever else it is told.
    fn build_of(options: &mut ConnectOptions, pool: PoolOptions<Self>);

    /// Statements that SeaORM runs on each connection that it opens.
    fn first(_options: &ConnectOptions) -> Result<Vec<String>, DbErr> {
        Ok(Vec::new())
    }
}

/// The options of the pool that SeaORM would build: every setting of the application, whichever
/// way it was made.
pub(crate) async fn pool_options<DB: Backend>(
    options: &ConnectOptions,
) -> Result<PoolOptions<DB>, DbErr> {
    let mut plain = options.clone();
    // Nothing is to be opened on it, nor in the background.
    plain
        .connect_lazy(true)
        .min_connections(0)
        .after_connect(|_| Box::pin(std::future::ready(Ok(()))));
    let connection = Database::connect(plain).await?;
    let pool = pool::<DB>(&connection)?;
    let built = pool.options().clone();
    pool.close().await;
    Ok(match options.get_min_connections() {
        Some(min) if built.get_min_connections() == 0 => built.min_connections(min),
        _ => built,
    })
}

/// The pool behind a connection, or an error that says how to get one.
pub(crate) fn pool<DB: Backend>(connection: &DatabaseConnection) -> Result<&Pool<DB>, DbErr> {
    DB::pool(connection).ok_or_else(|| crate::error::conn(crate::error::unsupported()))
}

#[cfg(feature = "mysql")]
impl Backend for sqlx::MySql {
    fn pool(connection: &DatabaseConnection) -> Option<&Pool<Self>> {
        matches!(
            connection.inner,
            DatabaseConnectionType::SqlxMySqlPoolConnection(_)
        )
        .then(|| connection.get_mysql_connection_pool())
    }

    fn build_of(options: &mut ConnectOptions, pool: PoolOptions<Self>) {
        options.map_sqlx_mysql_pool_opts(move |_| pool.clone());
    }
}

#[cfg(feature = "postgres")]
impl Backend for sqlx::Postgres {
    fn pool(connection: &DatabaseConnection) -> Option<&Pool<Self>> {
        matches!(
            connection.inner,
            DatabaseConnectionType::SqlxPostgresPoolConnection(_)
        )
        .then(|| connection.get_postgres_connection_pool())
    }

    fn build_of(options: &mut ConnectOptions, pool: PoolOptions<Self>) {
        options.map_sqlx_postgres_pool_opts(move |_| pool.clone());
    }

    fn first(options: &ConnectOptions) -> Result<Vec<String>, DbErr> {
        crate::search_path::statement(options)
            .map(|statement| statement.into_iter().collect())
            .map_err(|error| crate::error::conn(sqlx::Error::Configuration(Box::new(error))))
    }
}

#[cfg(feature = "sqlite")]
impl Backend for sqlx::Sqlite {
    fn pool(connection: &DatabaseConnection) -> Option<&Pool<Self>> {
        matches!(
            connection.inner,
            DatabaseConnectionType::SqlxSqlitePoolConnection(_)
        )
        .then(|| connection.get_sqlite_connection_pool())
    }

    fn build_of(options: &mut ConnectOptions, pool: PoolOptions<Self>) {
        options.map_sqlx_sqlite_pool_opts(move |_| pool.clone());
    }
}

/// Does the same with the pool behind a connection, whichever database it is of: `$body` sees it as
/// `$pool`. Gives `$otherwise` for a connection without one.
macro_rules! with_pool {
    ($connection:expr, $pool:ident => $body:expr, else $otherwise:expr) => {
        'found: {
            let connection: &sea_orm::DatabaseConnection = $connection;
            #[cfg(feature = "mysql")]
            if let Some($pool) = <sqlx::MySql as $crate::backend::Backend>::pool(connection) {
                break 'found $body;
            }
            #[cfg(feature = "postgres")]
            if let Some($pool) = <sqlx::Postgres as $crate::backend::Backend>::pool(connection) {
                break 'found $body;
            }
            #[cfg(feature = "sqlite")]
            if let Some($pool) = <sqlx::Sqlite as $crate::backend::Backend>::pool(connection) {
                break 'found $body;
            }
            let _ = connection;
            $otherwise
        }
    };
}

pub(crate) use with_pool;
