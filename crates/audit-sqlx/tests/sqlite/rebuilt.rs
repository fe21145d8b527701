//! A table that is made anew, as SQLite has it where a column gets another type
//! (<https://www.sqlite.org/lang_altertable.html#otheralter>).

use super::*;

const REBUILD: [&str; 4] = [
    "CREATE TABLE new_t (id INTEGER PRIMARY KEY, v TEXT)",
    "INSERT INTO new_t SELECT id, v FROM t",
    "DROP TABLE t",
    "ALTER TABLE new_t RENAME TO t",
];

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); \
     INSERT INTO t VALUES (1, 10), (2, 20);";

async fn rebuild(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    for sql in REBUILD {
        transaction.execute(sql).await?;
    }
    transaction.commit().await
}

/// How many shapes of the table are noted.
async fn shapes(database: &TestDatabase) -> String {
    let count = "SELECT count(*) || '' FROM audit_schemas WHERE table_name = 't'";
    let rows = database.raw().await.texts(count).await;
    rows.into_iter().flatten().flatten().collect()
}

/// The events of two writes, one a row, after which `migrate` notes the new shape.
async fn is_recorded_again(database: &TestDatabase, pool: &SqlitePool) {
    assert_eq!(findings(pool).await, []);
    let new = prove(database, pool, async || {
        for sql in [
            "UPDATE t SET v = v || '!' WHERE id = 1",
            "DELETE FROM t WHERE id = 2",
        ] {
            alice().scope(pool.execute(sql)).await.unwrap();
        }
    })
    .await;
    let [update, _delete] = new.as_slice() else {
        panic!("{new:?}");
    };
    let image = update.after_data.as_ref().unwrap().as_str();
    assert!(image.ends_with(r#"!"}"#), "{image}");
    assert_eq!(shapes(database).await, "1");
    audit_sqlx::migrate(pool, &audit()).await.unwrap();
    assert_eq!(shapes(database).await, "2");
}

#[tokio::test]
async fn a_table_that_is_made_anew_by_unaudited_is_recorded_at_once() {
    let (database, pool) = world(TABLE, 1).await;
    audit_sqlx::unaudited(&pool, |connection| {
        Box::pin(async move { rebuild(connection).await })
    })
    .await
    .unwrap();
    assert_eq!(events(&pool).await, []);
    is_recorded_again(&database, &pool).await;
}

/// Stated in the documents: with the old table its triggers go, on the connection that drops it. Others
/// keep theirs.
#[tokio::test]
async fn a_table_that_is_made_anew_on_a_connection_is_recorded_from_its_next_checkout_on() {
    let (database, pool) = world(TABLE, 3).await;
    let mut other = alice().scope(pool.acquire()).await.unwrap();
    let mut held = alice().scope(pool.acquire()).await.unwrap();
    rebuild(&mut held).await.unwrap();
    assert_eq!(events(&pool).await, []);
    held.execute("UPDATE t SET v = 'unseen' WHERE id = 1")
        .await
        .unwrap();
    assert_eq!(events(&pool).await, []);
    other
        .execute("UPDATE t SET v = 'seen' WHERE id = 2")
        .await
        .unwrap();
    let seen = events(&pool).await;
    assert_eq!(seen.len(), 1);
    let image = |json: &Option<audit_core::Json>| json.as_ref().unwrap().as_str().to_owned();
    assert_eq!(image(&seen[0].before_data), r#"{"id":2,"v":"20"}"#);
    assert_eq!(image(&seen[0].after_data), r#"{"id":2,"v":"seen"}"#);
    drop((held, other));
    is_recorded_again(&database, &pool).await;
}
