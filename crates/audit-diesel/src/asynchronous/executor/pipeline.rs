//! PostgreSQL, where statements can be on their way one behind the other.

use std::sync::Arc;

use audit_adapter::ContextScope;
use audit_capture::context::postgres as context;
use audit_core::stamp::Stamp;
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection};
use futures_core::future::BoxFuture;

use super::connection::AuditedAsyncConnection;
use super::run::Run;
use crate::executor::{Shared, leaves_the_context};

type RowsOf<'c, 'q> = <AsyncPgConnection as AsyncConnectionCore>::Stream<'c, 'q>;
type RowOf<'c, 'q> = <AsyncPgConnection as AsyncConnectionCore>::Row<'c, 'q>;

fn put_on(
    mut connection: &AsyncPgConnection,
    stamp: Arc<Stamp>,
    scope: ContextScope,
) -> BoxFuture<'_, QueryResult<()>> {
    Box::pin(async move {
        let text = match scope {
            ContextScope::Connection => context::stamp(&stamp),
            ContextScope::Transaction => context::set_local(&stamp),
        };
        connection.batch_execute(&text).await
    })
}

/// Runs a statement, of which `work` sends nothing before it is polled, once the context is on the
/// connection.
fn after_the_context<'c, R: 'c>(
    connection: &'c AsyncPgConnection,
    shared: &'c Shared,
    leaves_the_context: bool,
    work: BoxFuture<'c, QueryResult<R>>,
) -> BoxFuture<'c, QueryResult<R>> {
    Box::pin(async move {
        let put_on = |stamp, scope, _| put_on(connection, stamp, scope);
        let _on_its_way = shared.ready(leaves_the_context, put_on).await?;
        work.await
    })
}

fn execute<'c, T>(
    connection: &'c AsyncPgConnection,
    shared: &'c Shared,
    source: T,
) -> BoxFuture<'c, QueryResult<usize>>
where
    T: QueryFragment<Pg> + QueryId,
{
    let leaves = leaves_the_context(&source);
    let mut handle = connection;
    let work = handle.execute_returning_count(source);
    after_the_context(connection, shared, leaves, work)
}

fn load<'c, 'q, T>(
    connection: &'c AsyncPgConnection,
    shared: &'c Shared,
    source: T,
) -> BoxFuture<'c, QueryResult<RowsOf<'c, 'q>>>
where
    T: AsQuery + 'q,
    T::Query: QueryFragment<Pg> + QueryId + 'q,
{
    let query = source.as_query();
    let leaves = leaves_the_context(&query);
    let mut handle = connection;
    let work = handle.load(query);
    after_the_context(connection, shared, leaves, work)
}

fn run_text<'c>(
    connection: &'c AsyncPgConnection,
    shared: &'c Shared,
    text: &'c str,
) -> BoxFuture<'c, QueryResult<()>> {
    let mut handle = connection;
    let work = Box::pin(async move { handle.batch_execute(text).await });
    after_the_context(connection, shared, context::outlives(text), work)
}

impl Run for AsyncPgConnection {
    fn put_on(
        &mut self,
        stamp: Arc<Stamp>,
        scope: ContextScope,
        _is_in_transaction: bool,
    ) -> BoxFuture<'_, QueryResult<()>> {
        put_on(self, stamp, scope)
    }

    fn execute<'c, T>(
        &'c mut self,
        shared: &'c Shared,
        source: T,
    ) -> BoxFuture<'c, QueryResult<usize>>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        execute(self, shared, source)
    }

    fn load_rows<'c, 'q, T>(
        &'c mut self,
        shared: &'c Shared,
        source: T,
    ) -> BoxFuture<'c, QueryResult<Self::Stream<'c, 'q>>>
    where
        T: AsQuery + 'q,
        T::Query: QueryFragment<Pg> + QueryId + 'q,
    {
        load(self, shared, source)
    }

    fn run_text<'c>(
        &'c mut self,
        shared: &'c Shared,
        text: &'c str,
    ) -> BoxFuture<'c, QueryResult<()>> {
        run_text(self, shared, text)
    }
}

impl SimpleAsyncConnection for &AuditedAsyncConnection<AsyncPgConnection> {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        run_text(&self.connection, &self.shared, query).await
    }
}

impl<'a> AsyncConnectionCore for &'a AuditedAsyncConnection<AsyncPgConnection> {
    type ExecuteFuture<'conn, 'query> = BoxFuture<'a, QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'a, QueryResult<RowsOf<'conn, 'query>>>;
    type Stream<'conn, 'query> = RowsOf<'conn, 'query>;
    type Row<'conn, 'query> = RowOf<'conn, 'query>;
    type Backend = Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Pg> + QueryId + 'query,
    {
        load(&self.connection, &self.shared, source)
    }

    fn execute_returning_count<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Pg> + QueryId + 'query,
    {
        execute(&self.connection, &self.shared, source)
    }
}
