//! A pool whose statements and connections carry the context.

use std::fmt;
use std::sync::Arc;

use audit_adapter::{Attachment, Carried, ContextScope};
use audit_core::stamp::Stamp;
use sqlx::pool::PoolConnection;
use sqlx::{Database, Execute, Executor, Pool, SqlStr};

use super::connection::{AuditedConnection, inline as statements};
use super::inline::Inline;
use super::run::{Answers, Described, FirstRow, Prepared};
use super::statement::Statement;
use super::transaction::AuditedTransaction;
use crate::attachment;
use crate::database::AuditDatabase;
#[cfg(feature = "postgres")]
use crate::held::Held;
use crate::pool::with_stamp;

/// An attached pool through which statements run: each has the context of the task that runs it,
/// also on a connection or in a transaction that is held while the context changes. Cloning is cheap,
/// and gives the same pool.
///
/// It implements `sqlx::Executor`, so that `&pool` stands where `&sqlx::Pool` stood. It is no
/// `sqlx::Acquire`: a connection that came out of that would be sqlx's own, and keep the context of its
/// checkout.
pub struct AuditedPool<DB: Database> {
    // INVARIANT: an attachment lives no longer than the options of its pool, so it is dropped first.
    attachment: Arc<Attachment>,
    pool: Pool<DB>,
    inline: Option<Arc<Inline>>,
}

impl<DB: Database> Clone for AuditedPool<DB> {
    fn clone(&self) -> Self {
        Self {
            attachment: Arc::clone(&self.attachment),
            pool: self.pool.clone(),
            inline: self.inline.clone(),
        }
    }
}

impl<DB: Database> fmt::Debug for AuditedPool<DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuditedPool")
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

impl<DB: AuditDatabase> AuditedPool<DB> {
    /// Runs statements through a pool that [`attach`](crate::attach) built.
    ///
    /// The pool may leave the context on at release,
    /// [`clear_at_release(false)`](crate::Attach::clear_at_release), where it is used in no other way:
    /// [`try_acquire`](Self::try_acquire) of this type never hands on the context of the last user.
    ///
    /// # Errors
    /// `sqlx::Error::Configuration` when the pool was not built by [`attach`](crate::attach).
    pub fn new(pool: Pool<DB>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            attachment: attachment::find(&pool)?,
            pool,
            inline: None,
        })
    }

    async fn into_connection(self) -> Result<AuditedConnection<DB>, sqlx::Error> {
        self.acquire().await
    }

    /// The attached pool itself: what [`migrate`](crate::migrate()), [`check`](crate::check()) and
    /// [`log`](crate::log()) take. What runs on it has the context of its checkout.
    #[must_use]
    pub fn as_pool(&self) -> &Pool<DB> {
        &self.pool
    }

    /// Takes a connection, waiting for one where none is idle.
    ///
    /// # Errors
    /// As `sqlx::Pool::acquire`.
    ///
    /// # Cancel safety
    /// As `sqlx::Pool::acquire`: a dropped future holds no connection.
    pub async fn acquire(&self) -> Result<AuditedConnection<DB>, sqlx::Error> {
        let attachment = Arc::clone(&self.attachment);
        match attachment.scope() {
            ContextScope::Connection => {
                let stamp = attachment.current_stamp();
                let acquire = self.pool.acquire();
                let connection = with_stamp(Arc::clone(&stamp), acquire).await?;
                Ok(self.connection(attachment, connection, Some(stamp), true))
            }
            ContextScope::Transaction => {
                let connection = self.pool.acquire().await?;
                Ok(self.connection(attachment, connection, None, true))
            }
        }
    }

    /// Takes a connection that is idle, without waiting; `None` where there is none. The first
    /// statement or `begin` on it is preceded by what [`acquire`](Self::acquire) does; it fails with
    /// [`Interrupted`](crate::Interrupted) where somebody left a transaction open. The application's own
    /// hook before a connection is handed out does not run, as with sqlx.
    #[must_use]
    pub fn try_acquire(&self) -> Option<AuditedConnection<DB>> {
        let connection = self.pool.try_acquire()?;
        let attachment = Arc::clone(&self.attachment);
        Some(self.connection(attachment, connection, None, false))
    }

    fn connection(
        &self,
        attachment: Arc<Attachment>,
        connection: PoolConnection<DB>,
        stamp: Option<Arc<Stamp>>,
        is_checked_out: bool,
    ) -> AuditedConnection<DB> {
        let (inline, carried) = (self.inline.clone(), Carried::new(stamp));
        AuditedConnection::new(attachment, connection, inline, carried, is_checked_out)
    }

    /// Opens a transaction, in the number of round trips that `pool.begin()` of sqlx takes.
    ///
    /// # Errors
    /// As `sqlx::Pool::begin`.
    ///
    /// # Cancel safety
    /// A dropped future leaves no transaction open: the connection is rolled back or closed before
    /// anyone else gets it.
    pub async fn begin(&self) -> Result<AuditedTransaction<'static, DB>, sqlx::Error> {
        AuditedTransaction::on(self.acquire().await?).await
    }
}

/// Pools that capture without triggers.
#[cfg(feature = "postgres")]
impl AuditedPool<sqlx::Postgres> {
    /// Runs statements through a pool that [`attach`](crate::attach) built, so that each writes the events of
    /// the rows that it changes; [`migrate_inline`](crate::migrate_inline) has made what they need, and no
    /// trigger. It reads the catalog, as the role of the pool sees it.
    ///
    /// **Only what runs through this type is captured**, its connections and transactions. What cannot be is
    /// an [`InlineRefusal`](crate::InlineRefusal) before it runs, unless the options say otherwise. A table that
    /// has triggers of ours is refused and never recorded twice: for those, [`AuditedPool::new`].
    ///
    /// # Errors
    /// `sqlx::Error::Configuration` when the pool was not built by [`attach`](crate::attach); when the catalog
    /// cannot be read.
    ///
    /// # Cancel safety
    /// A dropped future did nothing.
    pub async fn inline(
        pool: sqlx::PgPool,
        options: super::InlineOptions,
    ) -> Result<Self, sqlx::Error> {
        let mut audited = Self::new(pool)?;
        let mut connection = Held::acquire(&audited.pool).await?;
        let audit = audited.attachment.audit();
        let inline = Inline::read::<sqlx::Postgres>(&mut connection, audit, options).await?;
        connection.give_back();
        audited.inline = Some(Arc::new(inline));
        Ok(audited)
    }

    /// Reads the catalog of an inline pool again, for it and its clones: after a migration of the
    /// application, which is otherwise known a little later
    /// ([`catalog_age`](super::InlineOptions::catalog_age)).
    ///
    /// # Errors
    /// When the catalog cannot be read; then the plans stay as they were.
    ///
    /// # Cancel safety
    /// A dropped future changed nothing.
    pub async fn reload(&self) -> Result<(), sqlx::Error> {
        if let Some(inline) = &self.inline {
            let mut connection = Held::acquire(&self.pool).await?;
            inline.read_again::<sqlx::Postgres>(&mut connection).await?;
            connection.give_back();
        }
        Ok(())
    }

    /// What stands in the way of statements on recorded tables of an inline pool, whatever they are: for a
    /// look at the start of a service.
    #[must_use]
    pub fn obstacles(&self) -> Vec<crate::Uncapturable> {
        let inline = self.inline.as_ref();
        inline.map_or_else(Vec::new, |inline| inline.plans().planner().obstacles())
    }

    /// How many statements ran through an inline pool and its clones that could not be captured, because
    /// [`OnUncapturable`](crate::OnUncapturable) lets them.
    #[must_use]
    pub fn uncaptured(&self) -> u64 {
        self.inline.as_ref().map_or(0, |inline| inline.uncaptured())
    }
}

// The hook at checkout puts on the context of the task that polls.
impl<'p, DB: AuditDatabase> Executor<'p> for &'_ AuditedPool<DB> {
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Answers<'e, DB>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let statement = Statement::of(query);
        match self.inline.clone() {
            Some(inline) => statements::answers(inline, self.clone().into_connection(), statement),
            None => DB::fetch_many_of(&self.pool, statement),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> FirstRow<'e, DB>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let (pool, statement) = (self.pool.clone(), Statement::of(query));
        if let Some(inline) = self.inline.clone() {
            let connection = self.clone().into_connection();
            return statements::first_row::<DB>(statements::answers(inline, connection, statement));
        }
        Box::pin(async move { DB::fetch_optional(&mut *pool.acquire().await?, statement).await })
    }

    fn prepare_with<'e>(self, text: SqlStr, parameters: &'e [DB::TypeInfo]) -> Prepared<'e, DB>
    where
        'p: 'e,
    {
        let pool = self.pool.clone();
        Box::pin(
            async move { DB::prepare_with(&mut *pool.acquire().await?, text, parameters).await },
        )
    }

    fn describe<'e>(self, text: SqlStr) -> Described<'e, DB>
    where
        'p: 'e,
    {
        let pool = self.pool.clone();
        Box::pin(async move { DB::describe(&mut *pool.acquire().await?, text).await })
    }
}
