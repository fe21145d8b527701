//! What becomes of statements that cannot be captured.

use audit_core::{AuditContext, Event, MissingContext};
use audit_sqlx::{
    AuditedPool, CaptureError, InlineOptions, InlineRefusal, OnUncapturable, Uncapturable,
};
use audit_testkit::{Server, World, alice, cut_after};
use sqlx::{AssertSqlSafe, Executor, Postgres};

use crate::pool::Inline;

/// A pool of the world's database under a policy; its catalog is that of the first one's migration.
async fn pool_under(world: &World<Inline>, policy: OnUncapturable) -> AuditedPool<Postgres> {
    let options = InlineOptions::new().on_uncapturable(policy);
    let pool = world.adapter.pool().as_pool().clone();
    AuditedPool::inline(pool, options).await.unwrap()
}

const FILL: &str = "MERGE INTO users USING (VALUES (7)) AS v (id) ON users.id = v.id \
                    WHEN NOT MATCHED THEN INSERT (id, name) VALUES (v.id, 'merged')";

/// Fails while it runs.
const FAIL: &str = "MERGE INTO users USING (VALUES (8), (8)) AS v (id) ON users.id = v.id \
                    WHEN NOT MATCHED THEN INSERT (id, name) VALUES (v.id, 'twice')";

async fn rows(world: &World<Inline>) -> usize {
    world.texts("SELECT id::text FROM users").await.len()
}

fn metadata(event: &Event) -> serde_json::Value {
    serde_json::from_str(event.metadata.as_ref().unwrap().as_str()).unwrap()
}

pub(crate) async fn what_cannot_be_captured_is_denied_recorded_or_allowed(server: Server) {
    let world = World::<Inline>::new(server).await;
    is_denied(&world).await;
    is_recorded(&world).await;
    is_allowed(&world).await;
}

async fn is_denied(world: &World<Inline>) {
    let pool = world.adapter.pool();
    let error = alice().scope(pool.execute(FILL)).await.unwrap_err();
    let Some(InlineRefusal::Uncapturable(reason)) = InlineRefusal::of(&error) else {
        panic!("{error:?}")
    };
    assert!(matches!(reason, Uncapturable::Silent { verb, .. } if verb == "MERGE"));
    assert!(error.to_string().contains("use INSERT, UPDATE or DELETE"));
    assert!(matches!(
        CaptureError::of(&error),
        Some(CaptureError::Refused(_))
    ));
    assert_eq!((rows(world).await, world.new_events().await.len()), (0, 0));
}

async fn is_recorded(world: &World<Inline>) {
    let pool = pool_under(world, OnUncapturable::Record).await;
    let done = alice().scope(pool.execute(FILL)).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    let events = world.new_events().await;
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(event.action.as_deref(), Some("statement.uncaptured"));
    assert_eq!(event.actor_id.as_deref(), Some("alice"));
    let metadata = metadata(event);
    let statement = metadata["statement"].as_str().unwrap();
    assert!(statement.contains("MERGE") && !statement.contains("merged"));
    assert_eq!((rows(world).await, pool.uncaptured()), (1, 1));
    // Its event could end in another transaction.
    let several = "DELETE FROM users; COMMIT; DELETE FROM users";
    let error = sqlx::raw_sql(several).execute(&pool).await.unwrap_err();
    assert!(InlineRefusal::of(&error).is_some(), "{error:?}");
}

async fn is_allowed(world: &World<Inline>) {
    let pool = pool_under(world, OnUncapturable::Allow).await;
    let text = "TRUNCATE users; INSERT INTO users (id, name) VALUES (1, 'x')";
    sqlx::raw_sql(text).execute(&pool).await.unwrap();
    assert_eq!((rows(world).await, pool.clone().uncaptured()), (1, 1));
    assert_eq!(world.new_events().await, []);
}

pub(crate) async fn a_recorded_statement_and_its_event_are_one(server: Server) {
    let world = World::<Inline>::new(server).await;
    let pool = pool_under(&world, OnUncapturable::Record).await;
    pool.execute(FAIL).await.unwrap_err();
    let mut connection = pool.acquire().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let mut inner = transaction.begin().await.unwrap();
    inner.execute(FAIL).await.unwrap_err();
    inner.rollback().await.unwrap();
    transaction.commit().await.unwrap();
    connection.execute("BEGIN").await.unwrap();
    connection.execute(FILL).await.unwrap();
    connection.execute("ROLLBACK").await.unwrap();
    drop(connection);
    assert_eq!((rows(&world).await, world.new_events().await.len()), (0, 0));
    what_is_cut_is_both_or_neither(&world, &pool).await;
}

async fn what_is_cut_is_both_or_neither(world: &World<Inline>, pool: &AuditedPool<Postgres>) {
    // The server may go on for a while with what was cut, so that both are read at once.
    let both =
        "SELECT (SELECT count(*) FROM users)::text, (SELECT count(*) FROM audit.audit_logs)::text";
    for polls in 0.. {
        let fill = AssertSqlSafe(FILL.replace("(7)", &format!("({polls})")));
        let mut connection = pool.acquire().await.unwrap();
        let in_transaction = polls % 2 == 0;
        let done = if in_transaction {
            let mut transaction = connection.begin().await.unwrap();
            let done = cut_after(polls, transaction.execute(fill)).await.is_some();
            // A statement that was cut is not committed.
            assert_eq!(transaction.commit().await.is_ok(), done);
            done
        } else {
            cut_after(polls, connection.execute(fill)).await.is_some()
        };
        connection.into_inner().close().await.unwrap();
        let counted = world.texts(both).await;
        assert_eq!(counted[0][0], counted[0][1], "{polls}");
        if done && polls > 20 {
            break;
        }
    }
}

pub(crate) async fn work_without_a_context_is_refused(server: Server) {
    let deny = |audit: audit_core::AuditBuilder| audit.on_missing_context(MissingContext::Deny);
    let world = World::<Inline>::with(server, "", deny).await;
    let insert = "INSERT INTO users (id, name) VALUES (1, 'x')";
    let is_missing = |error: &sqlx::Error| {
        matches!(
            CaptureError::of(error),
            Some(CaptureError::MissingContext(_))
        )
    };
    let error = world.adapter.pool().execute(insert).await.unwrap_err();
    assert!(is_missing(&error), "{error:?}");
    for policy in [OnUncapturable::Record, OnUncapturable::Allow] {
        let pool = pool_under(&world, policy).await;
        let error = pool.execute(FILL).await.unwrap_err();
        assert!(is_missing(&error), "{error:?}");
        let nobody = AuditContext::new().scope(pool.execute(FILL)).await;
        assert!(is_missing(&nobody.unwrap_err()));
        pool.execute("SELECT count(*) FROM users").await.unwrap();
    }
    assert_eq!((rows(&world).await, world.new_events().await.len()), (0, 0));
    alice()
        .scope(world.adapter.pool().execute(insert))
        .await
        .unwrap();
    assert_eq!(world.new_events().await.len(), 1);
}
