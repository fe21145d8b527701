//! A database with tables, migrated, and a pool as an application would have it.

use audit_core::{Actor, Audit, AuditContext, Event, Operation};
use audit_sqlx::{Finding, Report};
use audit_testkit::{Raw, Server, TestDatabase};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor};

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
    /// These tables under the default rules.
    pub(crate) async fn new(server: Server, tables: &str) -> Self {
        Self::with(server, tables, audit()).await
    }

    /// These tables under these rules.
    pub(crate) async fn with(server: Server, tables: &str, audit: Audit) -> Self {
        let database = TestDatabase::create(server).await;
        let mut raw = database.raw().await;
        raw.run(tables).await;
        let pool = attach(&audit, database.url()).await;
        audit_sqlx::migrate(&pool, &audit).await.unwrap();
        Self {
            database,
            pool,
            raw,
            audit,
        }
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

    /// Runs statements as alice, one after the other on one connection.
    pub(crate) async fn held(&self, statements: &[&str]) {
        let mut connection = alice().scope(self.pool.acquire()).await.unwrap();
        for sql in statements {
            if let Err(error) = connection.execute(AssertSqlSafe(*sql)).await {
                panic!("{sql}: {error}");
            }
        }
    }

    /// Opens every connection of the pool anew.
    pub(crate) async fn reconnect(&mut self) {
        self.pool.close().await;
        self.pool = attach(&self.audit, self.database.url()).await;
    }

    pub(crate) async fn migrate(&self) -> Report {
        audit_sqlx::migrate(&self.pool, &self.audit).await.unwrap()
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
