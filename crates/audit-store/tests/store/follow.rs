//! Following while transactions commit late.

use std::collections::BTreeSet;
use std::time::Duration;

use audit_core::query::LogQuery;
use audit_core::{Dialect, Event, LogReader};
use audit_store::Follow;
use audit_testkit::Server;
use uuid::Uuid;

use super::world::{Db, World};

/// Transactions that are open at once, and events that a poll gives.
fn sizes(server: Server) -> (usize, u32) {
    match server.dialect() {
        // One transaction writes at a time.
        Dialect::Sqlite => (1, 7),
        // Every poll looks at all of them again.
        Dialect::MySql => (20, 100),
        _ => (12, 7),
    }
}

/// Transactions write one after the other and commit in the opposite order, so that all but one of
/// a round commit after a newer event was given.
pub(crate) async fn ten_thousand_late_commits_are_given_once<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let (at_once, limit) = sizes(server);
    let late = at_once.max(2) - 1;
    let rounds = 10_000_usize.div_ceil(late);
    // Far longer than a round, and short beside the run, because MariaDB looks again at all of it.
    let settling = match server.dialect() {
        Dialect::Sqlite => Duration::from_secs(1),
        _ => Duration::from_secs(20),
    };
    let mut trail = world.trail().settling(settling);
    let query = LogQuery::new().table("users").limit(limit);
    let mut follow = trail.follow(&query).await.unwrap();
    let mut given = BTreeSet::new();
    let mut next_id = 0;
    for round in 0..rounds {
        let mut open = Vec::new();
        for _ in 0..at_once {
            next_id += 1;
            open.push(
                world
                    .open(&format!("INSERT INTO users (id) VALUES ({next_id})"))
                    .await,
            );
        }
        // The poll meets events that are not yet visible.
        if at_once == 1 && round % 10 == 0 {
            take(&mut follow, &mut given, limit).await;
        }
        let newest = open.pop().unwrap();
        newest.commit().await.unwrap();
        if at_once > 1 || round % 10 == 0 {
            let count = take(&mut follow, &mut given, limit).await;
            assert!(count > 0, "round {round}");
        }
        while let Some(transaction) = open.pop() {
            transaction.commit().await.unwrap();
        }
    }
    while take(&mut follow, &mut given, limit).await > 0 {}
    drop(follow);
    let events = world.events().await;
    assert_eq!(events.len(), rounds * at_once);
    let written: BTreeSet<Uuid> = events.iter().map(|event| event.id).collect();
    assert_eq!(given, written);
}

/// Polls until a poll is not full, and says how many it gave; no event may come twice.
async fn take<R: LogReader, S: Send>(
    follow: &mut Follow<'_, R, S>,
    given: &mut BTreeSet<Uuid>,
    limit: u32,
) -> usize {
    let before = given.len();
    loop {
        let events = follow.poll().await.unwrap();
        assert!(events.is_sorted_by_key(Event::position));
        assert!(events.len() <= limit as usize);
        let is_full = events.len() == limit as usize;
        for event in events {
            assert!(given.insert(event.id), "{event:?} was given twice");
        }
        if !is_full {
            return given.len() - before;
        }
    }
}

/// What was there before is not given, what is rolled back neither; the filters hold.
pub(crate) async fn what_is_given_is_in_pages_and_only_once<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let insert = "INSERT INTO users (id, name) VALUES (1, 'a'), (2, 'b')";
    world.run_as("ann", &[insert]).await;
    let mut trail = world.trail();
    let query = LogQuery::new().actor("ann").limit(7);
    let mut follow = trail.follow(&query).await.unwrap();
    assert_eq!(follow.poll().await.unwrap(), []);

    let rolled_back = world.open("DELETE FROM users").await;
    assert_eq!(follow.poll().await.unwrap(), []);
    rolled_back.rollback().await.unwrap();
    world.run_as("ben", &["UPDATE users SET name = 'c'"]).await;
    world
        .run_as(
            "ann",
            &[
                "UPDATE users SET name = 'd'",
                "DELETE FROM users WHERE id = 1",
            ],
        )
        .await;
    let mut given = Vec::new();
    loop {
        let events = follow.poll().await.unwrap();
        if events.is_empty() {
            break;
        }
        given.extend(events);
    }
    let told: Vec<String> = given
        .iter()
        .map(|event| {
            format!(
                "{} {}",
                event.operation,
                event.record_id.as_deref().unwrap()
            )
        })
        .collect();
    assert_eq!(told, ["UPDATE 1", "UPDATE 2", "DELETE 1"]);
    let all = world.events().await;
    assert!(given.iter().all(|event| all.contains(event)));
}
