//! SeaORM: its connection over a pool of sqlx, statements by its `Statement`.

use std::time::Duration;

use anyhow::{Context, Result};
use audit_core::Audit;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, Statement, TransactionTrait, Value,
};
use sqlx::{MySql, Pool, Postgres, Sqlite};

use crate::caller::STAMP;
use crate::engine::{Bind, Call, Engine, OptionsOf};
use crate::variant::Variant;

/// What differs between the databases of SeaORM.
pub(crate) trait Backend: sqlx::Database {
    /// A URL that names the database and nothing that is used.
    const URL: &'static str;

    /// Has every connection opened with these options of sqlx.
    fn open_with(options: &mut ConnectOptions, target: OptionsOf<Self>);

    /// The connection over a pool.
    fn over(pool: Pool<Self>) -> DatabaseConnection;

    /// The pool in a connection of this database.
    fn pool(connection: &DatabaseConnection) -> Pool<Self>;
}

/// Expands to the [`Backend`] of a database, whose methods SeaORM names after it.
macro_rules! backend {
    ($database:ty, $url:literal, $open_with:ident, $pool:ident) => {
        impl Backend for $database {
            const URL: &'static str = $url;

            fn open_with(options: &mut ConnectOptions, target: OptionsOf<Self>) {
                options.$open_with(move |_| target.clone());
            }

            fn over(pool: Pool<Self>) -> DatabaseConnection {
                pool.into()
            }

            fn pool(connection: &DatabaseConnection) -> Pool<Self> {
                connection.$pool().clone()
            }
        }
    };
}

backend!(
    Sqlite,
    "sqlite::memory:",
    map_sqlx_sqlite_opts,
    get_sqlite_connection_pool
);
backend!(
    Postgres,
    "postgres://localhost",
    map_sqlx_postgres_opts,
    get_postgres_connection_pool
);
backend!(
    MySql,
    "mysql://localhost",
    map_sqlx_mysql_opts,
    get_mysql_connection_pool
);

/// Opens an attached connection.
pub(crate) async fn attach<DB: Engine>(
    target: OptionsOf<DB>,
    connections: u32,
    wait: Duration,
    audit: &Audit,
) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(DB::URL);
    options.max_connections(connections).acquire_timeout(wait);
    DB::open_with(&mut options, target);
    let attach = audit_seaorm::attach(options, audit);
    attach.connect().await.context("an attached connection")
}

fn statement(connection: &impl ConnectionTrait, call: Call) -> Statement {
    let values = call.binds.into_iter().map(|bind| match bind {
        Bind::Integer(number) => Value::from(number),
        Bind::Text(text) => Value::from(text),
    });
    Statement::from_sql_and_values(connection.get_database_backend(), call.sql, values)
}

/// Runs a statement; gives the number of rows.
pub(crate) async fn execute(connection: &impl ConnectionTrait, call: Call) -> Result<u64> {
    let statement = statement(connection, call);
    Ok(connection.execute_raw(statement).await?.rows_affected())
}

/// Reads one row; gives the length of its texts.
pub(crate) async fn fetch(connection: &DatabaseConnection, call: Call) -> Result<usize> {
    let row = connection
        .query_one_raw(statement(connection, call))
        .await?;
    let row = row.context("the row is gone")?;
    let (email, name): (String, String) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
    Ok(email.len() + name.len())
}

/// Runs statements in one transaction.
pub(crate) async fn transaction<DB: Engine>(
    connection: &DatabaseConnection,
    variant: Variant,
    calls: Vec<Call>,
) -> Result<()> {
    let transaction = if variant.is_attached() {
        audit_seaorm::begin(connection).await?
    } else if variant.has_hand_hooks() {
        // SeaORM writes its BEGIN itself, so the id of the transaction travels with the stamp.
        let stamp = DB::hand_transaction(STAMP.try_with(Clone::clone).unwrap_or_default());
        STAMP.scope(stamp, connection.begin()).await?
    } else {
        connection.begin().await?
    };
    for call in calls {
        execute(&transaction, call).await?;
    }
    transaction.commit().await.context("the commit")
}
