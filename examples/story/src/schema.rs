//! The tables of the examples, in the SQL of each database.
//!
//! Totals are decimals; SQLite has none, and its texts keep their digits.

use anyhow::{Result, bail};

use crate::Kind;

/// The statements that create the tables where they are not there yet, each ended by a semicolon.
#[must_use]
pub const fn tables(kind: Kind) -> &'static str {
    match kind {
        Kind::MySql => include_str!("schema/mysql.sql"),
        Kind::Postgres => include_str!("schema/postgres.sql"),
        Kind::Sqlite => include_str!("schema/sqlite.sql"),
    }
}

/// The query that counts, in its only column `others`, the tables that are not the example's.
#[must_use]
pub const fn others(kind: Kind) -> &'static str {
    match kind {
        Kind::MySql => {
            "SELECT count(*) AS others FROM information_schema.tables \
             WHERE table_schema = database() AND table_type = 'BASE TABLE' \
             AND table_name NOT IN ('users', 'invoices', 'invoice_lines') \
             AND table_name NOT LIKE 'audit\\_%'"
        }
        Kind::Postgres => {
            "SELECT count(*) AS others FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' \
             AND table_name NOT IN ('users', 'invoices', 'invoice_lines')"
        }
        Kind::Sqlite => {
            "SELECT count(*) AS others FROM sqlite_schema \
             WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             AND name NOT IN ('users', 'invoices', 'invoice_lines') \
             AND name NOT LIKE 'audit\\_%' ESCAPE '\\'"
        }
    }
}

/// Leaves the database of another application alone.
///
/// # Errors
/// When there are other tables.
pub fn refuse(others: i64) -> Result<()> {
    if others > 0 {
        bail!("the database has {others} tables of something else; name an empty one");
    }
    Ok(())
}
