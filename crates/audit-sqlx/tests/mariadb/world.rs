//! A database with tables, migrated, and a pool as an application would have it.

use audit_core::{Actor, Audit, AuditContext, Event};
use audit_sqlx::Finding;
use audit_testkit::{Raw, Server, TestDatabase, oracle, sabotage};
use serde_json::Value;
use sqlx::mysql::{MySqlPoolOptions, MySqlQueryResult};
use sqlx::{AssertSqlSafe, Executor, MySqlPool};

pub(crate) struct World {
    pub(crate) pool: MySqlPool,
    pub(crate) raw: Raw,
    pub(crate) audit: Audit,
    // Last: it is dropped once nothing holds a transaction in it.
    pub(crate) database: TestDatabase,
}

pub(crate) fn alice() -> AuditContext {
    AuditContext::new().with_actor(Actor::user("alice"))
}

pub(crate) fn audit() -> Audit {
    Audit::builder().build().unwrap()
}

pub(crate) async fn attach(audit: &Audit, url: &str, connections: u32) -> MySqlPool {
    let options = MySqlPoolOptions::new().max_connections(connections);
    audit_sqlx::attach(options, audit)
        .connect(url)
        .await
        .unwrap()
}

impl World {
    /// These tables under the default rules, on a pool of one connection.
    pub(crate) async fn new(tables: &str) -> Self {
        Self::with(tables, audit()).await
    }

    /// These tables under these rules, on a pool of one connection.
    pub(crate) async fn with(tables: &str, audit: Audit) -> Self {
        let database = TestDatabase::create(Server::MariaDb).await;
        let mut raw = database.raw().await;
        raw.run(tables).await;
        let pool = attach(&audit, database.url(), 1).await;
        let world = Self {
            database,
            pool,
            raw,
            audit,
        };
        world.migrate().await;
        world
    }

    /// Runs a statement as alice.
    pub(crate) async fn try_run(&self, sql: &str) -> Result<MySqlQueryResult, sqlx::Error> {
        let work = async { self.pool.execute(AssertSqlSafe(sql)).await };
        alice().scope(work).await
    }

    /// Runs statements as alice, each by itself; all must succeed.
    pub(crate) async fn run(&self, statements: &[&str]) {
        for sql in statements {
            if let Err(error) = self.try_run(sql).await {
                panic!("{sql}: {error}");
            }
        }
    }

    /// Runs statements as alice on one connection.
    pub(crate) async fn held(&self, statements: &[&str]) {
        let work = async {
            let mut connection = self.pool.acquire().await.unwrap();
            for sql in statements {
                if let Err(error) = connection.execute(AssertSqlSafe(*sql)).await {
                    panic!("{sql}: {error}");
                }
            }
        };
        alice().scope(work).await;
    }

    /// Does work on an empty log, proves by two full reads that the events tell exactly what changed,
    /// and gives them as `OPERATION table record`, oldest first.
    pub(crate) async fn proved(&mut self, work: impl AsyncFnOnce(&Self)) -> Vec<String> {
        self.raw.run("DELETE FROM audit_logs").await;
        let events = oracle::prove(&self.database, async || self.events().await, work(self)).await;
        events.iter().map(in_words).collect()
    }

    /// [`World::proved`] for statements that all succeed.
    pub(crate) async fn prove(&mut self, statements: &[&str]) -> Vec<String> {
        self.proved(async |world| world.held(statements).await)
            .await
    }

    /// The events, oldest first.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let log = audit_sqlx::log(&self.pool).oldest_first();
        log.limit(10_000).list().await.unwrap()
    }

    pub(crate) async fn findings(&self) -> Vec<Finding> {
        let report = audit_sqlx::check(&self.pool).await.unwrap();
        report.findings().to_vec()
    }

    /// Migrates; then breaks the triggers, where a sabotage is asked for.
    pub(crate) async fn migrate(&self) -> Vec<Finding> {
        let report = audit_sqlx::migrate(&self.pool, &self.audit).await.unwrap();
        let dialect = self.database.server().dialect();
        sabotage::schema(&mut self.database.raw().await, dialect).await;
        report.findings().to_vec()
    }
}

fn in_words(event: &Event) -> String {
    let table = event.table_name.as_deref().unwrap_or("-");
    let record = event.record_id.as_deref().unwrap_or("-");
    format!("{} {table} {record}", event.operation)
}

pub(crate) fn before(event: &Event) -> Value {
    event.before_data.as_ref().unwrap().to_value()
}

pub(crate) fn after(event: &Event) -> Value {
    event.after_data.as_ref().unwrap().to_value()
}
