//! SQLite: TEMP triggers on each connection, context in the connection's memory.

#[cfg(feature = "executor")]
use audit_adapter::ContextScope;
use audit_adapter::{Attachment, Rows, install_on_connection};
use audit_capture::context::sqlite as context;
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use audit_sqlite::CheckOut;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{QueryResult, RunQueryDsl, select};

use super::database::sealed::{Capture, Reach};
use super::database::{AuditConnection, Cleared, Expected};
use super::inside::AnyConnection;
use super::session::{Session, finish, unreadable};
use crate::row;
#[cfg(feature = "async-sqlite")]
use {super::session::is_in_transaction, diesel::result::Error};

/// Takes the context off, as a function of Diesel's own: it keeps the statement prepared.
mod function {
    #[diesel::declare_sql_function]
    extern "SQL" {
        fn audit_clear() -> diesel::sql_types::Integer;

        /// Replaces the context on a connection that is held.
        #[cfg(feature = "executor")]
        fn audit_stamp(
            stamp: diesel::sql_types::Text,
        ) -> diesel::sql_types::Nullable<diesel::sql_types::Integer>;
    }
}

/// What every checkout runs. Diesel keeps it prepared by its type, without a look at its text.
#[derive(Debug)]
struct CheckOutQuery<'s>(&'s str);

impl QueryId for CheckOutQuery<'_> {
    type QueryId = CheckOutQuery<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for CheckOutQuery<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        // Diesel writes the place of a bind itself.
        let (before, after) = context::CHECK_OUT
            .split_once("?1")
            .unwrap_or((context::CHECK_OUT, ""));
        out.push_sql(before);
        out.push_bind_param::<Text, _>(self.0)?;
        out.push_sql(after);
        Ok(())
    }
}

impl Query for CheckOutQuery<'_> {
    type SqlType = BigInt;
}

impl RunQueryDsl<SqliteConnection> for CheckOutQuery<'_> {}

impl AuditConnection for SqliteConnection {
    fn inside(&mut self) -> &mut dyn AnyConnection {
        self
    }

    fn dialect() -> Option<Dialect> {
        Some(Self::DIALECT)
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
    let number = CheckOutQuery(stamp.joined()).get_result(connection)?;
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
