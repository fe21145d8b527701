//! One long story, whose events are the same through every adapter.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use audit_core::{
    Actor, AuditContext, Dialect, Enrichment, Event, Operation, Redaction, Severity, Snapshot,
    TableRule,
};
use serde_json::Value;

use crate::adapter::{Adapter, End};
use crate::database::Server;
use crate::world::World;

/// Tables of the story's own, beside those of the fixture.
const TABLES: &str = "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, body VARCHAR(200));\
     CREATE TABLE sessions (id INTEGER NOT NULL PRIMARY KEY, token VARCHAR(200));";

/// What one person does: as whom, how, which statements.
struct Scene {
    context: Option<AuditContext>,
    how: How,
    statements: Vec<&'static str>,
}

/// How the statements of a scene are run.
#[derive(Clone, Copy)]
enum How {
    /// Each on the pool.
    Alone,
    /// All in one transaction.
    Together(End),
    /// All on one connection that is held.
    Held,
}

/// The events of more than forty statements, written through the adapter, are those that are
/// written down beside this file, one page a dialect: so every adapter gives the same. Times and
/// ids are left out; transactions are numbered.
pub async fn the_story_gives_the_known_events<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, TABLES, |audit| {
        audit
            .exclude("sessions")
            .table(TableRule::new("users").redact("password", Redaction::Mask))
            .table(TableRule::new("notes").snapshot(Snapshot::Changed))
            .table(
                TableRule::new("invoices")
                    .severity(Severity::High)
                    .compliance(["sox"]),
            )
            .enrich(
                "users",
                Operation::Delete,
                Enrichment::new().label("Account deleted"),
            )
    })
    .await;
    let scenes = scenes(server.dialect());
    let told: usize = scenes.iter().map(|scene| scene.statements.len()).sum();
    assert!(told >= 40, "the story has {told} statements");
    // Rules leave out what the oracle would need to replay; other cases prove each of them.
    for scene in &scenes {
        match &scene.context {
            Some(context) => context.clone().scope(play(&world.adapter, scene)).await,
            None => play(&world.adapter, scene).await,
        }
    }
    let approved = Event::custom("invoice.approved").record("invoices", "acme/1");
    let recorded = bob().scope(world.adapter.record(approved, End::Commit));
    recorded.await.unwrap();
    let events = world.new_events().await;
    compare(server.dialect(), &page(server.dialect(), &events));
}

async fn play<A: Adapter>(adapter: &A, scene: &Scene) {
    let done = match scene.how {
        How::Alone => {
            for sql in &scene.statements {
                let done = adapter.execute(sql).await;
                done.unwrap_or_else(|failure| panic!("{sql}: {}", failure.message));
            }
            Ok(())
        }
        How::Together(end) => adapter.transaction(&scene.statements, end).await,
        How::Held => adapter.held(&scene.statements).await,
    };
    done.unwrap_or_else(|failure| panic!("{:?}: {}", scene.statements, failure.message));
}

fn ann() -> AuditContext {
    AuditContext::new()
        .with_actor(
            Actor::user("ann")
                .with_name("Ann O'Hara")
                .with_tenant_id("acme"),
        )
        .with_request_id("req-ann")
        .with_fact("route", "/users/{id}")
        .with_fact("roles", serde_json::json!(["admin", "\"quoted\""]))
}

fn bob() -> AuditContext {
    AuditContext::new()
        .with_actor(Actor::service("bob").with_on_behalf_of("ann"))
        .with_causation_id("job-7")
        .with_reason("the month's end; it's \\ due")
        .with_action("invoice.close")
        .with_metadata("batch", 7)
}

fn scenes(dialect: Dialect) -> Vec<Scene> {
    vec![
        accounts(),
        invoices(),
        nothing(),
        notes(dialect),
        without_images(),
        clearing(dialect),
    ]
}

/// One of three texts, by dialect.
fn by(
    dialect: Dialect,
    postgres: &'static str,
    mysql: &'static str,
    sqlite: &'static str,
) -> &'static str {
    match dialect {
        Dialect::Postgres => postgres,
        Dialect::MySql => mysql,
        _ => sqlite,
    }
}

/// Ann keeps the accounts.
fn accounts() -> Scene {
    Scene {
        context: Some(ann()),
        how: How::Alone,
        statements: vec![
            "INSERT INTO users (id, name, email, password, age) VALUES (1, 'Ann', 'ann@example.com', 'pw-1', 30)",
            "INSERT INTO users (id, name, email) VALUES (2, 'Ben', 'ben@example.com'), (3, 'Cy', NULL), (4, 'Di''s', 'di@example.com')",
            "INSERT INTO users (id, name) SELECT id + 10, name FROM users WHERE id IN (2, 3)",
            "UPDATE users SET name = 'Anna' WHERE id = 1",
            "UPDATE users SET password = 'pw-2' WHERE id = 1",
            "UPDATE users SET age = 31, name = 'Ann' WHERE email LIKE 'ann@%'",
            "UPDATE users SET age = coalesce(age, 0) + 1",
            "UPDATE users SET age = age WHERE id < 3",
            "UPDATE users SET age = 5 WHERE id = 999",
            "UPDATE users SET id = 40 WHERE id = 4",
            "UPDATE users SET email = NULL WHERE id = 40",
            "DELETE FROM users WHERE id = 13",
            "DELETE FROM users WHERE id = 998",
            "INSERT INTO sessions (id, token) VALUES (1, 'secret')",
        ],
    }
}

/// Bob closes the month, and takes half of it back.
fn invoices() -> Scene {
    Scene {
        context: Some(bob()),
        how: How::Together(End::Commit),
        statements: vec![
            "INSERT INTO invoices (org, number, total) VALUES ('acme', 1, 199.5), ('acme', 2, 0.25), ('b/c', 1, 7)",
            "INSERT INTO items (id, org, number, item) VALUES (1, 'acme', 1, 'desk'), (2, 'acme', 1, 'lamp'), (3, 'acme', 2, 'pen')",
            "UPDATE invoices SET total = total * 2 WHERE org = 'acme'",
            "SAVEPOINT half",
            "UPDATE items SET item = 'lost'",
            "DELETE FROM invoices",
            "ROLLBACK TO SAVEPOINT half",
            "UPDATE items SET item = 'lamp, green' WHERE id = 2",
            "DELETE FROM invoices WHERE org = 'acme' AND number = 1",
        ],
    }
}

/// Ann changes her mind.
fn nothing() -> Scene {
    Scene {
        context: Some(ann()),
        how: How::Together(End::Rollback),
        statements: vec![
            "INSERT INTO users (id, name) VALUES (77, 'never')",
            "UPDATE users SET name = 'never'",
            "DELETE FROM items",
        ],
    }
}

/// Nobody in particular writes notes.
fn notes(dialect: Dialect) -> Scene {
    Scene {
        context: None,
        how: How::Alone,
        statements: vec![
            "INSERT INTO notes (id, body) VALUES (1, 'one'), (2, 'two')",
            "UPDATE notes SET body = 'zwei \u{e9}\u{1f600}' WHERE id = 2",
            "UPDATE notes SET body = NULL WHERE id = 1",
            by(
                dialect,
                "INSERT INTO notes (id, body) VALUES (1, 'up'), (3, 'new') ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                "INSERT INTO notes (id, body) VALUES (1, 'up'), (3, 'new') ON DUPLICATE KEY UPDATE body = VALUES(body)",
                "INSERT INTO notes (id, body) VALUES (1, 'up'), (3, 'new') ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            ),
            by(
                dialect,
                "INSERT INTO notes (id, body) VALUES (1, 'no'), (4, 'yes') ON CONFLICT DO NOTHING",
                "INSERT IGNORE INTO notes (id, body) VALUES (1, 'no'), (4, 'yes')",
                "INSERT INTO notes (id, body) VALUES (1, 'no'), (4, 'yes') ON CONFLICT DO NOTHING",
            ),
        ],
    }
}

/// Ann copies without images.
fn without_images() -> Scene {
    Scene {
        context: Some(ann().with_images_suppressed("a copy of everything")),
        how: How::Alone,
        statements: vec!["UPDATE notes SET body = 'copied' WHERE id < 3"],
    }
}

/// Ann clears up on a connection that she holds.
fn clearing(dialect: Dialect) -> Scene {
    Scene {
        context: Some(ann()),
        how: How::Held,
        statements: vec![
            by(
                dialect,
                "UPDATE users SET name = i.item FROM items i WHERE i.id = 3 AND users.id = 2",
                "UPDATE users u JOIN items i ON i.id = 3 SET u.name = i.item WHERE u.id = 2",
                "UPDATE users SET name = i.item FROM items i WHERE i.id = 3 AND users.id = 2",
            ),
            "UPDATE items SET org = 'b/c', number = 1 WHERE id = 3",
            "UPDATE items SET item = (SELECT max(name) FROM users) WHERE id = 3",
            "INSERT INTO users (id, name, age) VALUES (100, '', -9223372036854775807)",
            "UPDATE users SET age = 9223372036854775807 WHERE id = 100",
            "UPDATE users SET name = ' \t' WHERE id = 100",
            "DELETE FROM users WHERE name = 'pen' OR id = 12",
            "DELETE FROM invoices WHERE org = 'b/c'",
            "DELETE FROM notes",
            "DELETE FROM sessions",
        ],
    }
}

/// The events as they are compared, one a line.
fn page(dialect: Dialect, events: &[Event]) -> String {
    let mut transactions = HashMap::new();
    let mut page = String::new();
    for event in events {
        let mut event = serde_json::to_value(event).expect("an event is JSON");
        for (name, value) in event.as_object_mut().expect("an event is an object") {
            match name.as_str() {
                "id" | "occurred_at" | "recorded_at" => *value = Value::Null,
                // The name of the test's own database.
                "table_schema" if dialect == Dialect::MySql => *value = "app".into(),
                "transaction_id" if !value.is_null() => {
                    let next = transactions.len() + 1;
                    let number = *transactions.entry(value.to_string()).or_insert(next);
                    *value = number.into();
                }
                _ => {}
            }
        }
        let object = event.as_object_mut().expect("an event is an object");
        object.retain(|_, value| !value.is_null());
        let _ = writeln!(page, "{event}");
    }
    page
}

fn compare(dialect: Dialect, page: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("src/cases/story")
        .join(format!("{}.ndjson", dialect.as_str()));
    if std::env::var_os("AUDIT_WRITE_STORY").is_some() {
        std::fs::write(&file, page).expect("the page can be written");
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    for (number, (line, known)) in page.lines().zip(known.lines()).enumerate() {
        assert_eq!(line, known, "event {} of {}", number + 1, file.display());
    }
    assert_eq!(page.lines().count(), known.lines().count());
}
