//! What each connection of Diesel does for the audit log; the rest of this crate is generic over it.

use audit_adapter::{Attachment, Rows};
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use diesel::QueryResult;
use diesel::connection::AnsiTransactionManager;
use diesel::r2d2::{ManageConnection, PooledConnection, R2D2Connection};

/// A connection that this crate can audit: `diesel::SqliteConnection`, `diesel::PgConnection`,
/// `diesel::MysqlConnection`, each behind the feature of its database, and those out of an r2d2
/// pool. It cannot be implemented elsewhere.
pub trait AuditConnection: sealed::Reach {}

impl<C: sealed::Reach> AuditConnection for C {}

/// What happened when the context was taken off a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleared {
    /// It is nobody's.
    Yes,
    /// Somebody left a transaction open on it: it must not be used again.
    InTransaction,
}

/// Whose transaction a connection may be in when it goes back into the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nobody's.
    NoTransaction,
    /// That of `begin_test_transaction`, which Diesel keeps open.
    TestTransaction,
}

pub(crate) mod sealed {
    use super::{
        AnsiTransactionManager, Attachment, BoundQuery, Cleared, Dialect, Expected,
        ManageConnection, PooledConnection, QueryResult, R2D2Connection, Rows, Stamp,
    };

    /// Gets at Diesel's own connection.
    pub trait Reach: Send {
        /// Its type.
        type Raw: Capture;

        /// The connection.
        fn raw(&mut self) -> &mut Self::Raw;
    }

    impl<M> Reach for PooledConnection<M>
    where
        M: ManageConnection<Connection: Capture>,
    {
        type Raw = M::Connection;

        fn raw(&mut self) -> &mut Self::Raw {
            self
        }
    }

    /// The steps that differ between databases.
    pub trait Capture:
        R2D2Connection<TransactionManager = AnsiTransactionManager> + Reach<Raw = Self> + 'static
    {
        /// The SQL dialect.
        const DIALECT: Dialect;

        /// Puts a context on a connection that comes out of a pool.
        fn check_out(&mut self, attachment: &Attachment, stamp: &Stamp) -> QueryResult<()>;

        /// Takes the context off a connection that goes back into the pool.
        fn check_in(&mut self, expected: Expected) -> QueryResult<Cleared>;

        /// The statement that opens a transaction with a context, in one message; `None` where the
        /// context is put on before. Without a context it would be `opening`.
        fn begin_statement(opening: &str, stamp: &Stamp) -> Option<String>;

        /// Runs a statement with binds and gives its rows as texts.
        fn texts(&mut self, query: &BoundQuery) -> QueryResult<Rows>;
    }
}
