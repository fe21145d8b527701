//! Which statements run in the place of the application's, by the catalog as it was read last.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use audit_capture::inline::{
    Inline as Planned, OnUncapturable, PlanCache, Planner, Spliced, Uncapturable,
};
use audit_capture::postgres_key;
use audit_core::{Audit, MissingContext};

use super::refusal::InlineRefusal;
use crate::database::{AuditDatabase, ConnectionOf};
use crate::session::{Session, unreadable};

/// How an [`AuditedPool`](crate::AuditedPool) captures without triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct InlineOptions {
    on_uncapturable: OnUncapturable,
    cached_plans: usize,
    catalog_age: Duration,
}

impl Default for InlineOptions {
    fn default() -> Self {
        Self {
            on_uncapturable: OnUncapturable::Deny,
            cached_plans: 1000,
            catalog_age: Duration::from_secs(60),
        }
    }
}

impl InlineOptions {
    /// What cannot be captured does not run, 1000 plans are kept, and the catalog is read each minute.
    pub fn new() -> Self {
        Self::default()
    }

    /// What becomes of statements that cannot be captured; [`OnUncapturable::Deny`] unless it is set.
    ///
    /// Under `Record`, such a statement and its event are of one transaction. Outside of one, one is opened for
    /// both, in which a procedure cannot commit; and its rows are given back once that is committed, so that
    /// they are all in memory.
    pub fn on_uncapturable(mut self, policy: OnUncapturable) -> Self {
        self.on_uncapturable = policy;
        self
    }

    /// How many texts have their plans kept for sure, of up to 16 KiB each; at most twice as many are. 1000
    /// unless it is set.
    pub fn cached_plans(mut self, texts: usize) -> Self {
        self.cached_plans = texts;
        self
    }

    /// How old the catalog gets before a statement outside of a transaction, or a `begin`, reads it again: a
    /// minute unless it is set. A trigger, rule or foreign key that another program makes is not known for as
    /// long.
    pub fn catalog_age(mut self, age: Duration) -> Self {
        self.catalog_age = age;
        self
    }
}

/// How long a look at the catalog that found nothing new stands in the way of the next one.
const PAUSE: Duration = Duration::from_secs(1);

/// How long whoever was to read the catalog may take before the next one does.
const TURN: Duration = Duration::from_secs(5);

/// What the connections of a pool share that captures inline.
pub(super) struct Inline {
    audit: Audit,
    options: InlineOptions,
    key: String,
    plans: RwLock<Arc<PlanCache>>,
    times: Mutex<Times>,
    uncaptured: AtomicU64,
}

/// When the catalog is read again.
struct Times {
    /// From then on, whatever happens.
    due: Instant,
    /// From then on, where a statement gives reason to.
    look: Instant,
}

impl fmt::Debug for Inline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Inline")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Inline {
    pub(super) async fn read<DB: AuditDatabase>(
        connection: &mut ConnectionOf<DB>,
        audit: &Audit,
        options: InlineOptions,
    ) -> Result<Self, sqlx::Error> {
        let plans = plans::<DB>(connection, audit, options).await?;
        let now = Instant::now();
        Ok(Self {
            audit: audit.clone(),
            options,
            key: audit.hash_key().map(postgres_key).unwrap_or_default(),
            plans: RwLock::new(Arc::new(plans)),
            times: Mutex::new(Times {
                due: now + options.catalog_age,
                look: now,
            }),
            uncaptured: AtomicU64::new(0),
        })
    }

    /// Reads the catalog again; says whether it is another. Plans by one that is the same are kept.
    pub(super) async fn read_again<DB: AuditDatabase>(
        &self,
        connection: &mut ConnectionOf<DB>,
    ) -> Result<bool, sqlx::Error> {
        let read = plans::<DB>(connection, &self.audit, self.options).await?;
        let is_another = read.planner().catalog() != self.plans().planner().catalog();
        if is_another {
            let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
            *plans = Arc::new(read);
        }
        let now = Instant::now();
        *self.times() = Times {
            due: now + self.options.catalog_age,
            look: if is_another { now } else { now + PAUSE },
        };
        Ok(is_another)
    }

    /// The same for one connection alone; none where the catalog is the same.
    pub(super) async fn read_aside<DB: AuditDatabase>(
        &self,
        connection: &mut ConnectionOf<DB>,
    ) -> Result<Option<Arc<PlanCache>>, sqlx::Error> {
        let read = plans::<DB>(connection, &self.audit, self.options).await?;
        let is_another = read.planner().catalog() != self.plans().planner().catalog();
        if !is_another {
            self.times().look = Instant::now() + PAUSE;
        }
        Ok(is_another.then(|| Arc::new(read)))
    }

    pub(super) fn plans(&self) -> Arc<PlanCache> {
        let plans = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&plans)
    }

    /// Whether the catalog is to be read before anything else, by whoever asks.
    pub(super) fn takes_turn(&self) -> bool {
        let now = Instant::now();
        let mut times = self.times();
        let is_due = now >= times.due;
        if is_due {
            times.due = now + TURN;
        }
        is_due
    }

    /// Whether a statement that does not fit the catalog is reason to look at it again.
    pub(super) fn may_look(&self) -> bool {
        Instant::now() >= self.times().look
    }

    /// Lets the next one who can read the catalog again.
    pub(super) fn expire(&self) {
        let mut times = self.times();
        times.due = Instant::now();
    }

    /// The key of hashes, as statements take it.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether work without a context is refused.
    pub(super) fn needs_context(&self) -> bool {
        *self.audit.on_missing_context() == MissingContext::Deny
    }

    pub(super) fn count_uncaptured(&self) {
        self.uncaptured.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn uncaptured(&self) -> u64 {
        self.uncaptured.load(Ordering::Relaxed)
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn plans<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    audit: &Audit,
    options: InlineOptions,
) -> Result<PlanCache, sqlx::Error> {
    let session = &mut Session::<DB>(connection);
    let catalog = audit_adapter::read_catalog(session, audit.schemas()).await;
    let planner = Planner::new(audit, catalog.map_err(unreadable)?);
    let planner = planner.on_uncapturable(options.on_uncapturable);
    Ok(PlanCache::new(planner, options.cached_plans))
}

/// Whether a statement names a table that the catalog does not know.
pub(super) fn names_an_unknown_table(planned: &Result<Arc<Planned>, Uncapturable>) -> bool {
    let reason = match planned {
        Ok(planned) => match &**planned {
            Planned::Uncaptured { reason, .. } => Some(reason),
            _ => None,
        },
        Err(reason) => Some(reason),
    };
    matches!(reason, Some(Uncapturable::UnknownTable { .. }))
}

/// What an error tells of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Staleness {
    /// The tables may be others than those of the catalog.
    Plan,
    /// What the server has prepared gives other columns by now.
    Prepared,
}

/// What an error tells of the plan of a statement that did nothing.
///
/// # Source
/// PostgreSQL's manual, appendix A: no such column, table, schema, function or type, and a type that does not
/// fit. A cached plan whose result is another is `RevalidateCachedQuery` in `src/backend/utils/cache/plancache.c`.
pub(super) fn staleness(error: &sqlx::Error) -> Option<Staleness> {
    let error = match InlineRefusal::of(error) {
        Some(InlineRefusal::Event(error)) => &**error,
        _ => error.as_database_error()?,
    };
    #[cfg(feature = "postgres")]
    if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        && error.routine() == Some("RevalidateCachedQuery")
    {
        return Some(Staleness::Prepared);
    }
    match &*error.code()? {
        "3F000" | "42703" | "42704" | "42804" | "42846" | "42883" | "42P01" => {
            Some(Staleness::Plan)
        }
        _ => None,
    }
}

/// The error of a spliced statement, told from the application's own where it is that of its events.
pub(super) fn of_events(error: sqlx::Error, spliced: &Spliced) -> sqlx::Error {
    match error {
        sqlx::Error::Database(error) if is_of_events(&*error, spliced) => {
            InlineRefusal::Event(error).into()
        }
        other => other,
    }
}

fn is_of_events(error: &dyn sqlx::error::DatabaseError, spliced: &Spliced) -> bool {
    #[cfg(feature = "postgres")]
    if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        // A column of the application's table that the plan knows and the table has no more.
        if error.routine() == Some("unknown_attribute") {
            return false;
        }
        if let Some(sqlx::postgres::PgErrorPosition::Original(place)) = error.position() {
            let place = place.saturating_sub(1);
            let found = spliced.text().char_indices().nth(place);
            return found.is_some_and(|(place, _)| spliced.is_of_events(place));
        }
        return error.schema() == Some("audit") && error.table() == Some("audit_logs");
    }
    let _ = (error, spliced);
    false
}
