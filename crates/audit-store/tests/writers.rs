//! Changes that are taken back, events that are removed and a log in months, through the writers of every
//! library.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use audit_core::query::LogQuery;
use audit_core::retention::{NewHold, Policy, Retention};
use audit_core::{Actor, Audit, AuditContext, Dialect, LogReader, Operation, RowWriter};
use audit_store::partitions::Partitions;
use audit_store::{Batch, Blocking, Trail, UndoPlan, finish, place, release};
use audit_testkit::{Raw, Server, TestDatabase};
use diesel::connection::TransactionManager as _;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, AsyncPgConnection};
use sqlx::pool::PoolOptions;
use sqlx::{AssertSqlSafe, Executor as _};

mod writers {
    pub(crate) mod months;
}

use writers::months;

fn audit() -> Audit {
    Audit::builder().service("shop").build().unwrap()
}

fn by(actor: &str, request: &str) -> AuditContext {
    AuditContext::new()
        .with_actor(Actor::user(actor))
        .with_request_id(request)
}

/// A table with one row, which a request changes.
macro_rules! written {
    ($database:ty, $url:expr) => {{
        let options = PoolOptions::<$database>::new();
        let pool = audit_sqlx::attach(options, &audit())
            .connect($url)
            .await
            .unwrap();
        let table = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20))";
        pool.execute(table).await.unwrap();
        audit_sqlx::migrate(&pool, &audit()).await.unwrap();
        for (request, sql) in [
            (
                "old",
                "INSERT INTO users (id) VALUES (2), (3), (4), (5), (6), (7), (8), (9)",
            ),
            ("insert", "INSERT INTO users VALUES (1, 'Ann')"),
            ("rename", "UPDATE users SET name = 'Bob' WHERE id = 1"),
        ] {
            let work = pool.execute(AssertSqlSafe(sql));
            by("ann", request).scope(work).await.unwrap();
        }
        let mut trail = Trail::of(audit_sqlx::log(&pool));
        let dialect = audit_sqlx::writer(&mut *pool.acquire().await.unwrap()).dialect();
        pool.execute(AssertSqlSafe(aged(dialect))).await.unwrap();
        assert_eq!(trail.count(&LogQuery::new().until("1y")).await.unwrap(), 8);
        pool
    }};
}

/// What moves the events of the request `old` back in time.
fn aged(dialect: Dialect) -> String {
    let (table, then) = match dialect {
        Dialect::MySql => ("audit_logs", "2020-01-31 09:00:00"),
        Dialect::Postgres => ("audit.audit_logs", "2020-01-31T09:00:00Z"),
        _ => ("audit_logs", "2020-01-31T09:00:00.000000Z"),
    };
    format!("UPDATE {table} SET occurred_at = '{then}' WHERE request_id = 'old'")
}

/// The oldest event.
async fn oldest<R: LogReader>(mut trail: Trail<R>) -> Batch {
    let retention = Retention::new([Policy::new("all", "1y")]).unwrap();
    let purge = trail.purge(&retention).await.unwrap();
    let mut batches = purge.batches(1);
    batches.next(&mut trail).await.unwrap().unwrap()
}

/// A hold keeps it, and when that is released it goes.
async fn hold_and_purge<W: RowWriter>(batch: &Batch, name: &str, writer: &mut W) {
    place(&NewHold::new(name, "a case"), writer).await.unwrap();
    assert_eq!(batch.apply(writer).await.unwrap().events, 0);
    release(name, "it is over", writer).await.unwrap();
    assert_eq!(batch.apply(writer).await.unwrap().events, 1);
}

async fn plan<R: LogReader>(mut trail: Trail<R>, request: &str) -> UndoPlan {
    let plan = trail
        .plan_undo(&LogQuery::new().request(request))
        .await
        .unwrap();
    assert!(plan.is_clear(), "{plan:?}");
    plan
}

async fn name(raw: &mut Raw) -> String {
    let rows = raw.texts("SELECT name FROM users").await;
    rows.into_iter().flatten().flatten().collect()
}

/// Undoes the rename and does it again, which leaves the row as it was for the next library; the events
/// must say by whom, and what they take back.
macro_rules! there_and_back {
    ($raw:expr, $pool:expr, $library:literal, $undo:expr) => {{
        let (undo, redo) = (concat!("undo by ", $library), concat!("redo by ", $library));
        for (request, of, expected) in [(undo, "rename", "Ann"), (redo, undo, "Bob")] {
            by("operator", request).scope($undo(of)).await;
            assert_eq!(name(&mut $raw).await, expected, "{request}");
            let of_request = |id: &str| {
                let log = audit_sqlx::log(&$pool).operation(Operation::Update);
                log.request(id)
            };
            let done = of_request(request).list().await.unwrap();
            let reverted = of_request(of).list().await.unwrap();
            assert_eq!(done.len(), 1, "{request}");
            assert_eq!(done[0].actor_id.as_deref(), Some("operator"));
            assert_eq!(done[0].service.as_deref(), Some("shop"));
            assert_eq!(done[0].reverts, Some(vec![reverted[0].id.to_string()]));
            let own = audit_sqlx::log(&$pool)
                .request(request)
                .operation(Operation::Custom);
            let own = own.oldest_first().list().await.unwrap();
            let actions: Vec<_> = own
                .iter()
                .filter_map(|event| event.action.as_deref())
                .collect();
            assert_eq!(
                actions,
                ["audit.hold.place", "audit.hold.release", "audit.purge"]
            );
            assert!(
                own.iter()
                    .all(|event| event.actor_id.as_deref() == Some("operator"))
            );
        }
    }};
}

macro_rules! seaorm {
    ($url:expr, $raw:expr, $pool:expr) => {{
        let sea = sea($url).await;
        there_and_back!($raw, $pool, "seaorm", async |of: &'static str| {
            let plan = plan(Trail::of(audit_seaorm::log(&sea)), of).await;
            let batch = oldest(Trail::of(audit_seaorm::log(&sea))).await;
            let transaction = audit_seaorm::begin(&sea).await.unwrap();
            let mut writer = audit_seaorm::writer(&transaction);
            plan.apply(&mut writer).await.unwrap();
            hold_and_purge(&batch, &format!("seaorm {of}"), &mut writer).await;
            transaction.commit().await.unwrap();
        });
    }};
}

macro_rules! diesel {
    ($connection:ty, $url:expr, $raw:expr, $pool:expr) => {{
        let mut connection: $connection = audit_diesel::establish($url, &audit()).unwrap();
        there_and_back!($raw, $pool, "diesel", async |of: &'static str| {
            let connection = &mut connection;
            let plan = finish(plan(Trail::blocking(audit_diesel::log(connection)), of));
            let batch = finish(oldest(Trail::blocking(audit_diesel::log(connection))));
            audit_diesel::begin(connection, &audit()).unwrap();
            let mut writer = Blocking(audit_diesel::writer(connection));
            finish(plan.apply(&mut writer)).unwrap();
            finish(hold_and_purge(&batch, &format!("diesel {of}"), &mut writer));
            diesel::connection::AnsiTransactionManager::commit_transaction(connection).unwrap();
        });
    }};
}

macro_rules! diesel_async {
    ($connection:ty, $url:expr, $raw:expr, $pool:expr) => {{
        use audit_diesel::asynchronous::{begin, establish, log, writer};
        use diesel_async::TransactionManager as _;
        type Manager = <$connection as AsyncConnection>::TransactionManager;
        let mut connection: $connection = establish($url, &audit()).await.unwrap();
        there_and_back!($raw, $pool, "diesel-async", async |of: &'static str| {
            let plan = plan(Trail::of(log(&mut connection)), of).await;
            let batch = oldest(Trail::of(log(&mut connection))).await;
            begin(&mut connection, &audit()).await.unwrap();
            let mut writer = writer(&mut connection);
            plan.apply(&mut writer).await.unwrap();
            hold_and_purge(&batch, &format!("diesel-async {of}"), &mut writer).await;
            Manager::commit_transaction(&mut connection).await.unwrap();
        });
    }};
}

/// A log in months, by what runs on a connection of sqlx: the pool is that of sqlx or of SeaORM.
macro_rules! months_by_sqlx {
    ($database:expr, $pool:expr) => {{
        let pool = $pool;
        months::come_and_go($database, async |change| {
            let mut connection = pool.acquire().await.unwrap();
            let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
            partitions.apply(change).await.unwrap()
        })
        .await;
    }};
}

macro_rules! months_by_diesel_async {
    ($connection:ty, $database:expr) => {{
        use audit_diesel::asynchronous::{establish, writer};
        let database = $database;
        let url = database.0.url();
        let mut connection: $connection = establish(url, &audit()).await.unwrap();
        months::come_and_go(database, async |change| {
            let mut partitions = Partitions::of(writer(&mut connection));
            partitions.apply(change).await.unwrap()
        })
        .await;
    }};
}

async fn sea(url: &str) -> sea_orm::DatabaseConnection {
    let attach = audit_seaorm::attach(url, &audit());
    attach.connect().await.unwrap()
}

mod sqlite {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_library_takes_changes_back_and_purges() {
        let database = TestDatabase::create(Server::Sqlite).await;
        let (url, mut raw) = (database.url(), database.raw().await);
        let path = url
            .trim_start_matches("sqlite://")
            .trim_end_matches("?mode=rwc");
        let pool = written!(sqlx::Sqlite, url);
        seaorm!(url, raw, pool);
        diesel!(diesel::SqliteConnection, path, raw, pool);
        diesel_async!(
            SyncConnectionWrapper<diesel::SqliteConnection>,
            path,
            raw,
            pool
        );
    }
}

/// Expands to the test of a PostgreSQL.
macro_rules! postgres {
    ($name:ident, $server:ident) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn every_library_takes_changes_back_and_purges() {
                let database = TestDatabase::create(Server::$server).await;
                let (url, mut raw) = (database.url(), database.raw().await);
                let pool = written!(sqlx::Postgres, url);
                seaorm!(url, raw, pool);
                diesel!(diesel::PgConnection, url, raw, pool);
                diesel_async!(AsyncPgConnection, url, raw, pool);
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn every_library_keeps_the_log_in_months() {
                let made = async || months::database::<sqlx::Postgres>(Server::$server).await;
                let database = made().await;
                months_by_sqlx!(&database, database.1.clone());
                let database = made().await;
                let sea = sea(database.0.url()).await;
                months_by_sqlx!(&database, sea.get_postgres_connection_pool());
                let database = made().await;
                let url = database.0.url();
                let mut connection: diesel::PgConnection =
                    audit_diesel::establish(url, &audit()).unwrap();
                months::come_and_go(&database, async |change| {
                    let writer = Blocking(audit_diesel::writer(&mut connection));
                    finish(Partitions::of(writer).apply(change)).unwrap()
                })
                .await;
                months_by_diesel_async!(AsyncPgConnection, &made().await);
            }
        }
    };
}

postgres!(postgres15, Postgres15);
postgres!(postgres16, Postgres16);
postgres!(postgres17, Postgres17);
postgres!(postgres18, Postgres18);

mod mariadb {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_library_takes_changes_back_and_purges() {
        let database = TestDatabase::create(Server::MariaDb).await;
        let (url, mut raw) = (database.url(), database.raw().await);
        let pool = written!(sqlx::MySql, url);
        seaorm!(url, raw, pool);
        diesel_async!(AsyncMysqlConnection, url, raw, pool);
    }
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_library_keeps_the_log_in_months() {
        let made = async || months::database::<sqlx::MySql>(Server::MariaDb).await;
        let database = made().await;
        months_by_sqlx!(&database, database.1.clone());
        let database = made().await;
        let sea = sea(database.0.url()).await;
        months_by_sqlx!(&database, sea.get_mysql_connection_pool());
        months_by_diesel_async!(AsyncMysqlConnection, &made().await);
    }
}
