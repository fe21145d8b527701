//! What the database refused.

use audit_core::{Dialect, Event, Outcome};
use audit_lane::{Lane, Overflow};
use audit_sqlx::record_failure;
use audit_testkit::Server;

use super::world::{Db, LONG, World, user};

const SECRET: &str = "a value of the application";

/// The event of a failure, which holds nothing of the statement.
async fn only<DB: Db>(world: &World<DB>, lane: &Lane) -> Event {
    assert_eq!(lane.shutdown(LONG).await.lost, 0);
    let [event] = world.events().await.try_into().unwrap();
    let wire = serde_json::to_string(&event).unwrap();
    assert!(!wire.contains(SECRET), "{wire}");
    event
}

pub(crate) async fn a_refused_statement_leaves_an_event_when_all_else_is_rolled_back<DB: Db>(
    server: Server,
) {
    let mut world = World::<DB>::new(server).await;
    let names = "CREATE TABLE names (name VARCHAR(50) PRIMARY KEY)";
    world.raw.run(names).await;
    let lane = world.lane(Overflow::DropNewest, 10);
    let insert = format!("INSERT INTO names (name) VALUES ('{SECRET}')");
    let work = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await?;
        for _ in 0..2 {
            DB::execute_text(&mut transaction, &insert).await?;
        }
        transaction.commit().await
    };
    let event = Event::custom("name.add");
    let failed = user("alice")
        .scope(record_failure(&lane, event, work))
        .await;
    assert!(
        matches!(failed, Err(sqlx::Error::Database(_))),
        "{failed:?}"
    );
    let rows = world.raw.texts("SELECT name FROM names").await;
    assert_eq!(rows.len(), 0);
    let event = only(&world, &lane).await;
    assert_eq!(event.action.as_deref(), Some("name.add"));
    assert_eq!(event.outcome, Outcome::Failure);
    assert_eq!(event.reason_code.as_deref(), Some("database_refused"));
    assert_eq!(event.actor_id.as_deref(), Some("alice"));
    // Those of the manuals: a unique violation, a duplicate entry, SQLITE_CONSTRAINT_PRIMARYKEY.
    let code = match world.dialect() {
        Dialect::MySql => "1062",
        Dialect::Postgres => "23505",
        _ => "1555",
    };
    assert_eq!(event.error_code.as_deref(), Some(code));
}

pub(crate) async fn a_statement_without_the_right_to_it_is_denied<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let lane = world.lane(Overflow::DropNewest, 10);
    // Not even who may do everything may do these.
    let sql = match world.dialect() {
        Dialect::MySql => "INSERT INTO information_schema.tables VALUES (1)",
        Dialect::Postgres => "DROP TABLE pg_catalog.pg_class",
        _ => "PRAGMA query_only = ON; CREATE TABLE x (id INTEGER)",
    };
    let mut connection = sqlx::Pool::acquire(&world.pool).await.unwrap();
    let work = DB::execute_text(&mut connection, sql);
    let denied = record_failure(&lane, Event::custom("schema.change"), work).await;
    connection.close_on_drop();
    drop(connection);
    assert!(denied.is_err());
    let event = only(&world, &lane).await;
    assert_eq!(event.outcome, Outcome::Denied, "{denied:?}");
    assert_eq!(event.reason_code.as_deref(), Some("database_denied"));
    assert!(event.error_code.is_some());
}

pub(crate) async fn what_succeeds_and_what_gets_no_answer_is_told_apart<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let lane = world.lane(Overflow::DropNewest, 10);
    let succeeds = async { Ok::<_, sqlx::Error>(7) };
    let seven = record_failure(&lane, Event::custom("a"), succeeds).await;
    assert_eq!(seven.unwrap(), 7);
    let closed = super::world::pool::<DB>(world.database.url()).await;
    closed.close().await;
    let begin = audit_sqlx::begin(&closed);
    let failed = record_failure(&lane, Event::custom("b"), begin).await;
    assert!(matches!(failed, Err(sqlx::Error::PoolClosed)));
    let event = only(&world, &lane).await;
    assert_eq!(event.action.as_deref(), Some("b"));
    assert_eq!(event.outcome, Outcome::Failure);
    assert_eq!(event.reason_code.as_deref(), Some("database_failed"));
    assert_eq!(event.error_code, None);
}
