//! The order of events, and their ids.

use audit_core::Operation;
use audit_testkit::Server;

use crate::world::{World, count, line};

pub(crate) async fn ids_grow_with_the_events_and_carry_their_time(server: Server) {
    let world = World::new(server, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    world
        .run(&[
            "INSERT INTO t SELECT n, 0 FROM generate_series(1, 500) AS n",
            "UPDATE t SET v = 1",
            "DO $$BEGIN FOR n IN 1..300 LOOP UPDATE t SET v = v + 1 WHERE id = 7; END LOOP; END$$",
            "DELETE FROM t WHERE id <= 100",
        ])
        .await;
    let events = world.events().await;
    assert_eq!(events.len(), 500 + 500 + 300 + 100);
    // The ids alone give the order of the log, and no two are the same.
    let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), events.len());
    for event in &events {
        assert_eq!(event.id.get_version_num(), 7);
        assert_eq!(event.id.get_variant(), uuid::Variant::RFC4122);
        let millis = event.id.as_u128() >> 80;
        assert_eq!(
            millis,
            u128::try_from(event.occurred_at.timestamp_millis()).unwrap()
        );
        let micros = (event.id.as_u128() >> 66) & 0x3ff;
        assert_eq!(
            micros,
            u128::from(event.occurred_at.timestamp_subsec_micros() % 1000)
        );
    }
    // The changes of one record, in the order in which they were made.
    let of_seven = events
        .iter()
        .filter(|event| event.record_id.as_deref() == Some("7"));
    let values: Vec<i64> = of_seven
        .filter_map(|event| event.after_data.as_ref())
        .map(|image| image.to_object()["v"].as_i64().unwrap())
        .collect();
    assert_eq!(values, (0..=301).collect::<Vec<_>>());
    world.remove().await;
}

pub(crate) async fn triggers_of_the_application_come_after(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE log (id serial, v int);
         CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
             IF NEW.v < 3 THEN UPDATE t SET v = NEW.v + 1 WHERE id = NEW.id; END IF;
             INSERT INTO log (v) VALUES (NEW.v); RETURN NULL; END$$;
         CREATE TRIGGER \"A\" AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION again();
         CREATE CONSTRAINT TRIGGER \"B\" AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION again();",
    )
    .await;
    world.run(&["INSERT INTO t VALUES (1, 2)"]).await;
    let events = world.events().await;
    let of_t: Vec<_> = events
        .iter()
        .filter(|event| event.table_name.as_deref() == Some("t"))
        .map(line)
        .collect();
    assert_eq!(of_t, ["INSERT t 1", "UPDATE t 1"]);
    assert_eq!(count(&events, Operation::Insert), 5);
    world.remove().await;
}

pub(crate) async fn a_before_trigger_of_the_application_is_in_the_image(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, v int, w int);
         CREATE FUNCTION w() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN IF NEW.v = 0 THEN RETURN NULL; END IF; NEW.w := NEW.v * 2; RETURN NEW; END';
         CREATE TRIGGER a BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION w();",
    )
    .await;
    world
        .run(&[
            "INSERT INTO t VALUES (1, 1, 0), (2, 0, 0)",
            "UPDATE t SET w = 9",
            "UPDATE t SET v = 5",
            "UPDATE t SET v = 0",
        ])
        .await;
    let events = world.events().await;
    assert_eq!(world.story().await, ["INSERT t 1", "UPDATE t 1"]);
    assert_eq!(
        events[0].after_data.as_ref().unwrap().as_str(),
        r#"{"id":1,"v":1,"w":2}"#
    );
    assert_eq!(events[1].changed_fields.clone().unwrap(), ["v", "w"]);
    world.remove().await;
}
