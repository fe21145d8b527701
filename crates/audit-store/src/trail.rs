//! The trail: the log as it is read.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use audit_core::log::{Blocking, Rows, events};
use audit_core::query::{BoundQuery, LogQuery, QueryError};
use audit_core::{BlockingLogReader, Event, Log, LogReader};
use chrono::{DateTime, SubsecRound as _, Utc};
use uuid::Uuid;

use crate::cursor::{CursorKey, KeyError};
use crate::error::StoreError;

/// A [`Trail`] that reaches every event of its reader.
#[derive(Debug, Clone, Copy)]
pub struct Everything;

/// A [`Trail`] that reaches the events of one tenant.
#[derive(Debug, Clone, Copy)]
pub struct OneTenant;

/// The trail of one tenant: whatever is asked of it, events of another tenant, and those without
/// one, are out of its reach, and nothing leads from it to the whole trail.
///
/// ```
/// # use audit_core::{LogReader, query::LogQuery};
/// async fn count<R: LogReader>(mut log: audit_store::TenantLog<R>) {
///     let _ = log.count(&LogQuery::new()).await;
/// }
/// ```
///
/// It plans no undo and no purge:
///
/// ```compile_fail
/// # use audit_core::{LogReader, query::LogQuery};
/// async fn undo<R: LogReader>(mut log: audit_store::TenantLog<R>) {
///     let _ = log.plan_undo(&LogQuery::new()).await;
/// }
/// ```
///
/// ```compile_fail
/// # use audit_core::{LogReader, retention::Retention};
/// async fn purge<R: LogReader>(mut log: audit_store::TenantLog<R>, policies: &Retention) {
///     let _ = log.purge(policies).await;
/// }
/// ```
pub type TenantLog<R> = Trail<R, OneTenant>;

/// The log, read through any adapter: in pages, as it grows, by record, in numbers.
///
/// What the `Log` that it is made of asks for already holds for all that is asked of the trail.
/// A query that is given is narrowed by it; see [`LogQuery::and`].
pub struct Trail<R, S = Everything> {
    reader: R,
    base: LogQuery,
    key: Option<CursorKey>,
    settling: Duration,
    scope: PhantomData<S>,
}

impl<R, S> fmt::Debug for Trail<R, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Trail")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl<R> Trail<R> {
    /// How long [`Trail::settling`] is unless set.
    pub const DEFAULT_SETTLING: Duration = Duration::from_secs(60);

    /// The trail that a `Log` of an adapter begins, such as `audit_sqlx::log(&pool)`.
    pub fn of(log: Log<R>) -> Self {
        let (reader, base) = log.into_parts();
        Self {
            reader,
            base,
            key: None,
            settling: Self::DEFAULT_SETTLING,
            scope: PhantomData,
        }
    }

    /// The trail of one tenant.
    pub fn tenant(self, id: impl Into<String>) -> TenantLog<R> {
        let id: String = id.into();
        Trail {
            reader: self.reader,
            base: self.base.tenant(id),
            key: self.key,
            settling: self.settling,
            scope: PhantomData,
        }
    }
}

impl<R: BlockingLogReader> Trail<Blocking<R>> {
    /// The trail on a connection that blocks, such as `audit_diesel::log(&mut connection)` begins.
    /// Its futures are ready when they are made: [`finish`](crate::finish) takes their results.
    pub fn blocking(log: Log<R>) -> Self {
        let (reader, base) = log.into_parts();
        Self::of(Log::new(Blocking(reader)).matching(base))
    }
}

impl<R, S> Trail<R, S> {
    /// The key of cursors. Without one they hold for as long as this process lives: give one where
    /// several processes serve one list.
    #[must_use]
    pub fn cursor_key(mut self, key: CursorKey) -> Self {
        self.key = Some(key);
        self
    }

    /// How long after it happened an event is looked for by [`Trail::follow`] where the database
    /// does not tell what became visible; 60 seconds unless set.
    #[must_use]
    pub fn settling(mut self, span: Duration) -> Self {
        self.settling = span;
        self
    }

    pub(crate) fn settling_time(&self) -> Duration {
        self.settling
    }

    pub(crate) fn key(&self) -> Result<CursorKey, KeyError> {
        match &self.key {
            Some(key) => Ok(key.clone()),
            None => CursorKey::of_process(),
        }
    }

    /// What is asked, within what this trail reaches: every statement of it is one of these.
    pub(crate) fn within(&self, query: &LogQuery) -> LogQuery {
        self.base.clone().and(query.clone())
    }
}

/// The present, as cursors keep it.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// The dialect of the database.
    pub(crate) fn dialect(&self) -> audit_core::Dialect {
        self.reader.dialect()
    }

    /// Runs a statement that was made of a query within this trail, or reads no event.
    pub(crate) async fn texts(
        &mut self,
        query: Result<BoundQuery, QueryError>,
    ) -> Result<Rows, StoreError<R::Error>> {
        let rows = self.reader.texts(&query?).await;
        rows.map_err(StoreError::Log)
    }

    /// Reads the events of a query within this trail.
    pub(crate) async fn read(
        &mut self,
        query: &LogQuery,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, StoreError<R::Error>> {
        let rows = self.texts(query.to_sql(self.dialect(), now)).await?;
        Ok(events(&rows)?)
    }

    /// The event with this id; `None` where there is none within reach.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails.
    pub async fn event(&mut self, id: Uuid) -> Result<Option<Event>, StoreError<R::Error>> {
        let query = self.within(&LogQuery::new().id(id));
        Ok(self.read(&query, now()).await?.pop())
    }
}
