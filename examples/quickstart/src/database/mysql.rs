//! MariaDB and MySQL.

#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../api.rs"]
mod api;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../schema.rs"]
mod schema;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../trail.rs"]
mod trail;

pub(crate) const KIND: story::Kind = story::Kind::MySql;

pub(crate) type Database = sqlx::MySql;

/// The statement as this database writes it.
pub(crate) fn sql(text: &'static str) -> &'static str {
    text
}

pub(crate) const ADD_INVOICE: &str =
    "INSERT INTO invoices (org, number, total, details) VALUES (?, ?, ?, ?)";

pub(crate) const SAVE_INVOICE: &str = "INSERT INTO invoices (org, number, total, details) VALUES (?, ?, ?, ?) \
     ON DUPLICATE KEY UPDATE total = VALUES(total), details = VALUES(details)";
