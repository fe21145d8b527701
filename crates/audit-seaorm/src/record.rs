//! Events that the application records itself.

use audit_core::query::{Bind, BoundQuery};
use audit_core::{Dialect, ManualEvent};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};

use crate::error::{conn, unsupported};

/// A manual event was not recorded.
pub type RecordError = audit_adapter::RecordError<DbErr>;

/// Records an event in the caller's transaction: it is there when the transaction commits, and
/// gone when it rolls back. Who, where and why come from the context on the connection.
///
/// # Errors
/// [`RecordError::Event`] before anything runs, [`RecordError::Database`] when the database
/// refuses the event.
pub async fn record<C: ConnectionTrait>(
    connection: &C,
    event: ManualEvent,
) -> Result<(), RecordError> {
    let backend = connection.get_database_backend();
    let dialect = dialect(backend).map_err(RecordError::Database)?;
    let query = audit_capture::manual_insert(dialect, &event.to_texts()?);
    let done = run(connection, query).await;
    done.map_err(RecordError::Database)
}

/// The SQL dialect of a database of SeaORM.
pub(crate) fn dialect(backend: DbBackend) -> Result<Dialect, DbErr> {
    match backend {
        DbBackend::MySql => Ok(Dialect::MySql),
        DbBackend::Postgres => Ok(Dialect::Postgres),
        DbBackend::Sqlite => Ok(Dialect::Sqlite),
        _ => Err(conn(unsupported())),
    }
}

/// Runs a statement of ours on whatever SeaORM runs statements on.
pub(crate) async fn run<C: ConnectionTrait>(
    connection: &C,
    query: BoundQuery,
) -> Result<(), DbErr> {
    let backend = connection.get_database_backend();
    if dialect(backend)? == Dialect::MySql {
        // With nothing to prepare: in the answer to a preparation sqlx loses its place when the
        // future is dropped, https://github.com/launchbadge/sqlx/issues/4393
        let text = audit_capture::context::mysql::with_literals(&query);
        connection.execute_unprepared(&text).await?;
        return Ok(());
    }
    let binds = values(query.binds);
    let statement = Statement::from_sql_and_values(backend, query.text, binds);
    connection.execute_raw(statement).await?;
    Ok(())
}

/// The binds as SeaORM takes them.
pub(crate) fn values(binds: Vec<Bind>) -> impl Iterator<Item = Value> {
    binds.into_iter().map(|bind| match bind {
        Bind::Integer(number) => Value::BigInt(Some(number)),
        Bind::Text(text) => Value::String(Some(text)),
        Bind::Bytes(bytes) => Value::Bytes(Some(bytes)),
        _ => Value::String(None),
    })
}
