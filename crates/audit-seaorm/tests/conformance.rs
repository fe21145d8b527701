//! The conformance suite through SeaORM: one module a database, one test a case.

mod adapter;

use adapter::SeaOrm;

audit_testkit::conformance!(mariadb, MariaDb, SeaOrm<sqlx::MySql>);
audit_testkit::conformance!(postgres15, Postgres15, SeaOrm<sqlx::Postgres>);
audit_testkit::conformance!(postgres16, Postgres16, SeaOrm<sqlx::Postgres>);
audit_testkit::conformance!(postgres17, Postgres17, SeaOrm<sqlx::Postgres>);
audit_testkit::conformance!(postgres18, Postgres18, SeaOrm<sqlx::Postgres>);
audit_testkit::conformance!(sqlite, Sqlite, SeaOrm<sqlx::Sqlite>);
