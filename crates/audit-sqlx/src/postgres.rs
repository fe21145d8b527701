//! PostgreSQL: triggers in the schema, context in a setting of the session.

mod capture_error;

use audit_capture::Catalog;
use audit_capture::context::postgres as context;
use audit_core::query::{Bind, BoundQuery};
use audit_core::stamp::Stamp;
use audit_core::{Audit, Dialect};
use futures_core::future::BoxFuture;
use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, Row};

use crate::CaptureError;
use crate::attachment::Attachment;
use crate::database::{Fault, Stamped, sealed::Capture};
use crate::pool::ContextScope;
use crate::session::set_outside_a_transaction;

/// Keeps other migrations out, and makes the schema that holds the list of steps. The number is
/// any that no other program uses for its own locks.
const BEGIN_MIGRATION: &str = "BEGIN;
SELECT pg_catalog.pg_advisory_xact_lock(7020945711468206893);
DO $$
BEGIN
    IF pg_catalog.to_regnamespace('audit') IS NULL THEN
        CREATE SCHEMA audit;
    END IF;
END
$$";

impl Capture for Postgres {
    const DIALECT: Dialect = Dialect::Postgres;
    const CONTEXT_IN_TRANSACTION: bool = true;
    const TRIGGERS_ON_CONNECTION: bool = false;

    fn initialize() -> Result<(), sqlx::Error> {
        Ok(())
    }

    fn prepare<'c>(
        connection: &'c mut PgConnection,
        attachment: &'c Attachment,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            // Behind a pooler that shares sessions nothing may stay on one.
            if attachment.scope() == ContextScope::Transaction {
                return Ok(());
            }
            let key = attachment
                .audit()
                .hash_key()
                .map(audit_capture::postgres_key);
            sqlx::query(context::KEEP_FALLBACK)
                .persistent(false)
                .bind(attachment.fallback().joined().to_owned())
                .bind(key.unwrap_or_default())
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    fn check_out<'c>(
        connection: &'c mut PgConnection,
        _attachment: &'c Attachment,
        stamp: &'c Stamp,
    ) -> BoxFuture<'c, Result<Stamped, sqlx::Error>> {
        let text = AssertSqlSafe(context::stamp(stamp));
        Box::pin(set_outside_a_transaction::<Self>(connection, text))
    }

    fn check_in(connection: &mut PgConnection) -> BoxFuture<'_, Result<Stamped, sqlx::Error>> {
        Box::pin(set_outside_a_transaction::<Self>(
            connection,
            context::CLEAR,
        ))
    }

    fn stamp<'c>(
        connection: &'c mut PgConnection,
        stamp: Option<&'c Stamp>,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            sqlx::query(context::REPLACE)
                .bind(stamp.map(Stamp::joined).unwrap_or_default().to_owned())
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    fn begin_statement(stamp: Option<&Stamp>) -> Option<String> {
        stamp.map(context::begin)
    }

    fn catalog<'c>(
        connection: &'c mut PgConnection,
        audit: &'c Audit,
    ) -> BoxFuture<'c, Result<String, sqlx::Error>> {
        Box::pin(async move {
            let schemas = serde_json::Value::from(audit.schemas()).to_string();
            sqlx::query_scalar(Catalog::query(Dialect::Postgres))
                .bind(schemas)
                .fetch_one(connection)
                .await
        })
    }

    fn run<'c>(
        connection: &'c mut PgConnection,
        statements: &'c [String],
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            for statement in statements {
                // Without binds it is one message, which may hold several statements.
                connection
                    .execute(AssertSqlSafe(statement.as_str()))
                    .await?;
            }
            Ok(())
        })
    }

    fn texts<'c>(
        connection: &'c mut PgConnection,
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
        BEGIN_MIGRATION
    }

    fn audit_table(name: &str) -> String {
        format!("audit.{name}")
    }

    fn record_schema_statement() -> String {
        "INSERT INTO audit.audit_schemas (table_schema, table_name, fingerprint, columns, \
         record_key, recorded_at) VALUES ($1, $2, $3, $4::json, $5::json, \
         pg_catalog.clock_timestamp()) ON CONFLICT DO NOTHING"
            .to_owned()
    }

    fn remove(_connection: &mut PgConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn fault(error: &dyn DatabaseError) -> Fault {
        capture_error::fault(error)
    }

    fn capture_error(error: &dyn DatabaseError) -> Option<CaptureError> {
        capture_error::of(error)
    }
}
