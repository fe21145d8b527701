//! A database of one test with a table and the log, and what is asked of it.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use std::sync::LazyLock;

use audit_core::{Actor, Audit, AuditContext, Event};
use audit_diesel::Report;
use audit_testkit::{Raw, Server, TestDatabase};

/// The table.
const TABLE: &str = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, \
     name VARCHAR(200), visits INTEGER NOT NULL DEFAULT 0)";

/// The settings of these tests.
pub(crate) fn audit() -> &'static Audit {
    static AUDIT: LazyLock<Audit> =
        LazyLock::new(|| Audit::builder().service("billing").build().unwrap());
    &AUDIT
}

pub(crate) fn as_user(name: &str) -> AuditContext {
    AuditContext::new().with_actor(Actor::user(name))
}

pub(crate) fn insert(id: u32) -> String {
    format!("INSERT INTO users (id, name) VALUES ({id}, 'x')")
}

/// A database with the table.
pub(crate) struct Database {
    // Stays open: the last one that closes locks a file of SQLite for a moment, and Diesel's own do
    // not wait.
    _raw: Raw,
    database: TestDatabase,
}

impl Database {
    pub(crate) fn url(&self) -> &str {
        self.database.url()
    }
}

pub(crate) async fn database(server: Server) -> Database {
    let database = TestDatabase::create(server).await;
    let mut raw = database.raw().await;
    raw.run(TABLE).await;
    Database {
        _raw: raw,
        database,
    }
}

/// Who made each event; nobody is `None`.
pub(crate) fn actors(events: &[Event]) -> Vec<Option<&str>> {
    let actors = events.iter().map(|event| {
        assert_eq!(event.service.as_deref(), Some("billing"));
        event.actor_id.as_deref()
    });
    actors.collect()
}

pub(crate) fn gaps(report: &Report) -> Vec<String> {
    let gaps = report.findings().iter().filter(|finding| finding.is_gap());
    gaps.map(ToString::to_string).collect()
}
