//! MariaDB and MySQL.

#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../api.rs"]
mod api;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../schema.rs"]
mod schema;

pub(crate) type Database = sqlx::MySql;

/// The statement as this database writes it.
pub(crate) fn sql(text: &'static str) -> &'static str {
    text
}

/// How many tables there are that are not the quickstart's.
pub(crate) const OTHER_TABLES: &str = "SELECT count(*) FROM information_schema.tables \
    WHERE table_schema = database() AND table_type = 'BASE TABLE' \
    AND table_name NOT IN ('users', 'invoices', 'invoice_lines') \
    AND table_name NOT LIKE 'audit\\_%'";

pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        name VARCHAR(200) NOT NULL,
        email VARCHAR(200) NOT NULL,
        password VARCHAR(200) NOT NULL
    );
    CREATE TABLE IF NOT EXISTS invoices (
        org VARCHAR(100) NOT NULL,
        number BIGINT NOT NULL,
        total DECIMAL(12, 2) NOT NULL,
        status VARCHAR(20) NOT NULL DEFAULT 'open',
        details JSON NOT NULL,
        PRIMARY KEY (org, number)
    );
    CREATE TABLE IF NOT EXISTS invoice_lines (
        org VARCHAR(100) NOT NULL,
        number BIGINT NOT NULL,
        line_no BIGINT NOT NULL,
        item VARCHAR(200) NOT NULL,
        quantity BIGINT NOT NULL,
        PRIMARY KEY (org, number, line_no),
        FOREIGN KEY (org, number) REFERENCES invoices (org, number) ON DELETE CASCADE
    )";

pub(crate) const ADD_INVOICE: &str =
    "INSERT INTO invoices (org, number, total, details) VALUES (?, ?, ?, ?)";

pub(crate) const SAVE_INVOICE: &str = "INSERT INTO invoices (org, number, total, details) VALUES (?, ?, ?, ?) \
     ON DUPLICATE KEY UPDATE total = VALUES(total), details = VALUES(details)";
