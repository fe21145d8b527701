//! Processes that start at the same time.

use super::*;

/// How often sixteen processes start on an empty database.
const ROUNDS: usize = 100;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY)";

#[tokio::test]
async fn sixteen_processes_that_migrate_at_once_agree_every_time() {
    audit_testkit::race_migrations(Server::Sqlite, ROUNDS, TABLE, async |url| {
        let options = SqlitePoolOptions::new().max_connections(1);
        let attach = audit_sqlx::attach(options, &audit());
        let pool = attach.connect(url).await.unwrap();
        let report = audit_sqlx::migrate(&pool, &audit()).await.unwrap();
        assert_eq!(report.findings(), []);
        pool.close().await;
    })
    .await;
}
