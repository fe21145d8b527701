//! Pools of deadpool-diesel: connections that block, on the runtime's threads for that.
//!
//! [`attach`] has the context put on each connection at checkout, after the pool's own check;
//! [`interact`] brings it to the closure as well. Pool and connections stay deadpool-diesel's own.
//! Nothing is taken off at release, for which this pool has no hook: a connection that is idle
//! carries the context of its last user until the next checkout replaces it. One that somebody left
//! inside a transaction is closed there.

mod checkout;

use std::future::Future;
use std::sync::Arc;

use audit_adapter::{Attachment, ContextScope};
use audit_core::{Audit, context};
use deadpool::managed::{self, Hook, HookError, Object, PoolBuilder};
use deadpool_diesel::{Connection, Error, Manager};
use diesel::QueryResult;

pub(crate) use self::checkout::outdate;
use crate::blocking::{Cleared, initialize};
use crate::{AnyConnection, AttachError, AuditConnection};

/// A closure did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InteractError {
    /// It panicked, or nobody waited for it any more.
    #[error(transparent)]
    Interact(#[from] deadpool_diesel::InteractError),
    /// It did not begin: the context could not be put on the connection.
    #[error("the context could not be put on the connection, and the closure did not run")]
    Stamp(#[source] diesel::result::Error),
}

/// Adds to a pool under construction the hooks that put the context of whoever takes a connection
/// on it. A plain `interact` of deadpool-diesel writes under the context that is on the connection, whoever
/// calls it: that of the checkout, or of the last [`interact`] of ours. Its closure runs outside every scope:
/// what asks for the context in there, such as [`transaction`](crate::transaction()), finds none, and
/// records actor kind `unknown`.
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
    C: AuditConnection + 'static,
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
    C: AuditConnection + 'static,
    Manager<C>: managed::Manager<Type = Connection<C>, Error = Error>,
    W: From<Object<Manager<C>>>,
{
    initialize(C::dialect())?;
    AttachError::refuse_scope(C::dialect(), scope)?;
    let attachment = Arc::new(Attachment::new(audit, scope));
    let replacing = Arc::clone(&attachment);
    let ready = move |connection: &mut dyn AnyConnection| {
        connection.prepare(&attachment)?;
        hand_out(connection, &attachment)
    };
    let replace = move |connection: &mut dyn AnyConnection| match connection.clear()? {
        Cleared::Yes => hand_out(connection, &replacing),
        Cleared::InTransaction => Err(diesel::result::Error::AlreadyInTransaction),
    };
    Ok(builder.post_create(hook(ready)).post_recycle(hook(replace)))
}

/// Puts the context of this thread on a connection, where it is to stay there.
fn hand_out(connection: &mut dyn AnyConnection, attachment: &Arc<Attachment>) -> QueryResult<()> {
    let puts_on = attachment.scope() == ContextScope::Connection;
    let stamp = puts_on.then(|| attachment.current_stamp());
    connection.hand_out(attachment, stamp.clone())?;
    checkout::note(connection, attachment, stamp);
    Ok(())
}

/// A hook that does work on a connection, in the context of whoever takes it.
fn hook<C>(
    work: impl Fn(&mut dyn AnyConnection) -> QueryResult<()> + Send + Sync + 'static,
) -> Hook<Manager<C>>
where
    C: AuditConnection + 'static,
    Manager<C>: managed::Manager<Type = Connection<C>, Error = Error>,
{
    let work = Arc::new(work);
    Hook::async_fn(move |connection: &mut Connection<C>, _| {
        let work = Arc::clone(&work);
        Box::pin(async move {
            let work = move |connection: &mut C| work(connection.inside());
            match awaited(connection, context::carry_borrowing(work)).await {
                Ok(done) => done.map_err(|error| HookError::Backend(Error::Ping(error))),
                Err(error) => Err(HookError::message(error.to_string())),
            }
        })
    })
}

/// Runs a closure on a connection, as `interact` of deadpool-diesel, in a snapshot of the context of
/// this task that is taken now. What it writes has that context. A message puts it on before, unless the
/// connection has it from its checkout and nothing else was put on since.
///
/// # Errors
/// [`InteractError::Interact`] when the closure panicked: the pool then closes the connection.
/// [`InteractError::Stamp`] when the context cannot be put on, as in a transaction of PostgreSQL that has
/// failed: a plain `interact` rolls it back.
///
/// # Cancel safety
/// A closure that has begun runs to its end; until then nobody else gets the connection. One that has
/// not begun does not run.
pub fn interact<C, T>(
    connection: &Connection<C>,
    work: impl FnOnce(&mut C) -> T + Send + 'static,
) -> impl Future<Output = Result<T, InteractError>> + Send
where
    C: AuditConnection + 'static,
    T: Send + 'static,
{
    let done = awaited(
        connection,
        context::carry_borrowing(move |connection: &mut C| {
            checkout::bring(connection.inside())?;
            Ok(work(connection))
        }),
    );
    async move { done.await?.map_err(InteractError::Stamp) }
}

/// Runs a closure that does not begin when nobody waits for it any more: by then the connection may be
/// somebody else's.
fn awaited<C, T>(
    connection: &Connection<C>,
    work: impl FnOnce(&mut C) -> T + Send + 'static,
) -> impl Future<Output = Result<T, deadpool_diesel::InteractError>> + Send
where
    C: Send + 'static,
    T: Send + 'static,
{
    let caller = Arc::new(());
    let waits = Arc::downgrade(&caller);
    let done =
        connection.interact(move |connection| (waits.strong_count() > 0).then(|| work(connection)));
    async move {
        let done = done.await?;
        drop(caller);
        done.ok_or(deadpool_diesel::InteractError::Cancelled)
    }
}
