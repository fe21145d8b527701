//! SQLite. It has no decimals: totals are texts, which keep their digits.

#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../api.rs"]
mod api;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../schema.rs"]
mod schema;

pub(crate) type Database = sqlx::Sqlite;

/// The statement as this database writes it.
pub(crate) fn sql(text: &'static str) -> &'static str {
    text
}

/// How many tables there are that are not the quickstart's.
pub(crate) const OTHER_TABLES: &str = "SELECT count(*) FROM sqlite_schema \
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
    AND name NOT IN ('users', 'invoices', 'invoice_lines') \
    AND name NOT LIKE 'audit\\_%' ESCAPE '\\'";

pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        email TEXT NOT NULL,
        password TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS invoices (
        org TEXT NOT NULL,
        number INTEGER NOT NULL,
        total TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'open',
        details TEXT NOT NULL,
        PRIMARY KEY (org, number)
    );
    CREATE TABLE IF NOT EXISTS invoice_lines (
        org TEXT NOT NULL,
        number INTEGER NOT NULL,
        line_no INTEGER NOT NULL,
        item TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        PRIMARY KEY (org, number, line_no),
        FOREIGN KEY (org, number) REFERENCES invoices (org, number) ON DELETE CASCADE
    )";

pub(crate) const ADD_INVOICE: &str =
    "INSERT INTO invoices (org, number, total, details) VALUES (?, ?, ?, ?)";

pub(crate) const SAVE_INVOICE: &str = "INSERT INTO invoices (org, number, total, details) VALUES (?, ?, ?, ?) \
     ON CONFLICT (org, number) DO UPDATE SET total = excluded.total, details = excluded.details";
