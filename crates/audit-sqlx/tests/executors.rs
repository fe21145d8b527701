//! The executors: the conformance suite through them, and what is special to them.
#![cfg(feature = "executor")]
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

#[path = "executors/adapter.rs"]
mod adapter;
#[path = "conformance/adapter.rs"]
mod plain;

use adapter::Executors;

audit_testkit::conformance!(mariadb, MariaDb, Executors<sqlx::MySql>);
audit_testkit::conformance!(postgres15, Postgres15, Executors<sqlx::Postgres>);
audit_testkit::conformance!(postgres16, Postgres16, Executors<sqlx::Postgres>);
audit_testkit::conformance!(postgres17, Postgres17, Executors<sqlx::Postgres>);
audit_testkit::conformance!(postgres18, Postgres18, Executors<sqlx::Postgres>);
audit_testkit::conformance!(sqlite, Sqlite, Executors<sqlx::Sqlite>);
