//! Foreign keys that reach a row in more than one way, or lead back to where they came from.

use audit_core::{Audit, MissingContext};
use audit_sqlx::CaptureError;
use audit_testkit::Draw;

use super::world::World;

/// The events in an order of their own: the server's order among children is not promised.
fn sorted(mut said: Vec<String>) -> Vec<String> {
    said.sort();
    said
}

#[tokio::test]
async fn a_row_that_refers_to_itself_is_deleted_once() {
    let mut world = World::new(
        "CREATE TABLE n (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES n (id) \
             ON DELETE CASCADE); \
         CREATE TABLE s (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES s (id) \
             ON DELETE SET NULL); \
         CREATE TABLE k (id INT NOT NULL, up INT, UNIQUE (id), FOREIGN KEY (up) REFERENCES k (id) \
             ON DELETE CASCADE); \
         INSERT INTO n VALUES (1, NULL), (2, 1), (3, 2); UPDATE n SET up = 3 WHERE id = 1; \
         INSERT INTO n VALUES (9, 9); \
         INSERT INTO s VALUES (1, 1), (2, 1), (3, 2);",
    )
    .await;
    assert_eq!(
        sorted(world.prove(&["DELETE FROM n WHERE id = 2"]).await),
        ["DELETE n 1", "DELETE n 2", "DELETE n 3"]
    );
    assert_eq!(
        world.prove(&["DELETE FROM n WHERE id = 9"]).await,
        ["DELETE n 9"]
    );
    assert_eq!(
        sorted(world.prove(&["DELETE FROM s WHERE id = 1"]).await),
        ["DELETE s 1", "UPDATE s 2"]
    );
    assert_eq!(
        sorted(world.prove(&["DELETE FROM s"]).await),
        ["DELETE s 2", "DELETE s 3", "UPDATE s 3"]
    );
    world.run(&["INSERT INTO k VALUES (1, 1), (2, 1)"]).await;
    world.raw.run("DELETE FROM audit_logs").await;
    world.run(&["DELETE FROM k WHERE id = 1"]).await;
    assert_eq!(world.events().await.len(), 2);
}

#[tokio::test]
async fn two_tables_that_refer_to_each_other_are_followed_around() {
    let mut world = World::new(
        "CREATE TABLE a (id INT PRIMARY KEY, b INT); \
         CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE); \
         ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id) ON DELETE CASCADE; \
         INSERT INTO a VALUES (1, NULL), (2, NULL); INSERT INTO b VALUES (1, 1), (2, 2); \
         UPDATE a SET b = 1 WHERE id = 2; UPDATE a SET b = 2 WHERE id = 1;",
    )
    .await;
    assert_eq!(
        sorted(world.prove(&["DELETE FROM a WHERE id = 1"]).await),
        ["DELETE a 1", "DELETE a 2", "DELETE b 1", "DELETE b 2"]
    );
}

const DIAMOND: &str = "CREATE TABLE p (id INT PRIMARY KEY); \
     CREATE TABLE a (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); \
     CREATE TABLE b (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); \
     INSERT INTO p VALUES (1), (2); INSERT INTO a VALUES (1, 1), (2, 2); \
     INSERT INTO b VALUES (1, 1), (2, 2);";

#[tokio::test]
async fn what_one_way_changes_and_another_deletes_is_deleted() {
    let mut world = World::new(&format!(
        "{DIAMOND} CREATE TABLE e (id INT PRIMARY KEY, a INT, b INT, \
             FOREIGN KEY (a) REFERENCES a (id) ON DELETE SET NULL, \
             FOREIGN KEY (b) REFERENCES b (id) ON DELETE CASCADE); \
         INSERT INTO e VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2);"
    ))
    .await;
    assert_eq!(
        sorted(world.prove(&["DELETE FROM p WHERE id = 1"]).await),
        [
            "DELETE a 1",
            "DELETE b 1",
            "DELETE e 1",
            "DELETE e 3",
            "DELETE p 1",
            "UPDATE e 2"
        ]
    );
}

#[tokio::test]
async fn a_row_that_changes_in_two_ways_has_both_changes() {
    let mut world = World::new(&format!(
        "{DIAMOND} CREATE TABLE e (id INT PRIMARY KEY, a INT, b INT, p INT, \
             FOREIGN KEY (a) REFERENCES a (id) ON DELETE SET NULL, \
             FOREIGN KEY (b) REFERENCES b (id) ON DELETE SET NULL, \
             FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL); \
         INSERT INTO e VALUES (1, 1, 1, 1), (2, 1, 2, 2), (3, 2, 1, 1), (4, 2, 2, 1), (5, 1, 1, 2), \
             (6, 1, 1, NULL);"
    ))
    .await;
    let said = sorted(world.prove(&["DELETE FROM p WHERE id = 1"]).await);
    assert_eq!(said[..3], ["DELETE a 1", "DELETE b 1", "DELETE p 1"]);
    let updated: std::collections::BTreeSet<&str> = said[3..].iter().map(String::as_str).collect();
    let updated: Vec<&str> = updated.into_iter().collect();
    assert_eq!(
        updated,
        [
            "UPDATE e 1",
            "UPDATE e 2",
            "UPDATE e 3",
            "UPDATE e 4",
            "UPDATE e 5",
            "UPDATE e 6"
        ]
    );
}

#[tokio::test]
async fn keys_that_move_in_two_ways_move_both() {
    let mut world = World::new(
        "CREATE TABLE p (id INT PRIMARY KEY, code VARCHAR(9) UNIQUE); \
         CREATE TABLE a (id INT PRIMARY KEY, p INT UNIQUE, FOREIGN KEY (p) REFERENCES p (id) \
             ON UPDATE CASCADE); \
         CREATE TABLE e (id INT PRIMARY KEY, a INT, p INT, code VARCHAR(9), \
             FOREIGN KEY (a) REFERENCES a (p) ON UPDATE CASCADE, \
             FOREIGN KEY (p) REFERENCES p (id) ON UPDATE CASCADE, \
             FOREIGN KEY (code) REFERENCES p (code) ON UPDATE SET NULL); \
         INSERT INTO p VALUES (1, 'x'), (2, 'y'); INSERT INTO a VALUES (10, 1), (20, 2); \
         INSERT INTO e VALUES (1, 1, 1, 'x'), (2, 1, 2, 'x'), (3, 2, 1, 'y'), (4, 2, 2, 'y');",
    )
    .await;
    world
        .prove(&["UPDATE p SET id = 5, code = 'z' WHERE id = 1"])
        .await;
    world.prove(&["UPDATE p SET code = 'q' WHERE id = 5"]).await;
    world.prove(&["UPDATE p SET id = 7 WHERE id = 2"]).await;
}

#[tokio::test]
async fn replaced_parents_take_their_children() {
    let mut world = World::new(&format!(
        "{DIAMOND} CREATE TABLE u (id INT PRIMARY KEY, n INT UNIQUE); \
         CREATE TABLE c (id INT PRIMARY KEY, n INT, FOREIGN KEY (n) REFERENCES u (n) \
             ON DELETE CASCADE ON UPDATE CASCADE); \
         INSERT INTO u VALUES (1, 10), (2, 20); INSERT INTO c VALUES (1, 10), (2, 20), (3, 20);"
    ))
    .await;
    assert_eq!(
        sorted(world.prove(&["REPLACE INTO p VALUES (1)"]).await),
        ["DELETE a 1", "DELETE b 1", "DELETE p 1", "INSERT p 1"]
    );
    // By the key and by the other unique column: two rows go.
    assert_eq!(
        sorted(world.prove(&["REPLACE INTO u VALUES (1, 20)"]).await),
        [
            "DELETE c 1",
            "DELETE c 2",
            "DELETE c 3",
            "DELETE u 1",
            "DELETE u 2",
            "INSERT u 1"
        ]
    );
    world.prove(&["INSERT INTO c VALUES (5, 20)"]).await;
    assert_eq!(
        sorted(
            world
                .prove(&["INSERT INTO u VALUES (1, 0) ON DUPLICATE KEY UPDATE n = 30"])
                .await
        ),
        ["UPDATE c 5", "UPDATE u 1"]
    );
    assert!(
        world
            .prove(&["INSERT INTO u VALUES (1, 0) ON DUPLICATE KEY UPDATE n = 30"])
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_cascade_without_a_context_is_refused_where_the_child_asks_for_one() {
    let audit = Audit::builder()
        .exclude("p")
        .on_missing_context(MissingContext::Deny)
        .build()
        .unwrap();
    let mut world = World::with(DIAMOND.split("INSERT").next().unwrap(), audit).await;
    world
        .run(&["INSERT INTO p VALUES (1)", "INSERT INTO a VALUES (1, 1)"])
        .await;
    let error = world.raw.try_run("DELETE FROM p").await.unwrap_err();
    let error = CaptureError::of(&error);
    assert!(
        matches!(error, Some(CaptureError::MissingContext(_))),
        "{error:?}"
    );
    assert_eq!(
        world
            .raw
            .texts("SELECT CAST(COUNT(*) AS CHAR) FROM a")
            .await,
        [[Some("1".to_owned())]]
    );
    world.run(&["DELETE FROM p"]).await;
    assert_eq!(world.events().await.len(), 2);
}

#[tokio::test]
async fn limits_of_the_session_do_not_cut_a_cascade() {
    let mut world = World::new(&format!(
        "{DIAMOND} INSERT INTO a SELECT seq, 2 FROM seq_100_to_299;"
    ))
    .await;
    for (index, setting) in [
        "SET sql_safe_updates = 1",
        "SET sql_select_limit = 1",
        "SET default_storage_engine = MyISAM, default_tmp_storage_engine = MyISAM",
        "SET foreign_key_checks = 1, unique_checks = 0",
        "SET sql_notes = 1, sql_warnings = 1",
        "SET tx_read_only = 0, completion_type = 'NO_CHAIN'",
        "SET optimizer_switch = 'index_merge=off,derived_merge=off', join_cache_level = 8",
    ]
    .into_iter()
    .enumerate()
    {
        let id = index + 10;
        let setup = format!("INSERT INTO p VALUES ({id})");
        let children = format!("INSERT INTO a SELECT seq + 1000 * {id}, {id} FROM seq_1_to_5");
        world.held(&[&setup, &children]).await;
        let delete = format!("DELETE FROM p WHERE id = {id} LIMIT 1");
        let said = world.prove(&[setting, &delete]).await;
        assert_eq!(said.len(), 6, "{setting}");
        let mut connection = world.pool.acquire().await.unwrap();
        connection.close_on_drop();
    }
}

#[tokio::test]
async fn a_versioned_child_goes_with_its_parent() {
    let mut world = World::new(
        "CREATE TABLE p (id INT PRIMARY KEY) WITH SYSTEM VERSIONING; \
         CREATE TABLE c (id INT PRIMARY KEY, p INT, v INT, FOREIGN KEY (p) REFERENCES p (id) \
             ON DELETE CASCADE ON UPDATE CASCADE, \
             s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, \
             PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING; \
         INSERT INTO p VALUES (1), (2); INSERT INTO c (id, p, v) VALUES (1, 1, 0), (2, 1, 0), (3, 2, 0);",
    )
    .await;
    assert_eq!(world.findings().await, []);
    world
        .prove(&["UPDATE c SET v = 1", "UPDATE p SET id = 9 WHERE id = 2"])
        .await;
    let said = world.prove(&["DELETE FROM p WHERE id = 1"]).await;
    assert_eq!(sorted(said), ["DELETE c 1", "DELETE c 2", "DELETE p 1"]);
    // History is not the rows of now, whatever the session looks at.
    let said = world
        .prove(&[
            "SET system_versioning_asof = '2020-01-01'",
            "DELETE FROM p WHERE id = 9",
        ])
        .await;
    assert_eq!(sorted(said), ["DELETE c 3", "DELETE p 9"]);
}

fn action(draw: &mut Draw) -> &'static str {
    match draw.below(4) {
        0 => "RESTRICT",
        1 => "SET NULL",
        _ => "CASCADE",
    }
}

/// A row to refer to: NULL now and then.
fn reference(draw: &mut Draw) -> String {
    match draw.below(5) {
        0 => "NULL".to_owned(),
        _ => draw.below(ROWS).to_string(),
    }
}

const TABLES: usize = 4;
const ROWS: usize = 6;

/// Four tables with a foreign key or two each, that lead anywhere and do anything.
fn drawn_family(draw: &mut Draw) -> String {
    let mut sql = String::new();
    for table in 0..TABLES {
        sql.push_str(&format!(
            "CREATE TABLE t{table} (id INT PRIMARY KEY, a INT, b INT, v INT); "
        ));
    }
    for table in 0..TABLES {
        for column in ["a", "b"] {
            if column == "b" && draw.below(3) > 0 {
                continue;
            }
            let parent = draw.below(TABLES);
            let (delete, update) = (action(draw), action(draw));
            sql.push_str(&format!(
                "ALTER TABLE t{table} ADD FOREIGN KEY ({column}) REFERENCES t{parent} (id) \
                 ON DELETE {delete} ON UPDATE {update}; "
            ));
        }
    }
    sql
}

fn drawn_rows(draw: &mut Draw) -> String {
    let mut sql = "SET foreign_key_checks = 0;\n".to_owned();
    for table in 0..TABLES {
        sql.push_str(&format!("DELETE FROM t{table};\n"));
        for id in 0..ROWS {
            let (a, b) = (reference(draw), reference(draw));
            sql.push_str(&format!(
                "INSERT INTO t{table} VALUES ({id}, {a}, {b}, 0);\n"
            ));
        }
    }
    sql + "SET foreign_key_checks = 1"
}

fn drawn_statement(draw: &mut Draw) -> String {
    let (table, row) = (draw.below(TABLES), draw.below(ROWS));
    let ignore = if draw.below(3) == 0 { "IGNORE " } else { "" };
    match draw.below(5) {
        0 => format!("UPDATE {ignore}t{table} SET id = id + 100, v = v + 1 WHERE id = {row}"),
        1 => format!("DELETE {ignore}FROM t{table} WHERE id <= {row}"),
        2 => format!("REPLACE INTO t{table} VALUES ({row}, NULL, NULL, 1)"),
        _ => format!("DELETE {ignore}FROM t{table} WHERE id = {row}"),
    }
}

#[tokio::test]
async fn drawn_families_replay() {
    let mut draw = Draw::new(7);
    let (mut done, mut refused, mut too_far, mut most) = (0, 0, 0, 0);
    for _ in 0..6 {
        let family = drawn_family(&mut draw);
        let mut world = World::new(&family).await;
        for _ in 0..16 {
            let rows = drawn_rows(&mut draw);
            world.raw.run(&rows).await;
            let statement = drawn_statement(&mut draw);
            println!("{family}\n{rows}\n{statement}");
            let mut failure = None;
            let said = world
                .proved(async |world| failure = world.try_run(&statement).await.err())
                .await;
            most = most.max(said.len());
            match failure {
                None => done += 1,
                Some(error) => {
                    println!("{error}");
                    assert!(said.is_empty());
                    // Ways that branch at every level are more than a trigger follows.
                    let is_too_far = error.to_string().contains("cascades further");
                    assert_eq!(CaptureError::of(&error).is_some(), is_too_far, "{error}");
                    if is_too_far {
                        too_far += 1
                    } else {
                        refused += 1
                    }
                }
            }
        }
    }
    println!("{done} done, {refused} refused, {too_far} too far, {most} events at most");
    assert!(done > 40 && refused > 5 && most > 8);
}
