//! An application that was there before: tables by `sqlx::migrate!`, a hook on its pool, transactions
//! that it begins itself. Pool, middleware and migration change, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use audit_core::{Audit, Event};
use audit_jwt::JwtVerifier;
use audit_testkit::TestDatabase;
use audit_tower::AuditLayer;

use crate::refusal::{SECRET, bearer};
use crate::server::Server;

/// What a client asks for.
const REQUESTS: [(&str, &str); 9] = [
    ("POST", "/customers/1/Ann"),
    ("POST", "/customers/2/Ben"),
    ("POST", "/customers/2/Again"),
    ("PUT", "/customers/1/Anna/orders/7"),
    ("PUT", "/customers/3/Nobody/orders/8"),
    ("GET", "/customers"),
    ("DELETE", "/customers/2?dry"),
    ("DELETE", "/customers/1"),
    ("GET", "/customers"),
];

/// What the log has to say of them.
const CHANGES: [&str; 7] = [
    "alice INSERT customers 1",
    "alice INSERT customers 2",
    "alice UPDATE customers 1",
    "alice INSERT orders 7",
    "alice DELETE customers 1",
    "alice DELETE orders 7",
    "alice UPDATE customers 2",
];

/// The application of one database, before and after.
macro_rules! application {
    ($module:ident, $database:ident, $one:literal, $two:literal) => {
        mod $module {
            use axum::extract::{Path, Query, State};
            use axum::response::Json;
            use axum::routing::{get, post, put};
            use axum::{Router, http::StatusCode};
            use sqlx::migrate::Migrator;
            use sqlx::pool::PoolOptions;
            use sqlx::$database;

            use super::*;

            type Pool = sqlx::Pool<$database>;

            fn failed(_: sqlx::Error) -> StatusCode {
                StatusCode::CONFLICT
            }

            async fn create(
                State(pool): State<Pool>,
                Path((id, name)): Path<(i64, String)>,
            ) -> Result<(), StatusCode> {
                let sql = concat!(
                    "INSERT INTO customers (id, name) VALUES (",
                    $one,
                    ", ",
                    $two,
                    ")"
                );
                let query = sqlx::query(sql).bind(id).bind(name);
                query.execute(&pool).await.map_err(failed)?;
                Ok(())
            }

            async fn order(
                State(pool): State<Pool>,
                Path((id, name, order)): Path<(i64, String, i64)>,
            ) -> Result<String, StatusCode> {
                let mut transaction = pool.begin().await.map_err(failed)?;
                let sql = concat!("UPDATE customers SET name = ", $one, " WHERE id = ", $two);
                let query = sqlx::query(sql).bind(name).bind(id);
                let done = query.execute(&mut *transaction).await.map_err(failed)?;
                let sql = concat!(
                    "INSERT INTO orders (id, customer) VALUES (",
                    $one,
                    ", ",
                    $two,
                    ")"
                );
                let query = sqlx::query(sql).bind(order).bind(id);
                query.execute(&mut *transaction).await.map_err(failed)?;
                transaction.commit().await.map_err(failed)?;
                Ok(done.rows_affected().to_string())
            }

            async fn delete(
                State(pool): State<Pool>,
                Path(id): Path<i64>,
                Query(query): Query<Vec<(String, String)>>,
            ) -> Result<String, StatusCode> {
                let mut transaction = pool.begin().await.map_err(failed)?;
                let sql = concat!("DELETE FROM customers WHERE id = ", $one);
                let done = sqlx::query(sql).bind(id).execute(&mut *transaction).await;
                if query.is_empty() {
                    transaction.commit().await.map_err(failed)?;
                }
                Ok(done.map_err(failed)?.rows_affected().to_string())
            }

            async fn list(
                State(pool): State<Pool>,
            ) -> Result<Json<Vec<(i64, String)>>, StatusCode> {
                let query = sqlx::query_as("SELECT id, name FROM customers ORDER BY id");
                query.fetch_all(&pool).await.map(Json).map_err(failed)
            }

            fn routes() -> Router<Pool> {
                Router::new()
                    .route("/customers", get(list))
                    .route("/customers/{id}/{name}", post(create))
                    .route("/customers/{id}/{name}/orders/{order}", put(order))
                    .route("/customers/{id}", axum::routing::delete(delete))
            }

            fn options() -> PoolOptions<$database> {
                PoolOptions::new().max_connections(2)
            }

            /// The application's own migrations; the last of them comes with its next version.
            fn migrations(count: usize) -> Migrator {
                let mut all = sqlx::migrate!("tests/http/existing/migrations");
                all.migrations.to_mut().truncate(count);
                all
            }

            /// As it was.
            async fn before(url: &str, connections: &Arc<AtomicUsize>) -> Router {
                let connections = Arc::clone(connections);
                let pool = options()
                    .after_connect(move |_, _| {
                        connections.fetch_add(1, Ordering::SeqCst);
                        Box::pin(async { Ok(()) })
                    })
                    .connect(url)
                    .await
                    .unwrap();
                migrations(2).run(&pool).await.unwrap();
                routes().with_state(pool)
            }

            /// With the log: pool, migration, middleware.
            async fn after(url: &str, connections: &Arc<AtomicUsize>) -> (Router, Pool, Audit) {
                let connections = Arc::clone(connections);
                let audit = Audit::builder().service("shop").build().unwrap();
                let pool = audit_sqlx::attach(options(), &audit)
                    .after_connect(move |_, _| {
                        connections.fetch_add(1, Ordering::SeqCst);
                        Box::pin(async { Ok(()) })
                    })
                    .connect(url)
                    .await
                    .unwrap();
                migrations(2).run(&pool).await.unwrap();
                audit_sqlx::migrate(&pool, &audit).await.unwrap();
                let verifier = JwtVerifier::hs256(SECRET)
                    .issuer("https://id.example")
                    .audience("api");
                let layer = AuditLayer::new(verifier.build().unwrap());
                (routes().layer(layer).with_state(pool.clone()), pool, audit)
            }

            /// The next version is deployed as the first was: its migration, then ours.
            async fn next_version(pool: &Pool, audit: &Audit) {
                migrations(3).run(pool).await.unwrap();
                audit_sqlx::migrate(pool, audit).await.unwrap();
                let update = "UPDATE customers SET note = 'new' WHERE id = 2";
                let alice = audit_testkit::alice();
                alice
                    .scope(sqlx::query(update).execute(pool))
                    .await
                    .unwrap();
            }

            pub(super) async fn run(server: audit_testkit::Server) {
                let (bare, audited) = (
                    TestDatabase::create(server).await,
                    TestDatabase::create(server).await,
                );
                let (hooks_before, hooks_after) = (Arc::default(), Arc::default());
                let before = Server::start(before(bare.url(), &hooks_before).await).await;
                let (router, pool, audit) = after(audited.url(), &hooks_after).await;
                let after = Server::start(router).await;
                answers_are_the_same(&before, &after).await;
                assert!(hooks_before.load(Ordering::SeqCst) > 0);
                assert!(hooks_after.load(Ordering::SeqCst) > 0);

                next_version(&pool, &audit).await;
                let log = audit_sqlx::log(&pool).oldest_first();
                told(&log.list().await.unwrap());
            }
        }
    };
}

application!(my_sql, MySql, "?", "?");
application!(postgres, Postgres, "$1", "$2");
application!(lite, Sqlite, "?", "?");

async fn answers_are_the_same(before: &Server, after: &Server) {
    let token = bearer(SECRET);
    for (method, path) in REQUESTS {
        let headers = [("authorization", token.as_str())];
        let before = before.try_send(method, path, &headers).await.unwrap();
        let after = after.try_send(method, path, &headers).await.unwrap();
        assert_eq!(before.status, after.status, "{method} {path}");
        assert_eq!(before.text, after.text, "{method} {path}");
    }
}

fn told(events: &[Event]) {
    let mut told: Vec<_> = events
        .iter()
        .map(|event| {
            let actor = event.actor_id.as_deref().unwrap_or_default();
            let table = event.table_name.as_deref().unwrap_or_default();
            let record = event.record_id.as_deref().unwrap_or_default();
            format!("{actor} {} {table} {record}", event.operation)
        })
        .collect();
    // Which comes first, of the parent and what it cascades to, is the database's to say.
    told[4..6].sort();
    assert_eq!(told, CHANGES);
    let last = events.last().unwrap().after_data.as_ref().unwrap();
    assert_eq!(last.to_value()["note"], "new");
}

macro_rules! databases {
    ($($server:ident in $module:ident: $name:ident;)+) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn an_application_that_was_there_is_audited() {
                super::$module::run(audit_testkit::Server::$server).await;
            }
        })+
    };
}

databases! {
    MariaDb in my_sql: mariadb;
    Postgres15 in postgres: postgres15;
    Postgres16 in postgres: postgres16;
    Postgres17 in postgres: postgres17;
    Postgres18 in postgres: postgres18;
    Sqlite in lite: sqlite;
}
