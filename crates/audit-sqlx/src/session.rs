//! A connection of sqlx, as the audit log uses one.

#[cfg(any(feature = "mysql", feature = "postgres"))]
use std::borrow::Cow;

use audit_adapter::{Answer, CatalogReadError, Refusal, Rows};
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use futures_core::future::BoxFuture;
#[cfg(any(feature = "mysql", feature = "postgres"))]
use sqlx::{Connection, Database, SqlStr};

#[cfg(any(feature = "mysql", feature = "postgres"))]
use crate::database::Stamped;
use crate::database::{AuditDatabase, ConnectionOf};

/// A catalog that is none is what its text could not be decoded to.
pub(crate) fn unreadable(error: CatalogReadError<sqlx::Error>) -> sqlx::Error {
    match error {
        CatalogReadError::Database(error) => error,
        other => sqlx::Error::Decode(Box::new(other)),
    }
}

/// Stands for this adapter.
#[derive(Debug, Clone, Copy)]
pub struct Adapter;

/// A connection that is borrowed for work of ours.
pub(crate) struct Session<'c, DB: AuditDatabase>(pub(crate) &'c mut ConnectionOf<DB>);

impl<DB: AuditDatabase> audit_adapter::Session for Session<'_, DB> {
    type Adapter = Adapter;
    type Error = sqlx::Error;

    const DIALECT: Dialect = DB::DIALECT;

    fn run<'c>(&'c mut self, text: &'c str) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        DB::run(self.0, text)
    }

    fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, Result<Rows, sqlx::Error>> {
        DB::texts(self.0, query)
    }
}

impl Refusal<Adapter> for sqlx::Error {
    fn answer(&self) -> Option<Answer<'_>> {
        #[cfg(feature = "executor")]
        if let Some(refusal) = crate::InlineRefusal::of(self) {
            return Some(refusal.answer());
        }
        let error = self.as_database_error()?;
        #[cfg(feature = "mysql")]
        if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            return Some(Answer {
                code: Some(Cow::Owned(error.number().to_string())),
                message: error.message(),
                place: None,
            });
        }
        #[cfg(feature = "postgres")]
        if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
            return Some(Answer {
                code: Some(Cow::Borrowed(error.code())),
                message: error.message(),
                place: error.r#where(),
            });
        }
        Some(Answer {
            code: error.code(),
            message: error.message(),
            place: None,
        })
    }

    fn dialect(&self) -> Option<Dialect> {
        #[cfg(feature = "executor")]
        if crate::InlineRefusal::of(self).is_some() {
            return Some(crate::InlineRefusal::DIALECT);
        }
        let error = self.as_database_error()?;
        #[cfg(feature = "mysql")]
        if error
            .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
            .is_some()
        {
            return Some(Dialect::MySql);
        }
        #[cfg(feature = "postgres")]
        if error
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .is_some()
        {
            return Some(Dialect::Postgres);
        }
        #[cfg(feature = "sqlite")]
        if error
            .try_downcast_ref::<sqlx::sqlite::SqliteError>()
            .is_some()
        {
            return Some(Dialect::Sqlite);
        }
        let _ = error;
        None
    }
}

/// Runs a statement and tells whether a transaction is open after it, by the state that the server
/// ends its answer with. Only sqlx's own way of opening a transaction looks at that state: it
/// fails when none is open, which is what is wanted here.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) async fn set_outside_a_transaction<DB: Database>(
    connection: &mut ConnectionOf<DB>,
    statement: SqlStr,
) -> Result<Stamped, sqlx::Error> {
    match connection.begin_with(statement).await {
        Err(sqlx::Error::BeginFailed) => Ok(Stamped::Yes),
        Ok(_) | Err(sqlx::Error::InvalidSavePointStatement) => Ok(Stamped::InTransaction),
        Err(error) if in_failed_transaction(&error) => Ok(Stamped::InTransaction),
        Err(error) => Err(error),
    }
}

/// Whether the open transaction has failed, and takes no statement any more (PostgreSQL).
#[cfg(any(feature = "executor", feature = "mysql", feature = "postgres"))]
pub(crate) fn in_failed_transaction(error: &sqlx::Error) -> bool {
    let answer = error.as_database_error();
    answer.is_some_and(|answer| answer.code().as_deref() == Some("25P02"))
}
