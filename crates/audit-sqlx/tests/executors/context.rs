//! Each statement has the context of the task that runs it, also where the connection is held.

use audit_core::{Actor, ActorKind, AuditContext, Event, context};
use audit_sqlx::{AuditDatabase, AuditedConnection};
use audit_testkit::{Adapter, Server, World, in_words};
use sqlx::{AssertSqlSafe, Executor};

use crate::adapter::Executors;
use crate::unclear::{idle, pool_of_one};

pub(crate) fn user(name: &str) -> AuditContext {
    AuditContext::new().with_actor(Actor::user(name))
}

pub(crate) fn insert(id: i32) -> String {
    format!("INSERT INTO users (id, name) VALUES ({id}, 'x')")
}

/// Runs a statement through any executor.
pub(crate) async fn run<'c>(executor: impl Executor<'c>, sql: &str) {
    let done = executor.execute(AssertSqlSafe(sql)).await;
    done.map(drop).unwrap();
}

/// Runs a statement that the database refuses.
pub(crate) async fn fail<'c>(executor: impl Executor<'c>) {
    let done = executor.execute("INSERT INTO nowhere VALUES (1)").await;
    done.map(drop).unwrap_err();
}

/// Who did each event, by the number of the record.
pub(crate) fn actors(events: &[Event]) -> Vec<(&str, &str)> {
    let who = |event: &'_ Event| match event.actor_kind {
        ActorKind::Unknown => assert_eq!(event.actor_id, None),
        _ => assert!(event.actor_id.is_some(), "{}", in_words(events)),
    };
    events.iter().for_each(who);
    let name = |event| {
        let event: &Event = event;
        let record = event.record_id.as_deref().unwrap();
        (record, event.actor_id.as_deref().unwrap_or("unknown"))
    };
    events.iter().map(name).collect()
}

pub(crate) async fn a_held_connection_has_the_context_of_each_task<DB>(server: Server)
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    let world = World::<Executors<DB>>::new(server).await;
    let events = world
        .prove(async |adapter| {
            let mut connection = adapter.pool.acquire().await.unwrap();
            run(&mut connection, &insert(1)).await;
            let work = async {
                run(&mut connection, &insert(2)).await;
                user("bob").scope(run(&mut connection, &insert(3))).await;
                run(&mut connection, &insert(4)).await;
                context::set_actor(Actor::user("carol"));
                run(&mut connection, &insert(5)).await;
            };
            user("alice").scope(work).await;
            let other = async move {
                let sql = AssertSqlSafe(insert(6));
                connection.execute(sql).await.map(drop).unwrap();
                connection
            };
            let mut connection = tokio::spawn(user("dave").scope(other)).await.unwrap();
            run(&mut connection, &insert(7)).await;
            drop(connection);
            // The call is outside of the scope; what counts is who waits for the answer.
            let sql = insert(8);
            let call = adapter.pool.execute(AssertSqlSafe(sql.as_str()));
            user("erin").scope(call).await.unwrap();
        })
        .await;
    let expected = [
        ("1", "unknown"),
        ("2", "alice"),
        ("3", "bob"),
        ("4", "alice"),
        ("5", "carol"),
        ("6", "dave"),
        ("7", "unknown"),
        ("8", "erin"),
    ];
    assert_eq!(actors(&events), expected);
    let service = |event: &Event| event.service.as_deref() == Some("conformance");
    assert!(events.iter().all(service), "{}", in_words(&events));
}

pub(crate) async fn a_transaction_has_the_context_of_each_task<DB>(server: Server)
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    let world = World::<Executors<DB>>::new(server).await;
    let events = world
        .prove(async |adapter| {
            let work = async {
                let mut transaction = adapter.pool.begin().await.unwrap();
                run(&mut *transaction, &insert(1)).await;
                user("bob").scope(run(&mut *transaction, &insert(2))).await;
                let mut inner = transaction.begin().await.unwrap();
                run(&mut *inner, &insert(3)).await;
                user("bob").scope(run(&mut *inner, &insert(4))).await;
                inner.commit().await.unwrap();
                run(&mut *transaction, &insert(5)).await;
                let change = "UPDATE users SET age = 1 WHERE id = 1";
                let changed = context::with_reason("ticket 7", run(&mut *transaction, change));
                changed.await;
                run(&mut *transaction, &insert(6)).await;
                transaction.commit().await.unwrap();
            };
            user("alice").scope(work).await;
        })
        .await;
    let expected = [
        ("1", "alice"),
        ("2", "bob"),
        ("3", "alice"),
        ("4", "bob"),
        ("5", "alice"),
        ("1", "alice"),
        ("6", "alice"),
    ];
    assert_eq!(actors(&events), expected);
    let reasons: Vec<_> = events
        .iter()
        .filter_map(|event| event.reason.as_deref())
        .collect();
    assert_eq!(reasons, ["ticket 7"]);
    let first = &events[0].transaction_id;
    let together = |event: &Event| event.transaction_id == *first;
    assert!(events.iter().all(together), "{}", in_words(&events));
}

/// Writes in a transaction of which something is taken back, in one of seven ways.
async fn take_back<DB: AuditDatabase>(
    connection: &mut AuditedConnection<DB>,
    way: i32,
    next: &mut impl FnMut() -> String,
) {
    let mut transaction = connection.begin().await.unwrap();
    match way {
        0 => {
            run(&mut *transaction, &next()).await;
            transaction.rollback().await.unwrap();
        }
        1 => {
            run(&mut *transaction, &next()).await;
            drop(transaction);
        }
        2 | 3 => {
            let mut inner = transaction.begin().await.unwrap();
            run(&mut *inner, &next()).await;
            match way {
                2 => inner.rollback().await.unwrap(),
                _ => drop(inner),
            }
            run(&mut *transaction, &next()).await;
            transaction.commit().await.unwrap();
        }
        4 => {
            let savepoint = run(&mut *transaction, "SAVEPOINT s");
            user("carol").scope(savepoint).await;
            run(&mut *transaction, &next()).await;
            run(&mut *transaction, "ROLLBACK TO SAVEPOINT s").await;
            run(&mut *transaction, &next()).await;
            transaction.commit().await.unwrap();
        }
        5 => {
            run(&mut *transaction, "SAVEPOINT s").await;
            fail(&mut *transaction).await;
            // The transaction of PostgreSQL takes nothing else by now.
            let back = run(&mut *transaction, "ROLLBACK TO SAVEPOINT s");
            user("carol").scope(back).await;
            run(&mut *transaction, &next()).await;
            transaction.commit().await.unwrap();
        }
        // What PostgreSQL answers to a COMMIT in a transaction that has failed.
        _ => {
            run(&mut *transaction, &next()).await;
            fail(&mut *transaction).await;
            transaction.commit().await.unwrap();
        }
    }
}

/// PostgreSQL takes a context back with the transaction that it was put on in.
pub(crate) async fn what_is_rolled_back_brings_no_old_context<DB>(server: Server)
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    let world = World::<Executors<DB>>::new(server).await;
    let mut ids = 1..;
    let mut next = || insert(ids.next().unwrap());
    let bob = user("bob");
    let events = world
        .prove(async |adapter| {
            let mut connection = user("alice").scope(adapter.pool.acquire()).await.unwrap();
            for way in 0..7 {
                user("alice").scope(run(&mut connection, &next())).await;
                let ended = take_back(&mut connection, way, &mut next);
                bob.clone().scope(ended).await;
                bob.clone().scope(run(&mut connection, &next())).await;
            }
            let begun = async {
                user("carol").scope(run(&mut connection, "BEGIN")).await;
                run(&mut connection, &next()).await;
                run(&mut connection, "ROLLBACK").await;
                run(&mut connection, &next()).await;
            };
            bob.clone().scope(begun).await;
        })
        .await;
    let by_alice = events
        .iter()
        .filter(|event| event.actor_id.as_deref() == Some("alice"));
    let by_alice: Vec<_> = by_alice
        .map(|event| event.record_id.as_deref().unwrap())
        .collect();
    assert_eq!(
        by_alice,
        ["1", "4", "7", "11", "15", "19", "22"],
        "{}",
        in_words(&events)
    );
    let by_bob = events
        .iter()
        .filter(|event| event.actor_id.as_deref() == Some("bob"));
    assert_eq!(by_alice.len() + by_bob.count(), events.len());
}

/// A connection that is taken without waiting comes past the hook, here with the context of its last
/// user still on it.
pub(crate) async fn nobody_inherits_the_context_of_the_last_user<DB>(server: Server)
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    let world = World::<Executors<DB>>::new(server).await;
    let pool = pool_of_one(&world).await;
    let events = world
        .prove(async |_| {
            user("alice").scope(run(&pool, &insert(1))).await;
            run(&mut idle(&pool).await, &insert(2)).await;
            user("alice").scope(run(&pool, &insert(3))).await;
            let work = async { run(&mut idle(&pool).await, &insert(4)).await };
            user("bob").scope(work).await;
            let work = async {
                let mut connection = idle(&pool).await;
                let mut transaction = connection.begin().await.unwrap();
                run(&mut *transaction, &insert(5)).await;
                transaction.commit().await.unwrap();
            };
            user("carol").scope(work).await;
            run(&pool, &insert(6)).await;
        })
        .await;
    let expected = [
        ("1", "alice"),
        ("2", "unknown"),
        ("3", "alice"),
        ("4", "bob"),
        ("5", "carol"),
        ("6", "unknown"),
    ];
    assert_eq!(actors(&events), expected);
}
