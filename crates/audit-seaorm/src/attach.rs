//! A plain connection of SeaORM whose pool carries the context.

use std::fmt;

use audit_core::{Audit, AuditContext};
use audit_sqlx::{ContextScope, adapter};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use crate::backend::{self, Backend};
use crate::error::{conn, unsupported};

type Map<DB> =
    Box<dyn FnOnce(audit_sqlx::Attach<DB>) -> audit_sqlx::Attach<DB> + Send + Sync + 'static>;

/// A connection under construction; see [`attach`].
#[must_use = "call `connect` to get the connection"]
pub struct Attach {
    options: ConnectOptions,
    audit: Audit,
    scope: ContextScope,
    clear_at_release: bool,
    #[cfg(feature = "mysql")]
    mysql: Option<Map<sqlx::MySql>>,
    #[cfg(feature = "postgres")]
    postgres: Option<Map<sqlx::Postgres>>,
    #[cfg(feature = "sqlite")]
    sqlite: Option<Map<sqlx::Sqlite>>,
}

impl fmt::Debug for Attach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options hold the password.
        formatter
            .debug_struct("Attach")
            .field("audit", &self.audit)
            .finish_non_exhaustive()
    }
}

/// Opens a plain `DatabaseConnection` whose pooled connections carry the audit context from
/// checkout to release. The result is SeaORM's own type: nothing else of the application changes.
///
/// SeaORM builds the pool, of these options: sizes, timeouts, logging, search path, lazy opening,
/// what `map_sqlx_*_opts` and `map_sqlx_*_pool_opts` set, and `after_connect` are kept. The stamp
/// at checkout stands in for the ping, so `test_before_acquire` is turned off.
/// The closures of `map_sqlx_*` are called twice: once to see what they set, once to build the pool.
///
/// **Hooks of sqlx are replaced**: those set by `map_sqlx_*_before_acquire`, and those set on the
/// `PoolOptions` in `map_sqlx_*_pool_opts`. Neither SeaORM nor sqlx gives them back, or says
/// whether there are any. Set them with [`Attach::mysql`], [`Attach::postgres`] or
/// [`Attach::sqlite`] instead, which runs them beside ours.
pub fn attach(options: impl Into<ConnectOptions>, audit: &Audit) -> Attach {
    Attach {
        options: options.into(),
        audit: audit.clone(),
        scope: ContextScope::default(),
        clear_at_release: true,
        #[cfg(feature = "mysql")]
        mysql: None,
        #[cfg(feature = "postgres")]
        postgres: None,
        #[cfg(feature = "sqlite")]
        sqlite: None,
    }
}

impl Attach {
    /// How long the context stays on a connection. With [`ContextScope::Transaction`] the
    /// transactions of [`begin`](crate::begin) take one round trip more than SeaORM's.
    pub fn context_scope(mut self, scope: ContextScope) -> Self {
        self.scope = scope;
        self
    }

    /// Whether the context is taken off a connection before it is idle; `true` unless set. See
    /// [`audit_sqlx::Attach::clear_at_release`].
    pub fn clear_at_release(mut self, clear: bool) -> Self {
        self.clear_at_release = clear;
        self
    }

    /// Hooks of the application for connections to MySQL: `attach.mysql(|pool|
    /// pool.before_acquire(..))`.
    #[cfg(feature = "mysql")]
    pub fn mysql<F>(mut self, hooks: F) -> Self
    where
        F: FnOnce(audit_sqlx::Attach<sqlx::MySql>) -> audit_sqlx::Attach<sqlx::MySql>
            + Send
            + Sync
            + 'static,
    {
        self.mysql = Some(Box::new(hooks));
        self
    }

    /// Hooks of the application for connections to PostgreSQL: `attach.postgres(|pool|
    /// pool.before_acquire(..))`.
    #[cfg(feature = "postgres")]
    pub fn postgres<F>(mut self, hooks: F) -> Self
    where
        F: FnOnce(audit_sqlx::Attach<sqlx::Postgres>) -> audit_sqlx::Attach<sqlx::Postgres>
            + Send
            + Sync
            + 'static,
    {
        self.postgres = Some(Box::new(hooks));
        self
    }

    /// Hooks of the application for connections to SQLite: `attach.sqlite(|pool|
    /// pool.before_acquire(..))`.
    #[cfg(feature = "sqlite")]
    pub fn sqlite<F>(mut self, hooks: F) -> Self
    where
        F: FnOnce(audit_sqlx::Attach<sqlx::Sqlite>) -> audit_sqlx::Attach<sqlx::Sqlite>
            + Send
            + Sync
            + 'static,
    {
        self.sqlite = Some(Box::new(hooks));
        self
    }

    /// Opens the connection, as `sea_orm::Database::connect` does.
    ///
    /// A callback set by `ConnectOptions::after_connect` runs in an empty context and before the
    /// connection is known as an attached one: [`begin`](crate::begin), [`check`](crate::check) and
    /// [`migrate`](crate::migrate) refuse it there.
    ///
    /// # Errors
    /// As `sea_orm::Database::connect`; `sqlx::Error::Configuration` inside a `DbErr::Conn` for a
    /// setting that cannot be kept, and for a database whose feature is off.
    pub async fn connect(mut self) -> Result<DatabaseConnection, DbErr> {
        let scheme = self.options.get_url().split(':').next().unwrap_or_default();
        match scheme {
            #[cfg(feature = "mysql")]
            "mysql" => {
                let hooks = self.mysql.take();
                self.connect_to(hooks).await
            }
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                let hooks = self.postgres.take();
                self.connect_to(hooks).await
            }
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let hooks = self.sqlite.take();
                self.connect_to(hooks).await
            }
            _ => Err(conn(unsupported())),
        }
    }

    async fn connect_to<DB: Backend>(
        self,
        hooks: Option<Map<DB>>,
    ) -> Result<DatabaseConnection, DbErr> {
        let mut options = self.options;
        let pool_options = backend::pool_options::<DB>(&options).await?;
        let first = DB::first(&options)?;
        let attach = audit_sqlx::attach(pool_options, &self.audit)
            .context_scope(self.scope)
            .clear_at_release(self.clear_at_release);
        let attach = match hooks {
            Some(hooks) => hooks(attach),
            None => attach,
        };
        let (pool_options, unbuilt) = adapter::pool_options(attach, first).map_err(conn)?;
        DB::build_of(&mut options, pool_options);
        // The first connection is released without a hook.
        let connection = AuditContext::new()
            .scope(Database::connect(options))
            .await?;
        unbuilt.built(backend::pool::<DB>(&connection)?);
        Ok(connection)
    }
}
