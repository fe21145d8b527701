//! Events live and die with the change.

use std::sync::Arc;

use audit_core::{Actor, AuditContext, Event, Operation};

use crate::adapter::{Adapter, End};
use crate::database::Server;
use crate::world::{World, alice, in_words};

const ANN: &str = "INSERT INTO users (id, name, age) VALUES (1, 'Ann', 0)";
const BOB: &str = "INSERT INTO users (id, name, age) VALUES (2, 'Bob', 0)";

/// The events of a transaction share its id.
pub async fn a_commit_keeps_its_events_together<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let events = world
        .prove(async |adapter| {
            let steps = [ANN, BOB, "UPDATE users SET age = 1 WHERE id = 1"];
            alice()
                .scope(adapter.transaction(&steps, End::Commit))
                .await
                .unwrap();
        })
        .await;
    assert_eq!(events.len(), 3);
    let id = events[0].transaction_id.clone();
    assert!(id.is_some() && events.iter().all(|event| event.transaction_id == id));
}

/// Nothing of a rolled-back transaction stays.
pub async fn a_rollback_leaves_nothing<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let events = world
        .prove(async |adapter| {
            alice()
                .scope(adapter.transaction(&[ANN, BOB], End::Rollback))
                .await
                .unwrap();
        })
        .await;
    assert_eq!(events, []);
}

/// A savepoint that is rolled back takes its events with it; the others stay.
pub async fn a_savepoint_takes_back_its_part<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let events = world
        .prove(async |adapter| {
            let steps = [
                ANN,
                "SAVEPOINT outside",
                BOB,
                "SAVEPOINT inside",
                "UPDATE users SET age = 9",
                "ROLLBACK TO SAVEPOINT inside",
                "UPDATE users SET name = 'Bo' WHERE id = 2",
                "ROLLBACK TO SAVEPOINT outside",
                "UPDATE users SET age = 5 WHERE id = 1",
            ];
            alice()
                .scope(adapter.transaction(&steps, End::Commit))
                .await
                .unwrap();
        })
        .await;
    let found: Vec<Operation> = events.iter().map(|event| event.operation).collect();
    assert_eq!(found, [Operation::Insert, Operation::Update]);
    assert!(
        events
            .iter()
            .all(|event| event.actor_id.as_deref() == Some("alice"))
    );
}

/// A statement that fails inside a transaction leaves no event, even when the rest commits.
pub async fn an_error_in_the_middle_leaves_what_was_kept<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    let events = world
        .prove(async |adapter| {
            let steps = [
                BOB,
                "INSERT INTO users (id, name) VALUES (3, 'Cy'), (1, 'twice')",
            ];
            alice()
                .scope(adapter.transaction(&steps, End::Commit))
                .await
                .unwrap_err();
        })
        .await;
    assert_eq!(events, []);
}

/// A multi-row statement that fails at its last row leaves no event of the first ones.
pub async fn a_refused_statement_leaves_nothing<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    let events = world
        .prove(async |adapter| {
            let sql = "INSERT INTO users (id, name) VALUES (5, 'x'), (6, 'y'), (1, 'twice')";
            let failure = alice().scope(adapter.execute(sql)).await.unwrap_err();
            assert_eq!(failure.capture, None, "{}", failure.message);
        })
        .await;
    assert_eq!(events, []);
}

/// Two transactions do not share an id, and neither do two autocommit statements.
pub async fn transactions_have_ids_of_their_own<A: Adapter>(server: Server) {
    let world = World::<A>::unmigrated(server, "", 1, |audit| audit).await;
    world.migrate().await;
    let mut ids = Vec::new();
    for start in [10, 20] {
        let insert = |id: i32| format!("INSERT INTO users (id, name) VALUES ({id}, 'x')");
        let (one, two, three) = (insert(start), insert(start + 1), insert(start + 2));
        alice()
            .scope(async {
                world
                    .adapter
                    .transaction(&[&one], End::Rollback)
                    .await
                    .unwrap();
                world
                    .adapter
                    .transaction(&[&one, &two], End::Commit)
                    .await
                    .unwrap();
                world.adapter.execute(&three).await.unwrap();
            })
            .await;
        let events = world.new_events().await;
        assert_eq!(events.len(), 3, "{}", in_words(&events));
        assert_eq!(events[0].transaction_id, events[1].transaction_id);
        ids.extend(
            events
                .iter()
                .skip(1)
                .map(|event| event.transaction_id.clone().unwrap()),
        );
    }
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 4, "{ids:?}");
}

/// Writers that race for a few records: read by (`occurred_at`, `id`), each image before is the
/// image after of the event before it.
pub async fn racing_writers_of_a_record_are_in_order<A: Adapter>(server: Server) {
    let world = Arc::new(World::<A>::unmigrated(server, "", 8, |audit| audit).await);
    world.migrate().await;
    for id in 0..8 {
        world
            .raw(&format!(
                "INSERT INTO users (id, name, age) VALUES ({id}, 'r', 0)"
            ))
            .await;
    }
    world.new_events().await;
    let writers: Vec<_> = (0..32)
        .map(|writer| {
            let world = Arc::clone(&world);
            tokio::spawn(
                AuditContext::new()
                    .with_actor(Actor::user(format!("w{writer}")))
                    .scope(async move {
                        for round in 0..10 {
                            let id = (writer + round) % 8;
                            let sql = format!("UPDATE users SET age = age + 1 WHERE id = {id}");
                            world.adapter.execute(&sql).await.unwrap();
                        }
                    }),
            )
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let events = world.new_events().await;
    assert_eq!(events.len(), 320);
    for id in 0..8 {
        let id = id.to_string();
        let of_record = events
            .iter()
            .filter(|event| event.record_id.as_deref() == Some(&id));
        let of_record: Vec<&Event> = of_record.collect();
        assert_eq!(of_record.len(), 40);
        for pair in of_record.windows(2) {
            assert_eq!(pair[1].before_data, pair[0].after_data);
        }
    }
}

/// A manual event commits and rolls back with its transaction.
pub async fn a_manual_event_goes_with_its_transaction<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let event = || {
        Event::custom("invoice.approved")
            .record("invoices", "7")
            .reason("within budget")
            .metadata("limit", 500)
    };
    alice()
        .scope(world.adapter.record(event(), End::Rollback))
        .await
        .unwrap();
    assert_eq!(world.new_events().await, []);
    alice()
        .scope(world.adapter.record(event(), End::Commit))
        .await
        .unwrap();
    let events = world.new_events().await;
    assert_eq!(events.len(), 1);
    let found = &events[0];
    assert_eq!(
        (found.operation, found.source.as_str()),
        (Operation::Custom, "manual")
    );
    assert_eq!(found.action.as_deref(), Some("invoice.approved"));
    assert_eq!(found.record_id.as_deref(), Some("7"));
    assert_eq!(found.actor_id.as_deref(), Some("alice"));
    assert_eq!(found.reason.as_deref(), Some("within budget"));
    assert_eq!(
        found.metadata.as_ref().unwrap().to_value(),
        serde_json::json!({"limit": 500})
    );
    alice()
        .scope(world.adapter.record(Event::custom(""), End::Commit))
        .await
        .unwrap_err();
}

/// A transaction that began first and wrote last is last: the clock is read once the row is
/// locked, not when the transaction began.
pub async fn the_last_writer_of_a_record_is_last<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    let events = world
        .prove(async |adapter| {
            let other = async {
                let sql = "UPDATE users SET age = age + 1 WHERE id = 1";
                AuditContext::new()
                    .with_actor(Actor::user("second"))
                    .scope(adapter.execute(sql))
                    .await
                    .unwrap();
            };
            let first = AuditContext::new().with_actor(Actor::user("first"));
            // Opened before the other one starts, with a question that reads no table: on SQLite
            // one that did would keep the write that comes later from its turn.
            let begin = ["BEGIN", "SELECT 1"];
            let update = "UPDATE users SET age = age + 10 WHERE id = 1";
            first
                .scope(adapter.held_around(&begin, other, &[update, "COMMIT"]))
                .await
                .unwrap();
        })
        .await;
    let actors: Vec<_> = events
        .iter()
        .map(|event| event.actor_id.as_deref())
        .collect();
    assert_eq!(
        actors,
        [Some("second"), Some("first")],
        "{}",
        in_words(&events)
    );
    assert!(events[0].occurred_at <= events[1].occurred_at && events[0].id < events[1].id);
}
