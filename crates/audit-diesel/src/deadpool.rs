//! Pools of deadpool-diesel: connections that block, on the runtime's threads for that.
//!
//! [`attach`] has the context put on each connection at checkout, after the pool's own check;
//! [`interact`] brings it to the closure as well. Pool and connections stay deadpool-diesel's own.
//! Nothing is taken off at release, for which this pool has no hook: a connection that is idle
//! carries the context of its last user until the next checkout replaces it. One that somebody left
//! inside a transaction is closed there.

use std::future::Future;
use std::sync::Arc;

use audit_adapter::{Attachment, ContextScope};
use audit_core::{Audit, context};
use deadpool::managed::{self, Hook, HookError, Object, PoolBuilder};
use deadpool_diesel::{Connection, Error, InteractError, Manager};
use diesel::QueryResult;

use crate::AttachError;
use crate::blocking::{Capture, initialize, ready, replace};

/// Adds to a pool under construction the hooks that put the context of whoever takes a connection
/// on it. A plain `interact` of deadpool-diesel writes under that context too, but its closure runs
/// outside every scope: what asks for the context in there, such as
/// [`transaction`](crate::transaction()), finds none, and records actor kind `unknown`.
///
/// The stamp is a message more than the pool's own check. It can stand in for that check:
/// `RecyclingMethod::CustomFunction(Box::new(|_| Ok(())))`.
///
/// # Errors
/// [`AttachError::Functions`] when SQLite cannot take our functions.
pub fn attach<C, W>(
    builder: PoolBuilder<Manager<C>, W>,
    audit: &Audit,
) -> Result<PoolBuilder<Manager<C>, W>, AttachError>
where
    C: Capture + Send,
    Manager<C>: managed::Manager<Type = Connection<C>, Error = Error>,
    W: From<Object<Manager<C>>>,
{
    attach_with_scope(builder, audit, ContextScope::default())
}

/// [`attach`] that says how long the context stays on a connection. Under
/// [`ContextScope::Transaction`], which is for PostgreSQL alone, only what runs in a
/// [`transaction`](crate::transaction()) within [`interact`] has an actor.
///
/// # Errors
/// As [`attach`]; [`AttachError::NoTransactionScope`] when the database has no context that ends with
/// a transaction.
pub fn attach_with_scope<C, W>(
    builder: PoolBuilder<Manager<C>, W>,
    audit: &Audit,
    scope: ContextScope,
) -> Result<PoolBuilder<Manager<C>, W>, AttachError>
where
    C: Capture + Send,
    Manager<C>: managed::Manager<Type = Connection<C>, Error = Error>,
    W: From<Object<Manager<C>>>,
{
    initialize(C::DIALECT)?;
    AttachError::refuse_scope(C::DIALECT, scope)?;
    let attachment = Arc::new(Attachment::new(audit, scope));
    let replacing = Arc::clone(&attachment);
    Ok(builder
        .post_create(hook(move |connection| ready(connection, &attachment)))
        .post_recycle(hook(move |connection| replace(connection, &replacing))))
}

/// A hook that does work on a connection, in the context of whoever takes it.
fn hook<C>(work: impl Fn(&mut C) -> QueryResult<()> + Send + Sync + 'static) -> Hook<Manager<C>>
where
    C: Send + 'static,
    Manager<C>: managed::Manager<Type = Connection<C>, Error = Error>,
{
    let work = Arc::new(work);
    Hook::async_fn(move |connection: &mut Connection<C>, _| {
        let work = Arc::clone(&work);
        Box::pin(async move {
            match interact(connection, move |connection| work(connection)).await {
                Ok(done) => done.map_err(|error| HookError::Backend(Error::Ping(error))),
                Err(error) => Err(HookError::message(error.to_string())),
            }
        })
    })
}

/// Runs a closure on a connection, as `interact` of deadpool-diesel, in a snapshot of the context of
/// this task that is taken now.
///
/// The connection has the context of its checkout; one that is held for longer than a scope takes
/// that of the closure by [`stamp`](crate::stamp()).
///
/// # Errors
/// As `interact`: when the closure panicked. The pool then closes the connection.
///
/// # Cancel safety
/// A closure that has begun runs to its end; until then nobody else gets the connection. One that has
/// not begun does not run.
pub fn interact<C, T>(
    connection: &Connection<C>,
    work: impl FnOnce(&mut C) -> T + Send + 'static,
) -> impl Future<Output = Result<T, InteractError>> + Send
where
    C: Send + 'static,
    T: Send + 'static,
{
    let work = context::carry_borrowing(work);
    let caller = Arc::new(());
    let waits = Arc::downgrade(&caller);
    let done = connection.interact(move |connection| {
        // By now the connection may be somebody else's.
        (waits.strong_count() > 0).then(|| work(connection))
    });
    async move {
        let done = done.await?.ok_or(InteractError::Cancelled);
        drop(caller);
        done
    }
}
