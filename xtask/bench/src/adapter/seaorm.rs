//! SeaORM: its connection over a pool of sqlx, statements by its `Statement`.

use std::sync::Arc;

use anyhow::{Context, Result};
use audit_core::Audit;
use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, Statement, TransactionTrait, Value,
};
use sqlx::{MySql, Postgres, Sqlite};

use super::sqlx::{WAIT, plain};
use super::{Client, Opening, Pool};
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
    fn over(pool: sqlx::Pool<Self>) -> DatabaseConnection;

    /// The pool in a connection of this database.
    fn pool(connection: &DatabaseConnection) -> sqlx::Pool<Self>;
}

/// Expands to the [`Backend`] of a database, whose methods SeaORM names after it.
macro_rules! backend {
    ($database:ty, $url:literal, $open_with:ident, $pool:ident) => {
        impl Backend for $database {
            const URL: &'static str = $url;

            fn open_with(options: &mut ConnectOptions, target: OptionsOf<Self>) {
                options.$open_with(move |_| target.clone());
            }

            fn over(pool: sqlx::Pool<Self>) -> DatabaseConnection {
                pool.into()
            }

            fn pool(connection: &DatabaseConnection) -> sqlx::Pool<Self> {
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

struct Seaorm<DB: Engine> {
    connection: DatabaseConnection,
    /// The pool inside.
    pool: sqlx::Pool<DB>,
    variant: Variant,
}

/// Opens a connection.
pub(super) async fn open<DB: Engine>(opening: Opening) -> Result<Pool> {
    let connection = match &opening.audit {
        Some(audit) => attach::<DB>(&opening, audit).await?,
        None => DB::over(plain(&opening).await?),
    };
    Ok(Arc::new(Seaorm {
        pool: DB::pool(&connection),
        connection,
        variant: opening.variant,
    }))
}

async fn attach<DB: Engine>(opening: &Opening, audit: &Audit) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(DB::URL);
    options
        .max_connections(opening.connections)
        .acquire_timeout(WAIT);
    DB::open_with(&mut options, DB::options(&opening.url, opening.through)?);
    Ok(audit_seaorm::attach(options, audit).connect().await?)
}

fn statement(connection: &impl ConnectionTrait, call: Call) -> Statement {
    let values = call.binds.into_iter().map(|bind| match bind {
        Bind::Integer(number) => Value::from(number),
        Bind::Null => Value::from(None::<String>),
        Bind::Text(text) => Value::from(text),
    });
    Statement::from_sql_and_values(connection.get_database_backend(), call.sql, values)
}

async fn execute(connection: &impl ConnectionTrait, call: Call) -> Result<u64> {
    let statement = statement(connection, call);
    Ok(connection.execute_raw(statement).await?.rows_affected())
}

impl<DB: Engine> Client for Seaorm<DB> {
    fn execute(&self, call: Call) -> BoxFuture<'_, Result<u64>> {
        Box::pin(execute(&self.connection, call))
    }

    fn fetch(&self, call: Call) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            let statement = statement(&self.connection, call);
            let row = self.connection.query_one_raw(statement).await?;
            let row = row.context("the row is gone")?;
            let (email, name): (String, String) =
                (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            Ok(email.len() + name.len())
        })
    }

    fn transaction(&self, calls: Vec<Call>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let connection = &self.connection;
            let transaction = if self.variant.is_attached() {
                audit_seaorm::begin(connection).await?
            } else if self.variant.has_hand_hooks() {
                // SeaORM writes its BEGIN itself, so the id of the transaction travels with the
                // stamp.
                let stamp = DB::hand_transaction(STAMP.try_with(Clone::clone).unwrap_or_default());
                STAMP.scope(stamp, connection.begin()).await?
            } else {
                connection.begin().await?
            };
            for call in calls {
                execute(&transaction, call).await?;
            }
            transaction.commit().await.context("the commit")
        })
    }

    fn is_idle(&self) -> bool {
        self.pool.num_idle() > 0
    }

    fn close(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.pool.close().await })
    }
}
