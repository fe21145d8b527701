//! Ways to write a row.

use audit_core::Operation;
use audit_testkit::{Server, coverage};
use sqlx::Executor;

use crate::world::{World, after, alice, before, count, line};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, v text)";

pub(crate) async fn copy_records_each_row(server: Server) {
    let world = World::new(server, TABLE).await;
    let events = world
        .proved(async |world| {
            let mut connection = world.connection().await;
            let mut copy = connection.copy_in_raw("COPY t FROM STDIN").await.unwrap();
            copy.send("1\ta\n2\t\\N\n".as_bytes()).await.unwrap();
            assert_eq!(copy.finish().await.unwrap(), 2);
        })
        .await;
    assert_eq!(after(&events[0]), r#"{"id":1,"v":"a"}"#);
    assert_eq!(after(&events[1]), r#"{"id":2,"v":null}"#);
    assert_eq!(events[1].actor_id.as_deref(), Some("alice"));
    world.remove().await;
}

pub(crate) async fn merge_records_what_it_did(server: Server) {
    let world = World::new(server, TABLE).await;
    world
        .prove(&[
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
        .prove(&[
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
            "WITH gone AS (DELETE FROM t WHERE id = 1 RETURNING *), \
                  changed AS (UPDATE t SET v = 'c' WHERE id = 2 RETURNING id) \
             INSERT INTO u SELECT * FROM gone",
            "INSERT INTO u VALUES (1, 'x'), (7, 'y') \
             ON CONFLICT (id) DO UPDATE SET v = excluded.v WHERE u.v <> excluded.v",
            "INSERT INTO u VALUES (1, 'x') ON CONFLICT DO NOTHING",
        ])
        .await;
    world.run(&["CREATE TABLE copied AS SELECT * FROM u"]).await;
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
    world
        .prove(&[
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
    let events = world
        .prove(&["SELECT add(1)", "SELECT caught()", "CALL batches()"])
        .await;
    assert_eq!(
        events.iter().map(line).collect::<Vec<_>>(),
        [
            "INSERT t 1",
            "INSERT t 10",
            "INSERT t 12",
            "INSERT t 20",
            "INSERT t 22"
        ]
    );
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
    let refused = world
        .proved(async |world| {
            let refused = world.try_run("INSERT INTO child VALUES (1, 9)").await;
            let error = refused.unwrap_err();
            assert_eq!(error.as_database_error().unwrap().code().unwrap(), "23503");
        })
        .await;
    assert_eq!(refused, []);
    let kept = world
        .proved(async |world| {
            let mut transaction = alice().scope(audit_sqlx::begin(&world.pool)).await.unwrap();
            for sql in [
                "INSERT INTO child VALUES (1, 9)",
                "INSERT INTO parent VALUES (9)",
            ] {
                transaction.execute(sql).await.unwrap();
            }
            transaction.commit().await.unwrap();
        })
        .await;
    let kept: Vec<_> = kept.iter().map(line).collect();
    assert_eq!(kept, ["INSERT child 1", "INSERT parent 9"]);
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
        .prove(&[
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
    let mut story: Vec<_> = events.iter().map(line).skip(9).collect();
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
        .prove(&[
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

pub(crate) async fn merge_reaches_every_partition(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
         CREATE TABLE low PARTITION OF p FOR VALUES FROM (0) TO (10);
         CREATE TABLE high PARTITION OF p FOR VALUES FROM (10) TO (20);",
    )
    .await;
    world
        .prove(&[
            "INSERT INTO p VALUES (1, 'a'), (2, 'b'), (11, 'c')",
            "MERGE INTO p USING (VALUES (1), (2), (5), (11)) AS s (id) ON p.id = s.id \
             WHEN MATCHED AND s.id = 1 THEN UPDATE SET id = 15 \
             WHEN MATCHED AND s.id = 2 THEN DO NOTHING \
             WHEN MATCHED THEN DELETE \
             WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'new')",
        ])
        .await;
    let mut story = world.story().await.split_off(3);
    story.sort();
    assert_eq!(
        story,
        ["DELETE p 1", "DELETE p 11", "INSERT p 15", "INSERT p 5"]
    );
    world.remove().await;
}

/// PostgreSQL 17 has merges that look at what the source does not name, and through views.
pub(crate) async fn merge_by_source_records_what_it_did(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE VIEW seen AS SELECT * FROM t;",
    )
    .await;
    let merge = "MERGE INTO seen USING (VALUES (1), (4)) AS s (id) ON seen.id = s.id \
                 WHEN MATCHED THEN UPDATE SET v = 'x' \
                 WHEN NOT MATCHED BY SOURCE AND seen.id = 2 THEN DELETE \
                 WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = 'y' \
                 WHEN NOT MATCHED BY TARGET THEN INSERT VALUES (s.id, 'z') \
                 RETURNING merge_action(), seen.id";
    world
        .prove(&["INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')"])
        .await;
    let mut merged = Ok(());
    let events = world
        .proved(async |world| merged = world.try_run(merge).await)
        .await;
    let mut story: Vec<_> = events.iter().map(line).collect();
    story.sort();
    if matches!(server, Server::Postgres15 | Server::Postgres16) {
        let error = merged.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42601");
        assert_eq!(story, [""; 0]);
    } else {
        merged.unwrap();
        assert_eq!(
            story,
            ["DELETE t 2", "INSERT t 4", "UPDATE t 1", "UPDATE t 3"]
        );
    }
    world.remove().await;
}

pub(crate) async fn upserts_of_every_kind_record_what_they_did(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int CONSTRAINT k PRIMARY KEY, v text, w int UNIQUE);
         CREATE UNIQUE INDEX ON t (lower(v)) WHERE w > 0;
         CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
         CREATE TABLE leaf PARTITION OF p DEFAULT;",
    )
    .await;
    world
        .prove(&[
            "INSERT INTO t VALUES (1, 'A', 1), (2, 'B', 2); INSERT INTO p VALUES (1, 'a')",
            "INSERT INTO t VALUES (1, 'C', 3) ON CONFLICT ON CONSTRAINT k DO UPDATE SET v = 'c'",
            "INSERT INTO t VALUES (9, 'b', 9) ON CONFLICT (lower(v)) WHERE w > 0 \
             DO UPDATE SET w = excluded.w",
            "INSERT INTO t VALUES (5, 'x', 9) ON CONFLICT (w) DO UPDATE SET id = excluded.id",
            "INSERT INTO t VALUES (1, 'x', 7), (6, 'new', 6) ON CONFLICT DO NOTHING",
            "INSERT INTO t VALUES (1, 'x', 7) ON CONFLICT (id) DO UPDATE SET v = t.v",
            "INSERT INTO t VALUES (1, 'x', 7) ON CONFLICT (id) DO UPDATE SET v = 'n' WHERE false",
            "INSERT INTO p VALUES (1, 'b'), (2, 'c') ON CONFLICT (id) DO UPDATE SET v = excluded.v",
        ])
        .await;
    let mut story = world.story().await.split_off(3);
    story[4..].sort();
    assert_eq!(
        story,
        [
            "UPDATE t 1",
            "UPDATE t 2",
            "UPDATE t 5",
            "INSERT t 6",
            "INSERT p 2",
            "UPDATE p 1"
        ]
    );
    let moved = &world.events().await[5];
    assert_eq!(moved.previous_record_id.as_deref(), Some("2"));
    world.remove().await;
}

pub(crate) async fn copy_is_recorded_through_views_filters_and_errors(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE VIEW seen AS SELECT * FROM t;
         CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
             INSERT INTO t VALUES (NEW.id, NEW.v); RETURN NEW; END$$;
         CREATE TRIGGER i INSTEAD OF INSERT ON seen FOR EACH ROW EXECUTE FUNCTION instead();",
    )
    .await;
    for (copy, rows) in [
        (
            "COPY t FROM STDIN (FORMAT csv, HEADER) WHERE id <> 2",
            "id,v\n1,\"a\nb\"\n2,b\n",
        ),
        ("COPY seen FROM STDIN (FORMAT csv)", "3,c\n"),
        ("COPY t (v, id) FROM STDIN (FORMAT csv)", "d,4\n"),
        ("COPY t FROM STDIN (FORMAT csv)", "5,e\n1,twice\n"),
        ("COPY t FROM STDIN (FORMAT csv)", "6,f\nno number,g\n"),
    ] {
        let work = async |world: &World| {
            let mut connection = world.connection().await;
            let mut stream = connection.copy_in_raw(copy).await.unwrap();
            stream.send(rows.as_bytes()).await.unwrap();
            let copied = stream.finish().await;
            let fails = rows.contains("twice") || rows.contains("no number");
            assert_eq!(copied.is_err(), fails, "{copy}");
        };
        world.proved(work).await;
    }
    assert_eq!(
        world.story().await,
        ["INSERT t 1", "INSERT t 3", "INSERT t 4"]
    );
    assert_eq!(after(&world.events().await[0]), r#"{"id":1,"v":"a\nb"}"#);
    world.remove().await;
}

/// The server gathers the rows of all parts of a statement that write one table.
pub(crate) async fn statements_on_one_table_within_a_statement_are_recorded_once(server: Server) {
    let world = World::new(server, TABLE).await;
    world
        .prove(&[
            "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')",
            "WITH i AS (INSERT INTO t VALUES (5, 'e') RETURNING id), \
                  j AS (INSERT INTO t VALUES (6, 'f') RETURNING id), \
                  d AS (DELETE FROM t WHERE id = 1 RETURNING id), \
                  e AS (DELETE FROM t WHERE id = 2 RETURNING id), \
                  u AS (UPDATE t SET v = 'x' WHERE id = 3) \
             INSERT INTO t SELECT id + 10, 'from' FROM (TABLE i UNION ALL TABLE d) AS both_of",
        ])
        .await;
    let mut story = world.story().await.split_off(4);
    story.sort();
    assert_eq!(
        story,
        [
            "DELETE t 1",
            "DELETE t 2",
            "INSERT t 11",
            "INSERT t 15",
            "INSERT t 5",
            "INSERT t 6",
            "UPDATE t 3"
        ]
    );
    world.remove().await;
}

/// What the page of the coverage says is not there.
pub(crate) async fn what_only_others_have_is_refused(server: Server) {
    coverage::what_only_others_have_is_refused(server).await;
}
