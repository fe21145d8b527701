//! SQLite: a file in WAL mode with `synchronous = normal`; no network.

pub(crate) mod hand;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use audit_core::Dialect;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use futures_util::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Pool, Row, Sqlite, SqliteConnection, SqlitePool};

use crate::adapter::{Opener, open_diesel, open_diesel_async};
use crate::engine::{Engine, OptionsOf, Statements, bound, calls, sent};
use crate::op::Op;
use crate::variant::Variant;

impl Engine for Sqlite {
    const KIND: Dialect = Dialect::Sqlite;
    const STATEMENTS: Statements = Statements {
        insert: "INSERT INTO users (id, email, name, role, balance, active, bio, updated_at) \
                 VALUES (?1, ?2, ?3, 'member', 0, 1, \
                 'Writes the first program and says so, at length, to everyone who asks.', \
                 '2026-01-02T03:04:05Z')",
        update: "UPDATE users SET name = ?1, balance = balance + 1 WHERE id = ?2",
        delete: "DELETE FROM users WHERE id = ?1",
        update1000: "UPDATE users SET balance = balance + 1 WHERE id BETWEEN ?1 AND ?2",
        insert1000: "INSERT INTO users (id, email, name, role, balance, active, bio, updated_at) \
                     SELECT ?1 + n, 'user' || (?2 + n) || '@example.com', 'Ada Lovelace', \
                     'member', 0, 1, \
                     'Writes the first program and says so, at length, to everyone who asks.', \
                     '2026-01-02T03:04:05Z' FROM seed",
        select: "SELECT id, email, name, role, balance, active, bio, updated_at FROM users \
                 WHERE id = ?1",
        unaudited: "UPDATE sessions SET seen = seen + 1 WHERE id = ?1",
    };
    const SCHEMA: &'static str = include_str!("../schema/sqlite.sql");
    const LOG: &'static str = "audit_logs";
    const DROP_INDEX: &'static str = "DROP INDEX audit_logs_record";
    const HAS_WIRE: bool = false;
    const SETTINGS: &'static str = "PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL; \
                                    PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON";
    const DIESEL: Option<Opener> = Some(open_diesel::<diesel::SqliteConnection>);
    const DIESEL_ASYNC: Opener =
        open_diesel_async::<SyncConnectionWrapper<diesel::SqliteConnection>>;

    async fn create(server: &str, name: &str) -> Result<String> {
        Ok(format!("{server}/{name}.db"))
    }

    async fn drop_database(server: &str, name: &str) -> Result<()> {
        for end in ["db", "db-wal", "db-shm"] {
            let file = Path::new(server).join(format!("{name}.{end}"));
            if file.exists() {
                std::fs::remove_file(file)?;
            }
        }
        Ok(())
    }

    async fn prepare_server(_server: &str) -> Result<String> {
        Ok(rusqlite::version().to_owned())
    }

    async fn restore_server(_server: &str) -> Result<()> {
        Ok(())
    }

    fn options(url: &str, _through: Option<SocketAddr>) -> Result<OptionsOf<Self>> {
        Ok(SqliteConnectOptions::new()
            .filename(url)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(60)))
    }

    async fn admin(url: &str) -> Result<Pool<Self>> {
        let options = SqlitePoolOptions::new().max_connections(1);
        Ok(options.connect_with(Self::options(url, None)?).await?)
    }

    fn hand_schema(_variant: Variant) -> String {
        String::new()
    }

    fn hand_prepare(
        connection: &mut SqliteConnection,
        variant: Variant,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(hand::prepare(connection, variant))
    }

    fn hand_stamp(
        connection: &mut SqliteConnection,
        _variant: Variant,
        stamp: String,
    ) -> BoxFuture<'_, Result<bool, sqlx::Error>> {
        Box::pin(async move {
            // Triggers on a connection have to keep up with the schema, whoever makes them.
            sqlx::query("SELECT limit_stamp(?1); PRAGMA schema_version")
                .bind(stamp)
                .execute(connection)
                .await?;
            Ok(true)
        })
    }

    fn hand_clear(
        connection: &mut SqliteConnection,
        variant: Variant,
    ) -> BoxFuture<'_, Result<bool, sqlx::Error>> {
        let clear = async move {
            let open: bool = sqlx::query_scalar("SELECT limit_clear()")
                .fetch_one(connection)
                .await?;
            Ok(!open)
        };
        if variant == Variant::Queued {
            return Box::pin(sent(clear));
        }
        Box::pin(clear)
    }

    fn floor(_op: Op, _version: u32) -> Option<&'static str> {
        None
    }

    async fn clear_log(admin: &SqlitePool, _variant: Variant) -> Result<()> {
        Ok(Self::script(admin, "DELETE FROM audit_logs".to_owned()).await?)
    }

    async fn settle(admin: &SqlitePool) -> Result<()> {
        Ok(Self::script(admin, "PRAGMA wal_checkpoint(TRUNCATE)".to_owned()).await?)
    }

    async fn log_bytes(admin: &SqlitePool, _variant: Variant) -> Result<u64> {
        let sql = "SELECT CAST(sum(pgsize) AS TEXT) FROM dbstat WHERE name LIKE 'audit_logs%'";
        let rows = Self::read_texts(admin, sql.to_owned()).await?;
        let text = rows.into_iter().flatten().flatten().next();
        Ok(text.unwrap_or_default().parse()?)
    }

    fn as_text(column: &str) -> String {
        format!("CAST({column} AS TEXT)")
    }

    calls!();
}
