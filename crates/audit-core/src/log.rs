//! Reading the log: one way to ask, whatever reads.

use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use chrono::Utc;

use crate::query::setter::setters;
use crate::query::{BoundQuery, LogQuery, QueryError};
use crate::{Dialect, Event, EventError};

/// Rows of texts; NULL is `None`.
pub type Rows = Vec<Vec<Option<String>>>;

/// What reads the log for a [`Log`] and for audit-store; each adapter has one for its connections.
pub trait LogReader: Send {
    /// Why the log could not be read.
    type Error: std::error::Error + From<EventError> + From<QueryError> + Send + Sync + 'static;

    /// The dialect of the database.
    fn dialect(&self) -> Dialect;

    /// Runs a statement that reads, whose every column is a text or NULL, and gives its rows.
    fn texts(
        &mut self,
        query: &BoundQuery,
    ) -> impl Future<Output = Result<Rows, Self::Error>> + Send;

    /// Reads the events of a query, in its order; spans of time are before the present moment.
    fn read(
        &mut self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<Vec<Event>, Self::Error>> + Send {
        let query = query.to_sql(self.dialect(), Utc::now());
        async move { Ok(events(&self.texts(&query?).await?)?) }
    }
}

/// The events in rows that a query gave.
///
/// # Errors
/// When a row was not written by this log.
pub fn events(rows: &Rows) -> Result<Vec<Event>, EventError> {
    rows.iter()
        .map(|row| Event::from_texts(row.iter().map(Option::as_deref)))
        .collect()
}

/// The same on a connection that blocks.
pub trait BlockingLogReader: Send {
    /// Why the log could not be read.
    type Error: std::error::Error + From<EventError> + From<QueryError> + Send + Sync + 'static;

    /// The dialect of the database.
    fn dialect(&self) -> Dialect;

    /// Runs a statement that reads, whose every column is a text or NULL, and gives its rows.
    ///
    /// # Errors
    /// When the database fails.
    fn texts(&mut self, query: &BoundQuery) -> Result<Rows, Self::Error>;
}

/// What changes rows for audit-store, in a transaction that the application has begun; each adapter
/// has one for its transactions. Its `texts` runs statements that change rows as well.
pub trait RowWriter: LogReader {
    /// Puts the context of this task on the connection: who the next changes are by, and why.
    fn stamp(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// The same on a connection that blocks.
pub trait BlockingRowWriter: BlockingLogReader {
    /// Puts the context of this thread on the connection.
    ///
    /// # Errors
    /// When the database fails.
    fn stamp(&mut self) -> Result<(), Self::Error>;
}

impl<W: BlockingRowWriter> RowWriter for Blocking<W> {
    fn stamp(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        ready(self.0.stamp())
    }
}

/// A reader that blocks as one whose futures are ready when they are made; [`finish`] takes their
/// results.
#[derive(Debug, Clone)]
pub struct Blocking<R>(pub R);

impl<R: BlockingLogReader> LogReader for Blocking<R> {
    type Error = R::Error;

    fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    fn texts(
        &mut self,
        query: &BoundQuery,
    ) -> impl Future<Output = Result<Rows, Self::Error>> + Send {
        ready(self.0.texts(query))
    }
}

/// Runs work on a connection that blocks: each of its futures is ready when it is made, so the
/// first poll gives the result. Work that waits for something else keeps the thread busy.
pub fn finish<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    let mut nobody = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = work.as_mut().poll(&mut nobody) {
            return result;
        }
    }
}

/// Which events to read, newest first; an adapter's `log` begins one. Every setter narrows it: an
/// event must pass all filters, and of one filter with several values any will do.
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

    setters!();

    /// Events that a query gives as well; see [`LogQuery::and`].
    pub fn matching(mut self, query: LogQuery) -> Self {
        self.query = self.query.and(query);
        self
    }

    /// The reader, and what was asked so far.
    pub fn into_parts(self) -> (R, LogQuery) {
        (self.reader, self.query)
    }

    fn narrow(mut self, change: impl FnOnce(&mut LogQuery)) -> Self {
        change(&mut self.query);
        self
    }
}

impl<R: LogReader> Log<R> {
    /// Reads the events, [`LogQuery::DEFAULT_LIMIT`] of them at most unless [`Log::limit`] says otherwise.
    /// Nothing tells whether there are more: the pages of audit-store do.
    ///
    /// # Errors
    /// As the reader's: when a filter, a time or the limit cannot be, when the database fails, when
    /// a row was not written by this log.
    pub async fn list(mut self) -> Result<Vec<Event>, R::Error> {
        self.reader.read(&self.query).await
    }
}

impl<R: BlockingLogReader> Log<R> {
    /// Reads the events as [`Log::list`] does, and blocks meanwhile.
    ///
    /// # Errors
    /// As [`Log::list`].
    pub fn load(self) -> Result<Vec<Event>, R::Error> {
        finish(Blocking(self.reader).read(&self.query))
    }
}
