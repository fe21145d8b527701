//! The trail through the readers of every library: each must tell the same.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use audit_core::query::LogQuery;
use audit_core::{Actor, Audit, AuditContext, Event, LogReader};
use audit_diesel::asynchronous::AsyncAuditConnection;
use audit_store::export::Format;
use audit_store::{Grouping, Trail, finish};
use audit_testkit::{Server, TestDatabase};
use diesel::Connection as _;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncMysqlConnection, AsyncPgConnection};
use sqlx::pool::PoolOptions;
use sqlx::{AssertSqlSafe, Executor as _};

/// What a trail tells of a log: pages, neighbours, the timeline of a record and numbers.
async fn told<R: LogReader>(mut trail: Trail<R>) -> Vec<String> {
    let query = LogQuery::new()
        .filter("after.name != \"nobody\"")
        .search("a")
        .limit(2);
    let mut told = Vec::new();
    let mut cursor = None;
    loop {
        let page = trail.page(&query, cursor.as_deref()).await.unwrap();
        told.push(format!("{:?}", page.events));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut file = Vec::new();
    let export = trail.export(&query, Format::Json);
    assert_eq!(export.write_to(&mut file).await.unwrap(), 4);
    told.push(String::from_utf8(file).unwrap());
    let mut follow = trail.follow(&query).await.unwrap();
    told.push(format!("{:?}", follow.poll().await.unwrap()));
    let users = LogQuery::new().table("users");
    let mut timeline = trail.timeline(&users, "2").await.unwrap();
    while let Some(turns) = timeline.next().await.unwrap() {
        told.push(format!("{turns:?}"));
    }
    told.push(format!("{:?}", trail.blame(&users, "2").await.unwrap()));
    let all = LogQuery::new();
    let counts = trail.counts(&all, Grouping::Operation, 10).await;
    told.push(format!("{:?}", counts.unwrap()));
    let event: Event = trail.page(&users, None).await.unwrap().events.remove(0);
    told.push(format!(
        "{:?}",
        trail.around(&users, event.id, 1).await.unwrap()
    ));
    told
}

/// Writes a small log through sqlx and gives what its trail tells.
macro_rules! written {
    ($database:ty, $url:expr) => {{
        let audit = Audit::builder().build().unwrap();
        let pool = audit_sqlx::attach(PoolOptions::<$database>::new(), &audit)
            .connect($url)
            .await
            .unwrap();
        pool.execute("CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20))")
            .await
            .unwrap();
        audit_sqlx::migrate(&pool, &audit).await.unwrap();
        let ann = AuditContext::new().with_actor(Actor::user("ann"));
        let work = async {
            for sql in [
                "INSERT INTO users (id, name) VALUES (1, 'Anna'), (3, 'Aaron')",
                "UPDATE users SET name = 'Ana' WHERE id = 1",
                "UPDATE users SET id = 2 WHERE id = 1",
            ] {
                pool.execute(AssertSqlSafe(sql)).await.unwrap();
            }
        };
        ann.scope(work).await;
        let told = told(Trail::of(audit_sqlx::log(&pool))).await;
        assert!(
            told.len() > 6 && told.join("").matches("\"ann\"").count() > 8,
            "{told:#?}"
        );
        told
    }};
}

/// What the trail tells through a connection of diesel-async.
async fn through_diesel_async<C: AsyncAuditConnection>(url: &str) -> Vec<String> {
    let audit = Audit::builder().build().unwrap();
    let establish = audit_diesel::asynchronous::establish::<C>(url, &audit);
    let mut connection = establish.await.unwrap();
    told(Trail::of(audit_diesel::asynchronous::log(&mut connection))).await
}

mod sqlite {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_library_tells_the_same() {
        let database = TestDatabase::create(Server::Sqlite).await;
        let url = database.url();
        let expected = written!(sqlx::Sqlite, url);
        let sea = sea_orm::Database::connect(url).await.unwrap();
        assert_eq!(told(Trail::of(audit_seaorm::log(&sea))).await, expected);

        let path = url
            .trim_start_matches("sqlite://")
            .trim_end_matches("?mode=rwc");
        let mut blocking = diesel::SqliteConnection::establish(path).unwrap();
        let trail = Trail::blocking(audit_diesel::log(&mut blocking));
        assert_eq!(finish(told(trail)), expected);

        let nonblocking =
            through_diesel_async::<SyncConnectionWrapper<diesel::SqliteConnection>>(path);
        assert_eq!(nonblocking.await, expected);
    }
}

mod postgres18 {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_library_tells_the_same() {
        let database = TestDatabase::create(Server::Postgres18).await;
        let expected = written!(sqlx::Postgres, database.url());
        let sea = sea_orm::Database::connect(database.url()).await.unwrap();
        assert_eq!(told(Trail::of(audit_seaorm::log(&sea))).await, expected);
        let mut blocking = diesel::PgConnection::establish(database.url()).unwrap();
        let trail = Trail::blocking(audit_diesel::log(&mut blocking));
        assert_eq!(finish(told(trail)), expected);
        let nonblocking = through_diesel_async::<AsyncPgConnection>(database.url());
        assert_eq!(nonblocking.await, expected);
    }
}

mod mariadb {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_library_tells_the_same() {
        let database = TestDatabase::create(Server::MariaDb).await;
        let expected = written!(sqlx::MySql, database.url());
        let sea = sea_orm::Database::connect(database.url()).await.unwrap();
        assert_eq!(told(Trail::of(audit_seaorm::log(&sea))).await, expected);
        let nonblocking = through_diesel_async::<AsyncMysqlConnection>(database.url());
        assert_eq!(nonblocking.await, expected);
    }
}
