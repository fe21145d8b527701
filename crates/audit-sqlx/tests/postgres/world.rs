//! A database with tables, migrated, and a pool as an application would have it.

use audit_core::{Actor, Audit, AuditContext, Event, Operation};
use audit_sqlx::{Finding, Report};
use audit_testkit::{Raw, Server, TestDatabase, oracle, sabotage};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor, Postgres};

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) pool: PgPool,
    pub(crate) raw: Raw,
    pub(crate) audit: Audit,
}

pub(crate) fn alice() -> AuditContext {
    AuditContext::new().with_actor(Actor::user("alice"))
}

pub(crate) fn audit() -> Audit {
    Audit::builder().build().unwrap()
}

impl World {
    /// These tables under the default rules, and no gap.
    pub(crate) async fn new(server: Server, tables: &str) -> Self {
        Self::with(server, tables, audit()).await
    }

    /// These tables under these rules, and no gap.
    pub(crate) async fn with(server: Server, tables: &str, audit: Audit) -> Self {
        let database = TestDatabase::create(server).await;
        let mut raw = database.raw().await;
        raw.run(tables).await;
        let pool = attach(&audit, database.url()).await;
        let world = Self {
            database,
            pool,
            raw,
            audit,
        };
        let report = world.migrate().await;
        assert!(!report.has_gaps(), "{report:?}");
        world
    }

    /// Runs statements as alice, each by itself; all must succeed.
    pub(crate) async fn run(&self, statements: &[&str]) {
        for sql in statements {
            if let Err(error) = self.try_run(sql).await {
                panic!("{sql}: {error}");
            }
        }
    }

    /// Runs statements as alice in one message.
    pub(crate) async fn try_run(&self, sql: &str) -> Result<(), sqlx::Error> {
        let work = async { self.pool.execute(AssertSqlSafe(sql)).await };
        alice().scope(work).await.map(|_| ())
    }

    /// A connection that is alice's.
    pub(crate) async fn connection(&self) -> PoolConnection<Postgres> {
        alice().scope(self.pool.acquire()).await.unwrap()
    }

    /// Runs statements as alice, one after the other on one connection.
    pub(crate) async fn held(&self, statements: &[&str]) {
        run_on(&mut *self.connection().await, statements).await;
    }

    /// Does work, proves by two full reads of a superuser that the new events tell exactly what
    /// changed, and gives them, oldest first.
    pub(crate) async fn proved(&self, work: impl AsyncFnOnce(&Self)) -> Vec<Event> {
        oracle::prove(&self.database, async || self.events().await, work(self)).await
    }

    /// [`World::run`] with the proof of [`World::proved`].
    pub(crate) async fn prove(&self, statements: &[&str]) -> Vec<Event> {
        let run = async |world: &Self| world.run(statements).await;
        self.proved(run).await
    }

    /// The same on a connection that is held.
    pub(crate) async fn prove_on(
        &self,
        connection: &mut PgConnection,
        statements: &[&str],
    ) -> Vec<Event> {
        let run = async |_: &Self| run_on(connection, statements).await;
        self.proved(run).await
    }

    /// Opens every connection of the pool anew.
    pub(crate) async fn reconnect(&mut self) {
        self.pool.close().await;
        self.pool = attach(&self.audit, self.database.url()).await;
    }

    /// Migrates; then breaks the triggers, where a sabotage is asked for.
    pub(crate) async fn migrate(&self) -> Report {
        let report = audit_sqlx::migrate(&self.pool, &self.audit).await.unwrap();
        let dialect = self.database.server().dialect();
        sabotage::schema(&mut self.database.raw().await, dialect).await;
        report
    }

    /// The gaps that `check` finds.
    pub(crate) async fn gaps(&self) -> Vec<Finding> {
        let report = audit_sqlx::check(&self.pool).await.unwrap();
        let gaps = report.findings().iter().filter(|finding| finding.is_gap());
        gaps.cloned().collect()
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        let log = audit_sqlx::log(&self.pool).oldest_first().limit(10_000);
        log.list().await.unwrap()
    }

    /// The events as `OPERATION table record`.
    pub(crate) async fn story(&self) -> Vec<String> {
        self.events().await.iter().map(line).collect()
    }

    /// The only text that a query gives.
    pub(crate) async fn text(&mut self, sql: &str) -> String {
        self.raw
            .texts(sql)
            .await
            .remove(0)
            .remove(0)
            .unwrap_or_default()
    }

    /// Closes the pool; the database goes by itself.
    pub(crate) async fn remove(self) {
        self.pool.close().await;
    }
}

/// Runs statements, one after the other on one connection; all must succeed.
pub(crate) async fn run_on(connection: &mut PgConnection, statements: &[&str]) {
    for sql in statements {
        if let Err(error) = connection.execute(AssertSqlSafe(*sql)).await {
            panic!("{sql}: {error}");
        }
    }
}

pub(crate) fn line(event: &Event) -> String {
    let record = event.record_id.as_deref().unwrap_or("-");
    let table = event.table_name.as_deref().unwrap_or("-");
    format!("{} {table} {record}", event.operation)
}

/// How often an operation was recorded.
pub(crate) fn count(events: &[Event], operation: Operation) -> usize {
    events
        .iter()
        .filter(|event| event.operation == operation)
        .count()
}

pub(crate) async fn attach(audit: &Audit, url: &str) -> PgPool {
    audit_sqlx::attach(PgPoolOptions::new().max_connections(2), audit)
        .connect(url)
        .await
        .unwrap()
}

pub(crate) fn after(event: &Event) -> &str {
    event.after_data.as_ref().map_or("", |image| image.as_str())
}

pub(crate) fn before(event: &Event) -> &str {
    event
        .before_data
        .as_ref()
        .map_or("", |image| image.as_str())
}
