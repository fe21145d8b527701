//! sqlx, SeaORM, Diesel and diesel-async in one program, on one database file: one SQLite is linked,
//! each writes, and all read one trail.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use audit_core::{Actor, Audit, AuditContext, Event, Log, LogReader, Redaction, TableRule};
use audit_testkit::{Server, TestDatabase};
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_async::SimpleAsyncConnection as _;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use sea_orm::{ConnectOptions, ConnectionTrait as _};
use sqlx::Executor as _;
use sqlx::sqlite::SqlitePoolOptions;

fn audit() -> Audit {
    Audit::builder()
        .service("billing")
        .table(TableRule::new("users").redact("password", Redaction::Mask))
        .build()
        .unwrap()
}

fn as_user(name: &str) -> AuditContext {
    AuditContext::new().with_actor(Actor::user(name))
}

/// What each library does: a row of its own, and a change of the row that all share.
fn statements(id: u32, name: &str) -> [String; 2] {
    [
        format!("INSERT INTO users (id, name, password) VALUES ({id}, '{name}', 'secret')"),
        format!("UPDATE users SET name = '{name}' WHERE id = 0"),
    ]
}

/// Reads the trail through any reader.
async fn trail<R: LogReader<Error: std::fmt::Debug>>(log: Log<R>) -> Vec<Event> {
    log.oldest_first().list().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trail_is_written_and_read_by_every_library() {
    let database = TestDatabase::create(Server::Sqlite).await;
    let audit = audit();
    let url = database.url();

    let pool = audit_sqlx::attach(SqlitePoolOptions::new(), &audit)
        .connect(url)
        .await
        .unwrap();
    pool.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, password TEXT)")
        .await
        .unwrap();
    audit_sqlx::migrate(&pool, &audit).await.unwrap();
    let sea = audit_seaorm::attach(ConnectOptions::new(url), &audit)
        .connect()
        .await
        .unwrap();
    let manager = ConnectionManager::<SqliteConnection>::new(url);
    let manager = audit_diesel::AuditedManager::new(manager, &audit).unwrap();
    let r2d2 = Pool::builder().max_size(1).build(manager).unwrap();
    let mut wrapped: SyncConnectionWrapper<SqliteConnection> = as_user("dora")
        .scope(audit_diesel::asynchronous::establish(url, &audit))
        .await
        .unwrap();

    as_user("ann")
        .scope(async {
            for sql in statements(0, "sqlx") {
                pool.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
            }
        })
        .await;
    as_user("ben")
        .scope(async {
            for sql in statements(1, "SeaORM") {
                sea.execute_unprepared(&sql).await.unwrap();
            }
        })
        .await;
    as_user("cy").sync_scope(|| {
        for sql in statements(2, "Diesel") {
            r2d2.get().unwrap().batch_execute(&sql).unwrap();
        }
    });
    for sql in statements(3, "diesel-async") {
        wrapped.batch_execute(&sql).await.unwrap();
    }

    let by_sqlx = trail(audit_sqlx::log(&pool)).await;
    let told: Vec<(&str, &str, &str)> = by_sqlx
        .iter()
        .map(|event| {
            let record = event.record_id.as_deref().unwrap_or_default();
            let actor = event.actor_id.as_deref().unwrap_or_default();
            (actor, event.operation.as_str(), record)
        })
        .collect();
    // The first one's update sets the name that is there already.
    let expected = [
        ("ann", "INSERT", "0"),
        ("ben", "INSERT", "1"),
        ("ben", "UPDATE", "0"),
        ("cy", "INSERT", "2"),
        ("cy", "UPDATE", "0"),
        ("dora", "INSERT", "3"),
        ("dora", "UPDATE", "0"),
    ];
    assert_eq!(told, expected);
    let images = serde_json::to_string(&by_sqlx).unwrap();
    assert!(
        images.contains("***") && !images.contains("secret"),
        "{images}"
    );

    assert_eq!(by_sqlx, trail(audit_seaorm::log(&sea)).await);
    let mut connection = r2d2.get().unwrap();
    let by_diesel = audit_diesel::log(&mut connection)
        .oldest_first()
        .load()
        .unwrap();
    assert_eq!(by_sqlx, by_diesel);
    assert_eq!(
        by_sqlx,
        trail(audit_diesel::asynchronous::log(&mut wrapped)).await
    );
}
