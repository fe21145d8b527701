//! The ways in which sqlx runs a statement, on a pool that captures inline.

use audit_core::{Actor, AuditContext};
use audit_sqlx::{AuditedConnection, AuditedPool, InlineRefusal};
use audit_testkit::{Server, World, alice};
use futures_util::TryStreamExt;
use sqlx::postgres::PgExecutor;
use sqlx::{Executor, Postgres, QueryBuilder, Row, SqlSafeStr, Statement};

use crate::pool::Inline;
use crate::said::{listen, statements};

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct User {
    id: i64,
    name: String,
}

const RENAME: &str = "UPDATE users SET name = $1 WHERE id = $2";
const RENAMED: &str = "UPDATE users SET name = $1 WHERE id = $2 RETURNING id, name";

async fn rename<'e>(executor: impl PgExecutor<'e>, id: i64, name: &str) -> u64 {
    let query = sqlx::query(RENAME).bind(name).bind(id);
    query.execute(executor).await.unwrap().rows_affected()
}

pub(crate) async fn every_way_to_run_a_statement_is_captured(server: Server) {
    let world = World::<Inline>::new(server).await;
    let pool = world.adapter.pool();
    let events = world
        .prove(async |_| alice().scope(Box::pin(all_ways(pool))).await)
        .await;
    assert!(
        events
            .iter()
            .all(|event| event.actor_id.as_deref() == Some("alice"))
    );
    assert_eq!(events.len(), 1 + 1000 + 10);
}

async fn all_ways(pool: &AuditedPool<Postgres>) {
    let done = pool
        .execute("INSERT INTO users (id, name) VALUES (1, 'a')")
        .await;
    assert_eq!(done.unwrap().rows_affected(), 1);
    let mut builder = QueryBuilder::<Postgres>::new("INSERT INTO users (id, name) ");
    builder.push_values(2..1002_i64, |mut row, id| {
        row.push_bind(id).push_bind("many");
    });
    assert_eq!(
        builder.build().execute(pool).await.unwrap().rows_affected(),
        1000
    );

    assert_eq!(rename(pool, 1, "b").await, 1);
    assert_eq!(rename(pool, 5000, "b").await, 0);
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(rename(&mut connection, 1, "c").await, 1);
    let mut transaction = connection.begin().await.unwrap();
    assert_eq!(rename(&mut *transaction, 1, "d").await, 1);
    let user: User = sqlx::query_as(RENAMED)
        .bind("e")
        .bind(1_i64)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(
        user,
        User {
            id: 1,
            name: "e".to_owned()
        }
    );
    transaction.commit().await.unwrap();
    let name: Option<String> =
        sqlx::query_scalar("UPDATE users SET name = 'f' WHERE id = 2 RETURNING name")
            .fetch_optional(pool)
            .await
            .unwrap();
    assert_eq!(name.as_deref(), Some("f"));
    // Rows that nobody called for.
    let none = sqlx::query(RENAME)
        .bind("g")
        .bind(2_i64)
        .fetch_optional(pool)
        .await;
    assert!(none.unwrap().is_none());

    more_ways(pool, &mut connection).await;
}

async fn more_ways(pool: &AuditedPool<Postgres>, connection: &mut AuditedConnection<Postgres>) {
    let prepared = connection.prepare(RENAMED.into_sql_str()).await.unwrap();
    let row = prepared
        .query()
        .bind("h")
        .bind(3_i64)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    let columns: Vec<&str> = row.columns().iter().map(sqlx::Column::name).collect();
    assert_eq!((columns, row.get::<&str, _>(1)), (vec!["id", "name"], "h"));
    let query = prepared.query().bind("i").bind(3_i64).persistent(false);
    assert_eq!(query.execute(pool).await.unwrap().rows_affected(), 1);

    // As text by itself, binary with the context beside.
    let raw = "INSERT INTO users (id, name, age) VALUES (1002, 'raw', 42) RETURNING id, name, age";
    let row = sqlx::raw_sql(raw).fetch_one(pool).await.unwrap();
    let values = (
        row.get::<i64, _>(0),
        row.get::<String, _>(1),
        row.get::<i64, _>("age"),
    );
    assert_eq!(values, (1002, "raw".to_owned(), 42));
    // One that is dropped has run all the same.
    let mut rows = sqlx::query(RENAMED)
        .bind("j")
        .bind(4_i64)
        .fetch(&mut *connection);
    assert!(rows.try_next().await.unwrap().is_some());
    drop(rows);
    let names = sqlx::query_scalar("SELECT name FROM users WHERE id <= 4 ORDER BY id");
    let names: Vec<String> = names.fetch(&mut *connection).try_collect().await.unwrap();
    assert_eq!(names, ["e", "g", "i", "j"]);
}

pub(crate) async fn values_that_do_not_fit_are_refused(server: Server) {
    let world = World::<Inline>::new(server).await;
    let pool = world.adapter.pool();
    // The server takes the third as it comes, here in the place of the context.
    for query in [
        sqlx::query(RENAME).bind("a").bind(1_i64).bind("mallory"),
        sqlx::query(RENAME).bind("a"),
    ] {
        let error = query.execute(pool).await.unwrap_err();
        let refusal = InlineRefusal::of(&error);
        assert!(
            matches!(refusal, Some(InlineRefusal::Binds { parameters: 2, .. })),
            "{error:?}"
        );
    }
    assert_eq!(world.new_events().await, []);
}

/// The context is a bind: another one costs nothing, where a statement that is not rewritten is preceded by
/// a stamp.
pub(crate) async fn a_held_connection_takes_one_message_a_statement(server: Server) {
    let world = World::<Inline>::new(server).await;
    listen();
    let user = |name: &str| AuditContext::new().with_actor(Actor::user(name));
    let mut connection = user("alice")
        .scope(world.adapter.pool().acquire())
        .await
        .unwrap();
    let insert = "INSERT INTO users (id, name) VALUES ($1, 'x')";
    statements();
    for (id, name) in ["alice", "bob", "carol", "alice"].into_iter().enumerate() {
        let id = i64::try_from(id).unwrap();
        let done = sqlx::query(insert).bind(id).execute(&mut connection);
        user(name).scope(done).await.unwrap();
    }
    assert_eq!(statements(), 4);
    user("bob")
        .scope(connection.execute("SELECT 1"))
        .await
        .unwrap();
    assert_eq!(statements(), 2);
    let mut transaction = connection.begin().await.unwrap();
    statements();
    assert_eq!(
        user("dave").scope(rename(&mut *transaction, 1, "y")).await,
        1
    );
    assert_eq!(statements(), 1);
    transaction.commit().await.unwrap();
    drop(connection);
    while world.adapter.pool().as_pool().num_idle() == 0 {
        tokio::task::yield_now().await;
    }
    statements();
    // The stamp of the checkout is not told of, as the ping is not for which it stands.
    assert_eq!(
        user("erin")
            .scope(rename(world.adapter.pool(), 2, "y"))
            .await,
        1
    );
    assert_eq!(statements(), 1);
    let events = world.new_events().await;
    let actors: Vec<_> = events
        .iter()
        .filter_map(|event| event.actor_id.as_deref())
        .collect();
    assert_eq!(actors, ["alice", "bob", "carol", "alice", "dave", "erin"]);
}
