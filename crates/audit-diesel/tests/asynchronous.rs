//! The conformance suite through diesel-async and deadpool: one module a database, one test a case.
//! Other pools are in `diesel_async.rs`.
#![cfg(all(
    feature = "async-mysql",
    feature = "async-postgres",
    feature = "async-sqlite"
))]

#[path = "asynchronous/adapter.rs"]
mod adapter;
#[path = "adapter/broken.rs"]
mod broken;
#[path = "asynchronous/pool.rs"]
mod pool;

use adapter::Sqlite;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{AsyncMysqlConnection, AsyncPgConnection};

type Pooled<C> = adapter::Pooled<Pool<C>, C>;

audit_testkit::conformance!(mariadb, MariaDb, Pooled<AsyncMysqlConnection>);
audit_testkit::conformance!(postgres15, Postgres15, Pooled<AsyncPgConnection>);
audit_testkit::conformance!(postgres16, Postgres16, Pooled<AsyncPgConnection>);
audit_testkit::conformance!(postgres17, Postgres17, Pooled<AsyncPgConnection>);
audit_testkit::conformance!(postgres18, Postgres18, Pooled<AsyncPgConnection>);
audit_testkit::conformance!(sqlite, Sqlite, Pooled<Sqlite>);

/// What differs with connections whose statements bring their own context.
#[cfg(feature = "executor")]
mod executors {
    use audit_diesel::asynchronous::AuditedAsyncConnection;

    use super::{AsyncMysqlConnection, AsyncPgConnection, Pooled, Sqlite};

    type Audited<C> = Pooled<AuditedAsyncConnection<C>>;

    audit_testkit::executors!(mariadb, MariaDb, Audited<AsyncMysqlConnection>);
    audit_testkit::executors!(postgres18, Postgres18, Audited<AsyncPgConnection>);
    audit_testkit::executors!(sqlite, Sqlite, Audited<Sqlite>);
}
