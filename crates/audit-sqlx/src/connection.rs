//! Connections that the caller holds.

use audit_core::context;
use futures_core::future::BoxFuture;
use sqlx::{Connection, Pool};

use crate::attachment;
use crate::database::{AuditDatabase, ConnectionOf};
use crate::held::Held;

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
    let current = context::current().map(|context| context.stamp(None, None));
    <C::Database as crate::database::sealed::Capture>::stamp(connection, current.as_deref()).await
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
    DB::remove(&mut connection).await?;
    let result = work(&mut connection).await;
    DB::prepare(&mut connection, &attachment).await?;
    connection.give_back();
    result
}
