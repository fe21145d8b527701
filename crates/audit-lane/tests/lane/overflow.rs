//! What happens when the database takes nothing.

use std::time::{Duration, Instant};

use audit_core::{Event, EventQueue};
use audit_lane::{Lane, Overflow, SendError, StartError};
use audit_sqlx::AuditDatabase;
use audit_testkit::Server;

use super::world::{LONG, World, numbered};

/// The resident memory of this process in bytes.
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

pub(crate) async fn a_stalled_database_slows_nobody_and_fills_no_memory<DB: AuditDatabase>(
    server: Server,
) {
    let mut world = World::<DB>::new(server).await;
    const SENT: usize = 20_000;
    let padding = "x".repeat(4096);
    world.stall().await;
    let lane = Lane::builder(world.sink(), Overflow::DropNewest)
        .max_events(200)
        .max_bytes(512 * 1024)
        .start()
        .unwrap();
    let before = memory();
    let mut times = Vec::with_capacity(SENT);
    for name in numbered(0..SENT) {
        let event = Event::custom(name).reason(padding.as_str());
        let start = Instant::now();
        let _ = lane.try_send(event);
        times.push(start.elapsed());
    }
    times.sort();
    let [p50, p99] = [times[SENT / 2], times[SENT * 99 / 100]];
    let grown = memory().saturating_sub(before);
    println!("p50 {p50:?}, p99 {p99:?}, memory grew by {grown} bytes");
    // All of it would be 80 MiB.
    assert!(grown < 16 * 1024 * 1024, "{grown}");
    // Whoever waited for the database would wait until the end of the stall, which comes later.
    assert!(p99 < Duration::from_secs(1), "{p99:?}");
    let stalled = lane.counts();
    assert!(stalled.waiting > 0 && stalled.waiting <= 200, "{stalled:?}");
    assert_eq!(stalled.written, 0);
    world.go_on().await;
    assert_eq!(lane.shutdown(LONG).await.lost, 0);
    let counts = lane.counts();
    let accounted = usize::try_from(counts.queued + counts.dropped).unwrap();
    assert_eq!(accounted, SENT, "{counts:?}");
    // Those that were taken, and one that tells how many were not.
    let events = world.events().await;
    let (told, taken): (Vec<_>, Vec<_>) = events
        .iter()
        .partition(|event| event.action.as_deref() == Some("audit.lane.dropped"));
    assert_eq!(taken.len() as u64, counts.queued);
    let mut actions: Vec<_> = taken.iter().map(|event| &event.action).collect();
    actions.dedup();
    assert_eq!(actions.len(), taken.len());
    let number = |event: &&Event| event.metadata.as_ref().unwrap().to_value()["dropped"].as_u64();
    let told_of: u64 = told.iter().filter_map(number).sum();
    assert_eq!(told_of, counts.dropped);
    assert_eq!(told[0].outcome.as_str(), "failure");
    assert_eq!(told[0].actor_id.as_deref(), Some("audit-lane"));
}

pub(crate) async fn a_sender_waits_for_room_and_no_longer<DB: AuditDatabase>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    world.stall().await;
    let deadline = Duration::from_millis(50);
    let short = world.lane(Overflow::Block { deadline }, 1);
    short.send(Event::custom("first")).await.unwrap();
    let late = short.send(Event::custom("late")).await;
    assert!(matches!(late, Err(SendError::Full)), "{late:?}");
    let at_once = short.try_send(Event::custom("at once"));
    assert!(matches!(at_once, Err(SendError::Full)), "{at_once:?}");
    // A future that nobody polls is no event, but a number.
    drop(short.send(Event::custom("forgotten")));
    assert_eq!(short.counts().dropped, 3);
    let long = world.lane(Overflow::Block { deadline: LONG }, 1);
    long.send(Event::custom("second")).await.unwrap();
    let waits = long.send(Event::custom("waits"));
    let (waited, ()) = tokio::join!(waits, world.go_on());
    waited.unwrap();
    assert_eq!(short.shutdown(LONG).await.lost, 0);
    assert_eq!(long.shutdown(LONG).await.lost, 0);
    let mut actions = world.actions().await;
    actions.sort();
    assert_eq!(actions, ["audit.lane.dropped", "first", "second", "waits"]);
    let closed = long.send(Event::custom("closed")).await;
    assert!(matches!(closed, Err(SendError::Closed)), "{closed:?}");
}

pub(crate) async fn what_was_spilled_is_written_when_the_database_is_back<DB: AuditDatabase>(
    server: Server,
) {
    let mut world = World::<DB>::new(server).await;
    world.stall().await;
    let lane = world.lane(world.spilling(), 10);
    let other = Lane::builder(world.sink(), world.spilling()).start();
    assert!(matches!(other, Err(StartError::SpillInUse { .. })));
    let names = numbered(0..1500);
    for name in &names {
        lane.send(Event::custom(name.as_str())).await.unwrap();
    }
    let stalled = lane.counts();
    assert_eq!((stalled.queued, stalled.spilled), (10, 1490));
    assert_eq!(stalled.in_file, 1490);
    world.go_on().await;
    // What comes later finds room again, and waits for nothing that was spilled.
    EventQueue::send(&lane, Event::custom("step 001500")).await;
    let rest = lane.shutdown(LONG).await;
    assert_eq!((rest.lost, rest.in_file), (0, 0));
    assert_eq!(world.actions().await, numbered(0..1501));
    assert_eq!(lane.counts().written, 1501);
    assert_eq!(std::fs::metadata(world.file()).unwrap().len(), 0);
}

pub(crate) async fn what_is_left_at_the_end_is_told_or_kept<DB: AuditDatabase>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let moment = Duration::from_millis(50);
    world.stall().await;
    let dropping = world.lane(Overflow::DropNewest, 10);
    let spilling = world.lane(world.spilling(), 10);
    for name in numbered(0..5) {
        dropping.try_send(Event::custom("lost")).unwrap();
        spilling.try_send(Event::custom(name)).unwrap();
    }
    assert_eq!(dropping.shutdown(moment).await.lost, 5);
    assert_eq!(dropping.counts().dropped, 5);
    let rest = spilling.shutdown(moment).await;
    assert_eq!((rest.lost, rest.in_file), (0, 5));
    drop(spilling);
    world.go_on().await;
    // The next one of the file writes what it finds, without any event of its own.
    let next = world.lane(world.spilling(), 10);
    assert_eq!(next.shutdown(LONG).await.in_file, 0);
    let mut actions = world.actions().await;
    // What a server had begun with may have come to its end.
    actions.retain(|action| action != "lost");
    assert_eq!(actions, numbered(0..5));
}
