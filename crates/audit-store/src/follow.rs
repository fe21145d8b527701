//! The log as it grows.

mod snapshot;
mod window;

use audit_core::query::{LogQuery, horizon};
use audit_core::{Dialect, Event, LogReader};

use crate::error::StoreError;
use crate::trail::Trail;
use snapshot::Snapshots;
use window::Window;

/// What a database tells of how far its log can be read.
struct Horizon {
    /// The time, in RFC 3339; `None` on SQLite while there is no event.
    time: Option<String>,
    /// The snapshot of PostgreSQL.
    snapshot: Option<String>,
}

/// The log as it grows; [`Trail::follow`] begins it, [`Follow::poll`] reads on.
#[derive(Debug)]
pub struct Follow<'t, R, S> {
    trail: &'t mut Trail<R, S>,
    query: LogQuery,
    progress: Progress,
}

/// How far it was read.
#[derive(Debug)]
enum Progress {
    Snapshots(Snapshots),
    Window(Window),
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// Begins to follow a query: [`Follow::poll`] gives what becomes visible from now on, the
    /// oldest of it first.
    ///
    /// An event becomes visible when its transaction commits, which may be long after newer events.
    ///
    /// * PostgreSQL: every event that becomes visible is given exactly once, however late. The server
    ///   tells by its snapshots what was not visible before. Events without a number of their
    ///   transaction, which no trigger writes, are not given. A standby is refused.
    /// * SQLite: every event is given exactly once, because one transaction writes at a time and
    ///   the others see its events before they write theirs. The clock may be set back by as much as
    ///   [`Trail::settling`].
    /// * MySQL and MariaDB: an event is given exactly once when its transaction commits within
    ///   [`Trail::settling`] after it; one that commits later is missed. No server variable, and no
    ///   view that every account may read, tells how old the oldest open transaction is.
    ///
    /// An event of a lane happened before it was written: everywhere it is given when it was written
    /// within [`Trail::settling`] of its time, and not when it came later.
    ///
    /// To have the past as well, begin to follow and then read the pages: an event that both give
    /// has the same id.
    ///
    /// # Errors
    /// [`StoreError::Standby`], [`StoreError::UnknownHorizon`], [`StoreError::Log`] when the query
    /// cannot be asked or the database fails.
    pub async fn follow(
        &mut self,
        query: &LogQuery,
    ) -> Result<Follow<'_, R, S>, StoreError<R::Error>> {
        let query = self.within(query);
        let query = match query.is_oldest_first() {
            true => query,
            false => query.reversed(),
        };
        query.checked_limit()?;
        let progress = match self.dialect() {
            Dialect::Postgres => Progress::Snapshots(Snapshots::begin(self, &query).await?),
            _ => Progress::Window(Window::begin(self, &query).await?),
        };
        Ok(Follow {
            trail: self,
            query,
            progress,
        })
    }

    async fn horizon(&mut self) -> Result<Horizon, StoreError<R::Error>> {
        let rows = self.texts(Ok(horizon(self.dialect()))).await?;
        let mut row = rows.into_iter().next().unwrap_or_default().into_iter();
        let mut text = || row.next().flatten();
        let (time, snapshot, is_standby) = (text(), text(), text());
        match is_standby.as_deref() {
            Some("true") => Err(StoreError::Standby),
            _ => Ok(Horizon { time, snapshot }),
        }
    }
}

impl<R: LogReader, S: Send> Follow<'_, R, S> {
    /// The events that became visible since the last call, at most the limit of the query; none
    /// when there is nothing new, and the caller waits as long as it likes before it asks again.
    ///
    /// # Errors
    /// As [`Trail::follow`]; nothing is lost, the call can be repeated.
    ///
    /// # Cancel safety
    /// Events of a call that was not waited for are given by the next one.
    pub async fn poll(&mut self) -> Result<Vec<Event>, StoreError<R::Error>> {
        match &mut self.progress {
            Progress::Snapshots(snapshots) => snapshots.poll(self.trail, &self.query).await,
            Progress::Window(window) => window.poll(self.trail, &self.query).await,
        }
    }
}

/// The time of a horizon.
fn instant<E: std::error::Error + 'static>(
    text: &str,
) -> Result<chrono::DateTime<chrono::Utc>, StoreError<E>> {
    text.parse().map_err(|_| StoreError::UnknownHorizon {
        text: text.to_owned(),
    })
}
