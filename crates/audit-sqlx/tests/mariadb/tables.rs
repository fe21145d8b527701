//! Kinds of tables, and what happens to a table while connections are open.

use audit_core::{ActorKind, Event};
use audit_sqlx::Finding;
use serde_json::json;
use sqlx::Executor;

use super::world::{World, after, alice, attach, before};

#[tokio::test]
async fn skipped_rows_of_a_table_without_a_key_are_no_events() {
    let world = World::new(
        "CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1), (2); \
         CREATE TABLE t (u INT UNIQUE, p INT, v INT, FOREIGN KEY (p) REFERENCES p (id)); \
         INSERT INTO t VALUES (1, 1, 0), (2, 1, 0), (NULL, 1, 7), (NULL, 1, 7);",
    )
    .await;
    for (sql, events) in [
        ("UPDATE IGNORE t SET u = 1, v = 9 WHERE u = 2", 0),
        ("UPDATE IGNORE t SET p = 99, v = 9 WHERE u = 2", 0),
        ("UPDATE IGNORE t SET u = 3 WHERE u = 2", 1),
        ("UPDATE t SET p = 2 WHERE u = 3", 1),
        ("UPDATE t SET p = NULL WHERE u = 3", 1),
        // One of two rows that are alike.
        ("UPDATE t SET p = 2 WHERE u IS NULL LIMIT 1", 1),
        ("UPDATE t SET u = 8 WHERE u IS NULL AND p = 1", 1),
        ("UPDATE IGNORE t SET u = 8 WHERE u IS NULL", 0),
        ("UPDATE t SET u = NULL WHERE u = 8", 1),
    ] {
        let seen = world.events().await.len();
        world.run(&[sql]).await;
        assert_eq!(world.events().await.len() - seen, events, "{sql}");
    }
}

#[tokio::test]
async fn a_retyped_column_is_found_and_fails_no_write() {
    let mut world =
        World::new("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), n INT, j TEXT, d DATE)")
            .await;
    for (change, insert, column, expected) in [
        (
            "MODIFY n BIGINT UNSIGNED",
            "(1, 'a', 18446744073709551615, '', NULL)",
            "n",
            json!(18_446_744_073_709_551_615_u64),
        ),
        (
            "MODIFY n DECIMAL(65,2)",
            "(2, 'a', 1.50, '', NULL)",
            "n",
            json!(1.5),
        ),
        (
            "MODIFY v TEXT CHARACTER SET latin1",
            "(3, 'é', 1, '', NULL)",
            "v",
            json!("é"),
        ),
        (
            "MODIFY v VARBINARY(20)",
            "(4, x'00FF', 1, '', NULL)",
            "v",
            json!({"$bytes": "AP8="}),
        ),
        (
            "MODIFY j JSON",
            "(5, 'a', 1, '{\"a\": 1}', NULL)",
            "j",
            json!({"a": 1}),
        ),
        (
            "MODIFY d DATETIME(6)",
            "(6, 'a', 1, '[]', '2024-02-03 04:05:06.7')",
            "d",
            json!("2024-02-03 04:05:06.700000"),
        ),
        (
            "MODIFY n FLOAT",
            "(7, 'a', 0.1, '[]', NULL)",
            "n",
            json!(0.100_000_001_490_116_12),
        ),
    ] {
        world.raw.run(&format!("ALTER TABLE t {change}")).await;
        let texts: Vec<String> = world
            .findings()
            .await
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(texts.len(), 3, "{change}: {texts:?}");
        // Until then the image may show the value as the old type would: the write goes through.
        let sql = format!("INSERT INTO t VALUES {insert}");
        world.run(&[&sql]).await;
        assert!(
            world.events().await.pop().unwrap().after_data.is_some(),
            "{change}"
        );
        world.run(&["DELETE FROM t"]).await;
        assert_eq!(world.migrate().await, []);
        assert_eq!(world.prove(&[&sql]).await.len(), 1);
        assert_eq!(
            after(&world.events().await[0])[column],
            expected,
            "{change}"
        );
        world.run(&["DELETE FROM t"]).await;
    }
}

#[tokio::test]
async fn only_tables_are_audited_and_all_of_them() {
    let mut world = World::new(
        "CREATE SEQUENCE q; CREATE TABLE t (id INT PRIMARY KEY DEFAULT NEXTVAL(q), v INT); \
         CREATE VIEW w AS SELECT id, v FROM t WHERE v < 100 WITH CHECK OPTION; \
         CREATE TABLE a (id INT PRIMARY KEY, v INT) ENGINE = Aria; \
         CREATE TABLE m (id INT PRIMARY KEY, v INT) ENGINE = MEMORY;",
    )
    .await;
    let engine = |table: &str, engine: &str| Finding::NotTransactional {
        table: table.to_owned(),
        engine: engine.to_owned(),
    };
    assert_eq!(
        world.findings().await,
        [engine("a", "Aria"), engine("m", "MEMORY")]
    );
    let said = world
        .prove(&[
            "SELECT NEXTVAL(q)",
            "INSERT INTO t (v) VALUES (1), (2)",
            "INSERT INTO w (id, v) VALUES (50, 5)",
            "UPDATE w SET v = 6 WHERE id = 50",
            "DELETE FROM w WHERE id = 50",
            "INSERT INTO a VALUES (1, 1)",
            "INSERT INTO m VALUES (1, 1)",
            // A temporary table hides a table; what it holds is nobody's record.
            "CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, v INT)",
            "INSERT INTO t VALUES (900, 1)",
            "DROP TEMPORARY TABLE t",
            "LOCK TABLES t WRITE, a WRITE",
            "UPDATE t SET v = 8 WHERE id = 2",
            "UNLOCK TABLES",
            "CREATE OR REPLACE TEMPORARY TABLE other AS SELECT * FROM t",
        ])
        .await;
    assert_eq!(
        said,
        [
            "INSERT t 2",
            "INSERT t 3",
            "INSERT t 50",
            "UPDATE t 50",
            "DELETE t 50",
            "INSERT a 1",
            "INSERT m 1",
            "UPDATE t 2"
        ]
    );
    world
        .try_run("INSERT INTO w VALUES (51, 100)")
        .await
        .unwrap_err();
}

#[tokio::test]
async fn versioned_rows_and_portions_of_time_are_recorded() {
    let mut world = World::new(
        "CREATE TABLE v (id INT PRIMARY KEY, n INT UNIQUE) WITH SYSTEM VERSIONING; \
         CREATE TABLE x (id INT, n INT, f DATE, t DATE, PERIOD FOR p (f, t), PRIMARY KEY (id, f)); \
         INSERT INTO x VALUES (1, 0, '2000-01-01', '2010-01-01'); \
         INSERT INTO v VALUES (1, 1), (2, 2);",
    )
    .await;
    assert_eq!(world.findings().await, []);
    let said = world
        .prove(&[
            "UPDATE v SET n = 5 WHERE id = 1",
            "SET system_versioning_asof = '2020-01-01'",
            "UPDATE v SET n = 6 WHERE id = 1",
            "SET system_versioning_asof = DEFAULT",
            "UPDATE IGNORE v SET n = 2 WHERE id = 1",
            "UPDATE v SET id = 9 WHERE id = 1",
            "REPLACE INTO v VALUES (9, 2)",
            "DELETE FROM v WHERE id = 9",
            "DELETE HISTORY FROM v",
        ])
        .await;
    assert_eq!(said.len(), 7, "{said:?}");
    // The server writes what is left of a row before it tells of the change.
    world.run(&["DELETE FROM v"]).await;
    world.raw.run("DELETE FROM audit_logs").await;
    world
        .run(&[
            "UPDATE x FOR PORTION OF p FROM '2002-01-01' TO '2003-01-01' SET n = 1",
            "DELETE FROM x FOR PORTION OF p FROM '2005-01-01' TO '2006-01-01'",
        ])
        .await;
    let events = world.events().await;
    let said: Vec<String> = events
        .iter()
        .map(|event| {
            format!(
                "{} {}",
                event.operation,
                event.record_id.as_deref().unwrap()
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            r#"INSERT ["1","2000-01-01"]"#,
            r#"INSERT ["1","2003-01-01"]"#,
            r#"UPDATE ["1","2002-01-01"]"#,
            r#"INSERT ["1","2003-01-01"]"#,
            r#"INSERT ["1","2006-01-01"]"#,
            r#"DELETE ["1","2003-01-01"]"#,
        ]
    );
    assert_eq!(before(&events[2])["t"], "2010-01-01");
    assert_eq!(after(&events[2])["n"], 1);
}

#[tokio::test]
async fn functions_events_and_xa_are_recorded() {
    let mut world = World::new(
        "CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1); \
         CREATE FUNCTION put(x INT) RETURNS INT MODIFIES SQL DATA BEGIN \
             INSERT INTO t VALUES (x, 0); UPDATE t SET v = v + 1 WHERE id = x; RETURN x; END; \
         CREATE PROCEDURE loop_of(n INT) BEGIN DECLARE EXIT HANDLER FOR 1062 BEGIN END; \
             WHILE n > 0 DO INSERT INTO t VALUES (n, n); SET n = n - 1; END WHILE; END;",
    )
    .await;
    let said = world.prove(&["SELECT put(10), put(11)"]).await;
    assert_eq!(
        said,
        ["INSERT t 10", "UPDATE t 10", "INSERT t 11", "UPDATE t 11"]
    );
    let events = world.events().await;
    assert!(
        events
            .iter()
            .all(|event| event.transaction_id == events[0].transaction_id)
    );
    assert_eq!(
        world.prove(&["SET @x = put(12)", "DO put(13)"]).await.len(),
        4
    );
    // It stops at the row that is there, and what it did before stays.
    assert_eq!(
        world.prove(&["CALL loop_of(3)"]).await,
        ["INSERT t 3", "INSERT t 2"]
    );
    let said = world
        .prove(&[
            "XA START 'x'",
            "UPDATE t SET v = 50 WHERE id = 1",
            "XA END 'x'",
            "XA PREPARE 'x'",
            "XA COMMIT 'x'",
            "XA START 'y'",
            "UPDATE t SET v = 51 WHERE id = 1",
            "XA END 'y'",
            "XA ROLLBACK 'y'",
        ])
        .await;
    assert_eq!(said, ["UPDATE t 1"]);
    assert_eq!(world.events().await[0].transaction_id, None);
}

#[tokio::test]
async fn a_key_of_ten_kibibytes_is_kept_where_an_index_takes_its_head() {
    let mut world = World::new(
        "CREATE TABLE t (k TEXT, v INT, PRIMARY KEY (k(100))); \
         CREATE TABLE b (k BLOB, v INT, PRIMARY KEY (k(100)));",
    )
    .await;
    let insert = "INSERT INTO t VALUES (REPEAT('0123456789', 1024), 1)";
    world.prove(&[insert, "UPDATE t SET v = 2"]).await;
    let event = world.events().await.pop().unwrap();
    assert_eq!(event.record_id, Some("0123456789".repeat(1024)));
    world
        .run(&["INSERT INTO b VALUES (REPEAT(x'00FF', 5120), 1)"])
        .await;
    let event = world.events().await.pop().unwrap();
    assert_eq!(event.record_id, Some(format!("\\x{}", "00ff".repeat(5120))));
}

#[tokio::test]
async fn every_character_set_keeps_its_text() {
    let mut world = World::new("CREATE TABLE names (id INT PRIMARY KEY)").await;
    let sets = world
        .raw
        .texts(
            "SELECT CONVERT(character_set_name USING utf8mb4) FROM information_schema.character_sets \
             WHERE character_set_name <> 'binary' ORDER BY 1",
        )
        .await;
    let sets: Vec<&String> = sets.iter().flatten().flatten().collect();
    assert!(sets.len() > 30);
    let columns: Vec<String> = sets
        .iter()
        .map(|set| format!("{set} VARCHAR(9) CHARACTER SET {set}, l_{set} TEXT CHARACTER SET {set}, e_{set} ENUM('ab', 'b') CHARACTER SET {set}"))
        .collect();
    let create = format!(
        "CREATE TABLE t (id INT PRIMARY KEY, {})",
        columns.join(", ")
    );
    world.raw.run(&create).await;
    assert_eq!(world.migrate().await, []);
    let values: Vec<&str> = sets.iter().map(|_| "'aB', 'aB ', 'ab'").collect();
    let insert = format!("INSERT INTO t VALUES (1, {})", values.join(", "));
    assert_eq!(world.prove(&[&insert]).await, ["INSERT t 1"]);
    let image = after(&world.events().await[0]);
    for set in &sets {
        assert_eq!(image[set.as_str()], "aB", "{set}");
        assert_eq!(image[format!("l_{set}")], "aB ", "{set}");
        let update = format!("UPDATE t SET {set} = 'AB', l_{set} = 'aB', e_{set} = 'b'");
        assert_eq!(world.prove(&[&update]).await, ["UPDATE t 1"], "{set}");
        let changed = world.events().await.pop().unwrap().changed_fields;
        assert_eq!(
            changed,
            Some(vec![(*set).clone(), format!("l_{set}"), format!("e_{set}")])
        );
    }
}

#[tokio::test]
async fn connections_taken_without_waiting_are_nobodys() {
    let world = World::new("CREATE TABLE t (id INT PRIMARY KEY)").await;
    world.run(&["INSERT INTO t VALUES (1)"]).await;
    let pool = attach(&world.audit, world.database.url(), 1).await;
    alice()
        .scope(pool.execute("INSERT INTO t VALUES (2)"))
        .await
        .unwrap();
    alice()
        .scope(async {
            // The pool gives the connection back in a task of its own.
            let mut connection = loop {
                match pool.try_acquire() {
                    Some(connection) => break connection,
                    None => tokio::task::yield_now().await,
                }
            };
            // A statement of ours, before any trigger has forgotten whose connection it was.
            audit_sqlx::record(&mut *connection, Event::custom("noted"))
                .await
                .unwrap();
            connection
                .execute("INSERT INTO t VALUES (3)")
                .await
                .unwrap();
            drop(connection);
            let mut transaction = loop {
                match pool.try_begin().await.unwrap() {
                    Some(transaction) => break transaction,
                    None => tokio::task::yield_now().await,
                }
            };
            transaction
                .execute("INSERT INTO t VALUES (4)")
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        })
        .await;
    let kinds: Vec<ActorKind> = world
        .events()
        .await
        .iter()
        .map(|event| event.actor_kind)
        .collect();
    assert_eq!(
        kinds,
        [
            ActorKind::User,
            ActorKind::User,
            ActorKind::Unknown,
            ActorKind::Unknown,
            ActorKind::Unknown
        ]
    );
}

#[tokio::test]
async fn a_log_without_transactions_is_a_finding() {
    let mut world = World::new("CREATE TABLE t (id INT PRIMARY KEY)").await;
    world
        .raw
        .run("ALTER TABLE audit_logs DROP INDEX audit_logs_record; ALTER TABLE audit_logs ENGINE = MyISAM")
        .await;
    let finding = Finding::NotTransactional {
        table: "audit_logs".to_owned(),
        engine: "MyISAM".to_owned(),
    };
    // MyISAM has no index of so long a key.
    let missing = Finding::IndexMissing {
        index: "audit_logs_record".to_owned(),
        leads_to: "the events of a record".to_owned(),
    };
    assert_eq!(world.findings().await, [missing, finding]);
}
