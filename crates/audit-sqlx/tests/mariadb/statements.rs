//! Statements that only this dialect has, and what the triggers see of them.

use audit_testkit::{Server, coverage};
use sqlx::{AssertSqlSafe, Executor, Row};

use super::world::{World, after, alice, before};

const TABLES: &str = "CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(20)); \
     CREATE TABLE other (id INT PRIMARY KEY, v VARCHAR(20)); \
     INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c'); \
     INSERT INTO other VALUES (1, 'x'), (2, 'y');";

#[tokio::test]
async fn each_operation_is_recorded_with_who_did_it() {
    let world = World::new(TABLES).await;
    let statements = [
        "INSERT INTO t VALUES (4, 40, 'd')",
        "UPDATE t SET v = 'e' WHERE id = 4",
        "DELETE FROM t WHERE id = 4",
    ];
    world.run(&statements).await;
    let events = world.events().await;
    assert_eq!(events.len(), 3);
    assert_eq!(before(&events[1])["v"], "d");
    assert_eq!(after(&events[1])["v"], "e");
    assert_eq!(events[1].changed_fields, Some(vec!["v".to_owned()]));
    for event in &events {
        assert_eq!(event.actor_id.as_deref(), Some("alice"));
        assert_eq!(event.id.get_version_num(), 7);
        let (seconds, nanos) = event.id.get_timestamp().unwrap().to_unix();
        let time = event.occurred_at;
        assert_eq!(i64::try_from(seconds).unwrap(), time.timestamp());
        assert_eq!(nanos / 1_000_000, time.timestamp_subsec_millis());
    }
}

#[tokio::test]
async fn replace_records_the_rows_it_removes() {
    let mut world = World::new(TABLES).await;
    // It removes row 1 by its key and row 2 by the other unique column.
    let said = world.prove(&["REPLACE INTO t VALUES (1, 20, 'z')"]).await;
    assert_eq!(said.last().unwrap(), "INSERT t 1");
    assert_eq!(said.len(), 3);
    assert_eq!(
        world.prove(&["REPLACE INTO t VALUES (9, 90, 'z')"]).await,
        ["INSERT t 9"]
    );
}

#[tokio::test]
async fn an_upsert_is_the_insert_or_the_update_that_it_was() {
    let mut world = World::new(TABLES).await;
    let upsert = "INSERT INTO t VALUES (1, 10, 'z'), (4, 40, 'd') \
                  ON DUPLICATE KEY UPDATE v = VALUES(v)";
    assert_eq!(world.prove(&[upsert]).await, ["UPDATE t 1", "INSERT t 4"]);
    // Again: nothing changes.
    assert!(world.prove(&[upsert]).await.is_empty());
    let other_key = "INSERT INTO t VALUES (7, 20, 'q') ON DUPLICATE KEY UPDATE id = 8, v = 'q'";
    assert_eq!(world.prove(&[other_key]).await, ["UPDATE t 8"]);
}

#[tokio::test]
async fn a_row_that_ignore_skips_is_no_event() {
    let mut world = World::new(
        "CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1), (2); \
         CREATE TABLE t (id INT PRIMARY KEY, u VARCHAR(20) UNIQUE, p INT, v INT CHECK (v < 100), \
             FOREIGN KEY (p) REFERENCES p (id)); \
         INSERT INTO t VALUES (1, 'a', 1, 1), (2, 'b', 1, 2), (3, 'c', NULL, 3);",
    )
    .await;
    for (sql, expected) in [
        (
            "INSERT IGNORE INTO t VALUES (1, 'z', 1, 1), (4, 'd', 1, 1)",
            &["INSERT t 4"] as &[_],
        ),
        // A duplicate of another unique column, of the key, and a foreign key that leads nowhere.
        ("UPDATE IGNORE t SET u = 'a', v = 9 WHERE id = 2", &[]),
        ("UPDATE IGNORE t SET id = 1, v = 9 WHERE id = 2", &[]),
        ("UPDATE IGNORE t SET p = 99, v = 9 WHERE id = 2", &[]),
        ("UPDATE IGNORE t SET v = 100 WHERE id = 2", &[]),
        // A parent that is referred to.
        ("UPDATE IGNORE p SET id = 5 WHERE id = 1", &[]),
        ("DELETE IGNORE FROM p", &["DELETE p 2"]),
        // Those that are written are events, also when their key changes.
        ("UPDATE IGNORE t SET u = 'A' WHERE id = 1", &["UPDATE t 1"]),
        (
            "UPDATE IGNORE t SET id = id + 10, u = 'q' WHERE id IN (2, 3)",
            &["UPDATE t 12"],
        ),
        (
            "UPDATE IGNORE t, p SET t.u = 'A', p.id = 7 WHERE t.id = 12",
            &[],
        ),
    ] {
        assert_eq!(world.prove(&[sql]).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_skipped_row_is_found_behind_an_older_snapshot() {
    let mut world = World::new(TABLES).await;
    let mut other = world.database.raw().await;
    let said = world
        .proved(async |world| {
            let work = async {
                let mut connection = world.pool.acquire().await.unwrap();
                connection
                    .execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
                    .await
                    .unwrap();
                // Behind the snapshot, the row's unique column changes.
                other.run("UPDATE t SET u = 25 WHERE id = 2").await;
                connection
                    .execute("UPDATE IGNORE t SET u = 10 WHERE id = 2")
                    .await
                    .unwrap();
                connection.execute("COMMIT").await.unwrap();
            };
            alice().scope(work).await;
        })
        .await;
    assert_eq!(said, ["UPDATE t 2"]);
}

#[tokio::test]
async fn several_tables_at_once_are_recorded() {
    let mut world = World::new(TABLES).await;
    let update = "UPDATE t JOIN other ON other.id = t.id SET t.v = 'n', other.v = 'm'";
    assert_eq!(world.prove(&[update]).await.len(), 4);
    let delete = "DELETE t, other FROM t JOIN other ON other.id = t.id WHERE t.id = 1";
    assert_eq!(world.prove(&[delete]).await.len(), 2);
}

#[tokio::test]
async fn order_and_limit_are_followed() {
    let mut world = World::new(TABLES).await;
    let update = "UPDATE t SET v = 'n' ORDER BY id DESC LIMIT 2";
    assert_eq!(world.prove(&[update]).await, ["UPDATE t 3", "UPDATE t 2"]);
    let moved = "UPDATE t SET id = id + 1 ORDER BY id DESC";
    assert_eq!(
        world.prove(&[moved]).await,
        ["UPDATE t 4", "UPDATE t 3", "UPDATE t 2"]
    );
    assert_eq!(
        world.prove(&["DELETE FROM t ORDER BY id LIMIT 1"]).await,
        ["DELETE t 2"]
    );
}

/// Stated in the documents: no trigger fires for it.
#[tokio::test]
async fn truncate_is_not_seen() {
    let world = World::new(TABLES).await;
    world.run(&["TRUNCATE TABLE t"]).await;
    assert!(world.events().await.is_empty());
}

#[tokio::test]
async fn loaded_files_and_procedures_are_recorded() {
    let mut world = World::new(TABLES).await;
    world
        .raw
        .run(
            "CREATE PROCEDURE two() BEGIN INSERT INTO t VALUES (5, 50, 'p'); \
             UPDATE t SET v = 'r' WHERE id = 5; END",
        )
        .await;
    assert_eq!(
        world.prove(&["CALL two()"]).await,
        ["INSERT t 5", "UPDATE t 5"]
    );
    let file = format!("@@datadir, 'audit_{}.txt'", world.database.url().len());
    let name = world
        .raw
        .texts(&format!("SELECT CONCAT({file}, UUID_SHORT())"))
        .await;
    let name = name[0][0].clone().unwrap();
    let out = format!("SELECT id + 100, u + 1000, v INTO OUTFILE '{name}' FROM t");
    let load = format!("LOAD DATA INFILE '{name}' INTO TABLE t");
    let said = world.prove(&[&out, &load]).await;
    assert_eq!(said.len(), 4);
}

#[tokio::test]
async fn results_are_those_of_the_statement() {
    let world = World::new(
        "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, v INT); \
         CREATE TABLE c (id INT AUTO_INCREMENT PRIMARY KEY, a INT, \
             FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE) AUTO_INCREMENT = 500;",
    )
    .await;
    let insert = world
        .try_run("INSERT INTO a (v) VALUES (1), (2), (3)")
        .await
        .unwrap();
    assert_eq!((insert.rows_affected(), insert.last_insert_id()), (3, 1));
    let child = world
        .try_run("INSERT INTO c (a) VALUES (1), (1)")
        .await
        .unwrap();
    assert_eq!((child.rows_affected(), child.last_insert_id()), (2, 500));
    let update = world
        .try_run("UPDATE a SET v = 7 WHERE id < 3")
        .await
        .unwrap();
    assert_eq!(update.rows_affected(), 2);
    let work = async {
        let mut connection = world.pool.acquire().await.unwrap();
        connection
            .execute("INSERT INTO a (v) VALUES (4)")
            .await
            .unwrap();
        let delete = connection
            .execute("DELETE FROM a WHERE id = 1")
            .await
            .unwrap();
        assert_eq!(delete.rows_affected(), 1);
        let row = connection
            .fetch_one("SELECT CAST(LAST_INSERT_ID() AS SIGNED), CAST(@@warning_count AS SIGNED)")
            .await
            .unwrap();
        assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (4, 0));
    };
    alice().scope(work).await;
    assert_eq!(world.events().await.len(), 3 + 2 + 2 + 1 + 3);
}

#[tokio::test]
async fn partitioned_tables_are_recorded() {
    let mut world = World::new(
        "CREATE TABLE t (id INT, y INT, v INT, PRIMARY KEY (id, y)) \
         PARTITION BY RANGE (y) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20));",
    )
    .await;
    let said = world
        .prove(&[
            "INSERT INTO t VALUES (1, 1, 1), (2, 11, 1)",
            "UPDATE t SET y = 15 WHERE id = 1",
            "UPDATE IGNORE t SET y = 99 WHERE id = 1",
            "DELETE FROM t PARTITION (b) WHERE id = 2",
        ])
        .await;
    assert_eq!(said.len(), 4, "{said:?}");
}

#[tokio::test]
async fn odd_names_are_recorded() {
    let long = "n".repeat(64);
    let world = World::new(&format!(
        "CREATE TABLE `select` (`from` INT PRIMARY KEY, `select` INT, `a``b'\"\\\\ c` INT, `NEW` INT, \
             `audit_at` INT, `audit_us` INT, `record_id` INT, `ключ` VARCHAR(10), `{long}` INT); \
         CREATE TABLE `{long}` (id INT PRIMARY KEY, v INT); CREATE TABLE `t.u`` ' x` (id INT PRIMARY KEY); \
         CREATE TABLE `столы` (`столы` INT PRIMARY KEY);",
    ))
    .await;
    let mut world = world;
    assert_eq!(world.findings().await, []);
    let long_insert = format!("INSERT INTO `{long}` VALUES (1, 2)");
    let said = world
        .prove(&[
            "INSERT INTO `select` VALUES (1, 2, 3, 4, 5, 6, 7, 'é', 8)",
            "UPDATE `select` SET `a``b'\"\\\\ c` = 9, `NEW` = 0, `audit_at` = 1",
            &long_insert,
            "INSERT INTO `t.u`` ' x` VALUES (1)",
            "INSERT INTO `столы` VALUES (1)",
        ])
        .await;
    assert_eq!(said.len(), 5);
}

#[tokio::test]
async fn names_that_differ_in_case_are_two_tables() {
    let world = World::new(
        "CREATE TABLE Users (Id INT PRIMARY KEY, v INT); CREATE TABLE users (id INT PRIMARY KEY);",
    )
    .await;
    assert_eq!(world.findings().await, []);
    world
        .run(&[
            "INSERT INTO Users VALUES (1, 5)",
            "INSERT INTO users VALUES (2)",
        ])
        .await;
    let events = world.events().await;
    assert_eq!(events[0].table_name.as_deref(), Some("Users"));
    assert_eq!(after(&events[0]), serde_json::json!({"Id": 1, "v": 5}));
    assert_eq!(events[1].table_name.as_deref(), Some("users"));
    assert_eq!(after(&events[1]), serde_json::json!({"id": 2}));
}

#[tokio::test]
async fn triggers_of_the_application_stay_and_come_after_ours() {
    let mut world = World::new(
        "CREATE TABLE t (id INT PRIMARY KEY, v INT); CREATE TABLE n (id INT PRIMARY KEY, v INT); \
         CREATE TRIGGER audit_of_mine AFTER INSERT ON t FOR EACH ROW \
             INSERT INTO n VALUES (NEW.id, NEW.v); \
         CREATE TRIGGER before_it BEFORE INSERT ON t FOR EACH ROW SET NEW.v = NEW.v + 1;",
    )
    .await;
    assert_eq!(
        world.prove(&["INSERT INTO t VALUES (1, 1)"]).await,
        ["INSERT t 1", "INSERT n 1"]
    );
    // One that gets in front of ours is found, and put behind by the next migrate.
    world
        .raw
        .run(
            "CREATE TRIGGER early AFTER INSERT ON t FOR EACH ROW PRECEDES audit_insert_t \
                 UPDATE n SET v = 0",
        )
        .await;
    assert_eq!(world.findings().await.len(), 1);
    assert_eq!(world.migrate().await, []);
    assert_eq!(
        world.prove(&["INSERT INTO t VALUES (2, 1)"]).await,
        ["INSERT t 2", "UPDATE n 1", "INSERT n 2"]
    );
    let triggers = world.raw.texts("SELECT CONVERT(trigger_name USING utf8mb4) FROM \
        information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name = 'audit_of_mine'");
    assert_eq!(triggers.await.len(), 1);
}

#[tokio::test]
async fn a_statement_that_fails_in_the_middle_leaves_nothing() {
    let mut world = World::new(TABLES).await;
    let said = world
        .proved(async |world| {
            let error = world
                .try_run("INSERT INTO t VALUES (7, 70, 'x'), (1, 80, 'y')")
                .await;
            assert!(error.is_err());
        })
        .await;
    assert!(said.is_empty());
    // A table that cannot roll back keeps what it wrote: the finding says so.
    world
        .raw
        .run("CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM")
        .await;
    let findings = world.migrate().await;
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "`m` is kept by MyISAM, which has no transactions, so that a change and its event can \
          part; convert it to InnoDB"
        ]
    );
    world.run(&["INSERT INTO m VALUES (1)"]).await;
    assert_eq!(world.events().await.len(), 1);
    let mut connection = world.pool.acquire().await.unwrap();
    for sql in ["BEGIN", "INSERT INTO m VALUES (2)", "ROLLBACK"] {
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    drop(connection);
    assert_eq!(world.events().await.len(), 1);
    assert_eq!(
        world
            .raw
            .texts("SELECT CAST(id AS CHAR) FROM m")
            .await
            .len(),
        2
    );
}

/// What the page of the coverage says is not there.
#[tokio::test]
async fn what_only_others_have_is_refused() {
    coverage::what_only_others_have_is_refused(Server::MariaDb).await;
}
