//! What becomes of events when a lane ends, or takes one no more.

use std::time::Duration;

use audit_core::{Event, EventQueue};
use audit_lane::{Overflow, SendError};
use audit_sqlx::AuditDatabase;
use audit_testkit::Server;
use tokio::time::timeout;

use super::world::{LONG, World, numbered};

const MOMENT: Duration = Duration::from_millis(50);

pub(crate) async fn a_shutdown_that_was_cut_off_is_taken_over_by_the_next<DB: AuditDatabase>(
    server: Server,
) {
    let mut world = World::<DB>::new(server).await;
    world.stall().await;
    let lane = world.lane(Overflow::DropNewest, 10);
    for name in numbered(0..5) {
        lane.try_send(Event::custom(name)).unwrap();
    }
    let cut = timeout(Duration::from_millis(1), lane.shutdown(LONG)).await;
    assert!(cut.is_err());
    let (second, third, ()) = tokio::join!(lane.shutdown(LONG), lane.shutdown(LONG), world.go_on());
    assert_eq!((second.lost, third.lost), (0, 0));
    assert_eq!(world.actions().await, numbered(0..5));
    assert_eq!(lane.counts().dropped, 0);
}

pub(crate) async fn what_a_shutdown_lost_the_next_one_tells_too<DB: AuditDatabase>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    world.stall().await;
    let lane = world.lane(Overflow::DropNewest, 10);
    lane.try_send(Event::custom("lost")).unwrap();
    assert_eq!(lane.shutdown(MOMENT).await.lost, 1);
    assert_eq!(lane.shutdown(MOMENT).await.lost, 1);
    assert_eq!(lane.counts().dropped, 1);
}

pub(crate) async fn what_comes_after_the_end_goes_into_the_file<DB: AuditDatabase>(server: Server) {
    let world = World::<DB>::new(server).await;
    let lane = world.lane(world.spilling(), 10);
    assert_eq!(lane.shutdown(LONG).await.lost, 0);
    lane.send(Event::custom("late")).await.unwrap();
    assert_eq!((lane.counts().spilled, lane.counts().dropped), (1, 0));
    drop(lane);
    let next = world.lane(world.spilling(), 10);
    assert_eq!(next.shutdown(LONG).await.in_file, 0);
    assert_eq!(world.actions().await, ["late"]);
}

pub(crate) async fn what_was_dropped_is_told_by_the_next_lane_of_the_file<DB: AuditDatabase>(
    server: Server,
) {
    let mut world = World::<DB>::new(server).await;
    world.stall().await;
    let lane = world.lane(world.spilling(), 10);
    let large = Event::custom("large").reason("x".repeat(2 * 1024 * 1024));
    let dropped = lane.send(large).await;
    assert!(matches!(dropped, Err(SendError::TooLarge { .. })));
    let rest = lane.shutdown(MOMENT).await;
    assert_eq!((rest.lost, rest.in_file), (0, 1));
    drop(lane);
    world.go_on().await;
    let next = world.lane(world.spilling(), 10);
    assert_eq!(next.shutdown(LONG).await.in_file, 0);
    assert_eq!(world.actions().await, ["audit.lane.dropped"]);
}

pub(crate) async fn a_lost_event_is_told_without_another_one<DB: AuditDatabase>(server: Server) {
    let world = World::<DB>::new(server).await;
    let lane = world.lane(Overflow::DropNewest, 10);
    // The task has nothing to do by now.
    tokio::time::sleep(MOMENT).await;
    let large = Event::custom("large").reason("x".repeat(2 * 1024 * 1024));
    assert!(lane.try_send(large).is_err());
    let told = async {
        while lane.counts().written == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), told).await.unwrap();
    assert_eq!(world.actions().await, ["audit.lane.dropped"]);
    // One that is not complete is a number, also where nobody is given an error.
    EventQueue::send(&lane, Event::custom(" ")).await;
    assert_eq!(lane.counts().refused, 1);
}
