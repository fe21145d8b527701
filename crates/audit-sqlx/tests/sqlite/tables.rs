//! Tables without rowids or in other places than the main database, and names that mean several.

use super::*;

#[tokio::test]
async fn a_temporary_table_of_the_same_name_is_not_taken_for_the_audited_one() {
    let (database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)", 1).await;
    pool.execute("CREATE TEMP TABLE t (id INTEGER PRIMARY KEY, other TEXT)")
        .await
        .unwrap();
    for change in ["SELECT 1", "ALTER TABLE t ADD COLUMN w TEXT"] {
        // The second change makes the connection replace the triggers of this table.
        database.raw().await.run(change).await;
        let events = prove(&database, &pool, async || {
            pool.execute("INSERT INTO t (other) VALUES ('hidden')")
                .await
                .unwrap();
            pool.execute("INSERT INTO main.t (v) VALUES (7)")
                .await
                .unwrap();
            pool.execute("UPDATE main.t SET v = v + 1").await.unwrap();
        })
        .await;
        let of_main = events
            .iter()
            .all(|event| event.table_name.as_deref() == Some("t"));
        assert!(of_main && events.len() >= 2, "{change}: {events:?}");
        pool.execute("DELETE FROM temp.t").await.unwrap();
    }
}

#[tokio::test]
async fn a_table_of_an_attached_database_is_not_taken_for_the_one_of_the_main() {
    let (database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)", 1).await;
    let other = TestDatabase::create(Server::Sqlite).await;
    other
        .raw()
        .await
        .run("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (id)")
        .await;
    let attach = format!("ATTACH '{}' AS other", path_of(&other));
    pool.execute(AssertSqlSafe(attach)).await.unwrap();
    let events = prove(&database, &pool, async || {
        pool.execute("INSERT INTO other.t VALUES (1)")
            .await
            .unwrap();
        pool.execute("INSERT INTO u VALUES (1)").await.unwrap();
        pool.execute("INSERT INTO t (v) VALUES (1)").await.unwrap();
    })
    .await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].table_name.as_deref(), Some("t"));
}

fn path_of(database: &TestDatabase) -> &str {
    let path = database.url().trim_start_matches("sqlite://");
    path.split('?').next().unwrap()
}

#[tokio::test]
async fn keys_that_the_database_gives_are_in_the_events() {
    let (database, pool) = world(
        "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); \
         CREATE TABLE r (v TEXT); CREATE TABLE n (id TEXT PRIMARY KEY, v TEXT);",
        1,
    )
    .await;
    let events = prove(&database, &pool, async || {
        for sql in [
            "INSERT INTO a (v) VALUES ('x'), ('y')",
            "DELETE FROM a",
            "INSERT INTO a (id, v) VALUES (NULL, 'z')",
            "INSERT INTO r VALUES ('loose'), ('loose')",
        ] {
            pool.execute(sql).await.unwrap();
        }
    })
    .await;
    let ids: Vec<_> = events
        .iter()
        .map(|event| event.record_id.as_deref())
        .collect();
    assert_eq!(
        &ids[..5],
        [Some("1"), Some("2"), Some("1"), Some("2"), Some("3")]
    );
    assert_eq!(ids[5], ids[6]);
    // The key of a table with rowids may be NULL, for more than one row: the images tell them.
    pool.execute("INSERT INTO n VALUES (NULL, 'x')")
        .await
        .unwrap();
    let last = super::events(&pool).await.pop().unwrap();
    assert_eq!(
        (last.table_name.as_deref(), last.record_id),
        (Some("n"), None)
    );
}

/// The operation, the table and the key of an event, with the key before where it was another.
fn in_words(event: &Event) -> String {
    let table = event.table_name.as_deref().unwrap();
    let record = event.record_id.as_deref().unwrap();
    match &event.previous_record_id {
        Some(previous) => format!("{} {table} {previous} to {record}", event.operation),
        None => format!("{} {table} {record}", event.operation),
    }
}

#[tokio::test]
async fn every_change_of_a_table_without_rowids_is_recorded() {
    let (database, pool) = world(
        "CREATE TABLE p (k TEXT PRIMARY KEY, v ANY) STRICT, WITHOUT ROWID; \
         CREATE TABLE w (k TEXT, l TEXT, v ANY, p TEXT REFERENCES p (k) \
             ON UPDATE CASCADE ON DELETE CASCADE, PRIMARY KEY (l, k)) STRICT, WITHOUT ROWID;",
        1,
    )
    .await;
    let changes: [(&str, &[&str]); 9] = [
        (
            "INSERT INTO p VALUES ('p', x'00'), ('q', 1.5)",
            &["INSERT p p", "INSERT p q"],
        ),
        (
            "INSERT INTO w VALUES ('a', '1', 'text', 'p'), ('b', '2', NULL, 'q')",
            &[r#"INSERT w ["1","a"]"#, r#"INSERT w ["2","b"]"#],
        ),
        (
            "UPDATE w SET v = x'ff' WHERE l = '1'",
            &[r#"UPDATE w ["1","a"]"#],
        ),
        (
            "UPDATE w SET l = '10', k = 'z' WHERE k = 'b'",
            &[r#"UPDATE w ["2","b"] to ["10","z"]"#],
        ),
        (
            "REPLACE INTO w VALUES ('z', '10', 9007199254740993, 'q')",
            &[r#"DELETE w ["10","z"]"#, r#"INSERT w ["10","z"]"#],
        ),
        (
            "INSERT INTO w VALUES ('z', '10', 0, 'q') ON CONFLICT (l, k) DO UPDATE SET v = -1.5",
            &[r#"UPDATE w ["10","z"]"#],
        ),
        (
            "UPDATE p SET k = 'r' WHERE k = 'p'",
            &[r#"UPDATE w ["1","a"]"#, "UPDATE p p to r"],
        ),
        ("DELETE FROM w WHERE l = '10'", &[r#"DELETE w ["10","z"]"#]),
        (
            "DELETE FROM p WHERE k = 'r'",
            &[r#"DELETE w ["1","a"]"#, "DELETE p r"],
        ),
    ];
    for (sql, expected) in changes {
        let events = prove(&database, &pool, async || {
            pool.execute(sql).await.unwrap();
        })
        .await;
        let found: Vec<String> = events.iter().map(in_words).collect();
        assert_eq!(found, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_table_that_appears_is_captured_at_the_next_checkout() {
    let (database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 2).await;
    let mut held = pool.acquire().await.unwrap();
    database
        .raw()
        .await
        .run("CREATE TABLE later (id INTEGER PRIMARY KEY, v INTEGER)")
        .await;
    held.execute("INSERT INTO later VALUES (1, 1)")
        .await
        .unwrap();
    assert_eq!(events(&pool).await, []);
    drop(held);
    let insert = "INSERT INTO later VALUES (2, 2)";
    let events = prove(&database, &pool, async || {
        pool.execute(insert).await.unwrap();
    })
    .await;
    assert_eq!(events.len(), 1);
    database
        .raw()
        .await
        .run("ALTER TABLE later ADD COLUMN w TEXT DEFAULT 'd'")
        .await;
    let events = prove(&database, &pool, async || {
        pool.execute("UPDATE later SET v = 3 WHERE id = 2")
            .await
            .unwrap();
    })
    .await;
    let image = events[0].after_data.as_ref().unwrap().as_str();
    assert_eq!(image, r#"{"id":2,"v":3,"w":"d"}"#);
}
