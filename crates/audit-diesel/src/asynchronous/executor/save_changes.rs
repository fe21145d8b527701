//! `save_changes`, whose statements run through the connection like any other.

use diesel::associations::{HasTable, Identifiable};
use diesel::backend::Backend;
use diesel::dsl::{Find, Update};
use diesel::query_builder::{AsChangeset, AsQuery, IntoUpdateTarget, UpdateStatement};
use diesel::query_dsl::methods::FindDsl;
use diesel::{QueryResult, Table};
use diesel_async::methods::{ExecuteDsl, LoadQuery};
use diesel_async::{AsyncConnection, RunQueryDsl as _, UpdateAndFetchResults};
use futures_core::future::BoxFuture;

use super::connection::AuditedAsyncConnection;
use super::run::Run;

/// How a database updates a row and gives it back, as diesel-async does it on its own connections.
pub trait Saves<C, Changes, Output>: Backend {
    /// Updates the row and gives it back.
    fn save<'c>(connection: &'c mut C, changes: Changes) -> BoxFuture<'c, QueryResult<Output>>
    where
        Changes: 'c;
}

impl<C, Changes, Output> UpdateAndFetchResults<Changes, Output> for AuditedAsyncConnection<C>
where
    C: Run<Backend: Saves<Self, Changes, Output>>,
    Changes: Identifiable + HasTable,
{
    fn update_and_fetch<'conn, 'changes>(
        &'conn mut self,
        changes: Changes,
    ) -> BoxFuture<'changes, QueryResult<Output>>
    where
        Changes: 'changes,
        'conn: 'changes,
        Self: 'changes,
    {
        C::Backend::save(self, changes)
    }
}

#[cfg(feature = "async-mysql")]
impl<'b, C, Changes, Output, Tab, V> Saves<C, Changes, Output> for diesel::mysql::Mysql
where
    C: AsyncConnection<Backend = Self>,
    Output: Send + 'static,
    Changes: Copy + AsChangeset<Target = Tab> + Send + Identifiable<Table = Tab>,
    Tab: Table + FindDsl<Changes::Id> + 'b,
    Find<Tab, Changes::Id>:
        IntoUpdateTarget<Table = Tab, WhereClause = V> + LoadQuery<'b, C, Output> + Send,
    UpdateStatement<Tab, V, Changes::Changeset>: AsQuery,
    Update<Changes, Changes>: ExecuteDsl<C>,
    V: Send + 'b,
    Changes::Changeset: Send + 'b,
    Changes::Id: 'b,
    Tab::FromClause: Send,
{
    fn save<'c>(connection: &'c mut C, changes: Changes) -> BoxFuture<'c, QueryResult<Output>>
    where
        Changes: 'c,
    {
        Box::pin(async move {
            let update = diesel::update(changes).set(changes);
            update.execute(connection).await?;
            let row = Changes::table().find(changes.id());
            row.get_result(connection).await
        })
    }
}

/// Expands to the way of a database that updates a row and returns it.
#[cfg(any(feature = "async-postgres", feature = "async-sqlite"))]
macro_rules! returns {
    ($backend:ty) => {
        impl<'b, C, Changes, Output, Tab, V> Saves<C, Changes, Output> for $backend
        where
            C: AsyncConnection<Backend = Self>,
            Output: Send + 'static,
            Changes: Copy + AsChangeset<Target = Tab> + Send + Identifiable<Table = Tab>,
            Tab: Table + FindDsl<Changes::Id> + 'b,
            Find<Tab, Changes::Id>: IntoUpdateTarget<Table = Tab, WhereClause = V>,
            UpdateStatement<Tab, V, Changes::Changeset>: AsQuery,
            Update<Changes, Changes>: LoadQuery<'b, C, Output>,
            V: Send + 'b,
            Changes::Changeset: Send + 'b,
            Tab::FromClause: Send,
        {
            fn save<'c>(
                connection: &'c mut C,
                changes: Changes,
            ) -> BoxFuture<'c, QueryResult<Output>>
            where
                Changes: 'c,
            {
                Box::pin(async move {
                    let update = diesel::update(changes).set(changes);
                    update.get_result(connection).await
                })
            }
        }
    };
}

#[cfg(feature = "async-postgres")]
returns!(diesel::pg::Pg);
#[cfg(feature = "async-sqlite")]
returns!(diesel::sqlite::Sqlite);
