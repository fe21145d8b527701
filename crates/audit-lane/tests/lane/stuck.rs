//! What would hold up all other events for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit_core::lane::WriteError;
use audit_core::stamp::Stamp;
use audit_core::{Dialect, Event, EventSink, QueuedEvent};
use audit_lane::{Lane, Overflow};
use audit_sqlx::{AuditDatabase, PoolSink};
use audit_testkit::Server;

use super::world::World;

/// Longer than anything here takes, and not for ever.
const LONG: Duration = Duration::from_secs(20);

/// Statements that make the database answer one event with an error that is not about its values.
fn poison(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::MySql => &[
            "CREATE TRIGGER poison BEFORE INSERT ON audit_logs FOR EACH ROW \
             IF NEW.action = 'poison' THEN SIGNAL SQLSTATE '45000'; END IF",
        ],
        Dialect::Postgres => &[
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'poison'; END $$",
            "CREATE TRIGGER poison BEFORE INSERT ON audit.audit_logs FOR EACH ROW \
             WHEN (NEW.action = 'poison') EXECUTE FUNCTION poison()",
        ],
        _ => &["CREATE TRIGGER poison BEFORE INSERT ON audit_logs \
             WHEN NEW.action = 'poison' BEGIN SELECT json('no JSON'); END"],
    }
}

pub(crate) async fn an_event_that_only_fails_holds_up_no_other<DB: AuditDatabase>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    for sql in poison(world.dialect()) {
        world.raw.run(sql).await;
    }
    world.stall().await;
    let lane = world.lane(Overflow::DropNewest, 10);
    for action in ["a", "poison", "b"] {
        lane.try_send(Event::custom(action)).unwrap();
    }
    world.go_on().await;
    assert_eq!(lane.shutdown(LONG).await.lost, 0);
    // One that is alone has no neighbour to compare with.
    let alone = world.lane(Overflow::DropNewest, 10);
    alone.try_send(Event::custom("poison")).unwrap();
    assert_eq!(alone.shutdown(LONG).await.lost, 0);
    assert_eq!((lane.counts().refused, alone.counts().refused), (1, 1));
    let mut actions = world.actions().await;
    actions.sort();
    let noted = "audit.lane.write_failed";
    assert_eq!(actions, ["a", noted, noted, "b"]);
}

/// The peer of the first connection vanishes: no answer ever comes.
struct FirstHangs<DB: AuditDatabase> {
    sink: PoolSink<DB>,
    hung: AtomicBool,
}

impl<DB: AuditDatabase> EventSink for FirstHangs<DB> {
    type Error = sqlx::Error;

    fn stamp(&self) -> Arc<Stamp> {
        self.sink.stamp()
    }

    async fn write(&self, events: &[QueuedEvent]) -> Result<(), WriteError<sqlx::Error>> {
        if !self.hung.swap(true, Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.sink.write(events).await
    }
}

pub(crate) async fn a_connection_without_an_answer_is_given_up<DB: AuditDatabase>(server: Server) {
    let world = World::<DB>::new(server).await;
    let sink = FirstHangs {
        sink: world.sink(),
        hung: AtomicBool::new(false),
    };
    let lane = Lane::builder(sink, Overflow::DropNewest)
        .write_timeout(Duration::from_secs(1))
        .start()
        .unwrap();
    lane.try_send(Event::custom("a")).unwrap();
    assert_eq!(lane.shutdown(LONG).await.lost, 0);
    assert_eq!(world.actions().await, ["a"]);
}
