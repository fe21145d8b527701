//! Reading the log.

use audit_core::query::{LogQuery, QueryError};
use audit_core::{Event, EventError, schema};

use crate::session::Session;
use crate::statement;

/// The log could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError<E: std::error::Error + 'static> {
    /// The query cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The database failed.
    #[error("the audit log could not be read")]
    Database(#[source] E),
    /// A stored row is not an event.
    #[error(transparent)]
    Stored(#[from] EventError),
}

/// Reads the events that a query asks for.
///
/// # Errors
/// [`LogError::Query`] when a time or the limit cannot be, [`LogError::Database`] when the database
/// fails, [`LogError::Stored`] when a row was not written by this log.
pub async fn read_log<S: Session>(
    session: &mut S,
    query: &LogQuery,
) -> Result<Vec<Event>, LogError<S::Error>> {
    let table = statement::audit_table(S::DIALECT, schema::LOG_TABLE);
    let query = query.to_sql(S::DIALECT, Some(&table), chrono::Utc::now())?;
    let rows = session.texts(&query).await.map_err(LogError::Database)?;
    let events = rows
        .iter()
        .map(|row| Event::from_texts(row.iter().map(Option::as_deref)));
    Ok(events.collect::<Result<_, _>>()?)
}
