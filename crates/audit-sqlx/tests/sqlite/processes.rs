//! Processes that start at the same time.

use super::*;

async fn shape(database: &TestDatabase) -> Vec<Vec<Option<String>>> {
    let sql = "SELECT name, sql FROM sqlite_schema UNION ALL \
               SELECT 'step', name FROM audit_migrations ORDER BY 1, 2";
    database.raw().await.texts(sql).await
}

#[tokio::test]
async fn sixteen_processes_that_migrate_at_once_agree_every_time() {
    if let Some(url) = audit_testkit::racer() {
        let options = SqlitePoolOptions::new().max_connections(1);
        let pool = audit_sqlx::attach(options, &audit())
            .connect(&url)
            .await
            .unwrap();
        let report = audit_sqlx::migrate(&pool, &audit()).await.unwrap();
        assert_eq!(report.findings(), []);
        return;
    }
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY)";
    let (alone, _pool) = world(table, 1).await;
    let expected = shape(&alone).await;
    for _ in 0..4 {
        let database = TestDatabase::create(Server::Sqlite).await;
        database.raw().await.run(table).await;
        audit_testkit::race(16, database.url());
        assert_eq!(shape(&database).await, expected);
    }
}
