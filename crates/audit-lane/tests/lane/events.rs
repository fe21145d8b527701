//! What an event of a lane holds.

use audit_core::lane::EventSink as _;
use audit_core::{AuditContext, Dialect, Event, ManualEvent, Outcome, QueuedEvent, Severity};
use audit_lane::{Lane, Overflow};
use audit_sqlx::AuditDatabase;
use audit_store::{LogQuery, Trail};
use audit_testkit::Server;

use super::world::{LONG, World, numbered, user};

fn rich() -> ManualEvent {
    Event::custom("record.open")
        .record("patients", "7")
        .outcome(Outcome::Denied)
        .before_data(serde_json::json!({"a": [1, "two"]}))
        .after_data(serde_json::json!({"b": null}))
        .description("what {actor} did")
        .reason_code("not_on_the_ward")
        .error_code("42501")
        .error_message("permission denied")
        .data_class(audit_core::DataClass::Restricted)
        .compliance(["hipaa", "it's \"so\""])
        .metadata("attempt", 2)
}

fn context() -> AuditContext {
    user("alice")
        .with_request_id("r-1")
        .with_causation_id("c-1")
        .with_fact("method", "GET")
        .with_reason("ticket 7")
        .with_label("opened")
        .with_severity(Severity::High)
        .with_metadata("ward", "3")
}

/// Compared with the same event by `record`, which is another statement and another path.
pub(crate) async fn an_event_has_the_context_of_the_call_that_sent_it<DB: AuditDatabase>(
    server: Server,
) {
    let world = World::<DB>::new(server).await;
    let lane = world.lane(Overflow::DropNewest, 10);
    let sent = context().sync_scope(|| lane.send(rich()));
    // Neither the task that writes nor the one that awaits has a say.
    user("mallory").scope(sent).await.unwrap();
    lane.try_send(Event::custom("nobody")).unwrap();
    assert_eq!(lane.shutdown(LONG).await.lost, 0);
    let record = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        audit_sqlx::record(&mut *transaction, rich()).await.unwrap();
        transaction.commit().await.unwrap();
    };
    context().scope(record).await;
    let log = audit_sqlx::log(&world.pool).action("record.open");
    let [recorded, lane] = log.list().await.unwrap().try_into().unwrap();
    assert_eq!(lane.source.as_str(), "lane");
    assert!(lane.recorded_at > lane.occurred_at);
    let comparable = |event: &Event| {
        let mut fields = serde_json::to_value(event).unwrap();
        let fields = fields.as_object_mut().unwrap();
        for name in [
            "id",
            "occurred_at",
            "recorded_at",
            "source",
            "transaction_id",
        ] {
            fields.remove(name);
        }
        // An object keeps no order in one dialect.
        for name in ["metadata", "context", "before_data", "after_data"] {
            let text = fields[name].to_string();
            fields[name] = serde_json::from_str(&text).unwrap();
        }
        std::mem::take(fields)
    };
    assert_eq!(comparable(&lane), comparable(&recorded));
    assert_eq!(lane.actor_id.as_deref(), Some("alice"));
    let events = world.events().await;
    let nobody = &events[1];
    assert_eq!(nobody.actor_kind.as_str(), "unknown");
    assert_eq!(nobody.service.as_deref(), Some("clinic"));
}

pub(crate) async fn every_text_arrives_as_it_was<DB: AuditDatabase>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let texts = [
        "it's",
        r#"a "quote", a \ and a ?"#,
        "\u{e9}\u{1f600}\u{4e2d}",
        "a line\nand a tab\t",
        "%s $1 :x -- ; #",
        "null",
    ];
    let lane = world.lane(Overflow::DropNewest, 100);
    for text in texts {
        let event = Event::custom(text).record(text, text).metadata(text, text);
        lane.try_send(event.reason(text)).unwrap();
    }
    lane.try_send(Event::custom("nul\0nul")).unwrap();
    let rest = lane.shutdown(LONG).await;
    assert_eq!(
        (rest.lost, lane.counts().written),
        (0, 7),
        "{:?}",
        lane.counts()
    );
    let events = world.events().await;
    for (text, event) in texts.iter().zip(&events) {
        let expected = Some(*text);
        assert_eq!(event.action.as_deref(), expected);
        assert_eq!(event.table_name.as_deref(), expected);
        assert_eq!(event.record_id.as_deref(), expected);
        assert_eq!(event.reason.as_deref(), expected);
        let metadata = event.metadata.as_ref().unwrap().to_value();
        assert_eq!(metadata, serde_json::json!({ *text: text }));
    }
    assert_eq!(events[6].action.as_deref(), Some("nul\u{fffd}nul"));
    // The order of the log is that of the calls.
    let log = world.log();
    let sql = format!("SELECT action FROM {log} WHERE source = 'lane' ORDER BY occurred_at, id");
    let stored = world.raw.texts(&sql).await;
    let stored: Vec<_> = stored.iter().map(|row| row[0].as_deref()).collect();
    assert_eq!(&stored[..6], texts.map(Some));
}

pub(crate) async fn what_is_written_again_is_there_once<DB: AuditDatabase>(server: Server) {
    let world = World::<DB>::new(server).await;
    let sink = world.sink();
    let made =
        |name: &String| QueuedEvent::new(Event::custom(name.as_str()), &sink.stamp()).unwrap();
    let names = numbered(0..5);
    let events: Vec<QueuedEvent> = names.iter().map(made).collect();
    sink.write(&events[..3]).await.unwrap();
    // Those of a batch of which some are there are written one by one where the dialect asks for it.
    if sink.write(&events).await.is_err() {
        assert_eq!(world.dialect(), Dialect::MySql);
        for event in &events {
            sink.write(std::slice::from_ref(event)).await.unwrap();
        }
    }
    assert_eq!(world.actions().await, names);
}

pub(crate) async fn a_follower_sees_an_event_that_waited<DB: AuditDatabase>(server: Server) {
    let world = World::<DB>::new(server).await;
    let sink = world.sink();
    let waits = QueuedEvent::new(Event::custom("waited"), &sink.stamp()).unwrap();
    sink.write(&[QueuedEvent::new(Event::custom("newer"), &sink.stamp()).unwrap()])
        .await
        .unwrap();
    let mut trail = Trail::of(audit_sqlx::log(&world.pool));
    let mut follow = trail.follow(&LogQuery::new()).await.unwrap();
    assert_eq!(follow.poll().await.unwrap(), []);
    sink.write(&[waits]).await.unwrap();
    let [event] = follow.poll().await.unwrap().try_into().unwrap();
    assert_eq!(event.action.as_deref(), Some("waited"));
    assert_eq!(follow.poll().await.unwrap(), []);
}

pub(crate) async fn an_event_that_is_refused_holds_up_no_other<DB: AuditDatabase>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let log = world.log();
    let check = "CHECK (action <> 'poison')";
    let sql = match world.dialect() {
        Dialect::Sqlite => format!("ALTER TABLE {log} ADD COLUMN harmless INTEGER {check}"),
        _ => format!("ALTER TABLE {log} ADD CONSTRAINT harmless {check}"),
    };
    world.raw.run(&sql).await;
    world.stall().await;
    let lane = Lane::builder(world.sink(), Overflow::DropNewest)
        .start()
        .unwrap();
    for name in ["a", "b", "poison", "c", "poison", "d"] {
        lane.try_send(Event::custom(name)).unwrap();
    }
    world.go_on().await;
    assert_eq!(lane.shutdown(LONG).await.lost, 0);
    assert_eq!(world.actions().await, ["a", "b", "c", "d"]);
    let counts = lane.counts();
    assert_eq!((counts.queued, counts.written, counts.refused), (6, 4, 2));
}
