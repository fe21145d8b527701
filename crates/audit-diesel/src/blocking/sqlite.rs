//! SQLite: TEMP triggers on each connection, context in the connection's memory.

#[cfg(feature = "executor")]
use audit_adapter::ContextScope;
use audit_adapter::{Attachment, Rows, install_on_connection};
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use audit_sqlite::CheckOut;
use diesel::dsl::{exists, select};
use diesel::sql_types::Bool;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{IntoSql, QueryDsl, QueryResult, RunQueryDsl};

use super::database::sealed::{Capture, Reach};
use super::database::{Cleared, Expected};
use super::session::{Session, finish, unreadable};
use crate::row;
#[cfg(feature = "async-sqlite")]
use {super::session::is_in_transaction, diesel::result::Error};

/// The functions of audit-sqlite that every checkout and release calls, as Diesel's own: it keeps
/// their statements prepared.
mod function {
    diesel::table! {
        main.sqlite_schema (name) {
            name -> Text,
        }
    }

    #[diesel::declare_sql_function]
    extern "SQL" {
        /// Puts a context on the connection.
        fn audit_check_out(
            stamp: diesel::sql_types::Text,
            read: diesel::sql_types::Bool,
        ) -> diesel::sql_types::BigInt;

        /// Takes it off.
        fn audit_clear() -> diesel::sql_types::Integer;

        /// Replaces the context on a connection that is held.
        #[cfg(feature = "executor")]
        fn audit_stamp(
            stamp: diesel::sql_types::Text,
        ) -> diesel::sql_types::Nullable<diesel::sql_types::Integer>;
    }
}

impl Reach for SqliteConnection {
    type Raw = Self;

    fn raw(&mut self) -> &mut Self {
        self
    }
}

impl Capture for SqliteConnection {
    const DIALECT: Dialect = Dialect::Sqlite;

    fn check_out(&mut self, attachment: &Attachment, stamp: &Stamp) -> QueryResult<()> {
        put_on(self, attachment, stamp).map(|_| ())
    }

    fn check_in(&mut self, expected: Expected) -> QueryResult<Cleared> {
        let open: i32 = select(function::audit_clear()).get_result(self)?;
        Ok(match (open, expected) {
            (0, _) | (_, Expected::TestTransaction) => Cleared::Yes,
            _ => Cleared::InTransaction,
        })
    }

    fn begin_statement(_opening: &str, _stamp: &Stamp) -> Option<String> {
        None
    }

    #[cfg(feature = "executor")]
    fn put_on(
        &mut self,
        stamp: &Stamp,
        _scope: ContextScope,
        _is_in_transaction: bool,
    ) -> QueryResult<()> {
        select(function::audit_stamp(stamp.joined()))
            .execute(self)
            .map(|_| ())
    }

    fn texts(&mut self, query: &BoundQuery) -> QueryResult<Rows> {
        bound!(Sqlite, query).load(self).map(row::texts)
    }
}

/// Puts a stamp on the connection and says what it found, once its triggers are those of the schema.
fn put_on(
    connection: &mut SqliteConnection,
    attachment: &Attachment,
    stamp: &Stamp,
) -> QueryResult<CheckOut> {
    let mut found = set_stamp(connection, stamp)?;
    if !found.is_current {
        let session = &mut Session(connection);
        finish(install_on_connection(session, attachment)).map_err(unreadable)?;
        found = set_stamp(connection, stamp)?;
    }
    Ok(found)
}

fn set_stamp(connection: &mut SqliteConnection, stamp: &Stamp) -> QueryResult<CheckOut> {
    // No row of it, but the database as it is now.
    let read = exists(function::sqlite_schema::table.filter(false.into_sql::<Bool>()));
    let number = select(function::audit_check_out(stamp.joined(), read)).get_result(connection)?;
    Ok(CheckOut::from_number(number))
}

/// Puts a context on a connection on which nobody has left a transaction open.
///
/// # Errors
/// `Error::AlreadyInTransaction` when somebody has; else when the statement fails.
#[cfg(feature = "async-sqlite")]
pub(crate) fn put_on_idle(
    connection: &mut SqliteConnection,
    attachment: &Attachment,
    stamp: &Stamp,
) -> QueryResult<()> {
    // Diesel keeps the transaction of `begin_test_transaction` open.
    let is_expected = is_in_transaction(connection)?;
    let found = put_on(connection, attachment, stamp)?;
    match found.is_in_transaction && !is_expected {
        true => Err(Error::AlreadyInTransaction),
        false => Ok(()),
    }
}

/// Puts a context on a connection that is held.
#[cfg(all(feature = "async-sqlite", feature = "executor"))]
pub(crate) fn put_on_held(connection: &mut SqliteConnection, stamp: &Stamp) -> QueryResult<()> {
    connection.put_on(stamp, ContextScope::Connection, false)
}

/// Runs a statement with binds and gives its rows as texts.
#[cfg(feature = "async-sqlite")]
pub(crate) fn texts(connection: &mut SqliteConnection, query: &BoundQuery) -> QueryResult<Rows> {
    connection.texts(query)
}
