//! How a connection of each kind runs a statement.

use std::sync::Arc;

use audit_adapter::ContextScope;
use audit_core::stamp::Stamp;
use diesel::QueryResult;
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
use diesel::query_builder::CollectedQuery;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use futures_core::future::BoxFuture;

use super::super::database::sealed::Capture;
use crate::executor::Shared;

/// The steps of an executor that differ between databases. Every statement of the application comes
/// through here.
///
/// A future may go to another thread, for which a statement of Diesel's need not be fit. So it is either
/// handed to the connection at once, where that sends nothing before it is polled, or taken apart into
/// its text and its binds.
pub trait Run: Capture {
    /// Whether a transaction has an id that goes with the statement that opens it.
    const HAS_TRANSACTION_ID: bool = false;

    /// Whether a statement that is dropped leaves its answer for the next one.
    const MIXES_ANSWERS: bool = false;

    /// Puts a context on a connection that is held, wherever it stands in transactions.
    fn put_on(
        &mut self,
        stamp: Arc<Stamp>,
        scope: ContextScope,
        is_in_transaction: bool,
    ) -> BoxFuture<'_, QueryResult<()>>;

    /// As `AsyncConnectionCore::execute_returning_count`, in the context of whoever polls.
    fn execute<'c, T>(
        &'c mut self,
        shared: &'c Shared,
        source: T,
    ) -> BoxFuture<'c, QueryResult<usize>>
    where
        T: QueryFragment<Self::Backend> + QueryId;

    /// As `AsyncConnectionCore::load`, in the context of whoever polls.
    fn load_rows<'c, 'q, T>(
        &'c mut self,
        shared: &'c Shared,
        source: T,
    ) -> BoxFuture<'c, QueryResult<Self::Stream<'c, 'q>>>
    where
        T: AsQuery + 'q,
        T::Query: QueryFragment<Self::Backend> + QueryId + 'q;

    /// As `SimpleAsyncConnection::batch_execute`, in the context of whoever polls.
    fn run_text<'c>(
        &'c mut self,
        shared: &'c Shared,
        text: &'c str,
    ) -> BoxFuture<'c, QueryResult<()>>;
}

/// Runs a statement that was taken apart.
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
pub(crate) fn execute_alone<'c, C, Binds>(
    connection: &'c mut C,
    shared: &'c Shared,
    statement: QueryResult<CollectedQuery<Binds>>,
) -> BoxFuture<'c, QueryResult<usize>>
where
    C: Run,
    Binds: Send + 'static,
    CollectedQuery<Binds>: QueryFragment<C::Backend> + QueryId,
{
    Box::pin(async move {
        let statement = statement?;
        let _on_its_way = shared
            .ready(true, |stamp, scope, within| {
                connection.put_on(stamp, scope, within)
            })
            .await?;
        let done = connection.execute_returning_count(statement);
        shared.statement(done).await
    })
}

/// The rows of a statement that was taken apart.
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
pub(crate) fn load_alone<'c, 'q, C, Binds>(
    connection: &'c mut C,
    shared: &'c Shared,
    statement: QueryResult<CollectedQuery<Binds>>,
) -> BoxFuture<'c, QueryResult<C::Stream<'c, 'q>>>
where
    C: Run,
    Binds: Send + 'static,
    CollectedQuery<Binds>: AsQuery<Query: QueryFragment<C::Backend> + QueryId>,
{
    Box::pin(async move {
        let statement = statement?;
        let _on_its_way = shared
            .ready(true, |stamp, scope, within| {
                connection.put_on(stamp, scope, within)
            })
            .await?;
        let rows = connection.load(statement);
        shared.statement(rows).await
    })
}

/// Runs a text where nothing else is on its way.
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
pub(crate) fn run_alone<'c, C: Run>(
    connection: &'c mut C,
    shared: &'c Shared,
    text: &'c str,
) -> BoxFuture<'c, QueryResult<()>> {
    Box::pin(async move {
        let _on_its_way = shared
            .ready(true, |stamp, scope, within| {
                connection.put_on(stamp, scope, within)
            })
            .await?;
        let done = connection.batch_execute(text);
        shared.statement(done).await
    })
}

/// Expands to how a connection runs statements that are taken apart, one at a time: all of [`Run`] but
/// `put_on`. The backend is named, because binds are collected by its types.
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
macro_rules! runs_alone {
    ($backend:ty) => {
        fn execute<'c, T>(
            &'c mut self,
            shared: &'c $crate::executor::Shared,
            source: T,
        ) -> BoxFuture<'c, QueryResult<usize>>
        where
            T: diesel::query_builder::QueryFragment<$backend> + diesel::query_builder::QueryId,
        {
            let statement = $crate::executor::collected::<$backend, _>(&source, &mut ());
            $crate::asynchronous::executor::execute_alone(self, shared, statement)
        }

        fn load_rows<'c, 'q, T>(
            &'c mut self,
            shared: &'c $crate::executor::Shared,
            source: T,
        ) -> BoxFuture<'c, QueryResult<Self::Stream<'c, 'q>>>
        where
            T: diesel::query_builder::AsQuery + 'q,
            T::Query: diesel::query_builder::QueryFragment<$backend>
                + diesel::query_builder::QueryId
                + 'q,
        {
            let query = source.as_query();
            let statement = $crate::executor::collected::<$backend, _>(&query, &mut ());
            $crate::asynchronous::executor::load_alone(self, shared, statement)
        }

        fn run_text<'c>(
            &'c mut self,
            shared: &'c $crate::executor::Shared,
            text: &'c str,
        ) -> BoxFuture<'c, QueryResult<()>> {
            $crate::asynchronous::executor::run_alone(self, shared, text)
        }
    };
}

#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
pub(crate) use runs_alone;
