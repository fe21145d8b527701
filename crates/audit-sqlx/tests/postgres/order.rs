//! The order of events, and their ids.

use audit_core::Operation;
use audit_testkit::Server;

use crate::world::{World, count, line};

pub(crate) async fn ids_grow_with_the_events_and_carry_their_time(server: Server) {
    let world = World::new(server, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    let events = world
        .prove(&[
            "INSERT INTO t SELECT n, 0 FROM generate_series(1, 500) AS n",
            "UPDATE t SET v = 1",
            "DO $$BEGIN FOR n IN 1..300 LOOP UPDATE t SET v = v + 1 WHERE id = 7; END LOOP; END$$",
            "DELETE FROM t WHERE id <= 100",
        ])
        .await;
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
    let events = world.prove(&["INSERT INTO t VALUES (1, 2)"]).await;
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
    let events = world
        .prove(&[
            "INSERT INTO t VALUES (1, 1, 0), (2, 0, 0)",
            "UPDATE t SET w = 9",
            "UPDATE t SET v = 5",
            "UPDATE t SET v = 0",
        ])
        .await;
    assert_eq!(world.story().await, ["INSERT t 1", "UPDATE t 1"]);
    assert_eq!(
        events[0].after_data.as_ref().unwrap().as_str(),
        r#"{"id":1,"v":1,"w":2}"#
    );
    assert_eq!(events[1].changed_fields.clone().unwrap(), ["v", "w"]);
    world.remove().await;
}

/// Everything that a trigger of the application's can do to the row that made it fire.
pub(crate) async fn triggers_that_write_the_same_row_are_replayed(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, v int);
         CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
             IF TG_WHEN = 'BEFORE' AND TG_OP = 'INSERT' AND NEW.v = 1 THEN
                 INSERT INTO t VALUES (NEW.id + 100, 7); NEW.v := 2;
             ELSIF TG_WHEN = 'BEFORE' AND TG_OP = 'DELETE' AND OLD.id = 2 THEN
                 UPDATE t SET v = 99 WHERE id = 1; RETURN OLD;
             ELSIF TG_WHEN = 'BEFORE' AND TG_OP = 'DELETE' THEN
                 RETURN CASE WHEN OLD.id = 3 THEN NULL ELSE OLD END;
             ELSIF TG_WHEN = 'AFTER' AND TG_OP = 'INSERT' AND NEW.v = 5 THEN
                 DELETE FROM t WHERE id = NEW.id;
             ELSIF TG_WHEN = 'AFTER' AND TG_OP = 'UPDATE' AND NEW.v < 0 THEN
                 UPDATE t SET v = -NEW.v, id = NEW.id + 1000 WHERE id = NEW.id;
             ELSIF TG_WHEN = 'AFTER' AND TG_OP = 'DELETE' AND OLD.id = 101 THEN
                 INSERT INTO t VALUES (OLD.id, 0);
             END IF;
             RETURN NEW; END$$;
         CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON t
             FOR EACH ROW EXECUTE FUNCTION own();
         CREATE TRIGGER a_too AFTER INSERT OR UPDATE OR DELETE ON t
             FOR EACH ROW EXECUTE FUNCTION own();",
    )
    .await;
    world
        .prove(&[
            "INSERT INTO t VALUES (1, 1)",
            "INSERT INTO t VALUES (2, 2)",
            "INSERT INTO t VALUES (3, 3)",
            "INSERT INTO t VALUES (4, 5)",
            "DELETE FROM t WHERE id = 2",
            "DELETE FROM t WHERE id = 3",
            "UPDATE t SET v = -3 WHERE id = 3",
            "DELETE FROM t WHERE id = 101",
        ])
        .await;
    assert_eq!(
        world.story().await,
        [
            "INSERT t 101",
            "INSERT t 1",
            "INSERT t 2",
            "INSERT t 3",
            "INSERT t 4",
            "DELETE t 4",
            "UPDATE t 1",
            "DELETE t 2",
            "UPDATE t 3",
            "UPDATE t 1003",
            "DELETE t 101",
            "INSERT t 101"
        ]
    );
    world.remove().await;
}

/// The server fires triggers behind the statement, or behind each row of it, so what a trigger
/// of the application's writes of another row of the same statement can be ahead of that row.
pub(crate) async fn a_write_to_another_row_of_the_statement_may_be_ahead_of_it(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE early (id int PRIMARY KEY, v int); CREATE TABLE late (LIKE early INCLUDING ALL);
         CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
             IF TG_WHEN = 'BEFORE' AND NEW.id = 2 THEN UPDATE early SET v = 9 WHERE id = 1; END IF;
             IF TG_WHEN = 'AFTER' AND NEW.id = 1 THEN UPDATE late SET v = 9 WHERE id = 2; END IF;
             RETURN NEW; END$$;
         CREATE TRIGGER own BEFORE INSERT ON early FOR EACH ROW EXECUTE FUNCTION own();
         CREATE TRIGGER own AFTER INSERT ON late FOR EACH ROW EXECUTE FUNCTION own();",
    )
    .await;
    world
        .run(&[
            "INSERT INTO early VALUES (1, 0), (2, 0)",
            "INSERT INTO late VALUES (1, 0), (2, 0)",
        ])
        .await;
    assert_eq!(
        world.story().await,
        [
            "UPDATE early 1",
            "INSERT early 1",
            "INSERT early 2",
            "INSERT late 1",
            "UPDATE late 2",
            "INSERT late 2"
        ]
    );
    world.remove().await;
}
