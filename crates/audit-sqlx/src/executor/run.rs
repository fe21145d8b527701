//! How a database of sqlx runs a statement.

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::error::BoxDynError;
use sqlx::{Arguments, Database, Describe, Either, Encode, Executor, Pool, SqlStr, Type};

use super::statement::Statement;
use crate::database::ConnectionOf;

/// What a statement gives, as it comes.
pub(super) type Answers<'e, DB> = BoxStream<
    'e,
    Result<Either<<DB as Database>::QueryResult, <DB as Database>::Row>, sqlx::Error>,
>;

/// The first row, where there is one.
pub(super) type FirstRow<'e, DB> =
    BoxFuture<'e, Result<Option<<DB as Database>::Row>, sqlx::Error>>;

pub(super) type Prepared<'e, DB> = BoxFuture<'e, Result<<DB as Database>::Statement, sqlx::Error>>;

pub(super) type Described<'e, DB> = BoxFuture<'e, Result<Describe<DB>, sqlx::Error>>;

/// `Executor` of the connections of a database, as a bound on the database: one on connections of
/// every lifetime would have to be repeated by whoever is generic over the database.
pub trait Run: Database {
    /// As `Executor::fetch_many`.
    fn fetch_many(
        connection: &mut ConnectionOf<Self>,
        statement: Statement<Self>,
    ) -> Answers<'_, Self>;

    /// The same on a connection that is taken out of the pool, and given back at the end.
    fn fetch_many_of(pool: &Pool<Self>, statement: Statement<Self>) -> Answers<'static, Self>;

    /// As `Executor::fetch_optional`.
    fn fetch_optional(
        connection: &mut ConnectionOf<Self>,
        statement: Statement<Self>,
    ) -> FirstRow<'_, Self>;

    /// As `Executor::prepare_with`.
    fn prepare_with<'e>(
        connection: &'e mut ConnectionOf<Self>,
        text: SqlStr,
        parameters: &'e [Self::TypeInfo],
    ) -> Prepared<'e, Self>;

    /// As `Executor::describe`.
    fn describe(connection: &mut ConnectionOf<Self>, text: SqlStr) -> Described<'_, Self>;

    /// Binds a text behind other values.
    ///
    /// # Errors
    /// As `Arguments::add`.
    fn bind_text(arguments: &mut Self::Arguments, text: &str) -> Result<(), BoxDynError>;

    /// The same values once more.
    fn copy_arguments(arguments: &Self::Arguments) -> Self::Arguments;
}

impl<DB: Database> Run for DB
where
    for<'c> &'c mut ConnectionOf<DB>: Executor<'c, Database = DB>,
    DB::Arguments: Clone,
    String: for<'t> Encode<'t, DB> + Type<DB>,
{
    fn fetch_many(connection: &mut ConnectionOf<DB>, statement: Statement<DB>) -> Answers<'_, DB> {
        Executor::fetch_many(connection, statement)
    }

    fn fetch_many_of(pool: &Pool<DB>, statement: Statement<DB>) -> Answers<'static, DB> {
        Executor::fetch_many(pool, statement)
    }

    fn fetch_optional(
        connection: &mut ConnectionOf<DB>,
        statement: Statement<DB>,
    ) -> FirstRow<'_, DB> {
        Executor::fetch_optional(connection, statement)
    }

    fn prepare_with<'e>(
        connection: &'e mut ConnectionOf<DB>,
        text: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> Prepared<'e, DB> {
        Executor::prepare_with(connection, text, parameters)
    }

    fn describe(connection: &mut ConnectionOf<DB>, text: SqlStr) -> Described<'_, DB> {
        Executor::describe(connection, text)
    }

    fn bind_text(arguments: &mut DB::Arguments, text: &str) -> Result<(), BoxDynError> {
        arguments.add(text.to_owned())
    }

    fn copy_arguments(arguments: &DB::Arguments) -> DB::Arguments {
        arguments.clone()
    }
}
