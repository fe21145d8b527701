//! What differs between databases; everything else of the bench is generic over it.

use std::future::Future;
use std::net::SocketAddr;
use std::task::Poll;

use anyhow::Result;
use audit_core::{Audit, Dialect};
use audit_sqlx::{AuditDatabase, MigrateError, Report};
use futures_util::future::BoxFuture;
use sqlx::{Connection, Database, Pool};

use crate::adapter::{Opener, SeaormBackend};
use crate::caller::Caller;
use crate::op::Op;
use crate::variant::Variant;

/// A value of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Bind {
    Integer(i64),
    Null,
    Text(String),
}

/// A statement and its values.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) sql: &'static str,
    pub(crate) binds: Vec<Bind>,
}

/// The options of a connection.
pub(crate) type OptionsOf<DB> = <<DB as Database>::Connection as Connection>::Options;

/// The statements of the operations, with their values in the order of the text.
#[derive(Debug)]
pub(crate) struct Statements {
    /// id, email, name.
    pub(crate) insert: &'static str,
    /// name, id.
    pub(crate) update: &'static str,
    /// id.
    pub(crate) delete: &'static str,
    /// first id, last id.
    pub(crate) update1000: &'static str,
    /// number before the first id, twice.
    pub(crate) insert1000: &'static str,
    /// id.
    pub(crate) select: &'static str,
    /// id.
    pub(crate) unaudited: &'static str,
}

/// A database of the bench.
pub(crate) trait Engine: AuditDatabase + SeaormBackend {
    const KIND: Dialect;
    const STATEMENTS: Statements;
    /// The tables of the application.
    const SCHEMA: &'static str;
    /// The table of events.
    const LOG: &'static str;
    /// Takes the index of records off the log.
    const DROP_INDEX: &'static str;
    /// Whether calls travel over a network.
    const HAS_WIRE: bool;
    /// What connections start with that sqlx has options for.
    const SETTINGS: &'static str;
    /// Opens pools of Diesel; `None` where it was built without the client library.
    const DIESEL: Option<Opener>;
    /// Opens pools whose statements write their own events; `None` where there are none.
    const INLINE: Option<Opener> = None;
    /// Opens pools of diesel-async.
    const DIESEL_ASYNC: Opener;

    /// Makes an empty database; gives its URL.
    fn create(server: &str, name: &str) -> impl Future<Output = Result<String>> + Send;

    /// Removes it.
    fn drop_database(server: &str, name: &str) -> impl Future<Output = Result<()>> + Send;

    /// What the server needs before the first measurement, and its version.
    fn prepare_server(server: &str) -> impl Future<Output = Result<String>> + Send;

    /// Undoes it.
    fn restore_server(server: &str) -> impl Future<Output = Result<()>> + Send;

    /// The options of a connection that the application opens; `through` replaces the address.
    fn options(url: &str, through: Option<SocketAddr>) -> Result<OptionsOf<Self>>;

    /// A pool of one connection on which no trigger of ours stands in the way where that can be.
    fn admin(url: &str) -> impl Future<Output = Result<Pool<Self>>> + Send;

    /// The triggers written by hand for the schema; the empty text where they belong to
    /// connections.
    fn hand_schema(variant: Variant) -> String;

    /// What a connection with hooks written by hand needs as it opens.
    fn hand_prepare(
        connection: &mut Self::Connection,
        variant: Variant,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// Sends the stamp at checkout; `false` when a transaction was left open.
    fn hand_stamp(
        connection: &mut Self::Connection,
        variant: Variant,
        stamp: String,
    ) -> BoxFuture<'_, Result<bool, sqlx::Error>>;

    /// Takes the stamp off; `false` when a transaction was left open.
    fn hand_clear(
        connection: &mut Self::Connection,
        variant: Variant,
    ) -> BoxFuture<'_, Result<bool, sqlx::Error>>;

    /// The stamp of a caller as the hooks of a variant send it.
    fn hand_text(_variant: Variant, caller: Caller) -> String {
        caller.slots()
    }

    /// What opens a transaction by hand, in one message; `None` for sqlx's own BEGIN.
    fn hand_begin() -> Option<String> {
        None
    }

    /// The stamp with the id of a transaction that is about to begin, where the stamp has one.
    fn hand_transaction(stamp: String) -> String {
        stamp
    }

    /// Makes the audit tables, and what a variant needs.
    fn migrate(
        pool: &Pool<Self>,
        audit: &Audit,
        _variant: Variant,
    ) -> impl Future<Output = Result<Report, MigrateError>> + Send {
        audit_sqlx::migrate(pool, audit)
    }

    /// The statement that writes a change and its event at once, on a server of this major
    /// version; `None` where there is none.
    fn floor(op: Op, version: u32) -> Option<&'static str>;

    /// Removes all events.
    fn clear_log(admin: &Pool<Self>, variant: Variant) -> impl Future<Output = Result<()>> + Send;

    /// Brings the database to rest: what a checkpoint or a vacuum would do at some time anyway.
    fn settle(admin: &Pool<Self>) -> impl Future<Output = Result<()>> + Send;

    /// The bytes of the audit tables.
    fn log_bytes(admin: &Pool<Self>, variant: Variant) -> impl Future<Output = Result<u64>> + Send;

    /// The expression that gives a column as text.
    fn as_text(column: &str) -> String;

    /// Runs a prepared statement on a pool; gives the number of rows.
    fn execute(
        pool: &Pool<Self>,
        call: Call,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Runs a prepared statement on a connection.
    fn execute_on(
        connection: &mut Self::Connection,
        call: Call,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Reads one row; gives the length of its texts.
    fn fetch(
        pool: &Pool<Self>,
        call: Call,
    ) -> impl Future<Output = Result<usize, sqlx::Error>> + Send;

    /// Runs a text of many statements.
    fn script(
        pool: &Pool<Self>,
        text: String,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Reads rows of texts.
    fn read_texts(
        pool: &Pool<Self>,
        sql: String,
    ) -> impl Future<Output = Result<Vec<Vec<Option<String>>>, sqlx::Error>> + Send;
}

/// Sends a statement and leaves its answer to whoever uses the connection next. sqlx keeps count of
/// the answers it has not read, because any future may be dropped while it waits.
pub(crate) async fn sent<F>(statement: F) -> Result<bool, sqlx::Error>
where
    F: Future<Output = Result<bool, sqlx::Error>>,
{
    let mut statement = std::pin::pin!(statement);
    std::future::poll_fn(|task| match statement.as_mut().poll(task) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => Poll::Ready(Ok(true)),
    })
    .await
}

/// Expands to the calls of [`Engine`] that are the same text for every driver, whose types have
/// no trait in common.
macro_rules! calls {
    () => {
        async fn execute(
            pool: &sqlx::Pool<Self>,
            call: $crate::engine::Call,
        ) -> Result<u64, sqlx::Error> {
            let done = bound!(call).execute(pool).await?;
            Ok(done.rows_affected())
        }

        async fn execute_on(
            connection: &mut Self::Connection,
            call: $crate::engine::Call,
        ) -> Result<u64, sqlx::Error> {
            let done = bound!(call).execute(connection).await?;
            Ok(done.rows_affected())
        }

        async fn fetch(
            pool: &sqlx::Pool<Self>,
            call: $crate::engine::Call,
        ) -> Result<usize, sqlx::Error> {
            let row = bound!(call).fetch_one(pool).await?;
            let (email, name): (&str, &str) = (row.try_get(1)?, row.try_get(2)?);
            Ok(email.len() + name.len())
        }

        async fn script(pool: &sqlx::Pool<Self>, text: String) -> Result<(), sqlx::Error> {
            sqlx::raw_sql(sqlx::AssertSqlSafe(text))
                .execute(pool)
                .await?;
            Ok(())
        }

        async fn read_texts(
            pool: &sqlx::Pool<Self>,
            sql: String,
        ) -> Result<Vec<Vec<Option<String>>>, sqlx::Error> {
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
                .fetch_all(pool)
                .await?;
            rows.iter()
                .map(|row| (0..row.len()).map(|index| row.try_get(index)).collect())
                .collect()
        }
    };
}

/// Expands to a query with its values.
macro_rules! bound {
    ($call:expr) => {{
        let mut query = sqlx::query($call.sql);
        for bind in $call.binds {
            query = match bind {
                $crate::engine::Bind::Integer(number) => query.bind(number),
                $crate::engine::Bind::Null => query.bind(None::<String>),
                $crate::engine::Bind::Text(text) => query.bind(text),
            };
        }
        query
    }};
}

pub(crate) use {bound, calls};
