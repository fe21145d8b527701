//! Errors of SeaORM and of sqlx, each as the other.

use std::sync::Arc;

use audit_sqlx::CaptureError;
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

pub(crate) fn unsupported() -> sqlx::Error {
    sqlx::Error::Configuration(Box::new(UnsupportedConnection))
}

/// Reads an error of SeaORM: why the event of a change could not be written, so that the change
/// was undone. `None` when it has nothing to do with capture.
#[must_use]
pub fn capture_error(error: &DbErr) -> Option<CaptureError> {
    let (DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) = error else {
        return None;
    };
    let RuntimeErr::SqlxError(error) = runtime else {
        return None;
    };
    let said = error.as_database_error()?;
    #[cfg(feature = "mysql")]
    if said
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .is_some()
    {
        return CaptureError::of::<sqlx::MySql>(error);
    }
    #[cfg(feature = "postgres")]
    if said
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .is_some()
    {
        return CaptureError::of::<sqlx::Postgres>(error);
    }
    #[cfg(feature = "sqlite")]
    if said
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
    {
        return CaptureError::of::<sqlx::Sqlite>(error);
    }
    let _ = said;
    None
}
