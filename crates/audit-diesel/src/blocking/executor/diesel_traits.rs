//! What Diesel asks of a connection.

use std::any::Any;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, ConnectionSealed, Instrumentation, LoadConnection,
    MultiConnectionHelper, SimpleConnection,
};
use diesel::expression::QueryMetadata;
use diesel::migration::MigrationConnection;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::TypeMetadata;
use diesel::{Connection, ConnectionResult, QueryResult};

use super::super::connection::initialize;
use super::super::database::sealed::{Capture, Reach};
use super::connection::{AuditedConnection, BackendOf};
use super::transaction::AuditedTransactions;
use crate::AttachError;

impl<C: Reach> SimpleConnection for AuditedConnection<C> {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        let leaves_the_context = C::Raw::text_leaves_the_context(query);
        self.ready_for(leaves_the_context)?.batch_execute(query)
    }
}

impl<C> ConnectionSealed for AuditedConnection<C> {}

impl<C> Connection for AuditedConnection<C>
where
    C: Reach + Connection,
{
    type Backend = BackendOf<C>;
    type TransactionManager = AuditedTransactions;

    fn establish(url: &str) -> ConnectionResult<Self> {
        initialize(Some(C::Raw::DIALECT)).map_err(|error| unregistered(&error))?;
        C::establish(url).map(Self::unattached)
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Self::Backend> + QueryId,
    {
        let leaves_the_context = C::Raw::leaves_the_context(source);
        self.ready_for(leaves_the_context)?
            .execute_returning_count(source)
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        self.connection.raw().transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.connection.raw().instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.connection.raw().set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.connection
            .raw()
            .set_prepared_statement_cache_size(size);
    }
}

/// SQLite cannot take our functions.
pub(crate) fn unregistered(error: &AttachError) -> diesel::ConnectionError {
    diesel::ConnectionError::BadConnection(error.to_string())
}

impl<B, C> LoadConnection<B> for AuditedConnection<C>
where
    C: Reach<Raw: LoadConnection<B>> + Connection,
{
    type Cursor<'conn, 'query>
        = <C::Raw as LoadConnection<B>>::Cursor<'conn, 'query>
    where
        Self: 'conn;
    type Row<'conn, 'query>
        = <C::Raw as LoadConnection<B>>::Row<'conn, 'query>
    where
        Self: 'conn;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        let leaves_the_context = C::Raw::leaves_the_context(&source);
        self.ready_for(leaves_the_context)?.load(source)
    }
}

impl<C> R2D2Connection for AuditedConnection<C>
where
    C: Capture,
{
    fn ping(&mut self) -> QueryResult<()> {
        self.connection.ping()
    }

    fn is_broken(&mut self) -> bool {
        self.connection.is_broken()
    }
}

impl<C> MigrationConnection for AuditedConnection<C>
where
    C: Reach<Raw: MigrationConnection> + Connection,
{
    fn setup(&mut self) -> QueryResult<usize> {
        self.current()?.setup()
    }
}

impl<C> MultiConnectionHelper for AuditedConnection<C>
where
    C: Reach<Raw: MultiConnectionHelper> + Connection,
{
    fn to_any<'a>(
        lookup: &mut <Self::Backend as TypeMetadata>::MetadataLookup,
    ) -> &mut (dyn Any + 'a) {
        C::Raw::to_any(lookup)
    }

    fn from_any(
        lookup: &mut dyn Any,
    ) -> Option<&mut <Self::Backend as TypeMetadata>::MetadataLookup> {
        C::Raw::from_any(lookup)
    }
}
