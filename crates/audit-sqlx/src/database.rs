//! What each database of sqlx does for the audit log; the rest of this crate is generic over it.

use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use audit_core::{Audit, Dialect};
use futures_core::future::BoxFuture;
use sqlx::Database;

use crate::attachment::Attachment;

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

/// What kind of error a database answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Somebody else's lock, or a wait that was cut short.
    Busy,
    /// The account has no right to it.
    Denied,
    /// Another one.
    Other,
}

pub(crate) mod sealed {
    use super::{
        Attachment, Audit, BoundQuery, BoxFuture, ConnectionOf, Database, Dialect, Fault, Stamp,
        Stamped,
    };

    /// The steps that differ between databases.
    pub trait Capture: Database {
        /// The SQL dialect.
        const DIALECT: Dialect;

        /// Makes the database library ready, once per process.
        fn initialize() -> Result<(), sqlx::Error>;

        /// Makes a connection ready: what stays on it until it is closed. It can run again.
        fn prepare<'c>(
            connection: &'c mut ConnectionOf<Self>,
            attachment: &'c Attachment,
        ) -> BoxFuture<'c, Result<(), sqlx::Error>>;

        /// Puts a context on a connection that comes out of the pool.
        fn check_out<'c>(
            connection: &'c mut ConnectionOf<Self>,
            attachment: &'c Attachment,
            stamp: &'c Stamp,
        ) -> BoxFuture<'c, Result<Stamped, sqlx::Error>>;

        /// Takes the context off a connection that goes back into the pool.
        fn check_in(
            connection: &mut ConnectionOf<Self>,
        ) -> BoxFuture<'_, Result<Stamped, sqlx::Error>>;

        /// Replaces the context of a connection that the caller holds; `None` stands for the
        /// fallback of the pool it came from.
        fn stamp<'c>(
            connection: &'c mut ConnectionOf<Self>,
            stamp: Option<&'c Stamp>,
        ) -> BoxFuture<'c, Result<(), sqlx::Error>>;

        /// Opens a transaction in one message; `stamp` goes with it where the context belongs to
        /// the transaction.
        fn begin_statement(stamp: Option<&Stamp>) -> Option<String>;

        /// Reads the catalog text.
        fn catalog<'c>(
            connection: &'c mut ConnectionOf<Self>,
            audit: &'c Audit,
        ) -> BoxFuture<'c, Result<String, sqlx::Error>>;

        /// Runs statements in order.
        fn run<'c>(
            connection: &'c mut ConnectionOf<Self>,
            statements: &'c [String],
        ) -> BoxFuture<'c, Result<(), sqlx::Error>>;

        /// Runs a statement with binds and gives its rows as texts.
        fn texts<'c>(
            connection: &'c mut ConnectionOf<Self>,
            query: &'c BoundQuery,
        ) -> BoxFuture<'c, Result<Vec<Vec<Option<String>>>, sqlx::Error>>;

        /// The statement that opens the transaction of a migration, which keeps others out.
        fn begin_migration() -> &'static str;

        /// Statements that fail where the account may not make the triggers, and leave nothing.
        fn try_rights() -> Vec<String> {
            Vec::new()
        }

        /// The quoted name of a table of ours.
        fn audit_table(name: &str) -> String;

        /// The statement that notes the schema of a table, with the binds of `TableSchema` in
        /// order; a schema that is known already stays as it is.
        fn record_schema_statement() -> String;

        /// Takes the triggers off a connection that carries them.
        fn remove(connection: &mut ConnectionOf<Self>) -> BoxFuture<'_, Result<(), sqlx::Error>>;

        /// What an error says about capture, when it comes from there.
        fn capture_error(error: &dyn sqlx::error::DatabaseError) -> Option<crate::CaptureError>;

        /// What kind of error this is.
        fn fault(error: &dyn sqlx::error::DatabaseError) -> Fault;

        /// The statement that opens the transaction of a probe, where [`Self::begin_statement`]
        /// gives none.
        const BEGIN_PROBE: &str = "BEGIN";

        /// Whether a context can end with its transaction.
        const CONTEXT_IN_TRANSACTION: bool = false;

        /// Whether a migration leaves settings on its connection, which is closed then.
        const MIGRATION_CLOSES_CONNECTION: bool = false;

        /// Whether triggers are put on each connection instead of into the schema.
        const TRIGGERS_ON_CONNECTION: bool;
    }
}
