//! Tables that come and go as parts of others while `migrate` is not there.

use audit_sqlx::Finding;
use audit_testkit::Server;

use crate::world::{World, after, before, run_on};

const ROOT: &str = "CREATE TABLE root (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
    CREATE TABLE first PARTITION OF root FOR VALUES FROM (0) TO (10);";

pub(crate) async fn an_audited_table_can_become_a_partition(server: Server) {
    let world = World::new(
        server,
        &format!("{ROOT} CREATE TABLE filled (v text, id int PRIMARY KEY);"),
    )
    .await;
    let mut connection = world.connection().await;
    let alone = ["INSERT INTO filled VALUES ('a', 10)"];
    world.prove_on(&mut connection, &alone).await;
    let attach = ["ALTER TABLE root ATTACH PARTITION filled FOR VALUES FROM (10) TO (20)"];
    run_on(&mut connection, &attach).await;
    let attached = [
        "INSERT INTO root VALUES (11, 'b')",
        "INSERT INTO filled VALUES ('c', 12)",
        "UPDATE filled SET v = 'd' WHERE id = 12",
        "UPDATE root SET v = 'e' WHERE id = 11",
        "DELETE FROM filled WHERE id = 10",
        "DELETE FROM root WHERE id = 12",
    ];
    world.prove_on(&mut connection, &attached).await;
    drop(connection);
    assert_eq!(
        world.story().await,
        [
            "INSERT filled 10",
            "INSERT root 11",
            "INSERT root 12",
            "UPDATE root 12",
            "UPDATE root 11",
            "DELETE root 10",
            "DELETE root 12"
        ]
    );
    // The triggers of its own are in nobody's way, and go.
    assert_ne!(world.gaps().await, []);
    assert!(!world.migrate().await.has_gaps());
    world.prove(&["TRUNCATE root", "TRUNCATE filled"]).await;
    assert_eq!(
        world.story().await[7..],
        ["TRUNCATE root -", "TRUNCATE root -"]
    );
    world.remove().await;
}

/// A partitioned table has triggers of the very names that it would get from its new root.
pub(crate) async fn an_audited_root_becomes_a_partition_without_its_triggers(server: Server) {
    let world = World::new(
        server,
        &format!(
            "{ROOT} CREATE TABLE sub (id int PRIMARY KEY, v text) PARTITION BY HASH (id);
             CREATE TABLE leaf PARTITION OF sub FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
        ),
    )
    .await;
    let attach = "ALTER TABLE root ATTACH PARTITION sub FOR VALUES FROM (10) TO (20)";
    let error = world.try_run(attach).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42710");
    world
        .run(&[r#"BEGIN; DROP TRIGGER "!audit_root_insert" ON sub;
               DROP TRIGGER "!audit_root_update" ON sub; DROP TRIGGER "!audit_root_delete" ON sub;
               ALTER TABLE root ATTACH PARTITION sub FOR VALUES FROM (10) TO (20); COMMIT"#])
        .await;
    world
        .prove(&[
            "INSERT INTO leaf VALUES (11, 'a')",
            "UPDATE root SET v = 'b'",
        ])
        .await;
    assert!(!world.migrate().await.has_gaps());
    world.prove(&["DELETE FROM sub", "TRUNCATE leaf"]).await;
    assert_eq!(
        world.story().await,
        [
            "INSERT root 11",
            "UPDATE root 11",
            "DELETE root 11",
            "TRUNCATE root -"
        ]
    );
    world.remove().await;
}

/// A root that nobody audits yet is no reason to fall silent. The events are those of the table as it
/// was captured, so the images are compared, and the replay begins with `migrate`.
pub(crate) async fn a_table_under_a_root_without_triggers_is_still_captured(server: Server) {
    let world = World::new(server, "CREATE TABLE old (id int PRIMARY KEY, v text)").await;
    world
        .held(&[
            "INSERT INTO old VALUES (1, 'a')",
            "CREATE TABLE root (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
            "ALTER TABLE root ATTACH PARTITION old DEFAULT",
            "INSERT INTO old VALUES (2, 'b')",
            "UPDATE root SET v = 'c' WHERE id = 2",
            "DELETE FROM old WHERE id = 1",
        ])
        .await;
    assert_eq!(
        world.story().await,
        [
            "INSERT old 1",
            "INSERT old 2",
            "UPDATE old 2",
            "DELETE old 1"
        ]
    );
    let events = world.events().await;
    assert_eq!(after(&events[1]), r#"{"id":2,"v":"b"}"#);
    assert_eq!(before(&events[2]), r#"{"id":2,"v":"b"}"#);
    assert_eq!(after(&events[2]), r#"{"id":2,"v":"c"}"#);
    assert_eq!(before(&events[3]), r#"{"id":1,"v":"a"}"#);
    assert!(!world.migrate().await.has_gaps());
    world.prove(&["UPDATE root SET v = 'd'"]).await;
    assert_eq!(world.story().await[4..], ["UPDATE root 2"]);
    world.remove().await;
}

/// The server takes the root's triggers off a partition that goes its own way.
pub(crate) async fn a_detached_partition_is_found_and_captured_again(server: Server) {
    let world = World::new(server, ROOT).await;
    world.prove(&["INSERT INTO root VALUES (1, 'a')"]).await;
    world
        .held(&[
            "ALTER TABLE root DETACH PARTITION first",
            "INSERT INTO first VALUES (2, 'unseen')",
        ])
        .await;
    let missing = Finding::TriggerMissing {
        table: "first".to_owned(),
        trigger: "!audit_insert".to_owned(),
    };
    assert!(world.gaps().await.contains(&missing));
    assert!(!world.migrate().await.has_gaps());
    world
        .prove(&["INSERT INTO first VALUES (3, 'b')", "TRUNCATE first"])
        .await;
    world
        .run(&["ALTER TABLE root ATTACH PARTITION first FOR VALUES FROM (0) TO (10)"])
        .await;
    world.prove(&["INSERT INTO root VALUES (4, 'c')"]).await;
    assert_eq!(
        world.story().await,
        [
            "INSERT root 1",
            "INSERT first 3",
            "TRUNCATE first -",
            "INSERT root 4"
        ]
    );
    world.remove().await;
}

pub(crate) async fn partitions_in_another_schema_are_their_roots(server: Server) {
    let world = World::new(
        server,
        "CREATE SCHEMA parts;
         CREATE TABLE root (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
         CREATE TABLE parts.root PARTITION OF root FOR VALUES FROM (0) TO (10) PARTITION BY HASH (id);
         CREATE TABLE parts.leaf PARTITION OF parts.root FOR VALUES WITH (MODULUS 1, REMAINDER 0);",
    )
    .await;
    let events = world
        .prove(&[
            "INSERT INTO parts.leaf VALUES (1, 'a')",
            "UPDATE parts.root SET v = 'b'",
            "TRUNCATE parts.leaf",
            "TRUNCATE root",
        ])
        .await;
    assert_eq!(
        world.story().await,
        [
            "INSERT root 1",
            "UPDATE root 1",
            "TRUNCATE root -",
            "TRUNCATE root -"
        ]
    );
    assert!(
        events
            .iter()
            .all(|event| event.table_schema.as_deref() == Some("public"))
    );
    world.remove().await;
}

pub(crate) async fn a_foreign_partition_is_captured_through_its_root(server: Server) {
    let mut world = World::new(server, "CREATE TABLE far (id int, v text)").await;
    let create = crate::tables::loop_back(&world);
    world
        .raw
        .run(&format!(
            "{create} CREATE TABLE root (id int, v text) PARTITION BY RANGE (id);
             CREATE TABLE near PARTITION OF root FOR VALUES FROM (0) TO (10);
             CREATE FOREIGN TABLE abroad PARTITION OF root DEFAULT SERVER loop
                 OPTIONS (table_name 'far');"
        ))
        .await;
    assert!(!world.migrate().await.has_gaps());
    let events = world
        .prove(&[
            "INSERT INTO root VALUES (1, 'a'), (11, 'b')",
            "UPDATE root SET v = 'c' WHERE id = 11",
            "DELETE FROM abroad",
        ])
        .await;
    let images: Vec<_> = events
        .iter()
        .filter(|event| event.table_name.as_deref() == Some("root"))
        .map(|event| format!("{}>{}", before(event), after(event)))
        .collect();
    assert_eq!(
        images,
        [
            r#">{"id":1,"v":"a"}"#,
            r#">{"id":11,"v":"b"}"#,
            r#"{"id":11,"v":"b"}>{"id":11,"v":"c"}"#,
            r#"{"id":11,"v":"c"}>"#,
        ]
    );
    world.remove().await;
}

/// A table that gets a child after `migrate`: rows of the child are recorded with what its parent
/// has of them, and the check tells that the child has no triggers.
pub(crate) async fn a_child_that_comes_later_is_found(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE animals (id int PRIMARY KEY, name text);
         CREATE TABLE dogs (id int PRIMARY KEY, name text, bark text);",
    )
    .await;
    world
        .held(&[
            "INSERT INTO dogs VALUES (1, 'Rex', 'loud')",
            "ALTER TABLE dogs INHERIT animals",
            "CREATE TABLE cats (lives int, PRIMARY KEY (id)) INHERITS (animals)",
            "INSERT INTO cats VALUES (2, 'Tom', 9)",
            "UPDATE animals SET name = name || '!'",
        ])
        .await;
    assert_eq!(world.story().await, ["INSERT dogs 1", "UPDATE dogs 1"]);
    let missing = Finding::TriggerMissing {
        table: "cats".to_owned(),
        trigger: "!audit_delete".to_owned(),
    };
    assert!(world.gaps().await.contains(&missing));
    assert!(!world.migrate().await.has_gaps());
    let events = world.prove(&["DELETE FROM animals"]).await;
    let mut images: Vec<_> = events.iter().map(before).collect();
    images.sort_unstable();
    assert_eq!(
        images,
        [
            r#"{"id":1,"name":"Rex!","bark":"loud"}"#,
            r#"{"id":2,"name":"Tom!","lives":9}"#
        ]
    );
    world.remove().await;
}

pub(crate) async fn foreign_keys_reach_partitions_and_the_table_itself(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree ON DELETE CASCADE ON UPDATE CASCADE);
         CREATE TABLE root (id int PRIMARY KEY, t int REFERENCES tree ON DELETE SET NULL)
             PARTITION BY RANGE (id);
         CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (100);
         CREATE TABLE child (id int PRIMARY KEY,
             r int REFERENCES root ON DELETE CASCADE ON UPDATE SET NULL);",
    )
    .await;
    world
        .prove(&[
            "INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2)",
            "INSERT INTO root VALUES (10, 3), (20, 1)",
            "INSERT INTO child VALUES (1, 10), (2, 20)",
            "UPDATE tree SET id = 4 WHERE id = 2",
            "DELETE FROM tree WHERE id = 4",
            "UPDATE root SET id = 11 WHERE id = 10",
            "DELETE FROM leaf WHERE id = 20",
        ])
        .await;
    let mut story = world.story().await.split_off(7);
    story[..2].sort();
    story[2..5].sort();
    story[5..7].sort();
    story[7..].sort();
    assert_eq!(
        story,
        [
            "UPDATE tree 3",
            "UPDATE tree 4",
            "DELETE tree 3",
            "DELETE tree 4",
            "UPDATE root 10",
            "UPDATE child 1",
            "UPDATE root 11",
            "DELETE child 2",
            "DELETE root 20"
        ]
    );
    let events = world.events().await;
    let by_alice = |event: &audit_core::Event| event.actor_id.as_deref() == Some("alice");
    assert!(events.iter().all(by_alice));
    world.remove().await;
}
