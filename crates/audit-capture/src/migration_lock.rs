//! The lock that keeps migrations, and what else changes the audit tables, from running at once.

use audit_core::Dialect;
use audit_core::query::BoundQuery;

/// The number of the lock on PostgreSQL: any that no other program uses for its own.
pub const MIGRATION_LOCK_POSTGRES: i64 = 7_020_945_711_468_206_893;

/// The expression that names the lock on MySQL: it is that of the connection's database.
pub const MIGRATION_LOCK_MYSQL: &str = "CONCAT('audit_', SHA1(DATABASE()))";

/// The statement that takes the lock for the session and gives `1`, or gives something else at once
/// where another has it; `None` on SQLite, whose transactions keep each other out.
#[must_use]
pub fn take_migration_lock(dialect: Dialect) -> Option<BoundQuery> {
    let text = match dialect {
        Dialect::MySql => format!("SELECT CAST(GET_LOCK({MIGRATION_LOCK_MYSQL}, 0) AS CHAR)"),
        Dialect::Postgres => {
            format!("SELECT pg_catalog.pg_try_advisory_lock({MIGRATION_LOCK_POSTGRES})::int::text")
        }
        _ => return None,
    };
    Some(BoundQuery::plain(text))
}

/// The statement that gives back what [`take_migration_lock`] took.
#[must_use]
pub fn give_migration_lock_back(dialect: Dialect) -> Option<BoundQuery> {
    let text = match dialect {
        Dialect::MySql => format!("SELECT CAST(RELEASE_LOCK({MIGRATION_LOCK_MYSQL}) AS CHAR)"),
        Dialect::Postgres => {
            format!("SELECT pg_catalog.pg_advisory_unlock({MIGRATION_LOCK_POSTGRES})::int::text")
        }
        _ => return None,
    };
    Some(BoundQuery::plain(text))
}
