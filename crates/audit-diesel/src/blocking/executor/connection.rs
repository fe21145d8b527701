//! A connection whose statements carry the context.

use std::fmt;
use std::sync::Arc;

use audit_adapter::{Attachment, ContextScope};
use audit_core::stamp::Stamp;
use audit_core::{Audit, Dialect};
use diesel::{Connection, QueryResult};

use super::super::connection::AttachError;
use super::super::database::AuditConnection;
use super::super::database::sealed::{Capture, Host, Reach};
use super::super::inside::AnyConnection;
use super::super::session::is_in_transaction;
use crate::executor::Carrying;
use crate::refusal::in_failed_transaction;

/// A connection of Diesel's each of whose statements has the context of the thread that runs it: where
/// that is another than the one that the connection carries, a round trip puts it on before. It is a
/// `diesel::Connection`, so that it stands where the one inside stood.
///
/// It comes out of [`establish`](crate::establish), out of a pool of
/// [`AuditedManager`](crate::AuditedManager) over `ConnectionManager<AuditedConnection<C>>`, or around a
/// connection that such a pool without it gives ([`new`](Self::new)). One that is opened otherwise fails
/// with [`NotAttached`](crate::NotAttached) at its first statement.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use audit_core::{Actor, Audit, AuditContext};
/// use audit_diesel::AuditedConnection;
/// use diesel::connection::SimpleConnection as _;
/// use diesel::SqliteConnection;
///
/// let audit = Audit::builder().build()?;
/// let mut connection: AuditedConnection<SqliteConnection> =
///     audit_diesel::establish(":memory:", &audit)?;
/// connection.batch_execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")?;
/// audit_diesel::migrate(&mut connection, &audit)?;
/// for (name, statement) in [("alice", "INSERT INTO t VALUES (1)"), ("bob", "DELETE FROM t")] {
///     let context = AuditContext::new().with_actor(Actor::user(name));
///     context.sync_scope(|| connection.batch_execute(statement))?;
/// }
/// let events = audit_diesel::log(&mut connection).oldest_first().load()?;
/// let actors: Vec<_> = events.iter().filter_map(|event| event.actor_id.as_deref()).collect();
/// assert_eq!(actors, ["alice", "bob"]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AuditedConnection<C> {
    pub(super) connection: C,
    pub(super) carrying: Carrying,
}

impl<C> fmt::Debug for AuditedConnection<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuditedConnection")
            .finish_non_exhaustive()
    }
}

impl<C> AuditedConnection<C> {
    pub(super) fn unattached(connection: C) -> Self {
        Self {
            connection,
            carrying: Carrying::new(),
        }
    }
}

impl<C: Host> AuditedConnection<C> {
    /// Runs the statements of a connection through this type: a plain one, which is attached as by
    /// [`attach`](crate::attach), or one that a pool of [`AuditedManager`](crate::AuditedManager) gave and
    /// whose release takes the context off.
    ///
    /// # Errors
    /// As [`attach`](crate::attach).
    pub fn new(mut connection: C, audit: &Audit) -> Result<Self, AttachError> {
        connection.prepare(audit)?;
        let attachment = Arc::new(Attachment::new(audit, ContextScope::Connection));
        let mut audited = Self::unattached(connection);
        audited.carrying.attach(&attachment, None);
        Ok(audited)
    }
}

impl<C: Reach> AuditedConnection<C> {
    /// Puts the context of this thread on the connection and lends it as Diesel's own, for what is there
    /// for that type alone: `RETURNING` of a batch insert on SQLite, functions of SQLite, notifications. What
    /// runs on it keeps this context, whatever the context of the thread becomes.
    ///
    /// # Errors
    /// When the statement that puts the context on fails, as in a transaction of PostgreSQL that has
    /// failed; [`NotAttached`](crate::NotAttached).
    pub fn stamped(&mut self) -> QueryResult<&mut C> {
        self.put_context_on()?;
        self.carrying.forget();
        Ok(&mut self.connection)
    }
}

/// The backend of the connection inside.
pub(super) type BackendOf<C> = <<C as Reach>::Raw as Connection>::Backend;

impl<C: Reach> AuditedConnection<C> {
    /// Puts the context of this thread on the connection, where it is not there.
    fn put_context_on(&mut self) -> QueryResult<()> {
        let raw = self.connection.raw();
        let is_in_transaction = is_in_transaction(raw)?;
        let Some(stamp) = self.carrying.wanted(is_in_transaction)? else {
            return Ok(());
        };
        let scope = self.carrying.attachment()?.scope();
        self.carrying.forget();
        raw.put_on(&stamp, scope, is_in_transaction)?;
        self.carrying.set(stamp);
        Ok(())
    }

    /// Diesel's own connection, ready for a statement of this thread; with whether the context is sure to
    /// be there after the statement. Every statement of the application comes through here.
    pub(super) fn ready_for(&mut self, leaves_the_context: bool) -> QueryResult<&mut C::Raw> {
        match self.put_context_on() {
            // Such a statement may be the one that ends the transaction.
            Err(error) if !leaves_the_context && in_failed_transaction(&error) => {}
            put => put?,
        }
        if !leaves_the_context {
            self.carrying.forget();
        }
        Ok(self.connection.raw())
    }
}

impl<C: Reach> AuditConnection for AuditedConnection<C> {
    fn inside(&mut self) -> &mut dyn AnyConnection {
        self
    }

    fn dialect() -> Option<Dialect> {
        Some(C::Raw::DIALECT)
    }
}

impl<C: Reach> Reach for AuditedConnection<C> {
    type Raw = C::Raw;

    #[cfg(feature = "deadpool-diesel")]
    const BRINGS_CONTEXT: bool = true;

    fn raw(&mut self) -> &mut C::Raw {
        self.carrying.forget();
        self.connection.raw()
    }

    fn current(&mut self) -> QueryResult<&mut C::Raw> {
        self.stamped().map(Reach::raw)
    }

    fn attached(&mut self, attachment: &Arc<Attachment>, stamp: Option<Arc<Stamp>>) {
        self.carrying.attach(attachment, stamp);
    }
}
