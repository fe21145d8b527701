//! PostgreSQL: a database for each variant, `synchronous_commit = off`, no statement log.

use std::net::SocketAddr;
use std::str::FromStr;

use anyhow::Result;
use audit_core::{Audit, Dialect};
use audit_sqlx::{MigrateError, Report};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool, Pool, Postgres, Row};

use crate::adapter::{Opener, open_diesel, open_diesel_async};
use crate::caller::Caller;
use crate::engine::{Engine, OptionsOf, Statements, bound, calls, sent};
use crate::op::Op;
use crate::variant::Variant;

mod floor;
mod hand;
mod inline;

/// Settings of every connection of the bench.
const SETTINGS: [(&str, &str); 3] = [
    ("synchronous_commit", "off"),
    ("log_statement", "none"),
    ("jit", "off"),
];

async fn run_on_server(server: &str, statements: &[String]) -> Result<()> {
    let pool = PgPoolOptions::new()
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

/// The statement that puts a context on a connection.
pub(crate) fn stamp_statement(text: &str) -> String {
    format!("SET audit.context = {}", literal(text))
}

/// The same for a client that does not tell whether a transaction is open: it fails where one is, so
/// that the pool closes the connection.
pub(crate) fn stamp_or_refuse_statement(text: &str) -> String {
    format!(
        "SELECT set_config('audit.context', {}, false), \
         CAST(CASE WHEN now() = statement_timestamp() THEN '0' ELSE 'open' END AS integer)",
        literal(text)
    )
}

fn literal(text: &str) -> String {
    let text = text.replace('\'', "''").replace('\\', "\\\\");
    format!("E'{text}'")
}

/// A simple statement is one message, and sets nothing up on the server.
async fn stamp(connection: &mut PgConnection, text: String) -> Result<bool, sqlx::Error> {
    connection
        .execute(AssertSqlSafe(stamp_statement(&text)))
        .await?;
    Ok(true)
}

fn tables(variant: Variant) -> Vec<&'static str> {
    match variant {
        Variant::LimitOnce => vec!["audit.audit_logs", "audit.contexts"],
        _ => vec!["audit.audit_logs"],
    }
}

impl Engine for Postgres {
    const KIND: Dialect = Dialect::Postgres;
    const STATEMENTS: Statements = Statements {
        insert: "INSERT INTO users (id, email, name, role, balance, active, bio, updated_at) \
                 VALUES ($1, $2, $3, 'member', 0, true, \
                 'Writes the first program and says so, at length, to everyone who asks.', \
                 '2026-01-02T03:04:05Z')",
        update: "UPDATE users SET name = $1, balance = balance + 1 WHERE id = $2",
        delete: "DELETE FROM users WHERE id = $1",
        update1000: "UPDATE users SET balance = balance + 1 WHERE id BETWEEN $1 AND $2",
        insert1000: "INSERT INTO users (id, email, name, role, balance, active, bio, updated_at) \
                     SELECT $1 + n, 'user' || ($2::bigint + n) || '@example.com', 'Ada Lovelace', \
                     'member', 0, true, \
                     'Writes the first program and says so, at length, to everyone who asks.', \
                     '2026-01-02T03:04:05Z' FROM seed ORDER BY n",
        select: "SELECT id, email, name, role, balance, active, bio, updated_at FROM users \
                 WHERE id = $1",
        unaudited: "UPDATE sessions SET seen = seen + 1 WHERE id = $1",
    };
    const SCHEMA: &'static str = include_str!("../schema/postgres.sql");
    const LOG: &'static str = "audit.audit_logs";
    const DROP_INDEX: &'static str = "DROP INDEX audit.audit_logs_record";
    const HAS_WIRE: bool = true;
    const SETTINGS: &'static str = "SET TIME ZONE 'UTC'";
    const DIESEL: Option<Opener> = Some(open_diesel::<diesel::PgConnection>);
    const INLINE: Option<Opener> = Some(|opening| Box::pin(inline::open(opening)));
    const DIESEL_ASYNC: Opener = open_diesel_async::<diesel_async::AsyncPgConnection>;

    async fn create(server: &str, name: &str) -> Result<String> {
        let mut statements = vec![
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ];
        for (setting, value) in SETTINGS {
            statements.push(format!("ALTER DATABASE {name} SET {setting} = {value}"));
        }
        run_on_server(server, &statements).await?;
        let (base, _) = server.rsplit_once('/').unwrap_or((server, ""));
        Ok(format!("{base}/{name}"))
    }

    async fn drop_database(server: &str, name: &str) -> Result<()> {
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        run_on_server(server, &[statement]).await
    }

    async fn prepare_server(server: &str) -> Result<String> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect(server)
            .await?;
        let version = sqlx::query_scalar("SHOW server_version")
            .fetch_one(&pool)
            .await?;
        pool.close().await;
        Ok(version)
    }

    async fn restore_server(_server: &str) -> Result<()> {
        Ok(())
    }

    fn options(url: &str, through: Option<SocketAddr>) -> Result<OptionsOf<Self>> {
        let options = PgConnectOptions::from_str(url)?;
        Ok(match through {
            None => options,
            Some(address) => options.host(&address.ip().to_string()).port(address.port()),
        })
    }

    async fn admin(url: &str) -> Result<Pool<Self>> {
        let options = PgConnectOptions::from_str(url)?;
        // Filling tables writes no events.
        let options = options.options([("session_replication_role", "replica")]);
        let pool = PgPoolOptions::new().max_connections(1);
        Ok(pool.connect_with(options).await?)
    }

    fn hand_schema(variant: Variant) -> String {
        hand::schema(variant)
    }

    fn hand_prepare(
        _connection: &mut PgConnection,
        _variant: Variant,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn hand_stamp(
        connection: &mut PgConnection,
        _variant: Variant,
        text: String,
    ) -> BoxFuture<'_, Result<bool, sqlx::Error>> {
        Box::pin(stamp(connection, text))
    }

    fn hand_clear(
        connection: &mut PgConnection,
        variant: Variant,
    ) -> BoxFuture<'_, Result<bool, sqlx::Error>> {
        if variant == Variant::Queued {
            return Box::pin(sent(stamp(connection, String::new())));
        }
        Box::pin(stamp(connection, String::new()))
    }

    fn hand_text(variant: Variant, caller: Caller) -> String {
        match variant {
            Variant::LimitJson => STANDARD.encode(caller.json()),
            _ => caller.slots(),
        }
    }

    async fn migrate(
        pool: &PgPool,
        audit: &Audit,
        variant: Variant,
    ) -> Result<Report, MigrateError> {
        match variant {
            Variant::Inline => audit_sqlx::migrate_inline(pool, audit).await,
            _ => audit_sqlx::migrate(pool, audit).await,
        }
    }

    fn floor(op: Op, version: u32) -> Option<&'static str> {
        floor::statement(op, version)
    }

    async fn clear_log(admin: &PgPool, variant: Variant) -> Result<()> {
        let tables = tables(variant).join(", ");
        Ok(Self::script(admin, format!("TRUNCATE {tables}")).await?)
    }

    async fn settle(admin: &PgPool) -> Result<()> {
        for table in ["users", "sessions"] {
            Self::script(admin, format!("VACUUM {table}")).await?;
        }
        Ok(())
    }

    async fn log_bytes(admin: &PgPool, variant: Variant) -> Result<u64> {
        let sizes: Vec<String> = tables(variant)
            .iter()
            .map(|table| format!("pg_total_relation_size('{table}')"))
            .collect();
        let sql = format!("SELECT ({})::text", sizes.join(" + "));
        let rows = Self::read_texts(admin, sql).await?;
        let text = rows.into_iter().flatten().flatten().next();
        Ok(text.unwrap_or_default().parse()?)
    }

    fn as_text(column: &str) -> String {
        format!("({column})::text")
    }

    calls!();
}
