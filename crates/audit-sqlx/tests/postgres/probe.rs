//! What a check finds by writing: what no catalog tells.

use audit_core::{Audit, MissingContext, Operation};
use audit_sqlx::{Attach, ContextScope, Finding};
use audit_testkit::Server;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Executor, Postgres};

use crate::world::{World, audit};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, v text)";

fn gaps(report: &audit_sqlx::Report) -> Vec<Finding> {
    let gaps = report.findings().iter().filter(|finding| finding.is_gap());
    gaps.cloned().collect()
}

fn lost() -> Vec<Finding> {
    let mut lost = [Operation::Insert, Operation::Update, Operation::Delete]
        .map(|operation| Finding::ProbeLost { operation });
    lost.sort();
    lost.into()
}

/// A pool of one connection on which this runs each time it is handed out.
fn running(audit: &Audit, sql: &'static str) -> Attach<Postgres> {
    audit_sqlx::attach(PgPoolOptions::new().max_connections(1), audit)
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(sql).await.map(|_| ()) })
        })
        .before_acquire(move |connection, _| {
            Box::pin(async move { connection.execute(sql).await.map(|_| true) })
        })
}

pub(crate) async fn triggers_that_do_not_fire_are_found(server: Server) {
    let world = World::new(server, TABLE).await;
    let sql = "SET session_replication_role = replica";
    let pool = running(&audit(), sql);
    let pool = pool.connect(world.database.url()).await.unwrap();
    for _ in 0..2 {
        let report = audit_sqlx::check(&pool).await.unwrap();
        assert_eq!(gaps(&report), lost());
    }
    let report = audit_sqlx::migrate(&pool, &audit()).await.unwrap();
    assert_eq!(gaps(&report), lost());
    pool.close().await;
    assert_eq!(world.gaps().await, []);
    world.remove().await;
}

/// The server keeps the plan of an INSERT that a rule has turned into nothing for as long as the
/// session lasts, because no table is left in it whose change would end it.
pub(crate) async fn a_connection_that_wrote_under_a_rule_is_found(server: Server) {
    let mut world = World::new(server, TABLE).await;
    let pool = audit_sqlx::attach(PgPoolOptions::new().max_connections(1), &world.audit)
        .connect(world.database.url())
        .await
        .unwrap();
    let rule = "CREATE RULE r AS ON INSERT TO audit.audit_logs DO INSTEAD NOTHING";
    world.raw.run(rule).await;
    assert!(audit_sqlx::check(&pool).await.unwrap().has_gaps());
    world.raw.run("DROP RULE r ON audit.audit_logs").await;
    let report = audit_sqlx::check(&pool).await.unwrap();
    assert_eq!(gaps(&report), lost());
    pool.close().await;
    assert_eq!(world.gaps().await, []);
    world.remove().await;
}

pub(crate) async fn a_log_that_takes_no_rows_is_found(server: Server) {
    for (sabotage, reason) in [
        (
            "ALTER TABLE audit.audit_logs RENAME TO kept; CREATE TABLE audit.audit_logs \
             (LIKE audit.kept INCLUDING ALL) PARTITION BY RANGE (occurred_at)",
            "no partition of relation \"audit_logs\" found for row",
        ),
        (
            "ALTER TABLE audit.audit_logs ALTER label SET NOT NULL",
            "null value in column \"label\"",
        ),
        (
            "ALTER TABLE audit.audit_probe ADD CONSTRAINT none CHECK (value <> 'b')",
            "violates check constraint \"none\"",
        ),
    ] {
        let mut world = World::new(server, TABLE).await;
        world.raw.run(sabotage).await;
        let gaps = world.gaps().await;
        assert!(
            matches!(&gaps[..], [Finding::ProbeRefused { reason: said }] if said.contains(reason)),
            "{sabotage}: {gaps:?}"
        );
        world.remove().await;
    }
}

pub(crate) async fn events_that_are_changed_on_their_way_are_found(server: Server) {
    for (change, found) in [
        ("NEW.actor_id := 'mallory'", Finding::ProbeUnstamped),
        ("NEW.after_data := NULL", differs("after_data")),
        ("NEW.before_data := '{}'", differs("before_data")),
        ("NEW.changed_fields := '{id}'", differs("changed_fields")),
        ("NEW.id := gen_random_uuid()", differs("id")),
        (
            "NEW.occurred_at := NEW.occurred_at - interval '1 hour'",
            differs("id"),
        ),
        (
            "IF NEW.operation = 'DELETE' THEN NEW.occurred_at := NEW.occurred_at - interval '1 h';
             END IF",
            differs("occurred_at"),
        ),
    ] {
        let mut world = World::new(server, TABLE).await;
        let sabotage = format!(
            "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN {change}; RETURN NEW; END$$;
             CREATE TRIGGER change BEFORE INSERT ON audit.audit_logs FOR EACH ROW
             EXECUTE FUNCTION change()"
        );
        world.raw.run(&sabotage).await;
        let mut gaps = world.gaps().await;
        gaps.retain(|gap| !matches!(gap, Finding::LogAltered { .. }));
        assert!(gaps.contains(&found), "{change}: {gaps:?}");
        world.remove().await;
    }
}

fn differs(column: &str) -> Finding {
    let column = column.to_owned();
    Finding::ProbeDiffers { column }
}

pub(crate) async fn connections_that_lose_their_context_are_found(server: Server) {
    let world = World::new(server, TABLE).await;
    let connect = async |audit: &Audit, scope| -> PgPool {
        let pool = running(audit, "RESET ALL").context_scope(scope);
        pool.connect(world.database.url()).await.unwrap()
    };
    let pool = connect(&audit(), ContextScope::Connection).await;
    for _ in 0..2 {
        let report = audit_sqlx::check(&pool).await.unwrap();
        assert_eq!(gaps(&report), [Finding::ProbeUnstamped]);
    }
    pool.close().await;
    // Behind a pooler: nothing on the session is needed.
    let pool = connect(&audit(), ContextScope::Transaction).await;
    assert_eq!(gaps(&audit_sqlx::check(&pool).await.unwrap()), []);
    pool.close().await;
    let denying = Audit::builder().on_missing_context(MissingContext::Deny);
    let denying = denying.build().unwrap();
    let pool = connect(&denying, ContextScope::Connection).await;
    let report = audit_sqlx::migrate(&pool, &denying).await.unwrap();
    assert_eq!(gaps(&report), [Finding::ProbeUnstamped]);
    pool.close().await;
    // A pool that is not attached has no connections to prove: the probe stamps its own.
    let plain = PgPool::connect(world.database.url()).await.unwrap();
    let report = audit_sqlx::migrate(&plain, &denying).await.unwrap();
    assert_eq!(gaps(&report), []);
    let left = "SELECT coalesce(current_setting('audit.context', true), '')";
    let left: String = sqlx::query_scalar(left).fetch_one(&plain).await.unwrap();
    assert_eq!(left, "");
    plain.close().await;
    world.remove().await;
}

pub(crate) async fn a_locked_log_is_no_gap(server: Server) {
    let mut world = World::new(server, TABLE).await;
    let sql = "SET lock_timeout = '50ms'";
    let pool = running(&audit(), sql);
    let pool = pool.connect(world.database.url()).await.unwrap();
    for table in ["audit_logs", "audit_probe"] {
        let lock = format!("BEGIN; LOCK TABLE audit.{table} IN EXCLUSIVE MODE");
        world.raw.run(&lock).await;
        let report = audit_sqlx::check(&pool).await.unwrap();
        let busy = |finding: &Finding| matches!(finding, Finding::ProbeBusy { .. });
        assert!(report.findings().iter().any(busy), "{table}: {report:?}");
        assert_eq!(gaps(&report), []);
        world.raw.run("ROLLBACK").await;
    }
    assert_eq!(gaps(&audit_sqlx::check(&pool).await.unwrap()), []);
    pool.close().await;
    world.remove().await;
}

/// Sixteen at once wait for nobody, and each sees its own.
pub(crate) async fn probes_do_not_meet(server: Server) {
    let world = World::new(server, TABLE).await;
    let pool = audit_sqlx::attach(PgPoolOptions::new().max_connections(8), &world.audit)
        .connect(world.database.url())
        .await
        .unwrap();
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                let report = audit_sqlx::check(&pool).await.unwrap();
                assert_eq!(gaps(&report), []);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let count = "SELECT count(*) FROM audit.audit_probe";
    let rows: i64 = sqlx::query_scalar(count).fetch_one(&pool).await.unwrap();
    assert_eq!((rows, world.events().await.len()), (0, 0));
    pool.close().await;
    world.remove().await;
}
