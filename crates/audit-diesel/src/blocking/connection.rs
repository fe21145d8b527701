//! Connections that the caller holds.

use std::sync::Arc;

use audit_adapter::{
    Attachment, CatalogReadError, ContextScope, Until, prepare, remove_from_connection,
};
use audit_core::query::BoundQuery;
use audit_core::{Audit, Dialect, context};
use diesel::result::{ConnectionError, Error};
use diesel::{Connection, QueryResult};

use super::database::sealed::Capture;
use super::database::{AuditConnection, Cleared, Expected};
use super::session::{Session, finish, is_in_transaction, unreadable};

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
    pub(crate) fn refuse_scope(dialect: Dialect, scope: ContextScope) -> Result<(), Self> {
        match (dialect, scope) {
            (Dialect::Postgres, _) | (_, ContextScope::Connection) => Ok(()),
            (_, ContextScope::Transaction) => Err(Self::NoTransactionScope),
        }
    }
}

impl From<CatalogReadError<Error>> for AttachError {
    fn from(error: CatalogReadError<Error>) -> Self {
        Self::Database(unreadable(error))
    }
}

/// Makes a database library ready, once per process.
pub(crate) fn initialize(dialect: Dialect) -> Result<(), AttachError> {
    #[cfg(feature = "sqlite")]
    if dialect == Dialect::Sqlite {
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
    initialize(C::Raw::DIALECT)?;
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
    let raw = connection.raw();
    initialize(C::Raw::DIALECT)?;
    finish(knows_functions(&mut Session(raw)))?;
    let attachment = Arc::new(Attachment::new(audit, ContextScope::Connection));
    finish(prepare(&mut Session(raw), &attachment))?;
    let stamp = attachment.current_stamp();
    raw.check_out(&attachment, &stamp)?;
    connection.attached(&attachment, Some(stamp));
    Ok(())
}

/// Makes a connection ready and puts the context of this thread on it.
#[cfg(feature = "deadpool-diesel")]
pub(crate) fn ready<C: Capture>(connection: &mut C, attachment: &Attachment) -> QueryResult<()> {
    finish(prepare(&mut Session(connection), attachment)).map_err(unreadable)?;
    put_on(connection, attachment)
}

/// Puts the context of this thread on a connection, where it is to stay there.
#[cfg(feature = "deadpool-diesel")]
fn put_on<C: Capture>(connection: &mut C, attachment: &Attachment) -> QueryResult<()> {
    match attachment.scope() {
        ContextScope::Connection => connection.check_out(attachment, &attachment.current_stamp()),
        ContextScope::Transaction => Ok(()),
    }
}

/// Takes the context off a connection.
///
/// # Errors
/// When the database fails, or a transaction is open that Diesel knows nothing of (PostgreSQL).
pub(crate) fn clear<C: Capture>(connection: &mut C) -> QueryResult<Cleared> {
    let expected = match is_in_transaction(connection)? {
        true => Expected::TestTransaction,
        false => Expected::NoTransaction,
    };
    connection.check_in(expected)
}

/// Puts the context of this thread on a connection that nobody has left a transaction open on.
///
/// # Errors
/// `Error::AlreadyInTransaction` when somebody has; else as [`clear`].
#[cfg(feature = "deadpool-diesel")]
pub(crate) fn replace<C: Capture>(connection: &mut C, attachment: &Attachment) -> QueryResult<()> {
    match clear(connection)? {
        Cleared::Yes => put_on(connection, attachment),
        Cleared::InTransaction => Err(Error::AlreadyInTransaction),
    }
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
    stamp_until(connection, Until::Replaced)
}

/// The same for as long as is said.
pub(super) fn stamp_until<C: AuditConnection>(connection: &mut C, until: Until) -> QueryResult<()> {
    let current = context::current().map(|context| context.stamp(None, None));
    let session = &mut Session(connection.raw());
    finish(audit_adapter::stamp(session, current.as_deref(), until))
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
    let raw = connection.raw();
    finish(remove_from_connection(&mut Session(raw))).map_err(unreadable)?;
    let result = work(connection);
    let raw = connection.raw();
    let attachment = Attachment::new(audit, ContextScope::Connection);
    finish(prepare(&mut Session(raw), &attachment)).map_err(unreadable)?;
    result
}
