//! Reading the log: the paved path.

use audit_core::query::LogQuery;
use audit_core::{Event, Operation};

use super::database::AsyncAuditConnection;
use super::session::Session;
use crate::blocking::LogError;

/// Which events to read, newest first; see [`log`].
#[derive(Debug)]
#[must_use = "call `list` to read"]
pub struct Log<'c, C> {
    connection: &'c mut C,
    query: LogQuery,
}

/// Starts reading the log of the database behind a connection. Any will do, attached or not.
pub fn log<C: AsyncAuditConnection>(connection: &mut C) -> Log<'_, C> {
    Log {
        connection,
        query: LogQuery::new(),
    }
}

impl<C: AsyncAuditConnection> Log<'_, C> {
    fn narrow(mut self, narrow: impl FnOnce(LogQuery) -> LogQuery) -> Self {
        self.query = narrow(self.query);
        self
    }

    /// Replaces what was asked so far by a query of audit-core.
    pub fn matching(self, query: LogQuery) -> Self {
        self.narrow(|_| query)
    }

    /// Events of this table.
    pub fn table(self, name: impl Into<String>) -> Self {
        self.narrow(|query| query.table(name))
    }

    /// Events of this record, under its present or its previous id.
    pub fn record(self, id: impl Into<String>) -> Self {
        self.narrow(|query| query.record(id))
    }

    /// Events of this actor.
    pub fn actor(self, id: impl Into<String>) -> Self {
        self.narrow(|query| query.actor(id))
    }

    /// Events of this operation.
    pub fn operation(self, operation: Operation) -> Self {
        self.narrow(|query| query.operation(operation))
    }

    /// Events of this request.
    pub fn request(self, id: impl Into<String>) -> Self {
        self.narrow(|query| query.request(id))
    }

    /// Events at or after a time: a duration before now (`90m`, `24h`, `30d`, `2w`) or an instant
    /// in RFC 3339.
    pub fn since(self, time: impl Into<String>) -> Self {
        self.narrow(|query| query.since(time))
    }

    /// At most this many; [`LogQuery::DEFAULT_LIMIT`] unless set.
    pub fn limit(self, limit: u32) -> Self {
        self.narrow(|query| query.limit(limit))
    }

    /// Oldest first instead of newest first.
    pub fn oldest_first(self) -> Self {
        self.narrow(LogQuery::oldest_first)
    }

    /// Reads the events.
    ///
    /// # Errors
    /// [`LogError::Query`] when a time or the limit cannot be, [`LogError::Database`] when the
    /// database fails, [`LogError::Stored`] when a row was not written by this log.
    pub async fn list(self) -> Result<Vec<Event>, LogError> {
        audit_adapter::read_log(&mut Session(self.connection), &self.query).await
    }
}
