//! MariaDB: a database for each variant, `innodb_flush_log_at_trx_commit = 2`, no general log.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::LazyLock;

use anyhow::Result;
use audit_core::Dialect;
use futures_util::future::BoxFuture;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, Executor, MySql, MySqlConnection, MySqlPool, Pool, Row};
use uuid::Uuid;

use crate::adapter::{Opener, open_diesel_async};
use crate::engine::{Bind, Call, Engine, OptionsOf, Statements, bound, calls};
use crate::op::Op;
use crate::variant::Variant;

/// The variables of a stamp, in its order, and the id of a transaction.
const NAMES: [&str; 18] = [
    "actor_id",
    "actor_kind",
    "actor_name",
    "on_behalf_of",
    "tenant_id",
    "assurance",
    "request_id",
    "causation_id",
    "context",
    "reason",
    "metadata",
    "action",
    "label",
    "severity",
    "suppress",
    "service",
    "environment",
    "transaction_id",
];

async fn run_on_server(server: &str, statements: &[String]) -> Result<()> {
    let pool = MySqlPoolOptions::new()
        .max_connections(1)
        .connect(server)
        .await?;
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement.clone()))
            .execute(&pool)
            .await?;
    }
    pool.close().await;
    Ok(())
}

/// The variables with what stands for each in a stamp, of which a slot without a text is nothing.
fn slots(stamp: &str) -> [(&'static str, Option<&str>); NAMES.len()] {
    let mut slots = stamp.split('\u{1f}');
    NAMES.map(|name| (name, slots.next().filter(|text| !text.is_empty())))
}

/// One statement that puts a stamp on a connection; the texts of a caller hold no quote.
pub(crate) fn stamp_statement(stamp: &str) -> String {
    let mut text = String::with_capacity(1024);
    for (name, value) in slots(stamp) {
        text.push_str(if text.is_empty() {
            "SET @audit_"
        } else {
            ", @audit_"
        });
        let _ = match value {
            Some(value) => write!(text, "{name} = '{value}'"),
            None => write!(text, "{name} = NULL"),
        };
    }
    text
}

/// The same with its values apart, for connections that keep statements prepared.
#[cfg(feature = "mysql")]
pub(crate) fn stamp_call(stamp: &str) -> Call {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let parts = NAMES.map(|name| format!("@audit_{name} = ?"));
        format!("SET {}", parts.join(", "))
    });
    Call {
        sql: &SQL,
        binds: binds(stamp).into(),
    }
}

fn binds(stamp: &str) -> [Bind; NAMES.len()] {
    slots(stamp).map(|(_, value)| value.map_or(Bind::Null, |text| Bind::Text(text.to_owned())))
}

/// The same for a client that does not tell whether a transaction is open, and may take the answer to
/// another statement for that to this one: it gives back `echo`.
pub(crate) fn stamp_and_tell_call(stamp: &str, echo: String) -> Call {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let parts = NAMES.map(|name| format!("@audit_{name} := ?"));
        let parts = parts.join(", ");
        let open = "CAST(@@in_transaction AS SIGNED) AS open";
        // One column, since Diesel has none of a type that is only NULL.
        format!(
            "SELECT CONVERT(? USING utf8mb4) AS echo, {open}, LENGTH(CONCAT_WS('', {parts})) AS length"
        )
    });
    let echo = std::iter::once(Bind::Text(echo));
    Call {
        sql: &SQL,
        binds: echo.chain(binds(stamp)).collect(),
    }
}

/// The text that opens a transaction with its id.
pub(crate) fn begin_statement() -> String {
    let id = Uuid::now_v7().simple();
    format!("SET @audit_transaction_id = '{id}'; START TRANSACTION")
}

impl Engine for MySql {
    const KIND: Dialect = Dialect::MySql;
    const STATEMENTS: Statements = Statements {
        insert: "INSERT INTO users (id, email, name, role, balance, active, bio, updated_at) \
                 VALUES (?, ?, ?, 'member', 0, 1, \
                 'Writes the first program and says so, at length, to everyone who asks.', \
                 '2026-01-02 03:04:05')",
        update: "UPDATE users SET name = ?, balance = balance + 1 WHERE id = ?",
        delete: "DELETE FROM users WHERE id = ?",
        update1000: "UPDATE users SET balance = balance + 1 WHERE id BETWEEN ? AND ?",
        insert1000: "INSERT INTO users (id, email, name, role, balance, active, bio, updated_at) \
                     SELECT ? + n, CONCAT('user', ? + n, '@example.com'), 'Ada Lovelace', \
                     'member', 0, 1, \
                     'Writes the first program and says so, at length, to everyone who asks.', \
                     '2026-01-02 03:04:05' FROM seed",
        select: "SELECT id, email, name, role, balance, active, bio, updated_at FROM users \
                 WHERE id = ?",
        unaudited: "UPDATE sessions SET seen = seen + 1 WHERE id = ?",
    };
    const SCHEMA: &'static str = include_str!("../schema/mysql.sql");
    const LOG: &'static str = "audit_logs";
    const DROP_INDEX: &'static str = "DROP INDEX audit_logs_record ON audit_logs";
    const HAS_WIRE: bool = true;
    const SETTINGS: &'static str = "SET time_zone = '+00:00'";
    #[cfg(feature = "mysql")]
    const DIESEL: Option<Opener> = Some(crate::adapter::open_diesel::<diesel::MysqlConnection>);
    #[cfg(not(feature = "mysql"))]
    const DIESEL: Option<Opener> = None;
    const DIESEL_ASYNC: Opener = open_diesel_async::<diesel_async::AsyncMysqlConnection>;

    async fn create(server: &str, name: &str) -> Result<String> {
        let statements = [
            format!("DROP DATABASE IF EXISTS {name}"),
            format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"),
        ];
        run_on_server(server, &statements).await?;
        let (base, _) = server.rsplit_once('/').unwrap_or((server, ""));
        Ok(format!("{base}/{name}"))
    }

    async fn drop_database(server: &str, name: &str) -> Result<()> {
        run_on_server(server, &[format!("DROP DATABASE IF EXISTS {name}")]).await
    }

    async fn prepare_server(server: &str) -> Result<String> {
        let settings = [
            "SET GLOBAL general_log = 0".to_owned(),
            "SET GLOBAL innodb_flush_log_at_trx_commit = 2".to_owned(),
        ];
        run_on_server(server, &settings).await?;
        let pool = MySqlPoolOptions::new()
            .max_connections(1)
            .connect(server)
            .await?;
        let version = sqlx::query_scalar("SELECT version()")
            .fetch_one(&pool)
            .await?;
        pool.close().await;
        Ok(version)
    }

    async fn restore_server(server: &str) -> Result<()> {
        run_on_server(server, &["SET GLOBAL general_log = 1".to_owned()]).await
    }

    fn options(url: &str, through: Option<SocketAddr>) -> Result<OptionsOf<Self>> {
        let options = MySqlConnectOptions::from_str(url)?;
        Ok(match through {
            None => options,
            Some(address) => options.host(&address.ip().to_string()).port(address.port()),
        })
    }

    async fn admin(url: &str) -> Result<Pool<Self>> {
        let pool = MySqlPoolOptions::new().max_connections(1);
        Ok(pool.connect(url).await?)
    }

    fn hand_schema(variant: Variant) -> String {
        match variant {
            Variant::Limit => include_str!("../limit/mysql.sql").to_owned(),
            _ => String::new(),
        }
    }

    fn hand_prepare(
        _connection: &mut MySqlConnection,
        _variant: Variant,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn hand_stamp(
        connection: &mut MySqlConnection,
        _variant: Variant,
        stamp: String,
    ) -> BoxFuture<'_, Result<bool, sqlx::Error>> {
        Box::pin(async move {
            let text = stamp_statement(&stamp);
            connection.execute(AssertSqlSafe(text)).await?;
            Ok(true)
        })
    }

    fn hand_clear(
        connection: &mut MySqlConnection,
        variant: Variant,
    ) -> BoxFuture<'_, Result<bool, sqlx::Error>> {
        Self::hand_stamp(connection, variant, String::new())
    }

    fn hand_begin() -> Option<String> {
        Some(begin_statement())
    }

    fn hand_transaction(stamp: String) -> String {
        let id = Uuid::now_v7().simple();
        format!("{stamp}\u{1f}{id}")
    }

    fn floor(_op: Op, _version: u32) -> Option<&'static str> {
        None
    }

    async fn clear_log(admin: &MySqlPool, _variant: Variant) -> Result<()> {
        Ok(Self::script(admin, "TRUNCATE TABLE audit_logs".to_owned()).await?)
    }

    async fn settle(_admin: &MySqlPool) -> Result<()> {
        Ok(())
    }

    async fn log_bytes(admin: &MySqlPool, _variant: Variant) -> Result<u64> {
        Self::script(admin, "ANALYZE TABLE audit_logs".to_owned()).await?;
        let sql = "SELECT CAST(data_length + index_length AS CHAR) FROM \
                   information_schema.tables WHERE table_schema = database() AND table_name = \
                   'audit_logs'";
        let rows = Self::read_texts(admin, sql.to_owned()).await?;
        let text = rows.into_iter().flatten().flatten().next();
        Ok(text.unwrap_or_default().parse()?)
    }

    fn as_text(column: &str) -> String {
        format!("CAST({column} AS CHAR)")
    }

    calls!();
}
