//! What a check finds by writing: what no catalog tells.

use audit_core::query::Bind;
use audit_core::{Audit, Dialect, MissingContext, Operation};
use audit_sqlx::Finding;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::{Executor, MySqlPool};

use super::roles::{User, database};
use super::world::{World, attach, audit};

const TABLE: &str = "CREATE TABLE t (id INT PRIMARY KEY)";

/// A pool of one connection on which this runs each time it is handed out.
async fn running(world: &World, audit: &Audit, sql: &'static str) -> MySqlPool {
    audit_sqlx::attach(MySqlPoolOptions::new().max_connections(1), audit)
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(sql).await.map(|_| ()) })
        })
        .before_acquire(move |connection, _| {
            Box::pin(async move { connection.execute(sql).await.map(|_| true) })
        })
        .connect(world.database.url())
        .await
        .unwrap()
}

async fn findings(pool: &MySqlPool) -> Vec<Finding> {
    let report = audit_sqlx::check(pool).await.unwrap();
    report.findings().to_vec()
}

#[tokio::test]
async fn a_log_that_takes_no_rows_is_found() {
    for (sabotage, reason) in [
        (
            "ALTER TABLE audit_logs PARTITION BY RANGE COLUMNS (occurred_at) \
             (PARTITION p VALUES LESS THAN ('2001-01-01'))",
            "Table has no partition for value",
        ),
        (
            "ALTER TABLE audit_logs MODIFY label VARCHAR(1) NOT NULL",
            "Column 'label' cannot be null",
        ),
        (
            "ALTER TABLE audit_probe ADD CONSTRAINT none CHECK (value <> 'b')",
            "CONSTRAINT `none` failed",
        ),
    ] {
        let mut world = World::new(TABLE).await;
        world.raw.run(sabotage).await;
        let found = world.findings().await;
        assert!(
            matches!(&found[..], [Finding::ProbeRefused { reason: said }] if said.contains(reason)),
            "{sabotage}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_temporary_table_that_hides_the_log_is_found() {
    let world = World::new(TABLE).await;
    let sql = "CREATE TEMPORARY TABLE IF NOT EXISTS kept LIKE audit_logs; \
               CREATE OR REPLACE TEMPORARY TABLE audit_logs LIKE kept";
    let pool = running(&world, &audit(), sql).await;
    let table = "audit_logs".to_owned();
    assert_eq!(findings(&pool).await, [Finding::ShadowTable { table }]);
    pool.close().await;
    let sql = "CREATE OR REPLACE TEMPORARY TABLE audit_probe (id VARCHAR(64), value TEXT)";
    let pool = running(&world, &audit(), sql).await;
    let lost = [Operation::Insert, Operation::Update, Operation::Delete]
        .map(|operation| Finding::ProbeLost { operation });
    let found = findings(&pool).await;
    assert!(lost.iter().all(|lost| found.contains(lost)), "{found:?}");
    assert_eq!(found.len(), 3);
    pool.close().await;
    assert_eq!(world.findings().await, []);
}

#[tokio::test]
async fn connections_that_lose_their_context_are_found() {
    let world = World::new(TABLE).await;
    let sql = "SET @audit_actor_id = NULL, @audit_actor_kind = NULL";
    let pool = running(&world, &audit(), sql).await;
    for _ in 0..2 {
        assert_eq!(findings(&pool).await, [Finding::ProbeUnstamped]);
    }
    pool.close().await;
    let denying = Audit::builder().on_missing_context(MissingContext::Deny);
    let denying = denying.build().unwrap();
    let pool = running(&world, &denying, sql).await;
    let report = audit_sqlx::migrate(&pool, &denying).await.unwrap();
    assert_eq!(report.findings(), [Finding::ProbeUnstamped]);
    pool.close().await;
    // A pool that is not attached has no connections to prove: the probe stamps its own.
    let plain = MySqlPool::connect(world.database.url()).await.unwrap();
    let report = audit_sqlx::migrate(&plain, &denying).await.unwrap();
    assert_eq!(report.findings(), []);
    plain.close().await;
}

#[tokio::test]
async fn a_locked_log_is_no_gap() {
    let mut world = World::new(TABLE).await;
    let pool = running(&world, &audit(), "SET SESSION lock_wait_timeout = 1").await;
    world.raw.run("LOCK TABLES audit_logs WRITE").await;
    let found = findings(&pool).await;
    world.raw.run("UNLOCK TABLES").await;
    assert!(
        matches!(&found[..], [Finding::ProbeBusy { .. }]),
        "{found:?}"
    );
    assert_eq!(findings(&pool).await, []);
    pool.close().await;
}

/// Stated in the documents: an account sees nothing of the catalog that it has no right on. With
/// rights on the table of the probe alone it proves that what it writes is recorded; without them
/// it is told what it lacks.
#[tokio::test]
async fn an_account_without_rights_on_the_log_proves_capture() {
    let mut world = World::new(TABLE).await;
    let db = database(&world);
    let user = User::new(&mut world, &format!("INSERT ON {db}.t")).await;
    let pool = attach(&world.audit, &user.url, 1).await;
    assert_eq!(findings(&pool).await, [Finding::NotMigrated]);
    let grant = |rights: &str| format!("GRANT {rights} ON {db}.audit_probe TO {}@'%'", user.name);
    world.raw.run(&grant("SELECT, INSERT, UPDATE")).await;
    let found = findings(&pool).await;
    assert!(
        matches!(
            &found[..],
            [Finding::CatalogHidden, Finding::ProbeDenied { .. }]
        ),
        "{found:?}"
    );
    world.raw.run(&grant("DELETE")).await;
    assert_eq!(findings(&pool).await, [Finding::CatalogHidden]);
    let sabotage = "ALTER TABLE audit_logs ADD CONSTRAINT none CHECK (operation <> 'DELETE')";
    world.raw.run(sabotage).await;
    let found = findings(&pool).await;
    assert!(
        matches!(
            &found[..],
            [Finding::CatalogHidden, Finding::ProbeRefused { .. }]
        ),
        "{found:?}"
    );
    let undo = "ALTER TABLE audit_logs DROP CONSTRAINT none";
    world.raw.run(undo).await;
    world.raw.run("DROP TRIGGER audit_update_audit_probe").await;
    let operation = Operation::Update;
    assert_eq!(
        findings(&pool).await,
        [Finding::CatalogHidden, Finding::ProbeLost { operation }]
    );
    pool.close().await;
    user.drop(&mut world).await;
    assert_eq!(world.events().await, []);
}

/// By hand, without a pool: the log knows the account. An application's account has no right.
#[tokio::test]
async fn a_change_of_the_switch_names_the_account() {
    let mut world = World::new(TABLE).await;
    let db = database(&world);
    let user = User::new(&mut world, &format!("INSERT ON {db}.t")).await;
    let pool = attach(&world.audit, &user.url, 1).await;
    let off = "UPDATE audit_settings SET value = 'off' WHERE name = 'capture'";
    assert!(pool.execute(off).await.is_err());
    pool.close().await;
    world.raw.run(off).await;
    assert_eq!(world.migrate().await, [Finding::CaptureOff { table: None }]);
    world.run(&["INSERT INTO t VALUES (1)"]).await;
    let events = world.events().await;
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(event.table_name.as_deref(), Some("audit_settings"));
    assert_eq!(event.actor_kind.as_str(), "unknown");
    let account = event.actor_id.as_deref().unwrap();
    assert!(account.starts_with("root@"), "{account}");
    user.drop(&mut world).await;
}

/// The table of the probe is in the log's database, wherever the audited tables are.
#[tokio::test]
async fn the_probe_is_where_the_log_is() {
    let mut other = World::new(TABLE).await;
    let theirs = database(&other);
    let drop = "DROP TRIGGER audit_insert_t; DROP TRIGGER audit_update_t; DROP TRIGGER \
                audit_delete_t; DROP TABLE audit_holds, audit_logs, audit_schemas, audit_migrations, \
                audit_probe, audit_settings";
    other.raw.run(drop).await;
    let mut world = World::new(TABLE).await;
    world.audit = Audit::builder().schema(&theirs).build().unwrap();
    world.pool = attach(&world.audit, world.database.url(), 1).await;
    world.raw.run("DROP TRIGGER audit_insert_audit_probe").await;
    assert!(world.findings().await.iter().any(Finding::is_gap));
    assert_eq!(world.migrate().await, []);
    world.raw.run("INSERT INTO t VALUES (1)").await;
    other.raw.run("INSERT INTO t VALUES (2)").await;
    let events = world.events().await;
    assert_eq!(events.len(), 2, "what is not asked for is left alone");
}

/// Whoever writes while a probe is not yet taken back: it locks its own events, and nothing beside them.
#[tokio::test]
async fn a_probe_keeps_nobody_waiting() {
    let world = World::new(TABLE).await;
    world.run(&["INSERT INTO t VALUES (1)"]).await;
    let impatient = running(&world, &world.audit, "SET innodb_lock_wait_timeout = 1").await;
    let mut probing = world.pool.acquire().await.unwrap();
    for (number, token) in (2..).zip(["m", "a", "z"]) {
        probing.execute("START TRANSACTION").await.unwrap();
        for statement in audit_capture::Probe::new(token).statements(Dialect::MySql) {
            let text = sqlx::AssertSqlSafe(statement.text.as_str());
            let mut query = sqlx::query(text);
            for bind in &statement.binds {
                let Bind::Text(text) = bind else {
                    panic!("{bind:?}")
                };
                query = query.bind(text);
            }
            query.execute(&mut *probing).await.unwrap();
        }
        let insert = sqlx::AssertSqlSafe(format!("INSERT INTO t VALUES ({number})"));
        impatient.execute(insert).await.unwrap();
        assert_eq!(findings(&impatient).await, []);
        probing.execute("ROLLBACK").await.unwrap();
    }
    drop(probing);
    assert_eq!(world.events().await.len(), 4);
}
