//! Ways to write a row.

use audit_core::Operation;
use audit_testkit::Server;
use sqlx::Executor;

use crate::world::{World, after, alice, before, count};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, v text)";

pub(crate) async fn copy_records_each_row(server: Server) {
    let world = World::new(server, TABLE).await;
    let mut connection = alice().scope(world.pool.acquire()).await.unwrap();
    let mut copy = connection.copy_in_raw("COPY t FROM STDIN").await.unwrap();
    copy.send("1\ta\n2\t\\N\n".as_bytes()).await.unwrap();
    assert_eq!(copy.finish().await.unwrap(), 2);
    drop(connection);
    let events = world.events().await;
    assert_eq!(after(&events[0]), r#"{"id":1,"v":"a"}"#);
    assert_eq!(after(&events[1]), r#"{"id":2,"v":null}"#);
    assert_eq!(events[1].actor_id.as_deref(), Some("alice"));
    world.remove().await;
}

pub(crate) async fn merge_records_what_it_did(server: Server) {
    let world = World::new(server, TABLE).await;
    world
        .run(&[
            "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')",
            "MERGE INTO t USING (VALUES (1, 'x'), (2, 'b'), (4, 'd')) AS s (id, v) ON t.id = s.id \
             WHEN MATCHED AND s.id = 1 THEN DELETE \
             WHEN MATCHED THEN UPDATE SET v = s.v || '!' \
             WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)",
        ])
        .await;
    let mut story = world.story().await.split_off(3);
    story.sort();
    assert_eq!(story, ["DELETE t 1", "INSERT t 4", "UPDATE t 2"]);
    world.remove().await;
}

pub(crate) async fn statements_within_a_statement_are_recorded(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY, v text)",
    )
    .await;
    world
        .run(&[
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
            "WITH gone AS (DELETE FROM t WHERE id = 1 RETURNING *), \
                  changed AS (UPDATE t SET v = 'c' WHERE id = 2 RETURNING id) \
             INSERT INTO u SELECT * FROM gone",
            "INSERT INTO u VALUES (1, 'x'), (7, 'y') \
             ON CONFLICT (id) DO UPDATE SET v = excluded.v WHERE u.v <> excluded.v",
            "INSERT INTO u VALUES (1, 'x') ON CONFLICT DO NOTHING",
            "CREATE TABLE copied AS SELECT * FROM u",
        ])
        .await;
    let mut story = world.story().await.split_off(2);
    story[..3].sort();
    story[3..].sort();
    assert_eq!(
        story,
        [
            "DELETE t 1",
            "INSERT u 1",
            "UPDATE t 2",
            "INSERT u 7",
            "UPDATE u 1"
        ]
    );
    world.remove().await;
}

pub(crate) async fn views_and_their_triggers_are_seen_in_their_tables(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, v text);
         CREATE VIEW simple AS SELECT id, v AS w FROM t WHERE id < 100;
         CREATE VIEW joined AS SELECT a.id, b.v FROM t AS a JOIN t AS b USING (id);
         CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
             IF TG_OP = 'DELETE' THEN DELETE FROM t WHERE id = OLD.id; RETURN OLD; END IF;
             INSERT INTO t VALUES (NEW.id, NEW.v) ON CONFLICT (id) DO UPDATE SET v = NEW.v;
             RETURN NEW; END$$;
         CREATE TRIGGER i INSTEAD OF INSERT OR UPDATE OR DELETE ON joined
             FOR EACH ROW EXECUTE FUNCTION instead();
         CREATE TABLE ruled (id int PRIMARY KEY);
         CREATE RULE r AS ON INSERT TO ruled DO ALSO INSERT INTO t VALUES (NEW.id + 1000, 'rule');",
    )
    .await;
    assert_eq!(world.gaps().await, []);
    world
        .run(&[
            "INSERT INTO simple VALUES (1, 'a')",
            "UPDATE simple SET w = 'b'",
            "INSERT INTO joined VALUES (2, 'c')",
            "UPDATE joined SET v = 'd' WHERE id = 2",
            "DELETE FROM joined WHERE id = 2",
            "INSERT INTO ruled VALUES (5)",
        ])
        .await;
    assert_eq!(
        world.story().await,
        [
            "INSERT t 1",
            "UPDATE t 1",
            "INSERT t 2",
            "UPDATE t 2",
            "DELETE t 2",
            "INSERT ruled 5",
            "INSERT t 1005"
        ]
    );
    world.remove().await;
}

pub(crate) async fn functions_and_procedures_are_captured(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, v text);
         CREATE FUNCTION add(n int) RETURNS int LANGUAGE sql AS
             'INSERT INTO t VALUES (n, ''f'') RETURNING id';
         CREATE FUNCTION caught() RETURNS void LANGUAGE plpgsql AS $$BEGIN
             INSERT INTO t VALUES (10, 'kept');
             BEGIN INSERT INTO t VALUES (11, 'lost'); INSERT INTO t VALUES (11, 'twice');
             EXCEPTION WHEN unique_violation THEN NULL; END;
             INSERT INTO t VALUES (12, 'kept'); END$$;
         CREATE PROCEDURE batches() LANGUAGE plpgsql AS $$BEGIN
             INSERT INTO t VALUES (20, 'p'); COMMIT;
             INSERT INTO t VALUES (21, 'p'); ROLLBACK;
             INSERT INTO t VALUES (22, 'p'); COMMIT; END$$;",
    )
    .await;
    world
        .run(&["SELECT add(1)", "SELECT caught()", "CALL batches()"])
        .await;
    assert_eq!(
        world.story().await,
        [
            "INSERT t 1",
            "INSERT t 10",
            "INSERT t 12",
            "INSERT t 20",
            "INSERT t 22"
        ]
    );
    let events = world.events().await;
    assert_eq!(events[1].transaction_id, events[2].transaction_id);
    assert_ne!(events[3].transaction_id, events[4].transaction_id);
    assert!(
        events
            .iter()
            .all(|event| event.actor_id.as_deref() == Some("alice"))
    );
    world.remove().await;
}

pub(crate) async fn a_deferred_constraint_takes_its_events_with_it(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE parent (id int PRIMARY KEY);
         CREATE TABLE child (id int PRIMARY KEY,
             parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);",
    )
    .await;
    let error = world
        .try_run("INSERT INTO child VALUES (1, 9)")
        .await
        .unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "23503");
    assert_eq!(world.events().await, []);
    let mut transaction = alice().scope(audit_sqlx::begin(&world.pool)).await.unwrap();
    for sql in [
        "INSERT INTO child VALUES (1, 9)",
        "INSERT INTO parent VALUES (9)",
    ] {
        transaction.execute(sql).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(world.story().await, ["INSERT child 1", "INSERT parent 9"]);
    world.remove().await;
}

pub(crate) async fn foreign_keys_carry_the_actor_to_the_children(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE parent (id int PRIMARY KEY);
         CREATE TABLE gone (id int PRIMARY KEY, p int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
         CREATE TABLE emptied (id int PRIMARY KEY, p int REFERENCES parent ON DELETE SET NULL);
         CREATE TABLE reset (id int PRIMARY KEY,
             p int DEFAULT 1 REFERENCES parent ON DELETE SET DEFAULT);
         CREATE TABLE leaf (id int PRIMARY KEY, g int REFERENCES gone ON DELETE CASCADE);",
    )
    .await;
    world
        .run(&[
            "INSERT INTO parent VALUES (1), (2), (3)",
            "INSERT INTO gone VALUES (20, 2), (30, 3)",
            "INSERT INTO emptied VALUES (20, 2)",
            "INSERT INTO reset VALUES (20, 2)",
            "INSERT INTO leaf VALUES (200, 20), (201, 20)",
            "UPDATE parent SET id = 4 WHERE id = 3",
            "DELETE FROM parent WHERE id = 2",
        ])
        .await;
    let events = world.events().await;
    let mut story: Vec<_> = events.iter().map(crate::world::line).skip(9).collect();
    story.sort();
    assert_eq!(
        story,
        [
            "DELETE gone 20",
            "DELETE leaf 200",
            "DELETE leaf 201",
            "DELETE parent 2",
            "UPDATE emptied 20",
            "UPDATE gone 30",
            "UPDATE parent 4",
            "UPDATE reset 20"
        ]
    );
    assert!(
        events
            .iter()
            .all(|event| event.actor_id.as_deref() == Some("alice"))
    );
    let of = |table: &str| {
        let found = events
            .iter()
            .rfind(|event| event.table_name.as_deref() == Some(table));
        found.unwrap()
    };
    assert_eq!(after(of("emptied")), r#"{"id":20,"p":null}"#);
    assert_eq!(after(of("reset")), r#"{"id":20,"p":1}"#);
    assert_eq!(before(of("gone")), r#"{"id":20,"p":2}"#);
    world.remove().await;
}

pub(crate) async fn truncate_names_each_table_it_empties(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE parent (id int PRIMARY KEY);
         CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent);
         CREATE TABLE other (id int PRIMARY KEY);",
    )
    .await;
    world
        .run(&[
            "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1)",
            "TRUNCATE parent CASCADE",
            "TRUNCATE other, child",
        ])
        .await;
    let events = world.events().await;
    assert_eq!(count(&events, Operation::Truncate), 4);
    let mut story = world.story().await.split_off(2);
    story.sort();
    assert_eq!(
        story,
        [
            "TRUNCATE child -",
            "TRUNCATE child -",
            "TRUNCATE other -",
            "TRUNCATE parent -"
        ]
    );
    assert!(events[2].before_data.is_none() && events[2].after_data.is_none());
    world.remove().await;
}
