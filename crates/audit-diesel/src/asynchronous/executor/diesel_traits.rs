//! What diesel-async asks of a connection.

use diesel::connection::{CacheSize, Instrumentation};
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::{ConnectionResult, QueryResult};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{
    AsyncConnection, AsyncConnectionCore, SimpleAsyncConnection, TransactionManager,
};
use futures_core::future::BoxFuture;

use super::connection::AuditedAsyncConnection;
use super::run::Run;
use super::transaction::AuditedTransactions;
use crate::blocking::{initialize, unregistered};

impl<C: Run> SimpleAsyncConnection for AuditedAsyncConnection<C> {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        let (connection, shared) = self.parts()?;
        connection.run_text(shared, query).await
    }
}

impl<C: Run> AsyncConnectionCore for AuditedAsyncConnection<C> {
    type ExecuteFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<C::Stream<'conn, 'query>>>;
    type Stream<'conn, 'query> = C::Stream<'conn, 'query>;
    type Row<'conn, 'query> = C::Row<'conn, 'query>;
    type Backend = C::Backend;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        match self.parts() {
            Ok((connection, shared)) => connection.load_rows(shared, source),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn execute_returning_count<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        match self.parts() {
            Ok((connection, shared)) => connection.execute(shared, source),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl<C: Run> AsyncConnection for AuditedAsyncConnection<C> {
    type TransactionManager = AuditedTransactions;

    async fn establish(url: &str) -> ConnectionResult<Self> {
        initialize(Some(C::DIALECT)).map_err(|error| unregistered(&error))?;
        C::establish(url).await.map(Self::unattached)
    }

    fn transaction_state(
        &mut self,
    ) -> &mut <C::TransactionManager as TransactionManager<C>>::TransactionStateData {
        self.connection.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.connection.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.connection.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.connection.set_prepared_statement_cache_size(size);
    }
}

impl<C: Run> PoolableConnection for AuditedAsyncConnection<C> {}
