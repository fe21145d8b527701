//! The statements that differ between dialects.

use audit_capture::{MIGRATION_LOCK_MYSQL, MIGRATION_LOCK_POSTGRES, context};
use audit_core::Dialect;
use audit_core::stamp::Stamp;
use uuid::Uuid;

/// Keeps other migrations out, and makes the schema that holds the list of steps.
fn begin_migration_postgres() -> String {
    format!(
        "BEGIN;
SELECT pg_catalog.pg_advisory_xact_lock({MIGRATION_LOCK_POSTGRES});
DO $$
BEGIN
    IF pg_catalog.to_regnamespace('audit') IS NULL THEN
        CREATE SCHEMA audit;
    END IF;
END
$$"
    )
}

/// Keeps other migrations of this database out, and pins what is stored with a trigger. Statements
/// of a migration commit by themselves: each can run again.
fn begin_migration_mysql() -> String {
    format!(
        "SET @audit_sql_mode = @@SESSION.sql_mode, \
         @audit_charset_client = @@SESSION.character_set_client, \
         @audit_charset_results = @@SESSION.character_set_results, \
         @audit_collation = @@SESSION.collation_connection; \
         SET SESSION sql_mode = '', NAMES utf8mb4; \
         DO GET_LOCK({MIGRATION_LOCK_MYSQL}, 31536000); START TRANSACTION"
    )
}

/// The statement that opens the transaction of a migration.
pub(crate) fn begin_migration(dialect: Dialect) -> String {
    match dialect {
        Dialect::MySql => begin_migration_mysql(),
        Dialect::Postgres => begin_migration_postgres(),
        _ => "BEGIN IMMEDIATE".to_owned(),
    }
}

/// What follows the end of a migration's transaction: on MySQL it gives back what its beginning took.
pub(crate) fn end_migration(dialect: Dialect) -> Option<String> {
    (dialect == Dialect::MySql).then(|| {
        format!(
            "DO RELEASE_LOCK({MIGRATION_LOCK_MYSQL}); \
             SET SESSION sql_mode = @audit_sql_mode, \
             character_set_client = @audit_charset_client, \
             character_set_results = @audit_charset_results, \
             collation_connection = @audit_collation"
        )
    })
}

/// The statement that pins what is stored with a trigger, where the session decides it; as in
/// [`begin_migration`].
pub(crate) fn pins(dialect: Dialect) -> Option<&'static str> {
    (dialect == Dialect::MySql).then_some("SET SESSION sql_mode = '', NAMES utf8mb4")
}

/// The statement that opens the transaction of a backup, which sees the database at one moment and
/// writes values in one form.
pub(crate) fn begin_backup(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        Dialect::Postgres => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'"
        }
        _ => "BEGIN",
    }
}

/// The statement that goes before rows are put back: where statements of a migration commit by
/// themselves, it opens a transaction anew; a value that does not fit is an error.
pub(crate) fn begin_restore(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::MySql => Some("SET SESSION sql_mode = 'STRICT_ALL_TABLES'; START TRANSACTION"),
        Dialect::Postgres => Some("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'"),
        _ => None,
    }
}

/// Statements that fail where the account may not make the triggers, and leave nothing.
pub(crate) fn try_rights(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::MySql => &[
            "DROP TRIGGER IF EXISTS audit_rights",
            "CREATE TRIGGER audit_rights BEFORE UPDATE ON audit_migrations FOR EACH ROW \
             SET @audit_rights = 1",
            "DROP TRIGGER audit_rights",
            "CREATE TEMPORARY TABLE audit_rights (id INT)",
            "DROP TEMPORARY TABLE audit_rights",
        ],
        _ => &[],
    }
}

/// The statement that notes the schema of a table, with the binds of `TableSchema` in order; a
/// schema that is known already stays as it is.
pub(crate) fn record_schema(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => {
            "INSERT INTO audit_schemas (table_schema, table_name, fingerprint, columns, \
             record_key, recorded_at) VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(6)) \
             ON DUPLICATE KEY UPDATE audit_schemas.fingerprint = audit_schemas.fingerprint"
        }
        Dialect::Postgres => {
            "INSERT INTO audit.audit_schemas (table_schema, table_name, fingerprint, columns, \
             record_key, recorded_at) VALUES ($1, $2, $3, $4::json, $5::json, \
             pg_catalog.clock_timestamp()) ON CONFLICT DO NOTHING"
        }
        _ => {
            "INSERT OR IGNORE INTO main.audit_schemas (table_schema, table_name, fingerprint, \
             columns, record_key, recorded_at) VALUES (?1, ?2, ?3, ?4, ?5, audit_now())"
        }
    }
}

/// The statement that opens the transaction of a probe; `stamp` goes with it where the context
/// belongs to the transaction.
pub(crate) fn begin_probe(dialect: Dialect, stamp: Option<&Stamp>) -> String {
    match (dialect, stamp) {
        (Dialect::MySql, _) => context::mysql::begin(Uuid::now_v7()),
        (Dialect::Postgres, Some(stamp)) => context::postgres::begin(stamp),
        (Dialect::Postgres, None) => "BEGIN".to_owned(),
        // One that begins as a reader could lose its right to write to somebody else.
        _ => "BEGIN IMMEDIATE".to_owned(),
    }
}

/// The statement that takes a probe back.
pub(crate) fn end_probe(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => context::mysql::ROLLBACK,
        _ => "ROLLBACK",
    }
}
