//! Kinds of tables.

use audit_core::{Audit, Operation};
use audit_sqlx::Finding;
use audit_testkit::Server;

use crate::world::{World, after, before};

const PARTITIONED: &str = "
    CREATE TABLE orders (id int, region text, total numeric, PRIMARY KEY (id, region))
        PARTITION BY LIST (region);
    CREATE TABLE orders_eu PARTITION OF orders FOR VALUES IN ('eu');
    CREATE TABLE orders_us PARTITION OF orders FOR VALUES IN ('us') PARTITION BY RANGE (id);
    CREATE TABLE orders_us_1 PARTITION OF orders_us FOR VALUES FROM (0) TO (100);";

pub(crate) async fn partitions_are_known_by_their_root(server: Server) {
    let world = World::new(server, PARTITIONED).await;
    assert_eq!(world.gaps().await, []);
    world
        .run(&[
            "INSERT INTO orders VALUES (1, 'eu', 1.50), (2, 'us', 2.00)",
            "INSERT INTO orders_us_1 VALUES (3, 'us', 3)",
            "UPDATE orders_eu SET total = 1.5",
            "DELETE FROM orders WHERE id = 3",
            "COPY orders FROM PROGRAM 'printf ''9\\teu\\t9\\n'''",
        ])
        .await;
    assert_eq!(
        world.story().await,
        [
            r#"INSERT orders ["1","eu"]"#,
            r#"INSERT orders ["2","us"]"#,
            r#"INSERT orders ["3","us"]"#,
            r#"UPDATE orders ["1","eu"]"#,
            r#"DELETE orders ["3","us"]"#,
            r#"INSERT orders ["9","eu"]"#,
        ]
    );
    let events = world.events().await;
    assert_eq!(before(&events[3]), r#"{"id":1,"region":"eu","total":1.50}"#);
    assert_eq!(
        events[3].changed_fields.as_deref(),
        Some(&["total".to_owned()][..])
    );
    world.remove().await;
}

pub(crate) async fn a_row_that_moves_to_another_partition_is_a_delete_and_an_insert(
    server: Server,
) {
    let world = World::new(server, PARTITIONED).await;
    world
        .run(&[
            "INSERT INTO orders VALUES (1, 'eu', 1)",
            "UPDATE orders SET region = 'us'",
        ])
        .await;
    assert_eq!(
        world.story().await[1..],
        [r#"DELETE orders ["1","eu"]"#, r#"INSERT orders ["1","us"]"#]
    );
    world.remove().await;
}

pub(crate) async fn partitions_made_later_are_captured(server: Server) {
    let world = World::new(server, PARTITIONED).await;
    world
        .run(&[
            "CREATE TABLE orders_us_2 PARTITION OF orders_us FOR VALUES FROM (100) TO (200)",
            // Its columns stand in another order, and one of them is gone.
            "CREATE TABLE orders_asia (total numeric, gone int, region text NOT NULL, id int NOT NULL)",
            "ALTER TABLE orders_asia DROP gone",
            "ALTER TABLE orders ATTACH PARTITION orders_asia FOR VALUES IN ('asia')",
            "INSERT INTO orders_us_2 VALUES (150, 'us', 1)",
            "INSERT INTO orders_asia VALUES (5, 'asia', 7)",
            "UPDATE orders SET total = total + 1 WHERE id IN (7, 150)",
        ])
        .await;
    assert_eq!(
        world.story().await,
        [
            r#"INSERT orders ["150","us"]"#,
            r#"INSERT orders ["7","asia"]"#,
            r#"UPDATE orders ["7","asia"]"#,
            r#"UPDATE orders ["150","us"]"#,
        ]
        .map(str::to_owned)
        .into_iter()
        .collect::<Vec<_>>()
    );
    // Only TRUNCATE of the new ones is not seen yet.
    let missing = |table: &str| Finding::TriggerMissing {
        table: table.to_owned(),
        trigger: "!audit_truncate".to_owned(),
    };
    assert_eq!(
        world.gaps().await,
        [missing("orders_asia"), missing("orders_us_2")]
    );
    assert!(!world.migrate().await.has_gaps());
    world.remove().await;
}

pub(crate) async fn truncating_a_root_is_one_event_and_each_partition_its_own(server: Server) {
    let world = World::new(server, PARTITIONED).await;
    let count = |events: &[audit_core::Event]| {
        let truncates = events
            .iter()
            .filter(|event| event.operation == Operation::Truncate);
        truncates.count()
    };
    world.run(&["TRUNCATE orders"]).await;
    assert_eq!(world.story().await, ["TRUNCATE orders -"]);
    world.run(&["TRUNCATE orders_us_1"]).await;
    assert_eq!(count(&world.events().await), 2);
    // A partition that is emptied later in the same statement of the client is no part of the
    // root's event.
    world
        .run(&[
            "DO $$BEGIN TRUNCATE orders; INSERT INTO orders VALUES (1, 'eu', 1); \
             TRUNCATE orders_eu; END$$",
        ])
        .await;
    assert_eq!(count(&world.events().await), 4);
    world.remove().await;
}

pub(crate) async fn inheritance_children_keep_their_columns(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE animals (id int PRIMARY KEY, name text);
         CREATE TABLE cats (lives int, PRIMARY KEY (id)) INHERITS (animals);",
    )
    .await;
    world
        .run(&[
            "INSERT INTO cats VALUES (1, 'Tom', 9)",
            "UPDATE animals SET name = 'Tim'",
            "DELETE FROM animals",
        ])
        .await;
    assert_eq!(
        world.story().await,
        ["INSERT cats 1", "UPDATE cats 1", "DELETE cats 1"]
    );
    assert_eq!(
        before(&world.events().await[2]),
        r#"{"id":1,"name":"Tim","lives":9}"#
    );
    world.remove().await;
}

pub(crate) async fn foreign_tables_are_captured(server: Server) {
    let mut world = World::new(server, "CREATE TABLE far (id int PRIMARY KEY, v text)").await;
    let url = world.database.url().to_owned();
    let (login, place) = url
        .trim_start_matches("postgres://")
        .split_once('@')
        .unwrap();
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, name) = place.split_once('/').unwrap();
    let (host, port) = host.split_once(':').unwrap();
    world
        .raw
        .run(&format!(
            "CREATE EXTENSION postgres_fdw;
             CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw
                 OPTIONS (host '{host}', port '{port}', dbname '{name}');
             CREATE USER MAPPING FOR CURRENT_USER SERVER loop
                 OPTIONS (user '{user}', password '{password}', password_required 'false');
             CREATE FOREIGN TABLE near (id int, v text) SERVER loop OPTIONS (table_name 'far');"
        ))
        .await;
    let report = world.migrate().await;
    let unseen = Finding::TruncateUnseen {
        table: "near".to_owned(),
    };
    assert_eq!(
        report.findings().contains(&unseen),
        server == Server::Postgres15,
        "{report:?}"
    );
    world
        .run(&[
            "INSERT INTO near VALUES (1, 'a'), (2, 'b')",
            "UPDATE near SET v = 'c' WHERE id = 2",
            "DELETE FROM near WHERE id = 2",
        ])
        .await;
    let near: Vec<_> = world.events().await;
    let near: Vec<_> = near
        .iter()
        .filter(|event| event.table_name.as_deref() == Some("near"))
        .map(|event| (event.operation, before(event), after(event)))
        .collect();
    assert_eq!(
        near,
        [
            (Operation::Insert, "", r#"{"id":1,"v":"a"}"#),
            (Operation::Insert, "", r#"{"id":2,"v":"b"}"#),
            (
                Operation::Update,
                r#"{"id":2,"v":"b"}"#,
                r#"{"id":2,"v":"c"}"#
            ),
            (Operation::Delete, r#"{"id":2,"v":"c"}"#, ""),
        ]
    );
    world.remove().await;
}

pub(crate) async fn tables_of_one_name_in_two_schemas_are_told_apart(server: Server) {
    let audit = Audit::builder()
        .schema("public")
        .schema("Sales Ü")
        .build()
        .unwrap();
    let world = World::with(
        server,
        r#"CREATE TABLE users (id int PRIMARY KEY, a int);
           CREATE SCHEMA "Sales Ü"; CREATE TABLE "Sales Ü".users (id int PRIMARY KEY, b int);"#,
        audit,
    )
    .await;
    world
        .run(&[r#"INSERT INTO users VALUES (1, 1); INSERT INTO "Sales Ü".users VALUES (2, 2)"#])
        .await;
    let events = world.events().await;
    let places: Vec<_> = events
        .iter()
        .map(|event| event.table_schema.as_deref())
        .collect();
    assert_eq!(places, [Some("public"), Some("Sales Ü")]);
    assert_eq!(after(&events[1]), r#"{"id":2,"b":2}"#);
    // One of them loses a trigger: only that one is made again.
    world
        .run(&[r#"DROP TRIGGER "!audit_insert" ON "Sales Ü".users"#])
        .await;
    assert_eq!(world.gaps().await.len(), 1);
    assert!(!world.migrate().await.has_gaps());
    world
        .run(&[r#"INSERT INTO users VALUES (3, 1); INSERT INTO "Sales Ü".users VALUES (4, 2)"#])
        .await;
    assert_eq!(world.events().await.len(), 4);
    world.remove().await;
}

pub(crate) async fn columns_named_like_anything_of_ours_are_captured(server: Server) {
    let world = World::new(
        server,
        r#"CREATE TABLE "select" (
               "select" int PRIMARY KEY, v_context text, v_time int, new int, old int, "!row" int,
               "!event" int, "!image" int, tg_relid int, found int, "a""b'c\d%I" int, timed int,
               record_id text, "row" int, d int, rows int, n int, o int)"#,
    )
    .await;
    world
        .run(&[
            r#"INSERT INTO "select" ("select", v_context, "a""b'c\d%I") VALUES (1, 'x', 2)"#,
            r#"UPDATE "select" SET "a""b'c\d%I" = 3, tg_relid = 4, "!row" = 5"#,
            r#"DELETE FROM "select""#,
        ])
        .await;
    assert_eq!(
        world.story().await,
        ["INSERT select 1", "UPDATE select 1", "DELETE select 1"]
    );
    let events = world.events().await;
    assert_eq!(
        events[1].changed_fields.clone().unwrap(),
        ["!row", "tg_relid", r#"a"b'c\d%I"#]
    );
    assert!(
        before(&events[2]).contains(r#""a\"b'c\\d%I":3"#),
        "{}",
        before(&events[2])
    );
    world.remove().await;
}

pub(crate) async fn unlogged_tables_are_captured_and_temporary_ones_are_not(server: Server) {
    let world = World::new(server, "CREATE UNLOGGED TABLE u (id int PRIMARY KEY)").await;
    world
        .run(&["CREATE TEMP TABLE t (id int); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)"])
        .await;
    assert!(!world.migrate().await.has_gaps());
    assert_eq!(world.story().await, ["INSERT u 1"]);
    world.remove().await;
}

pub(crate) async fn row_level_security_hides_nothing_from_the_log(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE notes (id int PRIMARY KEY, owner text, v text);
         ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
         ALTER TABLE notes FORCE ROW LEVEL SECURITY;
         CREATE POLICY own ON notes USING (owner = current_user);
         CREATE POLICY write ON notes FOR INSERT WITH CHECK (true);
         GRANT ALL ON notes TO pg_monitor;",
    )
    .await;
    // A row that its writer cannot see, and one that it can.
    world
        .run(&[
            "SET ROLE pg_monitor; INSERT INTO notes VALUES (1, 'bob', 'a'), (2, 'pg_monitor', 'b'); \
             UPDATE notes SET v = 'c'; RESET ROLE",
        ])
        .await;
    assert_eq!(
        world.story().await,
        ["INSERT notes 1", "INSERT notes 2", "UPDATE notes 2"]
    );
    world.remove().await;
}
