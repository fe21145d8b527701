//! What the suite needs of an adapter.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use audit_core::query::LogQuery;
use audit_core::{Audit, AuditContext, Event, ManualEvent};

use crate::database::Server;

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By COMMIT.
    Commit,
    /// By ROLLBACK.
    Rollback,
}

/// A step in the life of a transaction, as a caller awaits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Opening a transaction of the adapter, on a connection that is idle.
    Begin,
    /// Taking a connection out of the pool.
    Checkout,
    /// Committing an open transaction.
    Commit,
    /// Giving a connection back to the pool.
    Release,
    /// Rolling an open transaction back.
    Rollback,
    /// Running a statement on a connection that is held.
    Statement,
}

/// Polls a future until it has been pending this often, then drops it; `None` when it was cut.
pub async fn cut_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut pending = 0;
    std::future::poll_fn(move |task| match future.as_mut().poll(task) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if pending == polls => Poll::Ready(None),
        Poll::Pending => {
            pending += 1;
            Poll::Pending
        }
    })
    .await
}

/// A statement that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The database's own words.
    pub message: String,
    /// Which error of capture it is, by the name of its variant; `None` for the application's own.
    pub capture: Option<String>,
}

/// An adapter under test: a pool attached to an audit, as a user would build it.
pub trait Adapter: Send + Sync + Sized + 'static {
    /// Whether the library hands on where in functions an error happened (`CONTEXT` of PostgreSQL),
    /// which alone tells whose lock it was that was waited for in vain.
    const HANDS_ON_THE_PLACE: bool = true;
    /// Which seeds of drawn statements it runs, both ends included. What is drawn tries databases
    /// and triggers more than libraries: one adapter runs all that make every kind of thing.
    const SEEDS: std::ops::RangeInclusive<u64> = 1..=2;
    /// How often each of three users writes on a pool of one connection.
    const WRITES: usize = 3_334;

    /// The words with which what a case is about is refused before it runs, by design; `None` where the
    /// case holds.
    #[must_use]
    fn refuses(_server: Server, _case: &str) -> Option<&'static str> {
        None
    }

    /// Builds the attached pool.
    fn attach(url: &str, audit: &Audit, connections: u32) -> impl Future<Output = Self> + Send;

    /// Runs the shared migration and installs the triggers; gives the findings as texts, gaps
    /// only.
    fn migrate(&self, audit: &Audit) -> impl Future<Output = Vec<String>> + Send;

    /// The findings of `check` as texts, all of them.
    fn check(&self) -> impl Future<Output = Vec<String>> + Send;

    /// Runs one statement without binds on the pool, outside a transaction; gives the number of
    /// affected rows.
    fn execute(&self, sql: &str) -> impl Future<Output = Result<u64, Failure>> + Send;

    /// Runs statements on one connection, inside one transaction of the adapter's `begin`.
    fn transaction(
        &self,
        statements: &[&str],
        end: End,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Runs statements on one held connection, outside a transaction.
    fn held(&self, statements: &[&str]) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Runs statements on one held connection, then other work, then more statements on it.
    fn held_around(
        &self,
        before: &[&str],
        between: impl Future<Output = ()> + Send,
        after: &[&str],
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Takes a connection as one actor and runs statements, runs others inside the scope of
    /// another without a stamp, then stamps it there and runs the rest.
    fn held_by(
        &self,
        first: &AuditContext,
        before: &[&str],
        second: &AuditContext,
        between: &[&str],
        after: &[&str],
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Runs statements on a connection that is taken without waiting, past the hook at checkout;
    /// `None` where none is idle.
    fn try_held(
        &self,
        statements: &[&str],
    ) -> impl Future<Output = Option<Result<(), Failure>>> + Send;

    /// Does everything up to a step, and this one by [`cut_after`]: the statement, or the
    /// transaction that holds it. Says whether the step was over before it was cut.
    fn cut(
        &self,
        step: Step,
        sql: &str,
        polls: usize,
    ) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// Records a manual event in a transaction of its own.
    fn record(
        &self,
        event: ManualEvent,
        end: End,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Reads the log.
    fn log(&self, query: LogQuery) -> impl Future<Output = Vec<Event>> + Send;
}
