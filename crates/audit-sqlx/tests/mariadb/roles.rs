//! Who may do what, and what is said where somebody may not.

use audit_core::Audit;
use audit_sqlx::{CaptureError, Finding, MigrateError};
use sqlx::{AssertSqlSafe, Executor, MySqlPool};

use super::world::{World, alice, attach};

const TABLES: &str = "CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE t (id INT PRIMARY KEY, p INT, \
     FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE);";

/// A user of this test's own, gone with it.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) url: String,
}

impl User {
    pub(crate) async fn new(world: &mut World, rights: &str) -> Self {
        let url = world.database.url().to_owned();
        let (rest, database) = url.rsplit_once('/').unwrap();
        let (_, host) = rest.rsplit_once('@').unwrap();
        let name = format!("u_{}", database.trim_start_matches("audit_test_"));
        let raw = &mut world.raw;
        raw.run(&format!(
            "CREATE OR REPLACE USER {name}@'%' IDENTIFIED BY 'pw'"
        ))
        .await;
        for right in rights.split(';').filter(|right| !right.is_empty()) {
            raw.run(&format!("GRANT {right} TO {name}@'%'")).await;
        }
        Self {
            url: format!("mysql://{name}:pw@{host}/{database}"),
            name,
        }
    }

    pub(crate) async fn drop(&self, world: &mut World) {
        world.raw.run(&format!("DROP USER {}@'%'", self.name)).await;
    }
}

pub(crate) fn database(world: &World) -> String {
    world.database.url().rsplit('/').next().unwrap().to_owned()
}

async fn refused(pool: &MySqlPool, sql: &'static str) {
    let error = pool.execute(sql).await.unwrap_err();
    let number = error
        .as_database_error()
        .unwrap()
        .code()
        .unwrap()
        .into_owned();
    assert_eq!(number, "42000", "{sql}: {error}");
}

#[tokio::test]
async fn an_application_needs_no_right_on_the_log() {
    let mut world = World::new(TABLES).await;
    let db = database(&world);
    let rights =
        format!("SELECT, INSERT, UPDATE, DELETE ON {db}.t;SELECT, INSERT, DELETE ON {db}.p");
    let user = User::new(&mut world, &rights).await;
    let pool = attach(&world.audit, &user.url, 1).await;
    for sql in [
        "INSERT INTO p VALUES (1)",
        "INSERT INTO t VALUES (1, 1)",
        "DELETE FROM p",
    ] {
        alice().scope(pool.execute(sql)).await.unwrap();
    }
    let events = world.events().await;
    assert_eq!(events.len(), 4);
    assert!(
        events
            .iter()
            .all(|event| event.actor_id.as_deref() == Some("alice"))
    );
    for sql in [
        "SELECT * FROM audit_logs",
        "DELETE FROM audit_logs",
        "UPDATE audit_logs SET actor_id = 'x'",
        "INSERT INTO audit_logs (id) VALUES ('x')",
        "DROP TRIGGER audit_insert_t",
        "CREATE TEMPORARY TABLE audit_logs (id INT)",
        "TRUNCATE TABLE t",
    ] {
        refused(&pool, sql).await;
    }
    pool.close().await;
    user.drop(&mut world).await;
}

/// Stated in the documents: a role that may create temporary tables can hide the log from its own
/// session, because the server looks for a temporary table first, in triggers as well.
#[tokio::test]
async fn a_temporary_table_hides_the_log_from_its_session() {
    let world = World::new(TABLES).await;
    world
        .held(&[
            "CREATE TEMPORARY TABLE hidden LIKE audit_logs",
            "ALTER TABLE hidden RENAME TO audit_logs",
            "INSERT INTO p VALUES (1)",
            "DROP TEMPORARY TABLE audit_logs",
        ])
        .await;
    assert!(world.events().await.is_empty());
}

#[tokio::test]
async fn an_account_without_the_right_is_refused_before_anything_is_made() {
    let mut world = World::new("CREATE TABLE t (id INT PRIMARY KEY)").await;
    world
        .raw
        .run(
            "DROP TRIGGER audit_insert_t; DROP TABLE audit_holds, audit_logs, audit_schemas, audit_migrations, \
             audit_probe, audit_settings",
        )
        .await;
    let db = database(&world);
    let rights = format!("SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX ON {db}.*");
    let user = User::new(&mut world, &rights).await;
    let pool = attach(&world.audit, &user.url, 1).await;
    let error = audit_sqlx::migrate(&pool, &world.audit).await.unwrap_err();
    assert!(
        matches!(error, MigrateError::TriggersRefused(_)),
        "{error:?}"
    );
    let made = world
        .raw
        .texts(
            "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables \
        WHERE table_schema = DATABASE() AND table_name LIKE 'audit%'",
        )
        .await;
    assert_eq!(made, [[Some("audit_migrations".to_owned())]]);
    let grant = format!(
        "GRANT TRIGGER, CREATE TEMPORARY TABLES ON {db}.* TO {}@'%'",
        user.name
    );
    world.raw.run(&grant).await;
    let fresh = attach(&world.audit, &user.url, 1).await;
    audit_sqlx::migrate(&fresh, &world.audit).await.unwrap();
    alice()
        .scope(fresh.execute("INSERT INTO t VALUES (1)"))
        .await
        .unwrap();
    assert_eq!(world.events().await.len(), 1);
    // The account goes, and with it every write.
    pool.close().await;
    fresh.close().await;
    user.drop(&mut world).await;
    assert!(world.try_run("INSERT INTO t VALUES (2)").await.is_err());
    let account = format!("{}@%", user.name);
    let missing = Finding::DefinerMissing { account };
    assert!(
        world.findings().await.contains(&missing),
        "{:?}",
        world.findings().await
    );
    let first = world.migrate().await;
    assert_eq!(first, []);
    world.run(&["INSERT INTO t VALUES (2)"]).await;
}

#[tokio::test]
async fn a_log_of_another_shape_refuses_the_change() {
    let mut world = World::new(TABLES).await;
    let count = "SELECT CAST(COUNT(*) AS CHAR) FROM p";
    for (change, back) in [
        (
            "RENAME TABLE audit_logs TO kept",
            "RENAME TABLE kept TO audit_logs",
        ),
        (
            "ALTER TABLE audit_logs RENAME COLUMN label TO kept",
            "ALTER TABLE audit_logs RENAME COLUMN kept TO label",
        ),
        (
            "RENAME TABLE audit_logs TO kept; CREATE VIEW audit_logs AS SELECT 1 AS id",
            "DROP VIEW audit_logs; RENAME TABLE kept TO audit_logs",
        ),
    ] {
        world.raw.run(change).await;
        let error = world.try_run("INSERT INTO p VALUES (1)").await.unwrap_err();
        let capture = CaptureError::of(&error);
        assert!(
            matches!(
                capture,
                Some(CaptureError::LogMissing(_) | CaptureError::Refused(_))
            ),
            "{change}: {error}"
        );
        assert_eq!(world.raw.texts(count).await, [[Some("0".to_owned())]]);
        world.raw.run(back).await;
    }
    world.raw.run("RENAME TABLE audit_logs TO kept").await;
    let error = world.try_run("INSERT INTO p VALUES (1)").await.unwrap_err();
    let error = CaptureError::of(&error);
    assert!(
        matches!(error, Some(CaptureError::LogMissing(_))),
        "{error:?}"
    );
}

/// No trigger sees a table emptied by TRUNCATE, or a partition dropped: who may do so is a finding.
#[tokio::test]
async fn who_may_empty_a_table_unseen_is_found() {
    let rules = Audit::builder().exclude("left_out").build().unwrap();
    let tables = "CREATE TABLE t (id INT PRIMARY KEY); \
         CREATE TABLE left_out (id INT PRIMARY KEY); \
         CREATE TABLE m (id INT PRIMARY KEY) PARTITION BY RANGE (id) \
             (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN MAXVALUE);";
    let mut world = World::with(tables, rules).await;
    let db = database(&world);
    // Rights on a table add to those on its database; of those on databases only one counts.
    let rights = format!("SELECT, INSERT ON {db}.t;SELECT, INSERT, ALTER ON {db}.m");
    let user = User::new(&mut world, &rights).await;
    let account = format!("{}@%", user.name);
    let found = [Finding::TruncateAllowed { account }];
    assert!(!found[0].is_gap());
    assert_eq!(world.findings().await, []);

    let pattern = format!("`{}%`", db.replace('_', "\\_"));
    for (place, is_told) in [
        ("left_out".to_owned(), false),
        ("t".to_owned(), true),
        (format!("{db}.m"), true),
        (format!("{pattern}.*"), true),
        (format!("{db}.*"), true),
    ] {
        let with = format!("GRANT DROP ON {place} TO {}@'%'", user.name);
        world.raw.run(&with).await;
        let told = if is_told { &found[..] } else { &[] };
        assert_eq!(world.findings().await, told, "{place}");
        if place.ends_with(".*") {
            empties_unseen(&world, &user).await;
        }
        let without = format!("REVOKE DROP ON {place} FROM {}@'%'", user.name);
        world.raw.run(&without).await;
    }
    assert_eq!(world.findings().await, []);

    let role = user.name.replacen("u_", "r_", 1);
    let with = format!("CREATE ROLE {role}; GRANT DROP ON {db}.* TO {role}");
    world.raw.run(&with).await;
    let account = role.clone();
    assert_eq!(
        world.findings().await,
        [Finding::TruncateAllowed { account }]
    );
    world.raw.run(&format!("DROP ROLE {role}")).await;
    user.drop(&mut world).await;
}

/// That the account can, and that no event tells of it.
async fn empties_unseen(world: &World, user: &User) {
    world
        .run(&["INSERT INTO t VALUES (1)", "INSERT INTO m VALUES (1), (20)"])
        .await;
    let events = world.events().await.len();
    let pool = attach(&world.audit, &user.url, 1).await;
    for sql in [
        "TRUNCATE TABLE t",
        "ALTER TABLE m TRUNCATE PARTITION low, high",
    ] {
        alice().scope(pool.execute(sql)).await.unwrap();
    }
    for table in ["t", "m"] {
        let count =
            sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")));
        assert_eq!(count.fetch_one(&pool).await.unwrap(), 0, "{table}");
    }
    assert_eq!(world.events().await.len(), events);
    pool.close().await;
}

/// An account that makes the triggers and asks is told of itself; another that asks is not told of it.
#[tokio::test]
async fn an_application_that_migrates_itself_is_told_that_it_may_empty_its_tables() {
    let mut world = World::new("CREATE TABLE gone (id INT PRIMARY KEY)").await;
    let tables = "DROP TABLE gone; CREATE TABLE t (id INT PRIMARY KEY)";
    world.raw.run(tables).await;
    let db = database(&world);
    let user = User::new(&mut world, &format!("ALL ON {db}.*")).await;
    world.raw.run("DROP TABLE audit_probe, audit_settings, audit_logs, audit_schemas, audit_holds, audit_migrations").await;
    let pool = attach(&world.audit, &user.url, 1).await;
    let account = format!("{}@%", user.name);
    let report = audit_sqlx::migrate(&pool, &world.audit).await.unwrap();
    assert_eq!(report.findings(), [Finding::TruncateAllowed { account }]);
    assert!(!report.has_gaps());
    assert_eq!(world.findings().await, []);
    pool.close().await;
    user.drop(&mut world).await;
}
