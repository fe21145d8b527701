//! Tables in other places than the main database, and names that mean several of them.

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
