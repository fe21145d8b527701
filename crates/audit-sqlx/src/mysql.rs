//! MySQL and MariaDB: row triggers in the schema, context in user variables of the session.

use audit_capture::Catalog;
use audit_capture::context::mysql as context;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use audit_core::{Audit, Dialect};
use futures_core::future::BoxFuture;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AssertSqlSafe, Executor, MySql, MySqlConnection, Row};
use uuid::Uuid;

use crate::CaptureError;
use crate::attachment::Attachment;
use crate::database::{Fault, Stamped, sealed::Capture};
use crate::error::Detail;
use crate::session::set_outside_a_transaction;

/// Keeps other migrations of this database out until the connection is closed, and pins what is
/// stored with a trigger. Statements of a migration commit by themselves: each can run again.
const BEGIN_MIGRATION: &str = "SET SESSION sql_mode = '', NAMES utf8mb4; \
     DO GET_LOCK(CONCAT('audit_', SHA1(DATABASE())), 31536000); START TRANSACTION";

/// Error numbers of the server that say something about capture.
///
/// # Source
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>,
/// <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>.
mod number {
    pub(super) const BAD_FIELD: u16 = 1054;
    pub(super) const COLUMN_DENIED: u16 = 1143;
    pub(super) const DEADLOCK: u16 = 1213;
    pub(super) const LOCK_WAIT: u16 = 1205;
    pub(super) const TABLE_DENIED: u16 = 1142;
    pub(super) const NO_SUCH_TABLE: u16 = 1146;
}

impl Capture for MySql {
    const DIALECT: Dialect = Dialect::MySql;
    const TRIGGERS_ON_CONNECTION: bool = false;
    const MIGRATION_CLOSES_CONNECTION: bool = true;

    fn initialize() -> Result<(), sqlx::Error> {
        Ok(())
    }

    fn prepare<'c>(
        connection: &'c mut MySqlConnection,
        attachment: &'c Attachment,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            if let Some(key) = attachment.audit().hash_key() {
                let (inner, outer) = audit_capture::mysql_padded_keys(key);
                sqlx::query("SET @audit_hash_inner = ?, @audit_hash_outer = ?")
                    .bind(inner.to_vec())
                    .bind(outer.to_vec())
                    .persistent(false)
                    .execute(&mut *connection)
                    .await?;
            }
            let text = context::keep_fallback(attachment.fallback());
            connection.execute(AssertSqlSafe(text)).await?;
            Ok(())
        })
    }

    fn check_out<'c>(
        connection: &'c mut MySqlConnection,
        _attachment: &'c Attachment,
        stamp: &'c Stamp,
    ) -> BoxFuture<'c, Result<Stamped, sqlx::Error>> {
        let text = AssertSqlSafe(context::stamp(stamp));
        Box::pin(set_outside_a_transaction::<Self>(connection, text))
    }

    fn check_in(connection: &mut MySqlConnection) -> BoxFuture<'_, Result<Stamped, sqlx::Error>> {
        Box::pin(set_outside_a_transaction::<Self>(
            connection,
            context::CLEAR,
        ))
    }

    fn stamp<'c>(
        connection: &'c mut MySqlConnection,
        stamp: Option<&'c Stamp>,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        let text = context::replace(stamp);
        Box::pin(async move {
            connection.execute(AssertSqlSafe(text)).await?;
            Ok(())
        })
    }

    fn begin_statement(_stamp: Option<&Stamp>) -> Option<String> {
        Some(context::begin(Uuid::now_v7()))
    }

    fn catalog<'c>(
        connection: &'c mut MySqlConnection,
        audit: &'c Audit,
    ) -> BoxFuture<'c, Result<String, sqlx::Error>> {
        Box::pin(async move {
            let mut texts = String::new();
            for query in Catalog::mysql_queries(audit.schemas()) {
                let row = connection.fetch_one(AssertSqlSafe(query)).await?;
                let text: String = row.try_get_unchecked(0)?;
                texts.push_str(&text);
                texts.push('\n');
            }
            Ok(texts)
        })
    }

    fn run<'c>(
        connection: &'c mut MySqlConnection,
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
        connection: &'c mut MySqlConnection,
        query: &'c BoundQuery,
    ) -> BoxFuture<'c, Result<Vec<Vec<Option<String>>>, sqlx::Error>> {
        Box::pin(async move {
            // With nothing to prepare: in the answer to a preparation sqlx loses its place when the
            // future is dropped, https://github.com/launchbadge/sqlx/issues/4393
            let text = context::with_literals(query);
            let rows = connection.fetch_all(AssertSqlSafe(text)).await?;
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

    fn try_rights() -> Vec<String> {
        let statements = [
            "DROP TRIGGER IF EXISTS audit_rights",
            "CREATE TRIGGER audit_rights BEFORE UPDATE ON audit_migrations FOR EACH ROW \
             SET @audit_rights = 1",
            "DROP TRIGGER audit_rights",
            "CREATE TEMPORARY TABLE audit_rights (id INT)",
            "DROP TEMPORARY TABLE audit_rights",
        ];
        statements.map(str::to_owned).to_vec()
    }

    fn audit_table(name: &str) -> String {
        name.to_owned()
    }

    fn record_schema_statement() -> String {
        "INSERT INTO audit_schemas (table_schema, table_name, fingerprint, columns, record_key, \
         recorded_at) VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(6)) \
         ON DUPLICATE KEY UPDATE audit_schemas.fingerprint = audit_schemas.fingerprint"
            .to_owned()
    }

    fn remove(_connection: &mut MySqlConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async { Ok(()) })
    }

    fn fault(error: &dyn DatabaseError) -> Fault {
        let error = error.try_downcast_ref::<MySqlDatabaseError>();
        match error.map(MySqlDatabaseError::number) {
            Some(number::DEADLOCK | number::LOCK_WAIT) => Fault::Busy,
            Some(number::COLUMN_DENIED | number::TABLE_DENIED) => Fault::Denied,
            _ => Fault::Other,
        }
    }

    fn capture_error(error: &dyn DatabaseError) -> Option<CaptureError> {
        let message = error.message();
        let number = error.try_downcast_ref::<MySqlDatabaseError>()?.number();
        // Some errors come up before the trigger runs, where it can give none of them its prefix.
        let is_ours = message.starts_with(audit_capture::ERROR_PREFIX);
        let names_row = message.ends_with("in 'NEW'") || message.ends_with("in 'OLD'");
        let retryable = Self::fault(error) == Fault::Busy;
        let detail = Detail::new(message, retryable);
        match number {
            _ if message == audit_capture::MYSQL_DENIED => {
                Some(CaptureError::MissingContext(detail))
            }
            number::BAD_FIELD if names_row => Some(CaptureError::StaleTrigger(detail)),
            number::BAD_FIELD if is_ours => Some(CaptureError::LogMissing(detail)),
            number::NO_SUCH_TABLE if message.contains("audit_logs") => {
                Some(CaptureError::LogMissing(detail))
            }
            _ if is_ours || message.contains("audit_logs") => Some(CaptureError::Refused(detail)),
            _ => None,
        }
    }
}
