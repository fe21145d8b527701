//! The text of a statement of the application's.

use diesel::QueryResult;
use diesel::backend::Backend;
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
use diesel::backend::DieselReserveSpecialization;
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
use diesel::query_builder::{CollectedQuery, MoveableBindCollector};
use diesel::query_builder::{QueryBuilder as _, QueryFragment};

/// The statement as it is sent, without its binds.
fn text<DB>(source: &impl QueryFragment<DB>) -> QueryResult<String>
where
    DB: Backend<QueryBuilder: Default> + Default,
{
    let mut builder = DB::QueryBuilder::default();
    source.to_sql(&mut builder, &DB::default())?;
    Ok(builder.finish())
}

/// Whether a context that was put on before a statement of PostgreSQL is sure to be there after it.
#[cfg(any(feature = "async-postgres", feature = "postgres"))]
pub(crate) fn leaves_the_context(source: &impl QueryFragment<diesel::pg::Pg>) -> bool {
    // One that has no text fails before it is sent.
    text(source).is_ok_and(|text| audit_capture::context::postgres::outlives(&text))
}

/// The statement as text and binds that can wait: Diesel's own need not be able to go to another
/// thread.
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
pub(crate) fn collected<DB, Binds>(
    source: &impl QueryFragment<DB>,
    lookup: &mut DB::MetadataLookup,
) -> QueryResult<CollectedQuery<Binds>>
where
    DB: Backend<QueryBuilder: Default> + DieselReserveSpecialization + Default,
    for<'b> DB::BindCollector<'b>: MoveableBindCollector<DB, BindData = Binds> + Default,
{
    let backend = DB::default();
    let mut binds = DB::BindCollector::default();
    source.collect_binds(&mut binds, lookup, &backend)?;
    let is_cached = source.is_safe_to_cache_prepared(&backend)?;
    Ok(CollectedQuery::new(
        text(source)?,
        is_cached,
        binds.moveable(),
    ))
}
