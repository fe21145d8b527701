//! Who, where and why; and never somebody else.

use std::sync::Arc;

use audit_core::{
    Actor, ActorKind, Assurance, AuditContext, Dialect, MissingContext, Operation, Severity,
    context,
};
use serde_json::json;
use uuid::Uuid;

use crate::adapter::Adapter;
use crate::database::Server;
use crate::world::{World, alice};

fn insert(id: usize, name: &str) -> String {
    format!("INSERT INTO users (id, name) VALUES ({id}, '{name}')")
}

/// Everything of the context is on the event, text for text.
pub async fn the_event_says_who_where_and_why<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let odd = "Zoë \"Z\" O'Hara \\ 雪 👩‍🚀 $1 ? %s";
    let reverted = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let context = AuditContext::new()
        .with_actor(
            Actor::user(odd)
                .with_name(odd)
                .with_tenant_id(odd)
                .with_on_behalf_of(odd)
                .with_assurance(Assurance::Verified),
        )
        .with_request_id(odd)
        .with_causation_id(odd)
        .with_fact("route", odd)
        .with_fact("roles", json!(["a", "b"]))
        .with_reason(odd)
        .with_action("user.create")
        .with_label(odd)
        .with_severity(Severity::High)
        .with_metadata("ticket", odd)
        .with_reverts(&reverted);
    context
        .scope(world.adapter.execute(&insert(1, "x")))
        .await
        .unwrap();
    let events = world.new_events().await;
    assert_eq!(events.len(), 1);
    let event = &events[0];
    for (name, found) in [
        ("actor_id", &event.actor_id),
        ("actor_name", &event.actor_name),
        ("tenant_id", &event.tenant_id),
        ("on_behalf_of", &event.on_behalf_of),
        ("request_id", &event.request_id),
        ("causation_id", &event.causation_id),
        ("reason", &event.reason),
        ("label", &event.label),
    ] {
        assert_eq!(found.as_deref(), Some(odd), "{name}");
    }
    assert_eq!(
        event.reverts,
        Some(reverted.map(|id| id.to_string()).into())
    );
    assert_eq!(event.actor_kind, ActorKind::User);
    assert_eq!(event.assurance, Some(Assurance::Verified));
    assert_eq!(event.severity, Some(Severity::High));
    assert_eq!(event.action.as_deref(), Some("user.create"));
    assert_eq!(event.service.as_deref(), Some("conformance"));
    assert_eq!(event.environment.as_deref(), Some("test"));
    let facts = event.context.as_ref().unwrap().to_value();
    assert_eq!(facts, json!({"route": odd, "roles": ["a", "b"]}));
    assert_eq!(
        event.metadata.as_ref().unwrap().to_value(),
        json!({"ticket": odd})
    );
}

/// No context at all is `unknown`, and counted; the service is known all the same.
pub async fn a_write_without_a_context_is_unknown<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let before = context::missing();
    world.adapter.execute(&insert(1, "x")).await.unwrap();
    let events = world.new_events().await;
    assert_eq!(events[0].actor_kind, ActorKind::Unknown);
    assert_eq!((&events[0].actor_id, &events[0].request_id), (&None, &None));
    assert_eq!(events[0].service.as_deref(), Some("conformance"));
    assert!(context::missing() > before);
}

/// The settings can name a system actor for work without a context.
pub async fn a_missing_context_can_be_a_system_actor<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        audit.on_missing_context(MissingContext::System("nightly".to_owned()))
    })
    .await;
    world.adapter.execute(&insert(1, "x")).await.unwrap();
    alice()
        .scope(world.adapter.execute(&insert(2, "y")))
        .await
        .unwrap();
    let events = world.new_events().await;
    assert_eq!(events[0].actor_kind, ActorKind::System);
    assert_eq!(events[0].actor_id.as_deref(), Some("nightly"));
    assert_eq!(events[1].actor_id.as_deref(), Some("alice"));
}

/// The settings can refuse work without a context: the change is undone and the error says why.
pub async fn a_missing_context_can_be_denied<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        audit.on_missing_context(MissingContext::Deny)
    })
    .await;
    let events = world
        .prove(async |adapter| {
            let failure = adapter.execute(&insert(1, "x")).await.unwrap_err();
            assert_eq!(
                failure.capture.as_deref(),
                Some("MissingContext"),
                "{}",
                failure.message
            );
        })
        .await;
    assert_eq!(events, []);
    assert_eq!(world.prove_statements(&[&insert(1, "x")]).await.len(), 1);
}

/// Two users and nobody take turns on a pool of one connection, ten thousand writes in all unless the
/// adapter asks for fewer: some are dropped half-way, some hold the connection, some are spawned
/// without their context, and some take it past the checkout hook. Every event has the actor that its
/// row names, and every lost context is counted.
pub async fn two_users_on_one_connection_are_never_mixed<A: Adapter>(server: Server) {
    let marks = "CREATE TABLE marks (name VARCHAR(20))";
    let world = Arc::new(World::<A>::unmigrated(server, marks, 1, |audit| audit).await);
    world.migrate().await;
    let missing = context::missing();
    let tasks: Vec<_> = ["alice", "bob", ""]
        .into_iter()
        .map(|user| tokio::spawn(writes(Arc::clone(&world), user, A::WRITES)))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // Nobody's own writes, and the bare ones of the others.
    let lost = A::WRITES * 4 / 5 + 2 * (A::WRITES / 5);
    assert!(context::missing() - missing >= u64::try_from(lost).unwrap());
    writes_past_the_hook(&world, 50).await;
    let log = match world.dialect() {
        Dialect::Postgres => "audit.audit_logs",
        _ => "audit_logs",
    };
    let text = match world.dialect() {
        Dialect::MySql => "CHAR",
        _ => "TEXT",
    };
    let sql = format!("SELECT coalesce(actor_id, ''), CAST(after_data AS {text}) FROM {log}");
    let events = world.texts(&sql).await;
    assert!(events.len() >= 3 * A::WRITES * 3 / 4, "{}", events.len());
    for event in &events {
        let image: serde_json::Value = serde_json::from_str(event[1].as_ref().unwrap()).unwrap();
        assert_eq!(event[0].as_deref(), image["name"].as_str());
    }
    assert_eq!(
        world.texts("SELECT name FROM marks").await.len(),
        events.len()
    );
}

/// Many writes of one user, each in a task of its own. Some are dropped as soon as they run, some
/// hold their connection, and some are spawned without the context: those are nobody's.
async fn writes<A: Adapter>(world: Arc<World<A>>, user: &'static str, count: usize) {
    let insert = |name| format!("INSERT INTO marks VALUES ('{name}')");
    for round in 0..count {
        let (world, way) = (Arc::clone(&world), round % 5);
        let sql = insert(if way == 1 { "" } else { user });
        let write = async move {
            match way {
                2 => world.adapter.held(&[&sql, &sql]).await,
                _ => world.adapter.execute(&sql).await.map(|_| ()),
            }
        };
        let task = match (user, way) {
            ("", _) => tokio::spawn(write),
            (_, 1) => {
                let bare = async move { tokio::spawn(write).await.unwrap() };
                tokio::spawn(context_of(user).scope(bare))
            }
            _ => tokio::spawn(context_of(user).scope(write)),
        };
        if way == 0 {
            tokio::task::yield_now().await;
            task.abort();
        }
        if let Ok(result) = task.await {
            result.unwrap();
        }
    }
}

fn context_of(user: &str) -> AuditContext {
    AuditContext::new().with_actor(Actor::user(user))
}

/// Takes the connection right after a user gave it back, past the hook at checkout: what is written
/// then is nobody's.
async fn writes_past_the_hook<A: Adapter>(world: &World<A>, count: usize) {
    for round in 0..count {
        let user = ["alice", "bob"][round % 2];
        let sql = format!("INSERT INTO marks VALUES ('{user}')");
        context_of(user)
            .scope(async {
                world.adapter.execute(&sql).await.unwrap();
                loop {
                    match world
                        .adapter
                        .try_held(&["INSERT INTO marks VALUES ('')"])
                        .await
                    {
                        Some(done) => break done.unwrap(),
                        None => tokio::task::yield_now().await,
                    }
                }
            })
            .await;
    }
}

/// A task that nobody carried the context into is `unknown`, never the one who spawned it.
pub async fn a_bare_spawn_is_unknown_and_a_carried_one_is_not<A: Adapter>(server: Server) {
    let world = Arc::new(World::<A>::new(server).await);
    alice()
        .scope(async {
            let missing = context::missing();
            for (id, carries) in [(1, false), (2, true)] {
                let world = Arc::clone(&world);
                let work = async move { world.adapter.execute(&insert(id, "x")).await.unwrap() };
                if carries {
                    tokio::spawn(context::carry(work)).await.unwrap();
                } else {
                    tokio::spawn(work).await.unwrap();
                }
            }
            assert!(context::missing() > missing);
        })
        .await;
    let events = world.new_events().await;
    assert_eq!(events[0].actor_kind, ActorKind::Unknown);
    assert_eq!(events[1].actor_id.as_deref(), Some("alice"));
}

/// Suppression leaves the images out and says why; the events are all there.
pub async fn suppression_drops_images_but_no_events<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    alice()
        .scope(context::suppress("backfill of names", async {
            for sql in [
                &insert(1, "x"),
                "UPDATE users SET name = 'y'",
                "DELETE FROM users",
            ] {
                world.adapter.execute(sql).await.unwrap();
            }
        }))
        .await;
    let events = world.new_events().await;
    let found: Vec<Operation> = events.iter().map(|event| event.operation).collect();
    assert_eq!(
        found,
        [Operation::Insert, Operation::Update, Operation::Delete]
    );
    for event in &events {
        assert!(event.before_data.is_none() && event.after_data.is_none());
        assert_eq!(event.reason.as_deref(), Some("backfill of names"));
        assert_eq!(event.record_id.as_deref(), Some("1"));
    }
    assert_eq!(events[1].changed_fields, Some(vec!["name".to_owned()]));
}

/// Each filter of the log gives its events and no others.
pub async fn the_log_is_narrowed_by_each_filter<A: Adapter>(server: Server) {
    use audit_core::query::LogQuery;
    let world = World::<A>::new(server).await;
    world
        .prove_statements(&[&insert(1, "x"), &insert(2, "y")])
        .await;
    let bob = AuditContext::new()
        .with_actor(Actor::user("bob"))
        .with_request_id("req-2");
    bob.scope(
        world
            .adapter
            .execute("UPDATE users SET id = 3 WHERE id = 1"),
    )
    .await
    .unwrap();
    let all = LogQuery::new;
    let expected = [
        (all(), 3),
        (all().table("users").record("1"), 2),
        (all().table("users").record("3"), 1),
        (all().table("items"), 0),
        (all().actor("bob"), 1),
        (all().request("req-1"), 2),
        (all().operation(Operation::Update), 1),
        (all().since("1h"), 3),
        (all().since("2100-01-01T00:00:00Z"), 0),
        (all().limit(2), 2),
    ];
    for (query, count) in expected {
        assert_eq!(
            world.adapter.log(query.clone()).await.len(),
            count,
            "{query:?}"
        );
    }
    let newest = world.adapter.log(LogQuery::new().limit(1)).await;
    assert_eq!(newest[0].operation, Operation::Update);
}
