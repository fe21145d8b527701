//! SQLite: TEMP triggers on each connection, context in the connection's memory.

use audit_capture::{Catalog, Plan};
use audit_core::query::{Bind, BoundQuery};
use audit_core::stamp::Stamp;
use audit_core::{Audit, Dialect};
use futures_core::future::BoxFuture;
use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Executor, Row, Sqlite, SqliteConnection};

use crate::attachment::Attachment;
use crate::database::{Fault, Stamped, sealed::Capture};
use crate::error::Detail;
use crate::{CaptureError, catalog};

const SCHEMA_VERSION: &str = "PRAGMA schema_version";
/// Puts a context on the connection, and asks for what the triggers were installed for and what
/// the schema is: two statements, because a PRAGMA inside a query is compiled with every call.
const CHECK_OUT: &str = "SELECT audit_stamp(?1); PRAGMA schema_version";

impl Capture for Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;
    const TRIGGERS_ON_CONNECTION: bool = true;
    // One that begins as a reader could lose its right to write to somebody else.
    const BEGIN_PROBE: &str = "BEGIN IMMEDIATE";

    fn initialize() -> Result<(), sqlx::Error> {
        audit_sqlite::register().map_err(|error| sqlx::Error::Configuration(Box::new(error)))
    }

    fn prepare<'c>(
        connection: &'c mut SqliteConnection,
        attachment: &'c Attachment,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            if let Some(key) = attachment.audit().hash_key() {
                sqlx::query("SELECT audit_key(?1)")
                    .bind(key.to_vec())
                    .execute(&mut *connection)
                    .await?;
            }
            install(connection, attachment.audit(), attachment.fallback()).await
        })
    }

    fn check_out<'c>(
        connection: &'c mut SqliteConnection,
        attachment: &'c Attachment,
        stamp: &'c Stamp,
    ) -> BoxFuture<'c, Result<Stamped, sqlx::Error>> {
        Box::pin(async move {
            if set_stamp(connection, stamp.joined()).await? {
                install(connection, attachment.audit(), attachment.fallback()).await?;
                set_stamp(connection, stamp.joined()).await?;
            }
            Ok(Stamped::Yes)
        })
    }

    fn check_in(connection: &mut SqliteConnection) -> BoxFuture<'_, Result<Stamped, sqlx::Error>> {
        Box::pin(async move {
            let open: i64 = sqlx::query_scalar("SELECT audit_clear()")
                .fetch_one(connection)
                .await?;
            Ok(if open == 0 {
                Stamped::Yes
            } else {
                Stamped::InTransaction
            })
        })
    }

    fn stamp<'c>(
        connection: &'c mut SqliteConnection,
        stamp: Option<&'c Stamp>,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            set_stamp(connection, stamp.map(Stamp::joined).unwrap_or_default()).await?;
            Ok(())
        })
    }

    fn begin_statement(_stamp: Option<&Stamp>) -> Option<String> {
        None
    }

    fn catalog<'c>(
        connection: &'c mut SqliteConnection,
        _audit: &'c Audit,
    ) -> BoxFuture<'c, Result<String, sqlx::Error>> {
        Box::pin(catalog_text(connection))
    }

    fn run<'c>(
        connection: &'c mut SqliteConnection,
        statements: &'c [String],
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            for statement in statements {
                connection
                    .execute(AssertSqlSafe(statement.as_str()))
                    .await?;
            }
            Ok(())
        })
    }

    fn texts<'c>(
        connection: &'c mut SqliteConnection,
        query: &'c BoundQuery,
    ) -> BoxFuture<'c, Result<Vec<Vec<Option<String>>>, sqlx::Error>> {
        Box::pin(async move {
            let mut statement = sqlx::query(AssertSqlSafe(query.text.as_str()));
            for bind in &query.binds {
                statement = match bind {
                    Bind::Integer(number) => statement.bind(*number),
                    Bind::Text(text) => statement.bind(text.as_str()),
                    _ => statement,
                };
            }
            let rows = statement.fetch_all(connection).await?;
            rows.iter()
                .map(|row| {
                    (0..row.len())
                        .map(|index| row.try_get_unchecked(index))
                        .collect()
                })
                .collect()
        })
    }

    fn begin_migration() -> &'static str {
        "BEGIN IMMEDIATE"
    }

    fn audit_table(name: &str) -> String {
        format!("main.{name}")
    }

    fn record_schema_statement() -> String {
        "INSERT OR IGNORE INTO main.audit_schemas (table_schema, table_name, fingerprint, columns, \
         record_key, recorded_at) VALUES (?1, ?2, ?3, ?4, ?5, audit_now())"
            .to_owned()
    }

    fn remove(connection: &mut SqliteConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async move {
            let catalog = read_catalog(connection).await?;
            let statements = Plan::of_installed(&catalog).uninstall(Dialect::Sqlite);
            Self::run(connection, &statements).await?;
            connection
                .execute("SELECT audit_installed(NULL, NULL)")
                .await?;
            Ok(())
        })
    }

    /// # Source
    /// <https://www.sqlite.org/rescode.html>; the last byte is the primary code.
    fn fault(error: &dyn DatabaseError) -> Fault {
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        match code.map(|code| code & 0xff) {
            Some(5 | 6) => Fault::Busy,
            _ => Fault::Other,
        }
    }

    fn capture_error(error: &dyn DatabaseError) -> Option<CaptureError> {
        let message = error.message();
        let detail = |retryable| Detail::new(message, retryable);
        if message.starts_with(audit_capture::ERROR_PREFIX) {
            return Some(CaptureError::MissingContext(detail(false)));
        }
        if message.contains("audit_logs") {
            return Some(CaptureError::LogMissing(detail(false)));
        }
        let names_row =
            message.contains("no such column: NEW.") || message.contains("no such column: OLD.");
        if names_row || message.contains("error in trigger audit_") {
            return Some(CaptureError::StaleTrigger(detail(false)));
        }
        None
    }
}

/// Puts a stamp on the connection; says whether the triggers are those of another schema.
async fn set_stamp(connection: &mut SqliteConnection, stamp: &str) -> Result<bool, sqlx::Error> {
    let versions: Vec<Option<i64>> = sqlx::query_scalar(CHECK_OUT)
        .bind(stamp.to_owned())
        .fetch_all(connection)
        .await?;
    Ok(!matches!(versions.as_slice(), [Some(installed), Some(now)] if installed == now))
}

async fn catalog_text(connection: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(Catalog::query(Dialect::Sqlite))
        .fetch_one(connection)
        .await
}

/// Reads the catalog, and what `migrate` has noted as turned off.
async fn read_catalog(connection: &mut SqliteConnection) -> Result<Catalog, sqlx::Error> {
    let mut catalog = Catalog::parse(&catalog_text(connection).await?)
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    if let Some(query) = catalog.compiled_settings_query() {
        catalog.switch = catalog::switch::<Sqlite>(connection, &query).await?;
    }
    Ok(catalog)
}

/// Makes the triggers of this connection those of the schema as it is, and notes its version.
async fn install(
    connection: &mut SqliteConnection,
    audit: &Audit,
    fallback: &Stamp,
) -> Result<(), sqlx::Error> {
    // The version is read first: a change in between is found at the next checkout.
    let version: i64 = sqlx::query_scalar(SCHEMA_VERSION)
        .fetch_one(&mut *connection)
        .await?;
    let catalog = read_catalog(connection).await?;
    let plan = Plan::new(audit, &catalog, Dialect::Sqlite);
    Sqlite::run(connection, &plan.install(Dialect::Sqlite)).await?;
    sqlx::query("SELECT audit_installed(?1, ?2)")
        .bind(version)
        .bind(fallback.joined().to_owned())
        .execute(connection)
        .await?;
    Ok(())
}
