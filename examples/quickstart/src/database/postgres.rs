//! PostgreSQL.

#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../api.rs"]
mod api;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../schema.rs"]
mod schema;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../trail.rs"]
mod trail;

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

pub(crate) const KIND: story::Kind = story::Kind::Postgres;

pub(crate) type Database = sqlx::Postgres;

/// The statement as this database writes it: its placeholders have numbers.
pub(crate) fn sql(text: &'static str) -> AssertSqlSafe<String> {
    let mut numbered = String::with_capacity(text.len() + 8);
    for (index, part) in text.split('?').enumerate() {
        if index > 0 {
            // Writing to a String does not fail.
            let _ = write!(numbered, "${index}");
        }
        numbered.push_str(part);
    }
    AssertSqlSafe(numbered)
}

pub(crate) const ADD_INVOICE: &str = "INSERT INTO invoices (org, number, total, details) \
     VALUES (?, ?, CAST(? AS NUMERIC(12, 2)), ?)";

pub(crate) const SAVE_INVOICE: &str = "INSERT INTO invoices (org, number, total, details) \
     VALUES (?, ?, CAST(? AS NUMERIC(12, 2)), ?) \
     ON CONFLICT (org, number) DO UPDATE SET total = excluded.total, details = excluded.details";
