//! Reading the log: one way to ask, whatever reads.

use std::future::Future;

use crate::query::LogQuery;
use crate::{Event, Operation};

/// What reads events for a [`Log`]; each adapter has one for its connections.
pub trait LogReader {
    /// Why the log could not be read.
    type Error;

    /// Reads the events of a query, in its order.
    fn read(
        &mut self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<Vec<Event>, Self::Error>> + Send;
}

/// The same on a connection that blocks.
pub trait BlockingLogReader {
    /// Why the log could not be read.
    type Error;

    /// Reads the events of a query, in its order.
    ///
    /// # Errors
    /// When a time or the limit cannot be, when the database fails, when a row was not written by
    /// this log.
    fn read(&mut self, query: &LogQuery) -> Result<Vec<Event>, Self::Error>;
}

/// Which events to read, newest first; an adapter's `log` begins one.
#[derive(Debug, Clone)]
#[must_use = "call `list` to read, or `load` where the reader blocks"]
pub struct Log<R> {
    reader: R,
    query: LogQuery,
}

impl<R> Log<R> {
    /// Every event that a reader finds.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            query: LogQuery::new(),
        }
    }

    fn narrow(mut self, narrow: impl FnOnce(LogQuery) -> LogQuery) -> Self {
        self.query = narrow(self.query);
        self
    }

    /// Replaces what was asked so far by a query.
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
}

impl<R: LogReader> Log<R> {
    /// Reads the events.
    ///
    /// # Errors
    /// As the reader's: when a time or the limit cannot be, when the database fails, when a row
    /// was not written by this log.
    pub async fn list(mut self) -> Result<Vec<Event>, R::Error> {
        self.reader.read(&self.query).await
    }
}

impl<R: BlockingLogReader> Log<R> {
    /// Reads the events, and blocks meanwhile.
    ///
    /// # Errors
    /// As [`BlockingLogReader::read`].
    pub fn load(mut self) -> Result<Vec<Event>, R::Error> {
        self.reader.read(&self.query)
    }
}
