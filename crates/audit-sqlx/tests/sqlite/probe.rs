//! What a check finds by writing, beside writers; and the operator's switch on many connections.

use std::time::{Duration, Instant};

use audit_core::Audit;
use audit_sqlx::Finding;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Executor, SqlitePool};

use super::super::{alice, audit, events, findings, pool_of, world};

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_and_writers_wait_for_one_another() {
    let (_database, pool) = world(TABLE, 8).await;
    let mut tasks = Vec::new();
    for task in 0..8 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..20 {
                if task % 2 == 0 {
                    assert_eq!(findings(&pool).await, []);
                    continue;
                }
                let insert = sqlx::query("INSERT INTO t (v) VALUES (?)").bind(round);
                let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
                insert.execute(&mut *transaction).await.unwrap();
                transaction.commit().await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(events(&pool).await.len(), 80);
}

#[tokio::test]
async fn a_busy_database_is_waited_for_and_no_gap() {
    let (database, _pool) = world(TABLE, 1).await;
    let timeout = Duration::from_millis(300);
    let options: SqliteConnectOptions = database.url().parse().unwrap();
    let pool = audit_sqlx::attach(SqlitePoolOptions::new().max_connections(1), &audit())
        .connect_with(options.busy_timeout(timeout))
        .await
        .unwrap();
    let mut writer = database.raw().await;
    writer.run("BEGIN IMMEDIATE").await;
    let start = Instant::now();
    let found = findings(&pool).await;
    assert!(
        matches!(&found[..], [busy @ Finding::ProbeBusy { .. }] if !busy.is_gap()),
        "{found:?}"
    );
    assert!(start.elapsed() >= timeout);
    writer.run("ROLLBACK").await;
    assert_eq!(findings(&pool).await, []);
}

#[tokio::test]
async fn connections_that_lose_their_context_are_found() {
    let (database, _pool) = world(TABLE, 1).await;
    let pool = audit_sqlx::attach(SqlitePoolOptions::new().max_connections(1), &audit())
        .before_acquire(|connection, _| {
            Box::pin(async move {
                connection
                    .execute("SELECT audit_clear()")
                    .await
                    .map(|_| true)
            })
        })
        .connect(database.url())
        .await
        .unwrap();
    assert_eq!(findings(&pool).await, [Finding::ProbeUnstamped]);
}

#[tokio::test]
async fn a_file_that_may_not_grow_is_found() {
    let (_database, pool) = world(TABLE, 1).await;
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(&pool)
        .await
        .unwrap();
    let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + 4));
    pool.execute(limit).await.unwrap();
    let insert = "INSERT INTO t (v) VALUES ('x')";
    while pool.execute(insert).await.is_ok() {}
    let written = events(&pool).await.len();
    let reason = "database or disk is full".to_owned();
    assert_eq!(findings(&pool).await, [Finding::ProbeRefused { reason }]);
    pool.execute("PRAGMA max_page_count = 10000").await.unwrap();
    assert_eq!(findings(&pool).await, []);
    assert_eq!(events(&pool).await.len(), written);
}

#[tokio::test]
async fn the_last_row_id_stays_the_applications() {
    let (_database, pool) = world(TABLE, 1).await;
    pool.execute("INSERT INTO t (id) VALUES (7)").await.unwrap();
    assert_eq!(findings(&pool).await, []);
    let last: i64 = sqlx::query_scalar("SELECT last_insert_rowid()")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(last, 7);
}

async fn set(pool: &SqlitePool, value: &'static str) {
    let sql = "UPDATE audit_settings SET value = ? WHERE name = 'capture'";
    let update = sqlx::query(sql).bind(value).execute(pool);
    alice().scope(update).await.unwrap();
}

/// Whatever is open already follows at its next checkout, in this process and in others; what
/// opens before `migrate` does not run ahead.
#[tokio::test]
async fn every_connection_follows_the_switch_once_it_is_compiled_in() {
    let (database, pool) = world(TABLE, 2).await;
    let earlier = pool_of(&database, 1).await;
    let off = [Finding::CaptureOff { table: None }];
    set(&pool, "off").await;
    let later = pool_of(&database, 1).await;
    let pools = [&pool, &earlier, &later];
    let insert = "INSERT INTO t (v) VALUES ('x')";
    for pool in pools {
        pool.execute(insert).await.unwrap();
        assert!(findings(pool).await.contains(&off[0]));
    }
    assert_eq!(events(&pool).await.len(), 4);
    let report = audit_sqlx::migrate(&later, &audit()).await.unwrap();
    assert_eq!(report.findings(), off);
    for pool in pools {
        pool.execute(insert).await.unwrap();
        assert_eq!(findings(pool).await, off);
    }
    assert_eq!(events(&pool).await.len(), 4);
    let seen: Vec<String> = sqlx::query_scalar("SELECT name FROM audit_capture_off")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(seen, ["capture"]);
    set(&earlier, "on").await;
    let report = audit_sqlx::migrate(&pool, &audit()).await.unwrap();
    assert_eq!(report.findings(), []);
    for pool in pools {
        pool.execute(insert).await.unwrap();
    }
    assert_eq!(events(&pool).await.len(), 8);
}

/// Stated in the documents: a program that opens the file itself is not seen, and the check tells
/// what it left.
#[tokio::test]
async fn another_programs_change_of_the_switch_is_found_and_not_recorded() {
    let (database, pool) = world(TABLE, 1).await;
    let table = Some("t".to_owned());
    let off = "INSERT INTO audit_settings VALUES ('capture:t', 'off')";
    database.raw().await.run(off).await;
    let found = findings(&pool).await;
    assert!(found.contains(&Finding::CaptureOff { table }), "{found:?}");
    assert_eq!(events(&pool).await, []);
}

/// A refusal of writes without a context does not stop the operator, who has none.
#[tokio::test]
async fn the_switch_needs_no_context() {
    let (database, _pool) = world(TABLE, 1).await;
    let audit = Audit::builder().on_missing_context(audit_core::MissingContext::Deny);
    let audit = audit.build().unwrap();
    let pool = audit_sqlx::attach(SqlitePoolOptions::new(), &audit)
        .connect(database.url())
        .await
        .unwrap();
    let report = audit_sqlx::migrate(&pool, &audit).await.unwrap();
    assert_eq!(report.findings(), []);
    assert!(
        pool.execute("INSERT INTO t (v) VALUES ('x')")
            .await
            .is_err()
    );
    let off = "UPDATE audit_settings SET value = 'off'";
    pool.execute(off).await.unwrap();
    let events = events(&pool).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].actor_kind.as_str(), "unknown");
}
