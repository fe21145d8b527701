//! Connections that the caller holds.

use std::sync::Arc;

use audit_adapter::{Attachment, CatalogReadError, ContextScope, Until};
use audit_core::query::BoundQuery;
use audit_core::{Audit, Dialect};
use diesel::result::{ConnectionError, Error};
use diesel::{Connection, QueryResult};

use super::database::AuditConnection;
use super::session::unreadable;

/// A connection could not be made to carry the context.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The connection could not be opened.
    #[error("the database cannot be reached")]
    Connection(#[from] ConnectionError),
    /// The database failed.
    #[error("the connection could not be attached to the audit")]
    Database(#[from] Error),
    /// SQLite cannot take our functions.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Functions(#[from] audit_sqlite::RegisterError),
    /// The connection was opened before our functions were there (SQLite).
    #[error(
        "this connection was opened before the audit functions were registered; open it with \
         `establish` of audit-diesel"
    )]
    OpenedBefore,
    /// The database has no context that ends with a transaction.
    #[error(
        "this database keeps nothing for the length of a transaction; use `ContextScope::Connection`"
    )]
    NoTransactionScope,
}

#[cfg(any(feature = "async", feature = "deadpool-diesel"))]
impl AttachError {
    pub(crate) fn refuse_scope(dialect: Option<Dialect>, scope: ContextScope) -> Result<(), Self> {
        match (dialect, scope) {
            (Some(Dialect::Postgres), _) | (_, ContextScope::Connection) => Ok(()),
            (_, ContextScope::Transaction) => Err(Self::NoTransactionScope),
        }
    }
}

impl From<CatalogReadError<Error>> for AttachError {
    fn from(error: CatalogReadError<Error>) -> Self {
        Self::Database(unreadable(error))
    }
}

/// Makes a database library ready, once per process; each of them where the database is not known.
pub(crate) fn initialize(dialect: Option<Dialect>) -> Result<(), AttachError> {
    #[cfg(feature = "sqlite")]
    if dialect.is_none_or(|dialect| dialect == Dialect::Sqlite) {
        audit_sqlite::register()?;
    }
    let _ = dialect;
    Ok(())
}

/// Opens a connection and [`attach`]es it.
///
/// # Errors
/// [`AttachError::Connection`] when the database cannot be reached; else as [`attach`].
pub fn establish<C>(url: &str, audit: &Audit) -> Result<C, AttachError>
where
    C: AuditConnection + Connection,
{
    initialize(C::dialect())?;
    let mut connection = C::establish(url)?;
    attach(&mut connection, audit)?;
    Ok(connection)
}

/// Makes a plain connection carry the context of this thread, until [`stamp`] puts on another. It
/// can be called again, after rules or schema have changed.
///
/// ```standalone_crate
/// # #[cfg(feature = "sqlite")] {
/// use audit_core::Audit;
/// use audit_diesel::AttachError;
/// use diesel::{Connection, SqliteConnection};
///
/// let audit = Audit::builder().build()?;
/// let mut early = SqliteConnection::establish(":memory:")?;
/// let refused = audit_diesel::attach(&mut early, &audit);
/// assert!(matches!(refused, Err(AttachError::OpenedBefore)));
/// let mut connection = SqliteConnection::establish(":memory:")?;
/// audit_diesel::attach(&mut connection, &audit)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AttachError::OpenedBefore`] when a connection of SQLite does not know our functions.
pub fn attach<C: AuditConnection>(connection: &mut C, audit: &Audit) -> Result<(), AttachError> {
    let connection = connection.inside();
    initialize(Some(connection.dialect_inside()))?;
    connection.attachable()?;
    let attachment = Arc::new(Attachment::new(audit, ContextScope::Connection));
    connection.prepare(&attachment)?;
    connection.hand_out(&attachment, Some(attachment.current_stamp()))?;
    Ok(())
}

/// Sees to it that the functions which triggers of SQLite call are there.
///
/// # Errors
/// [`AttachError::OpenedBefore`] when they are not; else when the statement fails.
pub(crate) async fn knows_functions<S>(session: &mut S) -> Result<(), AttachError>
where
    S: audit_adapter::Session<Error = Error>,
{
    if S::DIALECT != Dialect::Sqlite {
        return Ok(());
    }
    let query =
        BoundQuery::plain("SELECT name FROM pragma_function_list WHERE name = 'audit_stamp'");
    match session.texts(&query).await?.is_empty() {
        true => Err(AttachError::OpenedBefore),
        false => Ok(()),
    }
}

/// Puts the context of this thread on a connection that is held for longer than one scope. Until
/// this is called, a held connection keeps the context of its checkout.
///
/// Outside every scope the connection gets the fallback of what it is attached to: the service and
/// environment, and the actor of `MissingContext::System`.
///
/// # Errors
/// When the statement fails.
pub fn stamp<C: AuditConnection>(connection: &mut C) -> QueryResult<()> {
    connection.inside().stamp_until(Until::Replaced)
}

/// Runs work on an attached connection without the triggers that are put on each connection, for a
/// migration of the application that they would stand in the way of (SQLite: dropping a column).
/// Changes of rows meanwhile are **not recorded**. The triggers are put back for the schema as it is
/// then; the context stays as it is.
///
/// Where triggers are in the schema (PostgreSQL, MySQL) this runs the work as it is.
///
/// # Errors
/// The error of the work, or of removing or restoring the triggers.
pub fn unaudited<C, T, E>(
    connection: &mut C,
    audit: &Audit,
    work: impl FnOnce(&mut C) -> Result<T, E>,
) -> Result<T, E>
where
    C: AuditConnection,
    E: From<Error>,
{
    connection.inside().take_triggers_off()?;
    let result = work(connection);
    let attachment = Attachment::new(audit, ContextScope::Connection);
    connection.inside().prepare(&attachment)?;
    result
}
