//! Kinds of tables.

use audit_core::{Audit, Dialect, Operation, Redaction, TableRule};
use audit_sqlx::Finding;
use audit_testkit::{Server, oracle};

use crate::world::{World, after, before, run_on};

const PARTITIONED: &str = "
    CREATE TABLE orders (id int, region text, total numeric, PRIMARY KEY (id, region))
        PARTITION BY LIST (region);
    CREATE TABLE orders_eu PARTITION OF orders FOR VALUES IN ('eu');
    CREATE TABLE orders_us PARTITION OF orders FOR VALUES IN ('us') PARTITION BY RANGE (id);
    CREATE TABLE orders_us_1 PARTITION OF orders_us FOR VALUES FROM (0) TO (100);";

pub(crate) async fn partitions_are_known_by_their_root(server: Server) {
    let world = World::new(server, PARTITIONED).await;
    let events = world
        .prove(&[
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
        .prove(&[
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
        ])
        .await;
    world
        .prove(&[
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
    let rows = ["INSERT INTO orders VALUES (1, 'eu', 1), (2, 'us', 2)"];
    world.prove(&rows).await;
    assert_eq!(count(&world.prove(&["TRUNCATE orders"]).await), 1);
    let one = [
        "INSERT INTO orders VALUES (2, 'us', 2)",
        "TRUNCATE orders_us_1",
    ];
    assert_eq!(count(&world.prove(&one).await), 1);
    // A partition that is emptied later in the same statement of the client is no part of the
    // root's event.
    let both_of = [
        "DO $$BEGIN TRUNCATE orders; INSERT INTO orders VALUES (1, 'eu', 1); \
         TRUNCATE orders_eu; END$$",
    ];
    assert_eq!(count(&world.prove(&both_of).await), 2);
    // It names the root alone, so nothing in the log tells that the other partitions keep their rows.
    let mut raw = world.database.raw().await;
    world.run(&rows).await;
    let before = oracle::snapshot(&mut raw, Dialect::Postgres).await;
    world.run(&["TRUNCATE orders_us_1"]).await;
    let after = oracle::snapshot(&mut raw, Dialect::Postgres).await;
    let last = world.events().await.pop().unwrap();
    assert_eq!(
        oracle::replay(Dialect::Postgres, &before, &[last], &after),
        Err(r#"orders ["1","eu"]: a row that no event tells of"#.to_owned())
    );
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
        .prove(&[
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

/// Statements that make the database a foreign server of itself.
pub(crate) fn loop_back(world: &World) -> String {
    let url = world.database.url();
    let (login, place) = url
        .trim_start_matches("postgres://")
        .split_once('@')
        .unwrap();
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, name) = place.split_once('/').unwrap();
    let (host, port) = host.split_once(':').unwrap();
    format!(
        "CREATE EXTENSION postgres_fdw;
         CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw
             OPTIONS (host '{host}', port '{port}', dbname '{name}');
         CREATE USER MAPPING FOR CURRENT_USER SERVER loop
             OPTIONS (user '{user}', password '{password}', password_required 'false');"
    )
}

pub(crate) async fn foreign_tables_are_captured(server: Server) {
    let mut world = World::new(server, "CREATE TABLE far (id int PRIMARY KEY, v text)").await;
    let create = loop_back(&world);
    world
        .raw
        .run(&format!(
            "{create} CREATE FOREIGN TABLE near (id int, v text) SERVER loop \
             OPTIONS (table_name 'far');"
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
    let near = world
        .prove(&[
            "INSERT INTO near VALUES (1, 'a'), (2, 'b')",
            "UPDATE near SET v = 'c' WHERE id = 2",
            "DELETE FROM near WHERE id = 2",
        ])
        .await;
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
    let events = world
        .prove(&[r#"INSERT INTO users VALUES (1, 1); INSERT INTO "Sales Ü".users VALUES (2, 2)"#])
        .await;
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
        .prove(&[r#"INSERT INTO users VALUES (3, 1); INSERT INTO "Sales Ü".users VALUES (4, 2)"#])
        .await;
    world.remove().await;
}

pub(crate) async fn columns_named_like_anything_of_ours_are_captured(server: Server) {
    let audit = Audit::builder()
        .table(TableRule::new("hidden").redact("old", Redaction::Mask))
        .table(TableRule::new("parted").redact("old", Redaction::Mask))
        .build()
        .unwrap();
    // A table whose column has its name, the same under a rule, and both where only row triggers
    // will do.
    let columns = r#"v_context text, v_time int, new int, old int, "!row" int,
        "!event" int, "!image" int, tg_relid int, found int, "a""b'c\d%I" int, timed int,
        record_id text, "row" int, d int, rows int, n int, o int, event int, v_known bool"#;
    let world = World::with(
        server,
        &format!(
            r#"CREATE TABLE "select" ("select" int PRIMARY KEY, {columns});
               CREATE TABLE hidden (hidden int PRIMARY KEY, {columns});
               CREATE TABLE watched (watched int PRIMARY KEY, {columns});
               CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
               CREATE TRIGGER z AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION nothing();
               CREATE TABLE parted (parted int PRIMARY KEY, {columns}) PARTITION BY HASH (parted);
               CREATE TABLE part PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);"#
        ),
        audit,
    )
    .await;
    for table in ["select", "hidden", "watched", "parted"] {
        for late in [r#"ALTER TABLE "@" ADD late int"#, "SELECT"] {
            let events = world
                .prove(&[
                    r#"INSERT INTO "@" ("@", v_context, "a""b'c\d%I") VALUES (1, 'x', 2)"#,
                    r#"UPDATE "@" SET "a""b'c\d%I" = 3, tg_relid = 4, "!row" = 5, old = 6, v_known = true"#,
                    r#"DELETE FROM "@""#,
                ]
                .map(|sql| sql.replace('@', table))
                .each_ref()
                .map(String::as_str))
                .await;
            world.run(&[&late.replace('@', table)]).await;
            let story: Vec<_> = events.iter().map(crate::world::line).collect();
            assert_eq!(
                story,
                ["INSERT", "UPDATE", "DELETE"].map(|word| format!("{word} {table} 1"))
            );
            assert_eq!(
                events[1].changed_fields.clone().unwrap(),
                ["old", "!row", "tg_relid", r#"a"b'c\d%I"#, "v_known"]
            );
            let image = before(&events[2]);
            let masked = matches!(table, "hidden" | "parted");
            let old = if masked {
                r#""old":"***""#
            } else {
                r#""old":6"#
            };
            assert!(
                image.contains(r#""a\"b'c\\d%I":3"#) && image.contains(old),
                "{image}"
            );
        }
    }
    world.remove().await;
}

/// The log and the list of schemas have names that an application may use as well, and a session
/// can put tables of its own in front of everything.
pub(crate) async fn tables_named_like_ours_change_nothing(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE audit_logs (id int PRIMARY KEY, operation text);
         CREATE TABLE audit_migrations (version int PRIMARY KEY);
         CREATE TABLE users (id int PRIMARY KEY, name text);",
    )
    .await;
    let mut connection = world.connection().await;
    let before = [
        "INSERT INTO audit_logs VALUES (1, 'a'); INSERT INTO audit_migrations VALUES (1)",
        "CREATE TEMP TABLE audit_logs (LIKE audit.audit_logs INCLUDING ALL)",
        "CREATE TEMP TABLE audit_schemas (id int)",
        r#"CREATE TEMP TABLE "!rows" (id int, name text); INSERT INTO "!rows" VALUES (7, 'own')"#,
        r#"CREATE TEMP VIEW "!row" AS SELECT 8 AS id"#,
        "CREATE TEMP TABLE users (id int PRIMARY KEY, name text)",
        "INSERT INTO users VALUES (5, 'temporary')",
        "UPDATE users SET name = 'still'",
        "INSERT INTO public.users VALUES (1, 'a'), (2, 'b')",
        "UPDATE public.users SET name = 'c' WHERE id = 1",
        "DELETE FROM public.users WHERE id = 2",
    ];
    world.prove_on(&mut connection, &before).await;
    // The same where the catalog is read.
    run_on(
        &mut connection,
        &["ALTER TABLE public.users RENAME id TO number"],
    )
    .await;
    let after = [
        "INSERT INTO public.users VALUES (3, 'd')",
        "UPDATE public.users SET name = 'e' WHERE number = 3",
        "DELETE FROM public.users WHERE number = 3",
        "TRUNCATE public.users",
        "INSERT INTO public.audit_logs VALUES (2, 'b')",
        "DO $$BEGIN ASSERT (SELECT count(*) = 0 FROM pg_temp.audit_logs); END$$",
        "DROP TABLE pg_temp.audit_logs, pg_temp.users",
    ];
    world.prove_on(&mut connection, &after).await;
    drop(connection);
    assert_eq!(
        world.story().await,
        [
            "INSERT audit_logs 1",
            "INSERT audit_migrations 1",
            "INSERT users 1",
            "INSERT users 2",
            "UPDATE users 1",
            "DELETE users 2",
            "INSERT users 3",
            "UPDATE users 3",
            "DELETE users 3",
            "TRUNCATE users -",
            "INSERT audit_logs 2"
        ]
    );
    world.remove().await;
}

pub(crate) async fn wide_tables_are_captured(server: Server) {
    let audit = Audit::builder()
        .table(TableRule::new("hidden").redact("c1590", Redaction::Mask))
        .build()
        .unwrap();
    // A row has at most 1600 columns.
    let columns: String = (1..=1590).map(|n| format!(", c{n} smallint")).collect();
    let world = World::with(
        server,
        &format!(
            "CREATE TABLE plain (id int PRIMARY KEY{columns});
             CREATE TABLE hidden (LIKE plain INCLUDING ALL)"
        ),
        audit,
    )
    .await;
    for (table, shown) in [("plain", "7"), ("hidden", r#""***""#)] {
        let mut events = world
            .prove(&[
                &format!("INSERT INTO {table} (id, c1590) VALUES (1, 6)"),
                &format!("UPDATE {table} SET c1590 = 7, c1 = 1"),
            ])
            .await;
        let rename = format!("ALTER TABLE {table} RENAME c2 TO d2");
        world.run(&[&rename]).await;
        let renamed = world
            .prove(&[
                &format!("UPDATE {table} SET d2 = 1"),
                &format!("DELETE FROM {table}"),
            ])
            .await;
        events.extend(renamed);
        assert_eq!(events.len(), 4, "{table}");
        assert_eq!(events[1].changed_fields.clone().unwrap(), ["c1", "c1590"]);
        assert_eq!(events[2].changed_fields.clone().unwrap(), ["d2"]);
        let last = format!(r#""c1589":null,"c1590":{shown}}}"#);
        assert!(
            before(&events[3]).ends_with(&last),
            "{}",
            before(&events[3])
        );
    }
    world.remove().await;
}

pub(crate) async fn unlogged_tables_are_captured_and_temporary_ones_are_not(server: Server) {
    let world = World::new(server, "CREATE UNLOGGED TABLE u (id int PRIMARY KEY)").await;
    world
        .prove(&[
            "CREATE TEMP TABLE t (id int); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)",
        ])
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
        .prove(&[
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

pub(crate) async fn tables_with_the_longest_names_are_told_apart(server: Server) {
    // 63 bytes each, cut within a letter where the server or we would cut them further.
    let names = ["a", "b", "c"].map(|last| format!("{}{last}", "ü".repeat(31)));
    let tables: String = names
        .iter()
        .map(|name| format!("CREATE TABLE {name} ({name} int PRIMARY KEY);"))
        .collect();
    let world = World::new(server, &tables).await;
    for name in &names {
        world
            .prove(&[
                &format!("INSERT INTO {name} VALUES (1)"),
                &format!("UPDATE {name} SET {name} = 2"),
                &format!("DELETE FROM {name}"),
            ])
            .await;
    }
    let story = names.map(|name| format!("INSERT {name} 1,UPDATE {name} 2,DELETE {name} 2"));
    assert_eq!(world.story().await.join(","), story.join(","));
    world.remove().await;
}
