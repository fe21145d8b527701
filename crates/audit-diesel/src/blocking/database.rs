//! What each connection of Diesel does for the audit log; the rest of this crate is generic over it.

use std::sync::Arc;

use audit_adapter::{Attachment, Rows};
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use diesel::QueryResult;
use diesel::connection::AnsiTransactionManager;
use diesel::r2d2::{ManageConnection, PooledConnection, R2D2Connection};

use super::inside::AnyConnection;
#[cfg(feature = "executor")]
use {
    super::connection::{AttachError, attach},
    super::manager::AuditedManager,
    audit_adapter::ContextScope,
    audit_core::Audit,
    diesel::query_builder::QueryFragment,
    diesel::result::Error,
};

/// A connection that this crate can audit: `diesel::SqliteConnection`, `diesel::PgConnection`,
/// `diesel::MysqlConnection`, each behind the feature of its database, those out of an r2d2
/// pool, and an `AuditedConnection` around one. A `#[derive(MultiConnection)]` type of the application's
/// becomes one by a `match`:
///
/// ```
/// # #[cfg(all(feature = "postgres", feature = "sqlite"))]
/// # mod example {
/// use audit_diesel::{AnyConnection, AuditConnection};
/// use diesel::{PgConnection, SqliteConnection};
///
/// #[derive(diesel::MultiConnection)]
/// pub enum Either {
///     Postgres(PgConnection),
///     Sqlite(SqliteConnection),
/// }
///
/// impl AuditConnection for Either {
///     fn inside(&mut self) -> &mut dyn AnyConnection {
///         match self {
///             Self::Postgres(connection) => connection,
///             Self::Sqlite(connection) => connection,
///         }
///     }
/// }
/// # }
/// ```
pub trait AuditConnection: Send {
    /// The connection of one database that is inside.
    fn inside(&mut self) -> &mut dyn AnyConnection;

    /// The database of every connection of this type; `None` where it may be one of several.
    #[must_use]
    fn dialect() -> Option<Dialect> {
        None
    }
}

impl<M> AuditConnection for PooledConnection<M>
where
    M: ManageConnection<Connection: AuditConnection>,
{
    fn inside(&mut self) -> &mut dyn AnyConnection {
        (**self).inside()
    }

    fn dialect() -> Option<Dialect> {
        M::Connection::dialect()
    }
}

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
        AnsiTransactionManager, Arc, Attachment, AuditConnection, BoundQuery, Cleared, Dialect,
        Expected, ManageConnection, PooledConnection, QueryResult, R2D2Connection, Rows, Stamp,
    };
    #[cfg(feature = "executor")]
    use super::{AttachError, Audit, AuditedManager, ContextScope, Error, QueryFragment, attach};

    /// Gets at Diesel's own connection.
    pub trait Reach: Send {
        /// Its type.
        type Raw: Capture;

        /// Whether statements bring their own context.
        #[cfg(feature = "deadpool-diesel")]
        const BRINGS_CONTEXT: bool = false;

        /// The connection, with whatever context is on it.
        fn raw(&mut self) -> &mut Self::Raw;

        /// The connection with the context that work on it has now: that of this thread, where
        /// statements bring their own.
        fn current(&mut self) -> QueryResult<&mut Self::Raw> {
            Ok(self.raw())
        }

        /// Tells whose connection it is, and what was put on it.
        fn attached(&mut self, _attachment: &Arc<Attachment>, _stamp: Option<Arc<Stamp>>) {}
    }

    impl<M> Reach for PooledConnection<M>
    where
        M: ManageConnection<Connection: Reach>,
    {
        type Raw = <M::Connection as Reach>::Raw;

        #[cfg(feature = "deadpool-diesel")]
        const BRINGS_CONTEXT: bool = M::Connection::BRINGS_CONTEXT;

        fn raw(&mut self) -> &mut Self::Raw {
            (**self).raw()
        }

        fn current(&mut self) -> QueryResult<&mut Self::Raw> {
            (**self).current()
        }

        fn attached(&mut self, attachment: &Arc<Attachment>, stamp: Option<Arc<Stamp>>) {
            (**self).attached(attachment, stamp);
        }
    }

    /// What statements can run through by a type of ours.
    #[cfg(feature = "executor")]
    pub trait Host: Reach {
        /// Makes the connection ready.
        fn prepare(&mut self, audit: &Audit) -> Result<(), AttachError>;
    }

    #[cfg(feature = "executor")]
    impl<C: Capture> Host for C {
        fn prepare(&mut self, audit: &Audit) -> Result<(), AttachError> {
            attach(self, audit)
        }
    }

    #[cfg(feature = "executor")]
    impl<M> Host for PooledConnection<AuditedManager<M>>
    where
        M: ManageConnection<Connection: Capture, Error: From<Error>>,
    {
        /// The pool has made it ready, and takes the context off.
        fn prepare(&mut self, _audit: &Audit) -> Result<(), AttachError> {
            Ok(())
        }
    }

    /// The steps that differ between databases.
    pub trait Capture:
        R2D2Connection<TransactionManager = AnsiTransactionManager>
        + AuditConnection
        + Reach<Raw = Self>
        + 'static
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

        /// Whether a transaction has an id that goes with the statement that opens it.
        #[cfg(feature = "executor")]
        const HAS_TRANSACTION_ID: bool = false;

        /// Puts a context on a connection that is held, wherever it stands in transactions.
        #[cfg(feature = "executor")]
        fn put_on(
            &mut self,
            stamp: &Stamp,
            scope: ContextScope,
            is_in_transaction: bool,
        ) -> QueryResult<()>;

        /// Whether a context that was put on before a statement of the application's is sure to be
        /// there after it.
        #[cfg(feature = "executor")]
        fn text_leaves_the_context(_text: &str) -> bool {
            true
        }

        /// The same of a statement that is no text yet.
        #[cfg(feature = "executor")]
        fn leaves_the_context(_statement: &impl QueryFragment<Self::Backend>) -> bool {
            true
        }

        /// Runs a statement with binds and gives its rows as texts.
        fn texts(&mut self, query: &BoundQuery) -> QueryResult<Rows>;
    }
}
