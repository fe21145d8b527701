//! The tables that most cases use.

use audit_core::Dialect;

/// Users with a secret; invoices with a composite key; items that go with their invoice.
pub(crate) fn tables(dialect: Dialect) -> String {
    let (text, number, decimal, json) = match dialect {
        Dialect::MySql => ("VARCHAR(200)", "BIGINT", "DECIMAL(20,4)", "JSON"),
        Dialect::Postgres => ("TEXT", "BIGINT", "NUMERIC(20,4)", "JSONB"),
        _ => ("TEXT", "INTEGER", "REAL", "TEXT"),
    };
    format!(
        "CREATE TABLE users (id {number} NOT NULL PRIMARY KEY, name {text} NOT NULL, \
             email {text} UNIQUE, password {text}, age {number}, seen_at {text});\
         CREATE TABLE invoices (org {text} NOT NULL, number {number} NOT NULL, \
             total {decimal} NOT NULL, data {json}, PRIMARY KEY (org, number));\
         CREATE TABLE items (id {number} NOT NULL PRIMARY KEY, org {text}, number {number}, \
             item {text}, FOREIGN KEY (org, number) REFERENCES invoices (org, number) \
             ON DELETE CASCADE);"
    )
}
