//! A plain pool whose hooks carry the context.

use std::fmt;
use std::sync::{Arc, Weak};

use audit_adapter::{Attachment, ContextScope};
use audit_core::stamp::Stamp;
use audit_core::{Audit, AuditContext};
use futures_core::future::BoxFuture;
use sqlx::pool::{PoolConnectionMetadata, PoolOptions};
use sqlx::{Connection, Database, Pool};

use crate::attachment;
use crate::database::{AuditDatabase, ConnectionOf, Stamped};
use crate::session::{Session, unreadable};

type Hook<DB, Output> = Arc<
    dyn for<'c> Fn(
            &'c mut ConnectionOf<DB>,
            PoolConnectionMetadata,
        ) -> BoxFuture<'c, Result<Output, sqlx::Error>>
        + Send
        + Sync,
>;

/// The database has no context that ends with a transaction.
#[derive(Debug, thiserror::Error)]
#[error(
    "this database keeps nothing for the length of a transaction; use `ContextScope::Connection`"
)]
struct NoTransactionScope;

/// A pool under construction; see [`attach`].
#[must_use = "call `connect`, `connect_with` or `connect_lazy_with` to get the pool"]
pub struct Attach<DB: Database> {
    options: PoolOptions<DB>,
    audit: Audit,
    scope: ContextScope,
    clear_at_release: bool,
    first: Vec<String>,
    after_connect: Option<Hook<DB, ()>>,
    before_acquire: Option<Hook<DB, bool>>,
    after_release: Option<Hook<DB, bool>>,
}

impl<DB: Database> fmt::Debug for Attach<DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Attach")
            .field("audit", &self.audit)
            .finish_non_exhaustive()
    }
}

/// Builds a plain `sqlx::Pool` whose connections carry the audit context from checkout to
/// release. The result is sqlx's own type: nothing else of the application changes.
///
/// The stamp at checkout stands in for the pool's own ping, so a checkout costs the same number
/// of round trips as with sqlx's defaults; `test_before_acquire` is turned off.
///
/// **Hooks that were set on `options` before are replaced**, because sqlx keeps one of each kind
/// and does not give it back: set them on the [`Attach`] instead, which runs them beside ours.
pub fn attach<DB: AuditDatabase>(options: PoolOptions<DB>, audit: &Audit) -> Attach<DB> {
    Attach {
        options,
        audit: audit.clone(),
        scope: ContextScope::default(),
        clear_at_release: true,
        first: Vec::new(),
        after_connect: None,
        before_acquire: None,
        after_release: None,
    }
}

impl<DB: AuditDatabase> Attach<DB> {
    /// How long the context stays on a connection. A pool of MySQL or SQLite with
    /// [`ContextScope::Transaction`] is refused with `sqlx::Error::Configuration`.
    pub fn context_scope(mut self, scope: ContextScope) -> Self {
        self.scope = scope;
        self
    }

    /// Whether the context is taken off a connection before it is idle; `true` unless set.
    ///
    /// Without it a connection that `try_acquire` or `try_begin` takes, which skip sqlx's
    /// checkout hook, **still carries the context of its last user**. Turn it off only where
    /// neither is called: it saves one round trip at each release, off the caller's path.
    pub fn clear_at_release(mut self, clear: bool) -> Self {
        self.clear_at_release = clear;
        self
    }

    /// The application's own hook after a connection was opened; runs after ours.
    pub fn after_connect<F>(mut self, hook: F) -> Self
    where
        for<'c> F: Fn(
                &'c mut ConnectionOf<DB>,
                PoolConnectionMetadata,
            ) -> BoxFuture<'c, Result<(), sqlx::Error>>
            + Send
            + Sync
            + 'static,
    {
        self.after_connect = Some(Arc::new(hook));
        self
    }

    /// The application's own hook before an idle connection is handed out; runs after ours.
    pub fn before_acquire<F>(mut self, hook: F) -> Self
    where
        for<'c> F: Fn(
                &'c mut ConnectionOf<DB>,
                PoolConnectionMetadata,
            ) -> BoxFuture<'c, Result<bool, sqlx::Error>>
            + Send
            + Sync
            + 'static,
    {
        self.before_acquire = Some(Arc::new(hook));
        self
    }

    /// The application's own hook when a connection comes back; runs before ours.
    pub fn after_release<F>(mut self, hook: F) -> Self
    where
        for<'c> F: Fn(
                &'c mut ConnectionOf<DB>,
                PoolConnectionMetadata,
            ) -> BoxFuture<'c, Result<bool, sqlx::Error>>
            + Send
            + Sync
            + 'static,
    {
        self.after_release = Some(Arc::new(hook));
        self
    }

    /// Statements that run on a connection after it was opened, before anything else does.
    pub(crate) fn first(mut self, statements: Vec<String>) -> Self {
        self.first = statements;
        self
    }

    /// Opens the pool at a URL.
    ///
    /// # Errors
    /// As `sqlx::pool::PoolOptions::connect`.
    pub async fn connect(self, url: &str) -> Result<Pool<DB>, sqlx::Error> {
        let options = url.parse::<<ConnectionOf<DB> as Connection>::Options>()?;
        self.connect_with(options).await
    }

    /// Opens the pool with connection options.
    ///
    /// # Errors
    /// As `sqlx::pool::PoolOptions::connect_with`.
    pub async fn connect_with(
        self,
        options: <ConnectionOf<DB> as Connection>::Options,
    ) -> Result<Pool<DB>, sqlx::Error> {
        let (pool_options, weak) = self.hooked()?;
        // The first connection is released without a hook: it is opened in an empty context, so
        // that it never carries the context of whoever opens the pool.
        let pool = AuditContext::new()
            .scope(pool_options.connect_with(options))
            .await?;
        attachment::remember(&pool, weak);
        Ok(pool)
    }

    /// Builds the pool without opening a connection.
    ///
    /// # Errors
    /// When the database library cannot take our functions (SQLite).
    pub fn connect_lazy_with(
        self,
        options: <ConnectionOf<DB> as Connection>::Options,
    ) -> Result<Pool<DB>, sqlx::Error> {
        let (pool_options, weak) = self.hooked()?;
        let pool = pool_options.connect_lazy_with(options);
        attachment::remember(&pool, weak);
        Ok(pool)
    }

    /// The options with our hooks; only those hooks keep the attachment alive.
    pub(crate) fn hooked(self) -> Result<(PoolOptions<DB>, Weak<Attachment>), sqlx::Error> {
        DB::initialize()?;
        if self.scope == ContextScope::Transaction && !DB::CONTEXT_IN_TRANSACTION {
            return Err(sqlx::Error::Configuration(Box::new(NoTransactionScope)));
        }
        let attachment = Arc::new(Attachment::new(&self.audit, self.scope));
        let mut options = self.options.test_before_acquire(false);
        let (shared, user) = (Arc::clone(&attachment), self.after_connect);
        let first: Arc<[String]> = self.first.into();
        options = options.after_connect(move |connection, meta| {
            let (shared, user) = (Arc::clone(&shared), user.clone());
            let first = Arc::clone(&first);
            Box::pin(async move {
                for statement in &*first {
                    DB::run(connection, statement).await?;
                }
                let session = &mut Session::<DB>(connection);
                let prepared = audit_adapter::prepare(session, &shared).await;
                prepared.map_err(unreadable)?;
                check_out::<DB>(connection, &shared).await?;
                match user {
                    Some(hook) => hook(connection, meta).await,
                    None => Ok(()),
                }
            })
        });
        let (shared, user) = (Arc::clone(&attachment), self.before_acquire);
        options = options.before_acquire(move |connection, meta| {
            let (shared, user) = (Arc::clone(&shared), user.clone());
            Box::pin(async move {
                if check_out::<DB>(connection, &shared).await? == Stamped::InTransaction {
                    return Ok(false);
                }
                match user {
                    Some(hook) => hook(connection, meta).await,
                    None => Ok(true),
                }
            })
        });
        let (clears, user) = (self.clear_at_release, self.after_release);
        if clears || user.is_some() {
            options = options.after_release(move |connection, meta| {
                let user = user.clone();
                Box::pin(async move {
                    let keep = match user {
                        Some(hook) => hook(connection, meta).await?,
                        None => true,
                    };
                    Ok(keep && (!clears || DB::check_in(connection).await? == Stamped::Yes))
                })
            });
        }
        Ok((options, Arc::downgrade(&attachment)))
    }
}

tokio::task_local! {
    /// What the checkout puts on the connection, where the caller has to know it.
    static STAMP: Arc<Stamp>;
}

/// Runs a future that takes a connection out of the pool, so that it carries this stamp.
#[cfg(feature = "executor")]
pub(crate) async fn with_stamp<F: Future>(stamp: Arc<Stamp>, acquire: F) -> F::Output {
    STAMP.scope(stamp, acquire).await
}

/// What a connection goes through before it is handed out.
pub(crate) async fn check_out<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    attachment: &Attachment,
) -> Result<Stamped, sqlx::Error> {
    match attachment.scope() {
        ContextScope::Connection => {
            let known = STAMP.try_with(Arc::clone);
            let stamp = known.unwrap_or_else(|_| attachment.current_stamp());
            DB::check_out(connection, attachment, &stamp).await
        }
        ContextScope::Transaction => {
            connection.ping().await?;
            Ok(Stamped::Yes)
        }
    }
}
