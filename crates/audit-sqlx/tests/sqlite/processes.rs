//! Processes that start at the same time.

use std::io::Read as _;
use std::process::{Command, Stdio};

use super::*;

/// The database that a process of this test migrates, where it is one.
const URL: &str = "AUDIT_TEST_MIGRATED_URL";

async fn shape(database: &TestDatabase) -> Vec<Vec<Option<String>>> {
    let sql = "SELECT name, sql FROM sqlite_schema UNION ALL \
               SELECT 'step', name FROM audit_migrations ORDER BY 1, 2";
    database.raw().await.texts(sql).await
}

/// Each process is this very test, run by itself; all wait until their input ends.
#[tokio::test]
async fn sixteen_processes_that_migrate_at_once_agree_every_time() {
    if let Ok(url) = std::env::var(URL) {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
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
        let name = std::thread::current().name().unwrap().to_owned();
        let mut processes = Vec::new();
        for _ in 0..16 {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([&name, "--exact"]).env(URL, database.url());
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            processes.push(command.spawn().unwrap());
        }
        let starts: Vec<_> = processes
            .iter_mut()
            .map(|process| process.stdin.take())
            .collect();
        drop(starts);
        for process in processes {
            let output = process.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{said}");
            assert!(said.contains("1 passed"), "{said}");
        }
        assert_eq!(shape(&database).await, expected);
    }
}
