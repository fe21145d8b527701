//! Errors of SeaORM and of sqlx, each as the other.

use std::error::Error;
use std::sync::Arc;

use audit_adapter::{Answer, Refusal};
use audit_core::Dialect;
#[cfg(feature = "executor")]
use sea_orm::ConnAcquireErr;
use sea_orm::{DbErr, RuntimeErr};

/// A connection that no pool of sqlx is behind: a mock, a proxy, a single connection of another
/// library, none at all, or a database whose feature of this crate is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "only pools of sqlx can be audited; open the connection with `audit_seaorm::attach(options, &audit)`, and turn on the feature `mysql`, `postgres` or `sqlite` of audit-seaorm for its database"
)]
pub struct UnsupportedConnection;

/// An error of an operation on the pool, as SeaORM has it.
pub(crate) fn conn(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

/// An error of a statement that gives no rows, as SeaORM has it.
#[cfg(feature = "executor")]
pub(crate) fn exec(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

/// An error of one that gives rows, or of opening or ending a transaction.
#[cfg(feature = "executor")]
pub(crate) fn query(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

/// An error of taking a connection.
#[cfg(feature = "executor")]
pub(crate) fn acquire(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        other => conn(other),
    }
}

pub(crate) fn unsupported() -> sqlx::Error {
    sqlx::Error::Configuration(Box::new(UnsupportedConnection))
}

/// Stands for this adapter.
#[derive(Debug, Clone, Copy)]
pub struct Adapter;

/// The error of this crate behind one of SeaORM's: [`NotAttached`](crate::NotAttached),
/// [`UnsupportedConnection`], or with the feature `executor` an `Interrupted`. What
/// [`check`](crate::check), [`migrate`](crate::migrate) and [`log`](crate::log()) give has it as a
/// `source()`.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let database = audit_testkit::TestDatabase::create(audit_testkit::Server::Sqlite).await;
/// # let url = database.url();
/// let db = sea_orm::Database::connect(url).await?; // without `attach`
/// let error = audit_seaorm::begin(&db).await.unwrap_err();
/// assert!(audit_seaorm::cause::<audit_seaorm::NotAttached>(&error).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn cause<E: Error + 'static>(error: &DbErr) -> Option<&E> {
    let mut cause: &(dyn Error + 'static) = of_sqlx(error)?;
    loop {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        cause = cause.source()?;
    }
}

fn of_sqlx(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

impl Refusal<Adapter> for DbErr {
    fn answer(&self) -> Option<Answer<'_>> {
        of_sqlx(self)?.answer()
    }

    fn dialect(&self) -> Option<Dialect> {
        of_sqlx(self)?.dialect()
    }
}
