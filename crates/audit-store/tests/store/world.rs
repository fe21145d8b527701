//! A migrated database, and a pool as an application would have it.

use std::future::Future;

use audit_core::query::LogQuery;
use audit_core::{Actor, Audit, AuditContext, Event};
use audit_sqlx::{AuditDatabase, PoolReader};
use audit_store::Trail;
use audit_testkit::{Raw, Server, TestDatabase};
use sqlx::pool::PoolOptions;
use sqlx::{AssertSqlSafe, Pool, Transaction};

tokio::task_local! {
    /// How the log of every world of a test is partitioned; not at all where this is not set.
    pub(crate) static PARTITIONED: Partitioned;
}

/// How a log is partitioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Partitioned {
    /// As a conversion leaves it.
    Converted,
    /// The events of a test are in several partitions.
    Split,
}

/// A database of sqlx that runs texts.
pub(crate) trait Db: AuditDatabase {
    fn execute_text(
        connection: &mut Self::Connection,
        sql: &str,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Runs a statement with one bind, which the connection keeps prepared.
    fn execute_with(
        connection: &mut Self::Connection,
        sql: &str,
        number: i64,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// Expands to what sqlx has no trait for.
macro_rules! db {
    ($($database:ty),+) => {
        $(impl Db for $database {
            async fn execute_text(connection: &mut Self::Connection, sql: &str) -> Result<(), sqlx::Error> {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
            }

            async fn execute_with(connection: &mut Self::Connection, sql: &str, number: i64) -> Result<(), sqlx::Error> {
                sqlx::query(AssertSqlSafe(sql)).bind(number).execute(connection).await.map(|_| ())
            }
        })+
    };
}

db!(sqlx::MySql, sqlx::Postgres, sqlx::Sqlite);

pub(crate) struct World<DB: Db> {
    pub(crate) server: Server,
    database: TestDatabase,
    pub(crate) pool: Pool<DB>,
    pub(crate) raw: Raw,
}

/// A pool under these rules, of a database that is migrated to them.
async fn attached<DB: Db>(url: &str, audit: &Audit) -> Pool<DB> {
    let options = PoolOptions::<DB>::new().max_connections(24);
    let pool = audit_sqlx::attach(options, audit).connect(url);
    let pool = pool.await.unwrap();
    audit_sqlx::migrate(&pool, audit).await.unwrap();
    pool
}

impl<DB: Db> World<DB> {
    /// Users, of which one can change the id.
    pub(crate) async fn new(server: Server) -> Self {
        Self::with(server, &Audit::builder().build().unwrap()).await
    }

    /// The same under these rules.
    pub(crate) async fn with(server: Server, audit: &Audit) -> Self {
        let users = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50), \
             email VARCHAR(50))";
        Self::of(server, users, audit).await
    }

    /// These tables under these rules.
    pub(crate) async fn of(server: Server, tables: &str, audit: &Audit) -> Self {
        let database = TestDatabase::create(server).await;
        let mut raw = database.raw().await;
        raw.run(tables).await;
        let pool = attached(database.url(), audit).await;
        let mut world = Self {
            server,
            database,
            pool,
            raw,
        };
        world.empty().await;
        if let Ok(how) = PARTITIONED.try_with(|how| *how) {
            super::partitions::convert(&mut world).await;
            if how == Partitioned::Split {
                super::partitions::split(&mut world).await;
            }
        }
        world
    }

    /// Goes on under other rules.
    pub(crate) async fn under(&mut self, audit: &Audit) {
        self.pool.close().await;
        self.pool = attached(self.database.url(), audit).await;
    }

    /// What `migrate` itself recorded is none of these tests' events.
    async fn empty(&mut self) {
        let log = self.log_table();
        self.raw.run(&format!("DELETE FROM {log}")).await;
    }

    /// Where the database is.
    pub(crate) fn url(&self) -> &str {
        self.database.url()
    }

    /// A second connection of the suite's own.
    pub(crate) async fn another_raw(&self) -> Raw {
        self.database.raw().await
    }

    pub(crate) fn log_table(&self) -> String {
        audit_core::schema::qualified(self.server.dialect(), audit_core::schema::LOG_TABLE)
    }

    pub(crate) fn trail(&self) -> Trail<PoolReader<DB>> {
        Trail::of(audit_sqlx::log(&self.pool))
    }

    /// Runs statements as an actor, each by itself.
    pub(crate) async fn run_as(&self, actor: &str, statements: &[&str]) {
        let context = AuditContext::new().with_actor(Actor::user(actor));
        self.run_in(context, statements).await;
    }

    /// Runs statements in a context, each by itself.
    pub(crate) async fn run_in(&self, context: AuditContext, statements: &[&str]) {
        let work = async {
            for sql in statements {
                let mut connection = self.pool.acquire().await.unwrap();
                if let Err(error) = DB::execute_text(&mut connection, sql).await {
                    panic!("{sql}: {error}");
                }
            }
        };
        context.scope(work).await;
    }

    /// Runs a statement in a transaction that stays open.
    pub(crate) async fn open(&self, sql: &str) -> Transaction<'static, DB> {
        let mut transaction = audit_sqlx::begin(&self.pool).await.unwrap();
        DB::execute_text(&mut transaction, sql).await.unwrap();
        transaction
    }

    /// Every event, oldest first, by the plain reading of the adapter.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut query = LogQuery::new().oldest_first().limit(LogQuery::MAX_LIMIT);
        loop {
            let more = audit_sqlx::log(&self.pool).matching(query.clone()).list();
            let more = more.await.unwrap();
            let Some(last) = more.last() else {
                return events;
            };
            query = query.after(last.position());
            events.extend(more);
        }
    }
}
