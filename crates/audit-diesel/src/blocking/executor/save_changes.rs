//! `save_changes`, whose statements run through the connection like any other.

#[cfg(any(feature = "mysql", feature = "sqlite"))]
use diesel::Identifiable;
use diesel::associations::HasTable;
use diesel::backend::Backend;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
use diesel::dsl::Find;
use diesel::dsl::Update;
use diesel::expression::{MixedAggregates, ValidGrouping, is_aggregate};
use diesel::query_builder::{AsChangeset, IntoUpdateTarget};
#[cfg(any(feature = "mysql", feature = "sqlite"))]
use diesel::query_dsl::methods::{ExecuteDsl, FindDsl};
use diesel::query_dsl::{LoadQuery, UpdateAndFetchResults};
use diesel::{Connection, QueryResult, RunQueryDsl, Table};

use super::super::database::sealed::Reach;
use super::connection::{AuditedConnection, BackendOf};

/// How a database updates a row and gives it back, as Diesel does it on its own connections.
pub trait Saves<C, Changes, Output>: Backend {
    /// Updates the row and gives it back.
    fn save(connection: &mut C, changes: Changes) -> QueryResult<Output>;
}

impl<C, Changes, Output> UpdateAndFetchResults<Changes, Output> for AuditedConnection<C>
where
    C: Reach + Connection,
    BackendOf<C>: Saves<Self, Changes, Output>,
{
    fn update_and_fetch(&mut self, changes: Changes) -> QueryResult<Output> {
        BackendOf::<C>::save(self, changes)
    }
}

#[cfg(feature = "postgres")]
impl<'b, C, Changes, Output> Saves<C, Changes, Output> for diesel::pg::Pg
where
    C: Connection<Backend = Self>,
    Changes: Copy + AsChangeset<Target = <Changes as HasTable>::Table> + IntoUpdateTarget,
    Update<Changes, Changes>: LoadQuery<'b, C, Output>,
    <Changes::Table as Table>::AllColumns: ValidGrouping<()>,
    <<Changes::Table as Table>::AllColumns as ValidGrouping<()>>::IsAggregate:
        MixedAggregates<is_aggregate::No, Output = is_aggregate::No>,
{
    fn save(connection: &mut C, changes: Changes) -> QueryResult<Output> {
        diesel::update(changes).set(changes).get_result(connection)
    }
}

/// Expands to the way of a database that updates a row and then reads it.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
macro_rules! reads_after {
    ($backend:ty) => {
        impl<'b, C, Changes, Output> Saves<C, Changes, Output> for $backend
        where
            C: Connection<Backend = Self>,
            Changes: Copy
                + Identifiable
                + AsChangeset<Target = <Changes as HasTable>::Table>
                + IntoUpdateTarget,
            Changes::Table: FindDsl<Changes::Id>,
            Update<Changes, Changes>: ExecuteDsl<C>,
            Find<Changes::Table, Changes::Id>: LoadQuery<'b, C, Output>,
            <Changes::Table as Table>::AllColumns: ValidGrouping<()>,
            <<Changes::Table as Table>::AllColumns as ValidGrouping<()>>::IsAggregate:
                MixedAggregates<is_aggregate::No, Output = is_aggregate::No>,
        {
            fn save(connection: &mut C, changes: Changes) -> QueryResult<Output> {
                diesel::update(changes).set(changes).execute(connection)?;
                Changes::table().find(changes.id()).get_result(connection)
            }
        }
    };
}

#[cfg(feature = "mysql")]
reads_after!(diesel::mysql::Mysql);
#[cfg(feature = "sqlite")]
reads_after!(diesel::sqlite::Sqlite);
