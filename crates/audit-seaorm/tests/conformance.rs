//! The conformance suite through SeaORM: one module a database, one test a case.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

mod adapter;

use adapter::{Audited, SeaOrm};

audit_testkit::conformance!(mariadb, MariaDb, SeaOrm<sqlx::MySql>);
audit_testkit::conformance!(postgres15, Postgres15, SeaOrm<sqlx::Postgres>);
audit_testkit::conformance!(postgres16, Postgres16, SeaOrm<sqlx::Postgres>);
audit_testkit::conformance!(postgres17, Postgres17, SeaOrm<sqlx::Postgres>);
audit_testkit::conformance!(postgres18, Postgres18, SeaOrm<sqlx::Postgres>);
audit_testkit::conformance!(sqlite, Sqlite, SeaOrm<sqlx::Sqlite>);

/// What differs where each statement has its own context: how that travels, and how transactions open
/// and end. Capture is the same.
mod executor {
    use super::Audited;

    audit_testkit::executors!(mariadb, MariaDb, Audited<sqlx::MySql>);
    audit_testkit::executors!(postgres15, Postgres15, Audited<sqlx::Postgres>);
    audit_testkit::executors!(postgres16, Postgres16, Audited<sqlx::Postgres>);
    audit_testkit::executors!(postgres17, Postgres17, Audited<sqlx::Postgres>);
    audit_testkit::executors!(postgres18, Postgres18, Audited<sqlx::Postgres>);
    audit_testkit::executors!(sqlite, Sqlite, Audited<sqlx::Sqlite>);

    mod cancellation {
        use super::Audited;

        audit_testkit::cancellation!(mariadb, MariaDb, Audited<sqlx::MySql>);
        audit_testkit::cancellation!(postgres15, Postgres15, Audited<sqlx::Postgres>);
        audit_testkit::cancellation!(postgres16, Postgres16, Audited<sqlx::Postgres>);
        audit_testkit::cancellation!(postgres17, Postgres17, Audited<sqlx::Postgres>);
        audit_testkit::cancellation!(postgres18, Postgres18, Audited<sqlx::Postgres>);
        audit_testkit::cancellation!(sqlite, Sqlite, Audited<sqlx::Sqlite>);
    }
}
