//! Tables that change under a running service.

use std::time::Duration;

use audit_core::Operation;
use audit_sqlx::{AuditedConnection, AuditedPool, InlineOptions, InlineRefusal, Uncapturable};
use audit_testkit::{Server, World, alice};
use sqlx::{AssertSqlSafe, Executor, Postgres, Row};

use crate::pool::Inline;

const LATER: &str = "CREATE TABLE later (id BIGINT PRIMARY KEY, v TEXT)";
const INTO_LATER: &str = "INSERT INTO later VALUES (1, 'x')";

fn is_unknown(error: &sqlx::Error) -> bool {
    matches!(
        InlineRefusal::of(error),
        Some(InlineRefusal::Uncapturable(
            Uncapturable::UnknownTable { .. }
        ))
    )
}

pub(crate) async fn a_table_that_is_made_later_is_captured(server: Server) {
    let world = World::<Inline>::new(server).await;
    let pool = world.adapter.pool();
    world.raw(LATER).await;
    let events = world.prove_statements(&[INTO_LATER]).await;
    assert_eq!(events[0].operation, Operation::Insert);
    // A view is none, however often one looks.
    world.raw("CREATE VIEW seen AS SELECT * FROM later").await;
    for _ in 0..2 {
        let error = pool.execute("DELETE FROM seen").await.unwrap_err();
        assert!(is_unknown(&error), "{error:?}");
    }
    world
        .raw("CREATE TABLE latest (id BIGINT PRIMARY KEY)")
        .await;
    pool.reload().await.unwrap();
    assert_eq!(
        world
            .prove_statements(&["INSERT INTO latest VALUES (1)"])
            .await
            .len(),
        1
    );
}

pub(crate) async fn a_column_that_is_dropped_is_planned_anew(server: Server) {
    let world = World::<Inline>::new(server).await;
    let pool = world.adapter.pool();
    let mut connection = pool.acquire().await.unwrap();
    let rename = "UPDATE users SET name = $1 WHERE id = 1 RETURNING *";
    let renamed = |name: &'static str| sqlx::query(rename).bind(name);
    world
        .prove_statements(&["INSERT INTO users (id, name) VALUES (1, 'a')"])
        .await;
    let row = renamed("b").fetch_one(&mut connection).await.unwrap();
    assert_eq!(row.len(), 6);
    // The plan names the column, and what the server has prepared gives it back.
    world.raw("ALTER TABLE users DROP COLUMN age").await;
    let row = renamed("c").fetch_one(&mut connection).await.unwrap();
    assert_eq!((row.len(), row.get::<&str, _>("name")), (5, "c"));
    world
        .raw("ALTER TABLE users ADD COLUMN city TEXT DEFAULT 'Oslo'")
        .await;
    let row = renamed("d").fetch_one(&mut connection).await.unwrap();
    assert_eq!(row.get::<&str, _>("city"), "Oslo");
    let events = world.new_events().await;
    let last = events
        .last()
        .unwrap()
        .after_data
        .as_ref()
        .unwrap()
        .to_object();
    assert_eq!((events.len(), &last["city"]), (3, &"Oslo".into()));
    assert_eq!(last.get("age"), None);
    a_failed_transaction_is_told(&world, &mut connection).await;
    // What is wrong with the statement itself is told as the server does.
    let error = pool.execute("UPDATE users SET nothing = 1").await;
    assert!(error.is_err_and(|error| error.to_string().contains("nothing")));
}

/// The next one has the new plan.
async fn a_failed_transaction_is_told(
    world: &World<Inline>,
    connection: &mut AuditedConnection<Postgres>,
) {
    world.raw("ALTER TABLE users DROP COLUMN seen_at").await;
    let mut transaction = connection.begin().await.unwrap();
    let update = "UPDATE users SET name = 'f' WHERE id = 1";
    let error = transaction.execute(update).await.unwrap_err();
    assert!(error.as_database_error().is_some(), "{error:?}");
    transaction.rollback().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let done = transaction.execute(update).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(
        (done.rows_affected(), world.new_events().await.len()),
        (1, 1)
    );
}

/// An UPDATE that a trigger follows by a change of another table is refused once that is known.
pub(crate) async fn a_trigger_that_is_made_later_is_known_in_time(server: Server) {
    let world = World::<Inline>::new(server).await;
    let pool = world.adapter.pool().as_pool().clone();
    let options = InlineOptions::new().catalog_age(Duration::ZERO);
    let pool = AuditedPool::inline(pool, options).await.unwrap();
    let insert = |id: i32| format!("INSERT INTO users (id, name) VALUES ({id}, 'x')");
    pool.execute(AssertSqlSafe(insert(1))).await.unwrap();
    world
        .raw(
            "CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             DELETE FROM items; RETURN NULL; END $$; \
             CREATE TRIGGER follow AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION follow()",
        )
        .await;
    let error = pool.execute(AssertSqlSafe(insert(2))).await.unwrap_err();
    assert!(
        error.to_string().contains("the trigger `follow`"),
        "{error}"
    );
    let mut transaction = pool.begin().await.unwrap();
    let error = transaction.execute(AssertSqlSafe(insert(3))).await;
    assert!(error.is_err_and(|error| error.to_string().contains("the trigger `follow`")));
    assert_eq!(pool.obstacles().len(), 2);
}

/// Nobody else plans by it, and what is rolled back is forgotten.
pub(crate) async fn what_a_transaction_makes_is_its_own_until_it_ends(server: Server) {
    for commits in [true, false] {
        let function = "CREATE FUNCTION tidy_up() RETURNS int LANGUAGE sql AS \
                        'DELETE FROM items RETURNING 1'";
        let world = World::<Inline>::with(server, function, |audit| audit).await;
        let pool = world.adapter.pool();
        let work = async {
            let mut transaction = pool.begin().await.unwrap();
            transaction.execute(LATER).await.unwrap();
            let stable = "ALTER FUNCTION tidy_up STABLE";
            transaction.execute(stable).await.unwrap();
            transaction.execute(INTO_LATER).await.unwrap();
            let error = pool.execute("SELECT tidy_up()").await.unwrap_err();
            assert!(
                error.to_string().contains("`tidy_up` is volatile"),
                "{error}"
            );
            let error = pool.execute("DELETE FROM later").await.unwrap_err();
            assert!(is_unknown(&error), "{error:?}");
            if commits {
                return transaction.commit().await.unwrap();
            }
            transaction.rollback().await.unwrap();
            let error = pool.execute("DELETE FROM later").await.unwrap_err();
            assert!(is_unknown(&error), "{error:?}");
        };
        let work = alice().scope(Box::pin(work));
        let events = world.prove(async |_| work.await).await;
        assert_eq!(events.len(), usize::from(commits));
    }
}
