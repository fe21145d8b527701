//! A pool of r2d2 whose checkout and release carry the context.

use std::any::TypeId;
use std::sync::Arc;

use audit_adapter::{Attachment, ContextScope};
use audit_core::Audit;
use diesel::r2d2::{ConnectionManager, ManageConnection};
use diesel::result::Error;

use super::connection::{AttachError, initialize};
#[cfg(feature = "postgres")]
use super::database::sealed::Reach;
use super::database::{AuditConnection, Cleared};

/// Manages the connections of an r2d2 pool so that each carries the context of whoever has it.
/// What the pool hands out are Diesel's own connections, one of several databases by an
/// [`AuditConnection`] of the application's, or with the feature `executor` those of an
/// `AuditedConnection`, where it is of them: then the context of each statement is put on as well.
///
/// | r2d2 calls | on the thread | and then |
/// |---|---|---|
/// | `connect` | of the pool's own | the connection is made ready; it is nobody's yet |
/// | `is_valid` | that calls `Pool::get`, at every checkout, also the first of a connection | the context of that thread is put on, in place of Diesel's ping |
/// | `has_broken` | that drops the connection | the context is taken off; a connection on which a transaction was left open is closed |
///
/// **Leave `test_on_check_out` of the pool's builder as it is**, `true`: without it nothing is put
/// on a connection, and every change is recorded as actor kind `unknown`.
#[derive(Debug)]
pub struct AuditedManager<M> {
    manager: M,
    attachment: Arc<Attachment>,
}

impl<M> AuditedManager<M>
where
    M: ManageConnection<Connection: AuditConnection>,
{
    /// Wraps a manager, such as `diesel::r2d2::ConnectionManager`. What one of your own does in
    /// `connect` runs before ours, in `is_valid` after it, in the context of the one who takes the
    /// connection, and in `has_broken` before.
    ///
    /// # Errors
    /// [`AttachError::Functions`] when SQLite cannot take our functions.
    pub fn new(manager: M, audit: &Audit) -> Result<Self, AttachError> {
        initialize(M::Connection::dialect())?;
        Ok(Self {
            manager,
            attachment: Arc::new(Attachment::new(audit, ContextScope::Connection)),
        })
    }
}

#[cfg(feature = "postgres")]
impl<M> AuditedManager<M>
where
    M: ManageConnection<Connection: Reach<Raw = diesel::PgConnection>>,
{
    /// How long the context stays on a connection; from checkout to release unless set.
    #[must_use]
    pub fn context_scope(mut self, scope: ContextScope) -> Self {
        self.attachment = Arc::new(Attachment::new(self.attachment.audit(), scope));
        self
    }
}

impl<M> ManageConnection for AuditedManager<M>
where
    M: ManageConnection<Connection: AuditConnection, Error: From<Error>>,
{
    type Connection = M::Connection;
    type Error = M::Error;

    fn connect(&self) -> Result<M::Connection, M::Error> {
        let mut connection = self.manager.connect()?;
        let inside = connection.inside();
        inside.prepare(&self.attachment)?;
        inside.hand_out(&self.attachment, None)?;
        Ok(connection)
    }

    fn is_valid(&self, connection: &mut M::Connection) -> Result<(), M::Error> {
        let puts_on = self.attachment.scope() == ContextScope::Connection;
        let stamp = puts_on.then(|| self.attachment.current_stamp());
        connection.inside().hand_out(&self.attachment, stamp)?;
        if puts_on && self.is_only_a_ping() {
            return Ok(());
        }
        self.manager.is_valid(connection)
    }

    fn has_broken(&self, connection: &mut M::Connection) -> bool {
        let is_broken = self.manager.has_broken(connection);
        is_broken || !matches!(connection.inside().clear(), Ok(Cleared::Yes))
    }
}

impl<M> AuditedManager<M>
where
    M: ManageConnection<Connection: AuditConnection>,
{
    /// Whether the check of the manager is the ping of Diesel's, which the stamp stands in for.
    fn is_only_a_ping(&self) -> bool {
        TypeId::of::<M>() == TypeId::of::<ConnectionManager<M::Connection>>()
    }
}
