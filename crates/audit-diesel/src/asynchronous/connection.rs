//! Connections that the caller holds.

use std::sync::Arc;

use audit_adapter::{Attachment, ContextScope, Until, prepare, remove_from_connection};
use audit_core::{Audit, context};
use diesel::QueryResult;
use diesel::result::Error;

use super::database::AsyncAuditConnection;
use super::database::sealed::Capture as _;
use super::session::Session;
use crate::blocking::{AttachError, initialize, knows_functions, unreadable};

/// Opens a connection that carries the context of this task, until [`stamp`] puts on another.
///
/// # Errors
/// [`AttachError::Connection`] when the database cannot be reached; else as
/// [`attach_connection`].
pub async fn establish<C: AsyncAuditConnection>(
    url: &str,
    audit: &Audit,
) -> Result<C, AttachError> {
    initialize(Some(C::Raw::DIALECT))?;
    let mut connection = C::establish(url).await?;
    attach_connection(&mut connection, audit).await?;
    Ok(connection)
}

/// Makes a connection that is open carry the context of this task, until [`stamp`] puts on another.
/// It can be called again, after rules or schema have changed.
///
/// ```standalone_crate
/// # #[cfg(feature = "async-sqlite")] {
/// use audit_core::Audit;
/// use audit_diesel::{AttachError, asynchronous};
/// use diesel::SqliteConnection;
/// use diesel_async::AsyncConnection;
/// use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
///
/// type Connection = SyncConnectionWrapper<SqliteConnection>;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let audit = Audit::builder().build()?;
/// let mut early = Connection::establish(":memory:").await?;
/// let refused = asynchronous::attach_connection(&mut early, &audit).await;
/// assert!(matches!(refused, Err(AttachError::OpenedBefore)));
/// let mut connection = Connection::establish(":memory:").await?;
/// asynchronous::attach_connection(&mut connection, &audit).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AttachError::OpenedBefore`] when a connection of SQLite does not know our functions, because
/// it was opened before the first [`establish`] or pool of ours; else when the statements fail.
pub async fn attach_connection<C: AsyncAuditConnection>(
    connection: &mut C,
    audit: &Audit,
) -> Result<(), AttachError> {
    initialize(Some(C::Raw::DIALECT))?;
    let raw = connection.raw();
    knows_functions(&mut Session(raw)).await?;
    let attachment = Arc::new(Attachment::new(audit, ContextScope::Connection));
    prepare(&mut Session(raw), &attachment).await?;
    let stamp = attachment.current_stamp();
    raw.check_out(&attachment, &stamp).await?;
    connection.attached(&attachment, Some(stamp));
    Ok(())
}

/// Puts the context of this task on a connection that is held for longer than one scope. Until this
/// is called, a held connection keeps the context of its checkout.
///
/// Outside every scope the connection gets the fallback of what it is attached to: the service and
/// environment, and the actor of `MissingContext::System`.
///
/// # Errors
/// When the statement fails.
pub async fn stamp<C: AsyncAuditConnection>(connection: &mut C) -> QueryResult<()> {
    stamp_until(connection, Until::Replaced).await
}

/// The same for as long as is said.
pub(super) async fn stamp_until<C: AsyncAuditConnection>(
    connection: &mut C,
    until: Until,
) -> QueryResult<()> {
    let current = context::current().map(|context| context.stamp(None, None));
    audit_adapter::stamp(&mut Session(connection.raw()), current.as_deref(), until).await
}

/// Runs work on an attached connection without the triggers that are put on each connection, for a
/// migration of the application that they would stand in the way of (SQLite: dropping a column).
/// Changes of rows meanwhile are **not recorded**. The triggers are put back for the schema as it is
/// then.
///
/// Where triggers are in the schema (PostgreSQL, MySQL) this runs the work as it is.
///
/// # Errors
/// The error of the work, or of removing or restoring the triggers.
///
/// # Cancel safety
/// None: a connection on which the future was dropped may be without triggers. The next checkout
/// of an attached pool puts them back.
pub async fn unaudited<C, T, E>(
    connection: &mut C,
    audit: &Audit,
    work: impl AsyncFnOnce(&mut C) -> Result<T, E>,
) -> Result<T, E>
where
    C: AsyncAuditConnection,
    E: From<Error>,
{
    let removed = remove_from_connection(&mut Session(connection.raw())).await;
    removed.map_err(unreadable)?;
    let result = work(connection).await;
    let attachment = Attachment::new(audit, ContextScope::Connection);
    let prepared = prepare(&mut Session(connection.raw()), &attachment).await;
    prepared.map_err(unreadable)?;
    result
}
