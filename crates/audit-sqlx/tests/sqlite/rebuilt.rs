//! A table that is rebuilt, as SQLite has it where a column gets another type
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

#[tokio::test]
async fn x_probe_rebuild() {
    let (database, pool) = world(TABLE, 2).await;
    pool.execute("UPDATE t SET v = v + 1 WHERE id = 1")
        .await
        .unwrap();
    let mut idle = pool.acquire().await.unwrap();
    idle.execute("SELECT 1").await.unwrap();
    let mut held = alice().scope(pool.acquire()).await.unwrap();
    let done = rebuild(&mut held).await;
    eprintln!("REBUILD {done:?}");
    eprintln!("AFTER {:#?}", events(&pool).await.len());
    let on_held = held.execute("UPDATE t SET v = 'held' WHERE id = 1").await;
    eprintln!("HELD {on_held:?} {}", events(&pool).await.len());
    let on_idle = idle.execute("UPDATE t SET v = 'idle' WHERE id = 2").await;
    eprintln!("IDLE {on_idle:?} {}", events(&pool).await.len());
    drop(held);
    drop(idle);
    eprintln!("FINDINGS {:?}", findings(&pool).await);
    let out = pool.execute("UPDATE t SET v = 'out' WHERE id = 2").await;
    eprintln!("OUT {out:?} {}", events(&pool).await.len());
    let schemas = database
        .raw()
        .await
        .texts("SELECT count(*) || '' FROM audit_schemas WHERE table_name = 't'")
        .await;
    eprintln!("SCHEMAS {schemas:?}");
    audit_sqlx::migrate(&pool, &audit()).await.unwrap();
    let schemas = database
        .raw()
        .await
        .texts("SELECT count(*) || '' FROM audit_schemas WHERE table_name = 't'")
        .await;
    eprintln!("SCHEMAS {schemas:?}");
    for event in events(&pool).await {
        eprintln!(
            "{} {:?} {:?} {:?} {:?}",
            event.operation,
            event.record_id,
            event.before_data,
            event.after_data,
            event.schema_fingerprint
        );
    }
}
