//! What foreign keys do to other rows, for which the server fires no trigger.

use audit_core::Audit;
use audit_sqlx::{CaptureError, Finding};
use audit_testkit::{Server, TestDatabase};
use sqlx::Executor;

use super::world::{World, alice, attach};

const FAMILY: &str = "CREATE TABLE p (id INT PRIMARY KEY, n INT UNIQUE); \
     CREATE TABLE c (id INT PRIMARY KEY, p INT, v VARCHAR(10), \
         FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE); \
     CREATE TABLE g (id INT PRIMARY KEY, c INT, \
         FOREIGN KEY (c) REFERENCES c (id) ON DELETE CASCADE ON UPDATE CASCADE); \
     CREATE TABLE s (id INT PRIMARY KEY, c INT, \
         FOREIGN KEY (c) REFERENCES c (id) ON DELETE SET NULL ON UPDATE SET NULL); \
     INSERT INTO p VALUES (1, 1), (2, 2), (3, 3); \
     INSERT INTO c VALUES (10, 1, 'a'), (11, 1, 'b'), (20, 2, 'c'); \
     INSERT INTO g VALUES (100, 10), (101, 10), (110, 11), (200, 20); \
     INSERT INTO s VALUES (1000, 10), (2000, 20), (3000, NULL);";

#[tokio::test]
async fn children_go_with_their_parent_over_several_levels() {
    let mut world = World::new(FAMILY).await;
    assert_eq!(world.findings().await, []);
    let mut said = world.prove(&["DELETE FROM p WHERE id = 1"]).await;
    assert_eq!(said[0], "DELETE p 1");
    said.sort();
    assert_eq!(
        said,
        [
            "DELETE c 10",
            "DELETE c 11",
            "DELETE g 100",
            "DELETE g 101",
            "DELETE g 110",
            "DELETE p 1",
            "UPDATE s 1000",
        ]
    );
    // One statement is one transaction.
    let events = world.events().await;
    let first = events[0].transaction_id.clone();
    assert!(first.is_some());
    assert!(events.iter().all(|event| event.transaction_id == first));
    // Each parent of a statement takes its own.
    assert_eq!(world.prove(&["DELETE FROM p"]).await.len(), 5);
}

#[tokio::test]
async fn children_follow_the_key_of_their_parent() {
    let mut world = World::new(FAMILY).await;
    let mut said = world
        .prove(&["UPDATE p SET id = id + 10 ORDER BY id DESC"])
        .await;
    said.sort();
    assert_eq!(
        said,
        [
            "UPDATE c 10",
            "UPDATE c 11",
            "UPDATE c 20",
            "UPDATE p 11",
            "UPDATE p 12",
            "UPDATE p 13"
        ]
    );
    let mut said = world
        .prove(&["UPDATE c SET id = id + 1000 WHERE id = 10"])
        .await;
    said.sort();
    assert_eq!(
        said,
        [
            "UPDATE c 1010",
            "UPDATE g 100",
            "UPDATE g 101",
            "UPDATE s 1000"
        ]
    );
    // No key changes: the children are left alone.
    assert_eq!(
        world.prove(&["UPDATE p SET n = 50 WHERE id = 11"]).await,
        ["UPDATE p 11"]
    );
}

#[tokio::test]
async fn a_parent_that_is_kept_keeps_its_children_out_of_the_log() {
    let mut world = World::new(&format!(
        "{FAMILY} CREATE TABLE r (id INT PRIMARY KEY, g INT, FOREIGN KEY (g) REFERENCES g (id)); \
         INSERT INTO r VALUES (1, 101);"
    ))
    .await;
    // Parent 1 is refused two levels below; 2 and 3 are not.
    let mut said = world.prove(&["DELETE IGNORE FROM p"]).await;
    said.sort();
    assert_eq!(
        said,
        [
            "DELETE c 20",
            "DELETE g 200",
            "DELETE p 2",
            "DELETE p 3",
            "UPDATE s 2000"
        ]
    );
    // The rest of a refused row is not taken for a later one's.
    world.run(&["INSERT INTO p VALUES (4, 4)"]).await;
    assert_eq!(
        world
            .prove(&["DELETE IGNORE FROM p WHERE id IN (1, 4)"])
            .await,
        ["DELETE p 4"]
    );
    let refused = [
        "UPDATE IGNORE p SET id = 7, n = 1",
        "UPDATE IGNORE c SET id = 11 WHERE id = 10",
    ];
    world.run(&["INSERT INTO p VALUES (5, 5)"]).await;
    let said = world.prove(&refused).await;
    assert_eq!(said, ["UPDATE p 7", "UPDATE c 10", "UPDATE c 11"]);
    let said = world
        .proved(async |world| assert!(world.try_run("DELETE FROM p").await.is_err()))
        .await;
    assert!(said.is_empty());
}

#[tokio::test]
async fn a_row_that_is_reached_twice_changes_once() {
    let mut world = World::new(
        "CREATE TABLE p (id INT PRIMARY KEY); \
         CREATE TABLE a (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); \
         CREATE TABLE b (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); \
         CREATE TABLE d (id INT PRIMARY KEY, a INT, b INT, p INT, q INT, \
             FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE, \
             FOREIGN KEY (b) REFERENCES b (id) ON DELETE CASCADE, \
             FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL, \
             FOREIGN KEY (q) REFERENCES p (id) ON DELETE SET NULL); \
         INSERT INTO p VALUES (1), (2); INSERT INTO a VALUES (1, 1), (2, 2); \
         INSERT INTO b VALUES (1, 1), (2, 2); \
         INSERT INTO d VALUES (1, 1, 1, 1, 1), (2, 1, 2, 2, 1), (3, 2, 2, 1, 1), (4, 2, 2, 2, 1), \
             (5, 2, 2, 1, 2), (6, NULL, NULL, NULL, NULL);",
    )
    .await;
    let mut said = world.prove(&["DELETE FROM p WHERE id = 1"]).await;
    said.sort();
    assert_eq!(
        said,
        [
            "DELETE a 1",
            "DELETE b 1",
            "DELETE d 1",
            "DELETE d 2",
            "DELETE p 1",
            "UPDATE d 3",
            "UPDATE d 4",
            "UPDATE d 5",
        ]
    );
}

#[tokio::test]
async fn a_tree_is_followed_as_deep_as_the_server_goes() {
    let mut world = World::new(
        "CREATE TABLE n (id INT PRIMARY KEY, up INT, v VARCHAR(10), \
             FOREIGN KEY (up) REFERENCES n (id) ON DELETE CASCADE); \
         CREATE TABLE leaf (id INT PRIMARY KEY, n INT, \
             FOREIGN KEY (n) REFERENCES n (id) ON DELETE CASCADE);",
    )
    .await;
    assert_eq!(world.findings().await, []);
    let grow = |depth: u32| {
        let mut statements = vec!["INSERT INTO n VALUES (0, NULL, 'root')".to_owned()];
        for id in 1..=depth {
            statements.push(format!("INSERT INTO n VALUES ({id}, {}, 'x')", id - 1));
        }
        statements
    };
    for depth in [1, 5, 13, 14, 15, 16, 17, 20] {
        let statements = grow(depth);
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        world.held(&statements).await;
        let mut deleted = false;
        let said = world
            .proved(async |world| {
                deleted = world.try_run("DELETE FROM n WHERE id = 0").await.is_ok()
            })
            .await;
        // The server goes down fifteen levels and refuses the sixteenth; nobody loses an event.
        assert_eq!(
            deleted,
            said.len() == depth as usize + 1,
            "{depth}: {said:?}"
        );
        assert_eq!(deleted, depth <= 14, "{depth}");
        if !deleted {
            assert!(said.is_empty());
            world
                .held(&[
                    "SET foreign_key_checks = 0",
                    "DELETE FROM n",
                    "SET foreign_key_checks = 1",
                ])
                .await;
        }
    }
}

#[tokio::test]
async fn composite_keys_are_followed() {
    let mut world = World::new(
        "CREATE TABLE o (org VARCHAR(10), no INT, v INT, PRIMARY KEY (org, no)); \
         CREATE TABLE l (org VARCHAR(10), no INT, line INT, PRIMARY KEY (org, no, line), \
             FOREIGN KEY (org, no) REFERENCES o (org, no) ON DELETE CASCADE ON UPDATE CASCADE); \
         CREATE TABLE x (id INT PRIMARY KEY, org VARCHAR(10), no INT, line INT, \
             FOREIGN KEY (org, no, line) REFERENCES l (org, no, line) \
             ON DELETE SET NULL ON UPDATE CASCADE); \
         INSERT INTO o VALUES ('a', 1, 0), ('b', 1, 0); \
         INSERT INTO l VALUES ('a', 1, 1), ('a', 1, 2), ('b', 1, 1); \
         INSERT INTO x VALUES (1, 'a', 1, 1), (2, 'a', 1, 2), (3, 'b', 1, 1);",
    )
    .await;
    let mut said = world
        .prove(&["UPDATE o SET org = 'A', v = 1 WHERE org = 'a'"])
        .await;
    said.sort();
    assert_eq!(
        said,
        [
            r#"UPDATE l ["A","1","1"]"#,
            r#"UPDATE l ["A","1","2"]"#,
            r#"UPDATE o ["A","1"]"#,
            "UPDATE x 1",
            "UPDATE x 2",
        ]
    );
    assert_eq!(
        world
            .prove(&["UPDATE o SET no = 9 WHERE org = 'b'"])
            .await
            .len(),
        3
    );
    assert_eq!(world.prove(&["DELETE FROM o"]).await.len(), 2 + 3 + 3);
}

#[tokio::test]
async fn children_are_found_behind_an_older_snapshot() {
    let mut world = World::new(FAMILY).await;
    for isolation in ["REPEATABLE READ", "READ COMMITTED"] {
        let mut other = world.database.raw().await;
        let said = world
            .proved(async |world| {
                let work = async {
                    let mut connection = world.pool.acquire().await.unwrap();
                    let level = format!("SET TRANSACTION ISOLATION LEVEL {isolation}");
                    connection
                        .execute(sqlx::AssertSqlSafe(level))
                        .await
                        .unwrap();
                    connection.execute("BEGIN").await.unwrap();
                    connection.execute("SELECT COUNT(*) FROM c").await.unwrap();
                    other.run("INSERT INTO c VALUES (30, 3, 'new')").await;
                    connection
                        .execute("DELETE FROM p WHERE id = 3")
                        .await
                        .unwrap();
                    connection.execute("COMMIT").await.unwrap();
                };
                alice().scope(work).await;
            })
            .await;
        assert_eq!(
            said,
            ["INSERT c 30", "DELETE p 3", "DELETE c 30"],
            "{isolation}"
        );
        world.run(&["INSERT INTO p VALUES (3, 3)"]).await;
    }
}

#[tokio::test]
async fn a_statement_may_use_parent_and_child_together() {
    let mut world = World::new(FAMILY).await;
    let update = "UPDATE p JOIN c ON c.p = p.id SET p.n = p.n + 10, c.v = 'z'";
    assert_eq!(world.prove(&[update]).await.len(), 2 + 3);
    let delete = "DELETE p, c FROM p JOIN c ON c.p = p.id WHERE p.id = 2";
    let mut said = world.prove(&[delete]).await;
    said.sort();
    assert_eq!(
        said,
        ["DELETE c 20", "DELETE g 200", "DELETE p 2", "UPDATE s 2000"]
    );
    let delete = "DELETE c, p FROM c JOIN p ON c.p = p.id WHERE p.id = 1 AND c.id = 10";
    let mut said = world.prove(&[delete]).await;
    said.sort();
    assert_eq!(
        said,
        [
            "DELETE c 10",
            "DELETE c 11",
            "DELETE g 100",
            "DELETE g 101",
            "DELETE g 110",
            "DELETE p 1",
            "UPDATE s 1000",
        ]
    );
    assert_eq!(
        world.prove(&["REPLACE INTO p VALUES (3, 5)"]).await,
        ["DELETE p 3", "INSERT p 3"]
    );
}

#[tokio::test]
async fn without_foreign_key_checks_nothing_cascades() {
    let mut world = World::new(FAMILY).await;
    let said = world
        .prove(&[
            "SET foreign_key_checks = 0",
            "DELETE FROM p WHERE id = 1",
            "SET foreign_key_checks = 1",
        ])
        .await;
    assert_eq!(said, ["DELETE p 1"]);
}

#[tokio::test]
async fn rules_of_the_child_hold_for_what_cascades() {
    use audit_core::{Redaction, TableRule};

    let audit = Audit::builder()
        .exclude("p")
        .exclude("g")
        .table(TableRule::new("c").redact("v", Redaction::Mask))
        .table(TableRule::new("s").ignore(["c"]))
        .build()
        .unwrap();
    let world = World::with(FAMILY, audit).await;
    assert_eq!(world.findings().await, []);
    world.run(&["DELETE FROM p WHERE id = 1"]).await;
    let events = world.events().await;
    assert_eq!(events.len(), 2);
    for event in &events {
        assert_eq!(event.table_name.as_deref(), Some("c"));
        assert_eq!(super::world::before(event)["v"], "***");
        assert_eq!(event.redacted_fields, Some(vec!["v".to_owned()]));
        assert_eq!(event.actor_id.as_deref(), Some("alice"));
    }
}

#[tokio::test]
async fn what_cannot_be_followed_is_found_or_refused() {
    // Two ways down from every row: more steps than a trigger follows.
    let world = World::new(
        "CREATE TABLE n (id INT PRIMARY KEY, a INT, b INT, \
             FOREIGN KEY (a) REFERENCES n (id) ON DELETE CASCADE, \
             FOREIGN KEY (b) REFERENCES n (id) ON DELETE CASCADE); \
         CREATE TABLE v (id INT PRIMARY KEY, n INT, w INT AS (n * 2) VIRTUAL, \
             CONSTRAINT to_n FOREIGN KEY (n) REFERENCES n (id) ON DELETE SET NULL); \
         INSERT INTO n VALUES (1, NULL, NULL), (2, 1, NULL), (3, 2, 1), (4, NULL, 3); \
         INSERT INTO v (id, n) VALUES (1, 4);",
    )
    .await;
    let mut world = world;
    let unseen = Finding::CascadeUnseen {
        table: "v".to_owned(),
        foreign_key: "to_n".to_owned(),
    };
    assert_eq!(world.findings().await, [unseen]);
    world.raw.run("DROP TABLE v").await;
    world.migrate().await;
    let mut said = world.prove(&["DELETE FROM n WHERE id = 1"]).await;
    said.sort();
    assert_eq!(
        said,
        ["DELETE n 1", "DELETE n 2", "DELETE n 3", "DELETE n 4"]
    );
    world.held(&["INSERT INTO n VALUES (0, NULL, NULL)"]).await;
    for id in 1..=13 {
        let insert = format!("INSERT INTO n VALUES ({id}, NULL, {})", id - 1);
        world.held(&[&insert]).await;
    }
    let mut outcome = None;
    let said = world
        .proved(async |world| {
            outcome = world.try_run("DELETE FROM n WHERE id = 0").await.err();
        })
        .await;
    let error = CaptureError::of(&outcome.unwrap()).unwrap();
    assert!(matches!(error, CaptureError::Refused(_)), "{error}");
    assert!(said.is_empty());
}

#[tokio::test]
async fn many_children_are_recorded_whatever_their_size() {
    let mut world = World::new(
        "CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (id INT PRIMARY KEY, p INT, v TEXT, \
             FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); \
         INSERT INTO p VALUES (1); \
         INSERT INTO c SELECT seq, 1, REPEAT('x', 10000) FROM seq_1_to_3000;",
    )
    .await;
    let said = world
        .prove(&["SET group_concat_max_len = 4", "DELETE FROM p"])
        .await;
    assert_eq!(said.len(), 3001);
}

/// A foreign key leads into a database of which nothing is recorded.
#[tokio::test]
async fn a_cascade_into_a_database_outside_of_the_settings_is_found() {
    let mut world =
        World::new("CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1), (2)").await;
    let other = TestDatabase::create(Server::MariaDb).await;
    let name = |database: &TestDatabase| database.url().rsplit('/').next().unwrap().to_owned();
    let (ours, theirs) = (name(&world.database), name(&other));
    let mut raw = other.raw().await;
    raw.run(&format!(
        "CREATE TABLE stays (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES {ours}.p (id)); \
         CREATE TABLE c (id INT PRIMARY KEY, p INT, \
             CONSTRAINT to_p FOREIGN KEY (p) REFERENCES {ours}.p (id) ON DELETE CASCADE); \
         INSERT INTO c VALUES (1, 1), (2, 2)"
    ))
    .await;
    let leaves = Finding::CascadeLeaves {
        database: theirs.clone(),
        table: "c".to_owned(),
        foreign_key: "to_p".to_owned(),
    };
    assert!(leaves.is_gap());
    assert_eq!(world.findings().await, [leaves]);
    world.run(&["DELETE FROM p WHERE id = 1"]).await;
    let said = async |world: &World| {
        let events = world.events().await.into_iter();
        let tables = events.map(|event| event.table_name.unwrap());
        tables.collect::<Vec<_>>()
    };
    assert_eq!(said(&world).await, ["p"]);
    let left = "SELECT CAST(COUNT(*) AS CHAR) FROM c";
    assert_eq!(raw.texts(left).await, [[Some("1".to_owned())]]);

    // What the finding says to do: exclude it, or take it in.
    for (rules, events) in [
        (Audit::builder().exclude(format!("{theirs}.c")), 1),
        (Audit::builder().schema(&*ours).schema(&*theirs), 3),
    ] {
        world.audit = rules.build().unwrap();
        world.pool.close().await;
        world.pool = attach(&world.audit, world.database.url(), 1).await;
        assert_eq!(world.migrate().await, []);
        assert_eq!(world.findings().await, []);
        if events > 1 {
            world.run(&["DELETE FROM p WHERE id = 2"]).await;
        }
        assert_eq!(said(&world).await.len(), events);
    }
    raw.run("DROP TABLE c, stays").await;
}
