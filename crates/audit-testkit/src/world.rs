//! One test's database, adapter and knowledge of what was there before.

use std::collections::HashSet;
use std::panic::resume_unwind;

use audit_core::query::LogQuery;
use audit_core::{Actor, Audit, AuditBuilder, AuditContext, Dialect, Event};
use tokio::sync::Mutex;

use crate::adapter::Adapter;
use crate::catalog::Catalog;
use crate::database::{Raw, Server, TestDatabase};
use crate::refused::caught;
use crate::{fixture, oracle, sabotage};

/// A fresh database with the fixture's tables, migrated and attached.
#[derive(Debug)]
pub struct World<A> {
    /// The adapter under test.
    pub adapter: A,
    /// The settings it is attached with.
    pub audit: Audit,
    database: TestDatabase,
    raw: Mutex<Raw>,
    seen: Mutex<Seen>,
}

/// The events that were read already, and the time of the last one.
#[derive(Debug, Default)]
struct Seen {
    ids: HashSet<String>,
    until: Option<String>,
}

impl<A: Adapter> World<A> {
    /// The fixture's tables, with nothing hidden, on a pool of four.
    pub async fn new(server: Server) -> Self {
        Self::with(server, "", |audit| audit).await
    }

    /// The fixture's tables and more, under rules.
    pub async fn with(
        server: Server,
        more_tables: &str,
        rules: impl FnOnce(AuditBuilder) -> AuditBuilder,
    ) -> Self {
        let world = Self::unmigrated(server, more_tables, 4, rules).await;
        world.migrate().await;
        world
    }

    /// The same with a pool of this many connections, before `migrate`.
    pub async fn unmigrated(
        server: Server,
        more_tables: &str,
        connections: u32,
        rules: impl FnOnce(AuditBuilder) -> AuditBuilder,
    ) -> Self {
        let database = TestDatabase::create(server).await;
        let mut raw = database.raw().await;
        raw.run(&fixture::tables(server.dialect())).await;
        if !more_tables.is_empty() {
            raw.run(more_tables).await;
        }
        let audit = rules(Audit::builder().service("conformance").environment("test"))
            .build()
            .expect("settings that work");
        let adapter = A::attach(database.url(), &audit, connections).await;
        Self {
            adapter,
            audit,
            database,
            raw: Mutex::new(raw),
            seen: Mutex::default(),
        }
    }

    /// Migrates without gaps; then breaks the triggers, where a sabotage is asked for.
    pub async fn migrate(&self) {
        assert_eq!(self.migrate_with_gaps().await, [""; 0]);
    }

    /// The same, where gaps are what the case is about; gives them.
    pub(crate) async fn migrate_with_gaps(&self) -> Vec<String> {
        sabotage::pause(&mut *self.raw.lock().await, self.dialect()).await;
        let gaps = self.adapter.migrate(&self.audit).await;
        sabotage::schema(&mut *self.raw.lock().await, self.dialect()).await;
        gaps
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> Server {
        self.database.server()
    }

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// The dialect.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.server().dialect()
    }

    /// One of three texts, by dialect.
    #[must_use]
    pub fn by<'a>(&self, postgres: &'a str, mysql: &'a str, sqlite: &'a str) -> &'a str {
        match self.dialect() {
            Dialect::Postgres => postgres,
            Dialect::MySql => mysql,
            _ => sqlite,
        }
    }

    /// Runs statements on the suite's own connection, where nothing is audited on SQLite.
    pub async fn raw(&self, sql: &str) {
        self.raw.lock().await.run(sql).await;
    }

    /// The same with statements that may fail.
    ///
    /// # Errors
    /// The first one's that failed.
    pub async fn try_raw(&self, sql: &str) -> Result<(), sqlx::Error> {
        self.raw.lock().await.try_run(sql).await
    }

    /// Reads texts on the suite's own connection.
    pub async fn texts(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.raw.lock().await.texts(sql).await
    }

    /// Everything that the database has besides rows.
    pub(crate) async fn catalog(&self) -> Catalog {
        Catalog::read(&mut *self.raw.lock().await, self.dialect()).await
    }

    /// Does work, proves that the new events tell exactly what changed, and gives them, oldest
    /// first.
    pub async fn prove(&self, work: impl AsyncFnOnce(&A)) -> Vec<Event> {
        let proved = self.try_prove(work).await;
        proved.unwrap_or_else(|how| panic!("{how}"))
    }

    /// Does work and gives the new events, oldest first.
    ///
    /// # Errors
    /// How the events do not tell exactly what changed.
    pub(crate) async fn try_prove(&self, work: impl AsyncFnOnce(&A)) -> Result<Vec<Event>, String> {
        self.new_events().await;
        let before = self.snapshot().await;
        let worked = caught(Box::pin(work(&self.adapter))).await;
        let after = self.snapshot().await;
        let events = self.new_events().await;
        let replayed = oracle::replay(self.dialect(), &before, &events, &after);
        match (worked, replayed) {
            // What failed, unless it has changed something untold.
            (Err(panic), Ok(())) => resume_unwind(panic),
            (Ok(()), Ok(())) => Ok(events),
            (_, Err(how)) => Err(format!("{how}\nevents: {}", in_words(&events))),
        }
    }

    /// Does the same as Alice, with statements that must all succeed.
    pub async fn prove_statements(&self, statements: &[&str]) -> Vec<Event> {
        self.prove(async |adapter| {
            alice()
                .scope(async {
                    for sql in statements {
                        adapter.execute(sql).await.unwrap_or_else(|failure| {
                            panic!("{sql}: {}", failure.message);
                        });
                    }
                })
                .await;
        })
        .await
    }

    /// Every row of the application's tables.
    pub(crate) async fn snapshot(&self) -> oracle::Snapshot {
        oracle::snapshot(&mut *self.raw.lock().await, self.dialect()).await
    }

    /// The events since the last call, oldest first.
    pub async fn new_events(&self) -> Vec<Event> {
        let mut seen = self.seen.lock().await;
        let mut query = LogQuery::new().oldest_first().limit(LogQuery::MAX_LIMIT);
        if let Some(until) = &seen.until {
            query = query.since(until);
        }
        let mut events = self.adapter.log(query).await;
        events.retain(|event| seen.ids.insert(event.id.to_string()));
        if let Some(last) = events.last() {
            seen.until = Some(last.occurred_at.to_rfc3339());
        }
        events
    }
}

/// The context of most cases.
#[must_use]
pub fn alice() -> AuditContext {
    AuditContext::new()
        .with_actor(
            Actor::user("alice")
                .with_name("Alice")
                .with_tenant_id("acme"),
        )
        .with_request_id("req-1")
        .with_fact("route", "/users/{id}")
}

/// Events in the order read, for messages.
#[must_use]
pub fn in_words(events: &[Event]) -> String {
    let lines = events
        .iter()
        .map(|event| serde_json::to_string(event).expect("JSON"));
    lines.map(|line| format!("\n  {line}")).collect()
}
