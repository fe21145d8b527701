//! Migrations that race, and migrations that were interrupted: every statement commits by itself.

use audit_core::{Audit, Dialect, OnDrift};
use audit_migrations::steps;
use audit_sqlx::Finding;
use audit_testkit::Server;
use sqlx::Executor;

use super::world::{World, attach, audit};

const TABLES: &str = "CREATE TABLE p (id INT PRIMARY KEY, v INT); CREATE TABLE c (id INT PRIMARY KEY, p INT, \
     FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE);";

const OURS: &str = "SELECT CONVERT(trigger_name USING utf8mb4) FROM information_schema.triggers \
     WHERE trigger_schema = DATABASE() ORDER BY 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_at_once_agree() {
    let mut world = World::new(TABLES).await;
    let wanted = world.raw.texts(OURS).await;
    assert_eq!(wanted.len(), 8 + 6, "those of our own tables included");
    let drops: String = wanted
        .iter()
        .flatten()
        .flatten()
        .map(|name| format!("DROP TRIGGER IF EXISTS {name};"))
        .collect();
    let rules = audit();
    let pool = attach(&rules, world.database.url(), 16).await;
    for round in 0..4 {
        if round % 2 == 0 {
            world
                .raw
                .run(
                    "DROP TABLE audit_holds, audit_logs, audit_schemas, audit_migrations, audit_probe, \
                     audit_settings",
                )
                .await;
        }
        world.raw.run(&drops).await;
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (pool, rules) = (pool.clone(), rules.clone());
                tokio::spawn(async move { audit_sqlx::migrate(&pool, &rules).await.unwrap() })
            })
            .collect();
        for task in tasks {
            let report = task.await.unwrap();
            assert_eq!(report.findings(), []);
        }
        assert_eq!(world.raw.texts(OURS).await, wanted);
    }
    pool.close().await;
}

/// How often sixteen processes start on an empty database.
const ROUNDS: usize = 100;

#[tokio::test]
async fn sixteen_processes_at_once_agree() {
    audit_testkit::race_migrations(Server::MariaDb, ROUNDS, TABLES, async |url| {
        let pool = attach(&audit(), url, 1).await;
        let report = audit_sqlx::migrate(&pool, &audit()).await.unwrap();
        assert_eq!(report.findings(), []);
        pool.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_was_cut_is_finished_by_the_next() {
    let mut world = World::new(TABLES).await;
    let wanted = world.raw.texts(OURS).await;
    let names: Vec<&String> = wanted.iter().flatten().flatten().collect();
    // Whatever was not made yet is missing, whatever was not noted is not known.
    for cut in (0..names.len()).step_by(3) {
        for name in &names[cut..] {
            world.raw.run(&format!("DROP TRIGGER {name}")).await;
        }
        if cut % 2 == 0 {
            world
                .raw
                .run("DELETE FROM audit_migrations; DELETE FROM audit_schemas")
                .await;
        }
        let findings = world.findings().await;
        let missing = |finding: &&Finding| matches!(finding, Finding::TriggerMissing { .. });
        assert_eq!(findings.iter().filter(missing).count(), names.len() - cut);
        assert_eq!(world.migrate().await, []);
    }
    assert_eq!(
        world.prove(&["INSERT INTO p VALUES (1, 1)"]).await,
        ["INSERT p 1"]
    );
}

#[tokio::test]
async fn the_migration_leaves_no_setting_and_no_lock_behind() {
    let world = World::new(TABLES).await;
    // The server closes a connection in its own time: the lock is waited for.
    let settings = "SELECT CONCAT_WS(' ', @@sql_mode, @@character_set_client, \
         @@collation_connection, GET_LOCK(CONCAT('audit_', SHA1(DATABASE())), 30))";
    let fresh = attach(&world.audit, world.database.url(), 1).await;
    let expected: String = sqlx::query_scalar(settings)
        .fetch_one(&fresh)
        .await
        .unwrap();
    fresh.close().await;
    world.migrate().await;
    let found: String = sqlx::query_scalar(settings)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(found, expected);
    assert!(found.ends_with(" 1"), "{found}");
}

#[tokio::test]
async fn check_installs_what_drifted_when_asked_to() {
    let audit = Audit::builder().on_drift(OnDrift::Install).build().unwrap();
    let mut world = World::with(TABLES, audit).await;
    world
        .raw
        .run(
            "DROP TRIGGER audit_update_p; CREATE TRIGGER audit_update_p AFTER UPDATE ON p FOR EACH ROW \
             audit_capture: BEGIN SET @x = 1; END; CREATE TABLE later (id INT PRIMARY KEY)",
        )
        .await;
    // The settings of the connection do not get into the triggers.
    world
        .pool
        .execute("SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
        .await
        .unwrap();
    assert_eq!(world.findings().await, []);
    assert_eq!(
        world
            .prove(&[
                "INSERT INTO p VALUES (1, 1)",
                "UPDATE p SET v = 2",
                "INSERT INTO later VALUES (1)"
            ])
            .await,
        ["INSERT p 1", "UPDATE p 1", "INSERT later 1"]
    );
}

#[tokio::test]
async fn another_database_is_audited_into_the_log_of_this_one() {
    let mut other = World::new("CREATE TABLE elsewhere (id INT PRIMARY KEY)").await;
    for step in steps(Dialect::MySql) {
        other.raw.run(step.down).await;
    }
    other.raw.run("DROP TABLE audit_migrations").await;
    let theirs = other.database.url().rsplit('/').next().unwrap().to_owned();
    let mut world = World::new(TABLES).await;
    let ours = world.database.url().rsplit('/').next().unwrap().to_owned();
    world.audit = Audit::builder()
        .schema(&ours)
        .schema(&theirs)
        .build()
        .unwrap();
    world.pool = attach(&world.audit, world.database.url(), 1).await;
    assert_eq!(world.migrate().await, []);
    world.run(&["INSERT INTO p VALUES (1, 1)"]).await;
    other.raw.run("INSERT INTO elsewhere VALUES (7)").await;
    let events = world.events().await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].table_schema.as_deref(), Some(theirs.as_str()));
    assert_eq!(events[1].table_name.as_deref(), Some("elsewhere"));
}
