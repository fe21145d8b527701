//! What a batch costs: it is found by the primary key, however long the log is.

use std::time::{Duration, Instant};

use audit_core::Event;
use audit_core::query::{LogQuery, Position, removal};
use audit_core::retention::{NewHold, Policy, Retention, Selection};
use audit_testkit::{Explain, Server};
use chrono::Utc;

use super::retention::held;
use super::world::{Db, World};

/// How many events the log has. `AUDIT_PURGE_EVENTS` is for a longer one by hand.
const EVENTS: u64 = 20_000;
/// The events of a batch.
const BATCH: u32 = 1_000;

#[expect(clippy::print_stdout, reason = "what was measured is told")]
pub(crate) async fn a_batch_is_found_by_the_primary_key<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let events = std::env::var("AUDIT_PURGE_EVENTS").ok();
    let events = events.map_or(EVENTS, |text| text.parse().unwrap());
    world.fill(0, events).await;
    // Nine of ten events stay, and lie between those that go.
    let keeps = Selection::new().record((0..10).map(|at| format!("{at}")).collect::<Vec<_>>());
    held(&world, &NewHold::new("some", "a case").select(keeps)).await;
    let log = world.log_table();
    let tenth = format!("UPDATE {log} SET severity = 'low' WHERE record_id LIKE '%7'");
    world.raw.run(&tenth).await;
    world.raw.run(Explain::of(server.dialect()).analyze).await;
    assert_plans(&mut world, server).await;

    let low = Selection::new().severity(audit_core::Severity::Low);
    let retention = Retention::new([Policy::new("low", "1d").select(low)]).unwrap();
    let purge = world.trail().purge(&retention).await.unwrap();
    let (mut trail, mut batches) = (world.trail(), purge.batches(BATCH));
    let (mut locked, mut looked) = (Duration::ZERO, Duration::ZERO);
    let mut removed = 0;
    loop {
        let start = Instant::now();
        let Some(batch) = batches.next(&mut trail).await.unwrap() else {
            break;
        };
        looked = looked.max(start.elapsed());
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        let start = Instant::now();
        let mut writer = audit_sqlx::writer(&mut *transaction);
        removed += batch.apply(&mut writer).await.unwrap().events;
        transaction.commit().await.unwrap();
        locked = locked.max(start.elapsed());
    }
    assert_eq!(removed, events / 10 - 1);
    println!(
        "{server:?}: {events} events, batches of {BATCH}: looked for {looked:?} at most, without a \
         lock, and removed under locks for {locked:?} at most"
    );
}

/// Both statements under the lock look each event up, and read no other.
async fn assert_plans<DB: Db>(world: &mut World<DB>, server: Server) {
    let query = LogQuery::new()
        .severity(audit_core::Severity::Low)
        .oldest_first()
        .limit(BATCH);
    let (dialect, now) = (server.dialect(), Utc::now());
    let events = audit_sqlx::log(&world.pool).matching(query.clone()).list();
    let places: Vec<Position> = events.await.unwrap().iter().map(Event::position).collect();
    assert_eq!(places.len(), BATCH as usize);
    for statement in [
        query.to_locked_positions(dialect, now, &places).unwrap(),
        removal(dialect, &places).unwrap(),
    ] {
        let explain = Explain::of(dialect).statement(&statement);
        let plan = world.raw.texts(&explain).await;
        let plan: Vec<String> = plan
            .into_iter()
            .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" "))
            .collect();
        let found = match dialect {
            audit_core::Dialect::MySql => "eq_ref PRIMARY",
            // A partition has an index of its own name.
            audit_core::Dialect::Postgres => "_pkey on audit_logs",
            _ => "SEARCH main.audit_logs USING PRIMARY KEY (occurred_at=?)",
        };
        assert!(plan.iter().any(|step| step.contains(found)), "{plan:#?}");
    }
}
