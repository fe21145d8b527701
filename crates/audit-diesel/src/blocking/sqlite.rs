//! SQLite: TEMP triggers on each connection, context in the connection's memory.

use audit_adapter::{Attachment, Rows, install_on_connection};
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{QueryResult, RunQueryDsl, select};

use super::database::sealed::{Capture, Reach};
use super::database::{Cleared, Expected};
use super::session::{Session, finish, unreadable};
use crate::row;

/// The functions of audit-sqlite that every checkout and release calls, as Diesel's own: it keeps
/// their statements prepared.
mod function {
    #[diesel::declare_sql_function]
    extern "SQL" {
        /// Puts a context on the connection.
        fn audit_check_out(stamp: diesel::sql_types::Text) -> diesel::sql_types::Bool;

        /// Takes it off.
        fn audit_clear() -> diesel::sql_types::Integer;
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
        if !set_stamp(self, stamp)? {
            let session = &mut Session(self);
            finish(install_on_connection(session, attachment)).map_err(unreadable)?;
            set_stamp(self, stamp)?;
        }
        Ok(())
    }

    fn check_in(&mut self, expected: Expected) -> QueryResult<Cleared> {
        let open: i32 = select(function::audit_clear()).get_result(self)?;
        Ok(match (open, expected) {
            (0, _) | (_, Expected::TestTransaction) => Cleared::Yes,
            _ => Cleared::InTransaction,
        })
    }

    fn begin_statement(_stamp: &Stamp) -> Option<String> {
        None
    }

    fn texts(&mut self, query: &BoundQuery) -> QueryResult<Rows> {
        bound!(Sqlite, query).load(self).map(row::texts)
    }
}

/// Puts a stamp on the connection; says whether its triggers are those of the schema.
fn set_stamp(connection: &mut SqliteConnection, stamp: &Stamp) -> QueryResult<bool> {
    select(function::audit_check_out(stamp.joined())).get_result(connection)
}

/// Runs a statement with binds and gives its rows as texts.
#[cfg(feature = "async-sqlite")]
pub(crate) fn texts(connection: &mut SqliteConnection, query: &BoundQuery) -> QueryResult<Rows> {
    connection.texts(query)
}
