//! When something is missing or changes, nothing is half done and the error says what to do.

use std::sync::Arc;

use audit_core::{Dialect, Redaction, TableRule};

use crate::adapter::{Adapter, End};
use crate::database::Server;
use crate::world::{World, alice};

const ANN: &str = "INSERT INTO users (id, name) VALUES (1, 'Ann')";

/// Without its log a change fails, and the error tells it from the application's own.
pub async fn a_missing_log_fails_the_change<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let (log, away) = match world.dialect() {
        Dialect::Postgres => (
            "audit.audit_logs",
            "ALTER TABLE audit.audit_logs RENAME TO gone",
        ),
        _ => ("audit_logs", "ALTER TABLE audit_logs RENAME TO gone"),
    };
    world.raw(away).await;
    let failure = alice().scope(world.adapter.execute(ANN)).await.unwrap_err();
    assert_eq!(
        failure.capture.as_deref(),
        Some("LogMissing"),
        "{}",
        failure.message
    );
    let failure = alice()
        .scope(world.adapter.transaction(&[ANN], End::Commit))
        .await
        .unwrap_err();
    assert_eq!(
        failure.capture.as_deref(),
        Some("LogMissing"),
        "{}",
        failure.message
    );
    let rows = world.texts("SELECT name FROM users").await;
    assert_eq!(rows.len(), 0);
    let gone = log.replace("audit_logs", "gone");
    world
        .raw(&format!("ALTER TABLE {gone} RENAME TO audit_logs"))
        .await;
    assert_eq!(world.prove_statements(&[ANN]).await.len(), 1);
}

/// `migrate` changes nothing the second time.
pub async fn migrate_can_run_again<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    world.migrate().await;
    assert_eq!(
        world
            .prove_statements(&["UPDATE users SET name = 'B'"])
            .await
            .len(),
        1
    );
}

/// Several at once on an empty database all succeed.
pub async fn racing_migrations_agree<A: Adapter>(server: Server) {
    for _ in 0..3 {
        let world = Arc::new(World::<A>::unmigrated(server, "", 8, |audit| audit).await);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let world = Arc::clone(&world);
                tokio::spawn(async move { world.adapter.migrate(&world.audit).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), [""; 0]);
        }
        assert_eq!(world.prove_statements(&[ANN]).await.len(), 1);
    }
}

/// A column that is added is in the images, on MySQL once `migrate` has run again; a new table is
/// captured then.
pub async fn an_added_column_is_captured_after_migrate<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    world
        .raw("ALTER TABLE users ADD COLUMN city VARCHAR(20)")
        .await;
    world
        .raw("CREATE TABLE later (id BIGINT NOT NULL PRIMARY KEY, v BIGINT)")
        .await;
    if world.dialect() != Dialect::MySql {
        let events = world
            .prove_statements(&["UPDATE users SET city = 'Oslo'"])
            .await;
        assert_eq!(events[0].changed_fields, Some(vec!["city".to_owned()]));
    }
    world.migrate().await;
    let events = world
        .prove_statements(&[
            "UPDATE users SET city = 'Rome'",
            "INSERT INTO later VALUES (1, 1)",
            "UPDATE later SET v = 2",
        ])
        .await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[0].changed_fields, Some(vec!["city".to_owned()]));
}

/// A rule for a column or table that is not there is most likely misspelt.
pub async fn check_finds_a_rule_that_fits_nothing<A: Adapter>(server: Server) {
    let world = World::<A>::unmigrated(server, "", 2, |audit| {
        audit
            .table(TableRule::new("users").redact("pasword", Redaction::Drop))
            .table(TableRule::new("user"))
    })
    .await;
    let gaps = world.adapter.migrate(&world.audit).await;
    assert_eq!(
        gaps,
        ["a rule names the column `pasword`, which `users` does not have; correct the rule"]
    );
    let findings = world.adapter.check().await;
    assert!(
        findings
            .iter()
            .any(|text| text.contains("the pattern `user`")),
        "{findings:?}"
    );
}

/// A log that is locked for longer than the writer waits fails the change, and the error says that it
/// was the log, or that it may have been. MariaDB waits for all tables of a statement before it fires a
/// trigger and names none of them, and SQLite locks the database as a whole: there nobody can tell
/// whose the lock was.
pub async fn a_locked_log_fails_the_change<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let (lock, wait, unlock) = match world.dialect() {
        Dialect::Postgres => (
            "BEGIN; LOCK TABLE audit.audit_logs IN ACCESS EXCLUSIVE MODE",
            "SET lock_timeout = '200ms'",
            "COMMIT",
        ),
        Dialect::MySql => (
            "LOCK TABLES audit_logs WRITE",
            "SET SESSION lock_wait_timeout = 1",
            "UNLOCK TABLES",
        ),
        _ => ("BEGIN EXCLUSIVE", "PRAGMA busy_timeout = 100", "COMMIT"),
    };
    let failure = alice()
        .scope(world.adapter.held_around(&[wait], world.raw(lock), &[ANN]))
        .await
        .unwrap_err();
    world.raw(unlock).await;
    let expected = match world.dialect() {
        Dialect::Postgres if A::HANDS_ON_THE_PLACE => "Refused",
        _ => "Unclear",
    };
    assert_eq!(
        failure.capture.as_deref(),
        Some(expected),
        "{}",
        failure.message
    );
    assert_eq!(world.texts("SELECT name FROM users").await.len(), 0);
    assert_eq!(world.new_events().await, []);
}
