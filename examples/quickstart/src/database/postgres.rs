//! PostgreSQL.

#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../api.rs"]
mod api;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../schema.rs"]
mod schema;

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

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

/// How many tables there are that are not the quickstart's.
pub(crate) const OTHER_TABLES: &str = "SELECT count(*) FROM information_schema.tables \
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' \
    AND table_name NOT IN ('users', 'invoices', 'invoice_lines')";

pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name TEXT NOT NULL,
        email TEXT NOT NULL,
        password TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS invoices (
        org TEXT NOT NULL,
        number BIGINT NOT NULL,
        total NUMERIC(12, 2) NOT NULL,
        status TEXT NOT NULL DEFAULT 'open',
        details JSONB NOT NULL,
        PRIMARY KEY (org, number)
    );
    CREATE TABLE IF NOT EXISTS invoice_lines (
        org TEXT NOT NULL,
        number BIGINT NOT NULL,
        line_no BIGINT NOT NULL,
        item TEXT NOT NULL,
        quantity BIGINT NOT NULL,
        PRIMARY KEY (org, number, line_no),
        FOREIGN KEY (org, number) REFERENCES invoices (org, number) ON DELETE CASCADE
    )";

pub(crate) const ADD_INVOICE: &str = "INSERT INTO invoices (org, number, total, details) \
     VALUES (?, ?, CAST(? AS NUMERIC(12, 2)), ?)";

pub(crate) const SAVE_INVOICE: &str = "INSERT INTO invoices (org, number, total, details) \
     VALUES (?, ?, CAST(? AS NUMERIC(12, 2)), ?) \
     ON CONFLICT (org, number) DO UPDATE SET total = excluded.total, details = excluded.details";
