//! A database of one test with a table, and what is asked of its log.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use std::sync::LazyLock;

use audit_core::{Actor, ActorKind, Audit, AuditContext, Event};
use audit_testkit::{Raw, Server, TestDatabase};

/// The table of these tests.
pub(crate) const TABLE: &str = "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v INTEGER)";

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

/// The settings of these tests.
pub(crate) fn audit() -> &'static Audit {
    static AUDIT: LazyLock<Audit> =
        LazyLock::new(|| Audit::builder().service("billing").build().unwrap());
    &AUDIT
}

pub(crate) fn user(id: &str) -> AuditContext {
    AuditContext::new().with_actor(Actor::user(id))
}

/// The statement that inserts a row.
pub(crate) fn insertion(id: u32) -> String {
    format!("INSERT INTO t VALUES ({id}, 0)")
}

/// Who made each event, oldest first; the empty text is nobody.
pub(crate) fn actors(events: &[Event]) -> Vec<&str> {
    let actors = events.iter().map(|event| {
        assert_eq!(event.service.as_deref(), Some("billing"));
        event.actor_id.as_deref().unwrap_or_default()
    });
    actors.collect()
}

/// Who did each event, by the number of the record.
pub(crate) fn by_record(events: &[Event]) -> Vec<(&str, &str)> {
    let who = |event| {
        let event: &Event = event;
        let actor = event.actor_id.as_deref();
        assert_eq!(
            actor.is_none(),
            event.actor_kind == ActorKind::Unknown,
            "{event:?}"
        );
        (
            event.record_id.as_deref().unwrap(),
            actor.unwrap_or("unknown"),
        )
    };
    events.iter().map(who).collect()
}
