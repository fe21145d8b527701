//! The conformance suite through sqlx: one module a database, one test a case.

#[path = "conformance/adapter.rs"]
mod adapter;

use adapter::Sqlx;

audit_testkit::conformance!(mariadb, MariaDb, Sqlx<sqlx::MySql>);
audit_testkit::conformance!(postgres15, Postgres15, Sqlx<sqlx::Postgres>);
audit_testkit::conformance!(postgres16, Postgres16, Sqlx<sqlx::Postgres>);
audit_testkit::conformance!(postgres17, Postgres17, Sqlx<sqlx::Postgres>);
audit_testkit::conformance!(postgres18, Postgres18, Sqlx<sqlx::Postgres>);
audit_testkit::conformance!(sqlite, Sqlite, Sqlx<sqlx::Sqlite>);
