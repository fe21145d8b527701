//! What each database of sqlx does for the audit log; the rest of this crate is generic over it.

#[cfg(feature = "executor")]
use audit_adapter::ContextScope;
use audit_adapter::{Attachment, Rows};
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use futures_core::future::BoxFuture;
use sqlx::Database;

/// A database that this crate can audit: `sqlx::Sqlite`, `sqlx::Postgres`, `sqlx::MySql`, each
/// behind the feature of its name. It cannot be implemented elsewhere.
pub trait AuditDatabase: sealed::Capture {}

impl<DB: sealed::Capture> AuditDatabase for DB {}

/// The connection type of a database.
pub(crate) type ConnectionOf<DB> = <DB as Database>::Connection;

/// What happened when a connection was stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamped {
    /// It carries the context.
    Yes,
    /// Somebody left a transaction open on it: it must not be used again.
    InTransaction,
}

pub(crate) mod sealed {
    #[cfg(feature = "executor")]
    use super::ContextScope;
    use super::{Attachment, BoundQuery, BoxFuture, ConnectionOf, Dialect, Rows, Stamp, Stamped};

    /// What every database of sqlx does, here without the executors nothing.
    #[cfg(feature = "executor")]
    pub(crate) use crate::executor::Run;
    #[cfg(not(feature = "executor"))]
    pub(crate) use sqlx::Database as Run;

    /// The steps that differ between databases.
    pub trait Capture: Run {
        /// The SQL dialect.
        const DIALECT: Dialect;

        /// Whether a context can end with its transaction.
        const CONTEXT_IN_TRANSACTION: bool = false;

        /// Makes the database library ready, once per process.
        fn initialize() -> Result<(), sqlx::Error> {
            Ok(())
        }

        /// Puts a context on a connection that comes out of the pool.
        fn check_out<'c>(
            connection: &'c mut ConnectionOf<Self>,
            attachment: &'c Attachment,
            stamp: &'c Stamp,
        ) -> impl Future<Output = Result<Stamped, sqlx::Error>> + Send + 'c;

        /// Takes the context off a connection that goes back into the pool.
        fn check_in(
            connection: &mut ConnectionOf<Self>,
        ) -> impl Future<Output = Result<Stamped, sqlx::Error>> + Send;

        /// Opens a transaction in one message, by `opening` where that is given; `stamp` goes with it
        /// where the context belongs to the transaction.
        fn begin_statement(opening: Option<&str>, stamp: Option<&Stamp>) -> Option<String>;

        /// Gives an open transaction a context that ends with it.
        fn local_statement(_stamp: &Stamp) -> Option<String> {
            None
        }

        /// Puts a context on a connection that is held, wherever it stands in transactions of which
        /// `depth` are open. An error is the answer to this, or that of a statement that was dropped.
        #[cfg(feature = "executor")]
        fn put_on<'c>(
            connection: &'c mut ConnectionOf<Self>,
            stamp: &'c Stamp,
            scope: ContextScope,
            depth: usize,
        ) -> impl Future<Output = Result<(), sqlx::Error>> + Send + 'c;

        /// Whether a context that was put on before a statement of the application's is sure to be
        /// there after it.
        #[cfg(feature = "executor")]
        fn keeps_context(_statement: &str) -> bool {
            true
        }

        /// Whether the next statement is a transaction of its own.
        #[cfg(feature = "executor")]
        fn is_outside_a_transaction(
            _connection: &mut ConnectionOf<Self>,
        ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send {
            std::future::ready(Ok(true))
        }

        /// Lets statements be prepared anew.
        #[cfg(feature = "executor")]
        fn forget_prepared(
            _connection: &mut ConnectionOf<Self>,
        ) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
            std::future::ready(Ok(()))
        }

        /// Runs a text of statements.
        fn run<'c>(
            connection: &'c mut ConnectionOf<Self>,
            text: &'c str,
        ) -> BoxFuture<'c, Result<(), sqlx::Error>>;

        /// Runs a statement with binds and gives its rows as texts.
        fn texts<'c>(
            connection: &'c mut ConnectionOf<Self>,
            query: &'c BoundQuery,
        ) -> BoxFuture<'c, Result<Rows, sqlx::Error>>;
    }
}
