//! What a connection carries, and whose it is.

use std::sync::Arc;

use audit_adapter::{Attachment, Carried, ContextScope};
use audit_core::stamp::Stamp;
use diesel::QueryResult;
use diesel::result::Error;

/// The connection belongs to no audit: what an `Error::QueryBuilderError` of an executor holds.
#[derive(Debug, thiserror::Error)]
#[error(
    "this connection is not attached to an audit; open it by `establish` of audit-diesel, or by a pool that audit-diesel attached"
)]
#[non_exhaustive]
pub struct NotAttached;

/// The context of a connection whose statements bring their own.
#[derive(Debug)]
pub(crate) struct Carrying {
    attachment: Option<Arc<Attachment>>,
    carried: Carried,
    /// How often the context had changed before each open transaction, the outermost first.
    before: Vec<u64>,
}

/// How a transaction begins.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// The context that goes with the statement that opens it.
    pub(crate) stamp: Option<Arc<Stamp>>,
    before: u64,
}

impl Carrying {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        Self {
            attachment: None,
            carried: Carried::new(None),
            before: Vec::new(),
        }
    }

    /// Whose connection it is from now on, and what was put on it.
    pub(crate) fn attach(&mut self, attachment: &Arc<Attachment>, stamp: Option<Arc<Stamp>>) {
        self.attachment = Some(Arc::clone(attachment));
        match stamp {
            Some(stamp) => self.carried.set(stamp),
            None => self.carried.forget(),
        }
    }

    /// # Errors
    /// [`NotAttached`].
    pub(crate) fn attachment(&self) -> QueryResult<&Attachment> {
        let attachment = self.attachment.as_deref();
        attachment.ok_or_else(|| Error::QueryBuilderError(Box::new(NotAttached)))
    }

    /// The context of this thread or task, where it has to be put on before a statement.
    ///
    /// # Errors
    /// [`NotAttached`].
    pub(crate) fn wanted(&self, is_in_transaction: bool) -> QueryResult<Option<Arc<Stamp>>> {
        let attachment = self.attachment()?;
        if attachment.scope() == ContextScope::Transaction && !is_in_transaction {
            return Ok(None);
        }
        let stamp = attachment.current_stamp();
        Ok((!self.carried.is(&stamp)).then_some(stamp))
    }

    pub(crate) fn set(&mut self, stamp: Arc<Stamp>) {
        self.carried.set(stamp);
    }

    pub(crate) fn forget(&mut self) {
        self.carried.forget();
    }

    /// Notes how many transactions are open. One that was opened by other means ends as one in which the
    /// context changed.
    pub(crate) fn is_within(&mut self, depth: usize) {
        let older = self.carried.changes().wrapping_sub(1);
        self.before.resize(depth, older);
    }

    /// What goes with the statement that opens a transaction inside of `depth` others. The first has
    /// the context in its own message where it is not on the connection, and always where the database
    /// gives a transaction an id.
    ///
    /// # Errors
    /// [`NotAttached`].
    pub(crate) fn begin(&mut self, depth: usize, has_id: bool) -> QueryResult<Beginning> {
        self.is_within(depth);
        let before = self.carried.changes();
        let stamp = match depth {
            0 if has_id => Some(self.attachment()?.current_stamp()),
            0 => self.wanted(true)?,
            _ => None,
        };
        if stamp.is_some() {
            self.carried.forget();
        }
        Ok(Beginning { stamp, before })
    }

    /// Notes that it is open, with the context that went with the statement.
    pub(crate) fn begun(&mut self, beginning: Beginning) {
        if let Some(stamp) = beginning.stamp {
            self.carried.set(stamp);
        }
        self.before.push(beginning.before);
    }

    /// Notes that no more than `depth` transactions are open: what was put on since one that is over
    /// began may have gone with it.
    pub(crate) fn ended(&mut self, depth: usize) {
        while self.before.len() > depth {
            if self.before.pop() != Some(self.carried.changes()) {
                self.carried.forget();
            }
        }
    }
}
