//! A connection whose statements carry the context.

use std::fmt;
use std::sync::Arc;

use audit_adapter::Attachment;
use audit_core::Audit;
use audit_core::stamp::Stamp;
use diesel::QueryResult;
use futures_core::future::BoxFuture;

use super::super::connection::attach_connection;
use super::super::database::sealed::Reach;
use super::super::session::depth;
use super::run::Run;
use crate::blocking::AttachError;
use crate::executor::Shared;

/// A connection of diesel-async's each of whose statements has the context of the task that waits for
/// its answer: where that is another than the one that the connection carries, a round trip puts it on
/// before. It is an `AsyncConnection`, so that it stands where the one inside stood.
///
/// It comes out of [`establish`](super::super::establish), out of a pool that
/// [`attach`](super::super::attach) built for a `ManagerConfig<AuditedAsyncConnection<C>>`
/// (a `custom_setup` ends with [`unattached`](Self::unattached)), or around a plain connection
/// ([`new`](Self::new)). One that is opened otherwise fails with
/// [`NotAttached`](crate::NotAttached) at its first statement.
///
/// On PostgreSQL statements are pipelined through `&mut &connection`. Those of one context are on their
/// way together; one of another waits until these have been answered, so that futures which are
/// pipelined have to be polled together.
///
/// # Cancel safety
/// A future of a statement that was dropped leaves no wrong context behind. Where a begin, a commit or a
/// rollback was dropped half-way, and on MySQL any statement, what comes fails with
/// [`Interrupted`](crate::Interrupted), and a pool closes the connection.
pub struct AuditedAsyncConnection<C> {
    pub(super) connection: C,
    pub(super) shared: Shared,
}

impl<C> fmt::Debug for AuditedAsyncConnection<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuditedAsyncConnection")
            .finish_non_exhaustive()
    }
}

impl<C: Run> AuditedAsyncConnection<C> {
    /// Around a connection that the `custom_setup` of a pool has opened and set up: the pool attaches it
    /// afterwards. Until then its statements fail with [`NotAttached`](crate::NotAttached).
    pub fn unattached(connection: C) -> Self {
        Self {
            connection,
            shared: Shared::new(C::MIXES_ANSWERS),
        }
    }

    /// Runs the statements of a plain connection through this type, and attaches it as
    /// [`attach_connection`](super::super::attach_connection) does.
    ///
    /// # Errors
    /// As `attach_connection`.
    pub async fn new(connection: C, audit: &Audit) -> Result<Self, AttachError> {
        let mut audited = Self::unattached(connection);
        attach_connection(&mut audited, audit).await?;
        Ok(audited)
    }

    /// Puts the context of this task on the connection and lends it as diesel-async's own, for what is
    /// there for that type alone: `spawn_blocking` on SQLite, notifications. What runs on it keeps this
    /// context, whatever the context of the task becomes.
    ///
    /// # Errors
    /// When the statement that puts the context on fails, as in a transaction of PostgreSQL that has
    /// failed; [`NotAttached`](crate::NotAttached) and [`Interrupted`](crate::Interrupted).
    ///
    /// # Cancel safety
    /// As that of a statement.
    pub async fn stamped(&mut self) -> QueryResult<&mut C> {
        let (connection, shared) = self.parts()?;
        let ready = shared.ready(true, |stamp, scope, within| {
            connection.put_on(stamp, scope, within)
        });
        drop(ready.await?);
        self.shared.carrying().forget();
        Ok(&mut self.connection)
    }

    /// The connection inside and what it carries, for a statement.
    ///
    /// # Errors
    /// When an earlier transaction has left it in a state that Diesel does not use any more.
    pub(super) fn parts(&mut self) -> QueryResult<(&mut C, &Shared)> {
        self.shared.is_within(depth(&mut self.connection)?);
        Ok((&mut self.connection, &self.shared))
    }
}

impl<C: Run> Reach for AuditedAsyncConnection<C> {
    type Raw = C;

    fn raw(&mut self) -> &mut C {
        self.shared.carrying().forget();
        &mut self.connection
    }

    fn current(&mut self) -> BoxFuture<'_, QueryResult<&mut C>> {
        Box::pin(self.stamped())
    }

    fn begin_by<'c>(
        &'c mut self,
        opening: &'c str,
        _attachment: &'c Attachment,
    ) -> BoxFuture<'c, QueryResult<()>> {
        Box::pin(self.begin(Some(opening)))
    }

    fn attached(&mut self, attachment: &Arc<Attachment>, stamp: Option<Arc<Stamp>>) {
        self.shared.carrying().attach(attachment, stamp);
    }
}
