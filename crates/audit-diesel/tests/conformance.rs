//! The conformance suite through Diesel: one module a database, one test a case.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

mod adapter;

use adapter::{PoolOf, Pooled};

#[cfg(feature = "sqlite")]
audit_testkit::conformance!(sqlite, Sqlite, Pooled<PoolOf<diesel::SqliteConnection>>);
#[cfg(feature = "postgres")]
audit_testkit::conformance!(postgres15, Postgres15, Pooled<PoolOf<diesel::PgConnection>>);
#[cfg(feature = "postgres")]
audit_testkit::conformance!(postgres16, Postgres16, Pooled<PoolOf<diesel::PgConnection>>);
#[cfg(feature = "postgres")]
audit_testkit::conformance!(postgres17, Postgres17, Pooled<PoolOf<diesel::PgConnection>>);
#[cfg(feature = "postgres")]
audit_testkit::conformance!(postgres18, Postgres18, Pooled<PoolOf<diesel::PgConnection>>);
#[cfg(feature = "mysql")]
audit_testkit::conformance!(mariadb, MariaDb, Pooled<PoolOf<diesel::MysqlConnection>>);

/// What differs with connections whose statements bring their own context.
#[cfg(feature = "executor")]
mod executors {
    use audit_diesel::AuditedConnection;

    use super::{PoolOf, Pooled};

    type Audited<C> = Pooled<PoolOf<AuditedConnection<C>>>;

    #[cfg(feature = "sqlite")]
    audit_testkit::executors!(sqlite, Sqlite, Audited<diesel::SqliteConnection>);
    #[cfg(feature = "postgres")]
    audit_testkit::executors!(postgres18, Postgres18, Audited<diesel::PgConnection>);
    #[cfg(feature = "mysql")]
    audit_testkit::executors!(mariadb, MariaDb, Audited<diesel::MysqlConnection>);
}
