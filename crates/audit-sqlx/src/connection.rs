//! Connections that the caller holds.

use audit_adapter::{Until, prepare, remove_from_connection};
use audit_core::context;
use futures_core::future::BoxFuture;
use sqlx::{Connection, Pool};

use crate::attachment;
use crate::database::{AuditDatabase, ConnectionOf};
use crate::held::Held;
use crate::session::{Session, unreadable};

/// Puts the context of this task on a connection that is held for longer than one scope. Until
/// this is called, a held connection keeps the context of its checkout.
///
/// Outside every scope the connection gets the fallback of the pool that it came from: the
/// service and environment, and the actor of `MissingContext::System`.
///
/// # Errors
/// When the statement fails.
pub async fn stamp<C>(connection: &mut C) -> Result<(), sqlx::Error>
where
    C: Connection<Database: AuditDatabase>,
{
    stamp_until(connection, Until::Replaced).await
}

/// The same for as long as is said.
pub(crate) async fn stamp_until<C>(connection: &mut C, until: Until) -> Result<(), sqlx::Error>
where
    C: Connection<Database: AuditDatabase>,
{
    let current = context::current().map(|context| context.stamp(None, None));
    let session = &mut Session::<C::Database>(connection);
    audit_adapter::stamp(session, current.as_deref(), until).await
}

/// Runs work on a connection of the pool without the triggers that are put on each connection,
/// for a migration of the application that they would stand in the way of (SQLite: dropping a
/// column). Changes of rows meanwhile are **not recorded**. The triggers are put back for the
/// schema as it is then.
///
/// Where triggers are in the schema (PostgreSQL, MySQL) this runs the work as it is.
///
/// # Errors
/// The error of the work, or of removing or restoring the triggers;
/// `sqlx::Error::Configuration` when the pool was not built by [`attach`](crate::attach).
///
/// # Cancel safety
/// When the future is dropped, or the triggers cannot be restored, the connection is closed: no
/// connection without triggers gets back into the pool.
pub async fn unaudited<DB, T, E>(
    pool: &Pool<DB>,
    work: impl for<'c> FnOnce(&'c mut ConnectionOf<DB>) -> BoxFuture<'c, Result<T, E>>,
) -> Result<T, E>
where
    DB: AuditDatabase,
    E: From<sqlx::Error>,
{
    let attachment = attachment::find(pool)?;
    let mut connection = Held::acquire(pool).await?;
    let session = &mut Session::<DB>(&mut connection);
    remove_from_connection(session).await.map_err(unreadable)?;
    let result = work(&mut connection).await;
    let session = &mut Session::<DB>(&mut connection);
    prepare(session, &attachment).await.map_err(unreadable)?;
    connection.give_back();
    result
}
