//! The other pools of diesel-async, pipelines, and the scope of a transaction.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use audit_core::{Actor, Audit, AuditContext, Event};
use audit_diesel::asynchronous;
use audit_diesel::{ContextScope, Report};
use audit_testkit::{Server, TestDatabase};
use diesel::SqliteConnection;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolError, bb8, mobc,
};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{
    AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection, TransactionManager as _,
};

type Sqlite = SyncConnectionWrapper<SqliteConnection>;

const TABLE: &str = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(200))";

fn audit() -> Audit {
    Audit::builder().service("billing").build().unwrap()
}

fn as_user(name: &str) -> AuditContext {
    AuditContext::new().with_actor(Actor::user(name))
}

fn insert(id: u32) -> String {
    format!("INSERT INTO users (id, name) VALUES ({id}, 'x')")
}

fn manager(url: &str, audit: &Audit) -> AsyncDieselConnectionManager<Sqlite> {
    let attach = asynchronous::attach(ManagerConfig::default(), audit);
    attach.manager(url).unwrap()
}

/// A database of SQLite with a table and the log.
async fn prepared(audit: &Audit) -> TestDatabase {
    let database = TestDatabase::create(Server::Sqlite).await;
    let mut connection: Sqlite = asynchronous::establish(database.url(), audit)
        .await
        .unwrap();
    connection.batch_execute(TABLE).await.unwrap();
    asynchronous::migrate(&mut connection, audit).await.unwrap();
    database
}

fn actors(events: &[Event]) -> Vec<Option<&str>> {
    events
        .iter()
        .map(|event| event.actor_id.as_deref())
        .collect()
}

fn gaps(report: &Report) -> Vec<String> {
    let gaps = report.findings().iter().filter(|finding| finding.is_gap());
    gaps.map(ToString::to_string).collect()
}

mod sqlite {
    use ::mobc::{Manager, async_trait};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_connection_of_bb8_has_the_context_of_its_borrower() {
        let audit = audit();
        let database = prepared(&audit).await;
        let builder = bb8::Pool::builder().max_size(1);
        let pool = builder
            .build(manager(database.url(), &audit))
            .await
            .unwrap();
        for (name, id) in [("alice", 1), ("bob", 2)] {
            let work = async {
                let mut connection = pool.get().await.unwrap();
                connection.batch_execute(&insert(id)).await.unwrap();
            };
            as_user(name).scope(work).await;
        }
        let mut connection = pool.get().await.unwrap();
        connection.batch_execute(&insert(3)).await.unwrap();
        let log = asynchronous::log(&mut *connection).oldest_first();
        let events = log.list().await.unwrap();
        assert_eq!(actors(&events), [Some("alice"), Some("bob"), None]);
    }

    /// A manager of mobc that takes every connection back.
    struct TakesBack(AsyncDieselConnectionManager<Sqlite>);

    #[async_trait]
    impl Manager for TakesBack {
        type Connection = Sqlite;
        type Error = PoolError;

        async fn connect(&self) -> Result<Sqlite, PoolError> {
            self.0.connect().await
        }

        async fn check(&self, connection: Sqlite) -> Result<Sqlite, PoolError> {
            self.0.check(connection).await
        }
    }

    /// Writes as two users and as nobody, through one pool of one connection; says after which
    /// checkouts the connection was that of the first.
    async fn written_through<M>(pool: ::mobc::Pool<M>) -> Vec<bool>
    where
        M: Manager<Connection = Sqlite, Error: std::fmt::Debug>,
    {
        let write = async |id| {
            let mut connection = pool.get().await.unwrap();
            connection.batch_execute(&insert(id)).await.unwrap();
            let mark = "CREATE TEMP TABLE mark (id INTEGER)";
            connection.batch_execute(mark).await.is_err()
        };
        let alices = as_user("alice").scope(write(1)).await;
        let bobs = as_user("bob").scope(write(2)).await;
        let nobodys = write(3).await;
        let mut connection = pool.get().await.unwrap();
        let log = asynchronous::log(&mut *connection).oldest_first();
        let events = log.list().await.unwrap();
        assert_eq!(actors(&events), [Some("alice"), Some("bob"), None]);
        vec![alices, bobs, nobodys]
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_connection_of_mobc_has_the_context_of_its_borrower() {
        let audit = audit();
        let database = prepared(&audit).await;
        let manager = TakesBack(manager(database.url(), &audit));
        let pool = ::mobc::Pool::builder().max_open(1).build(manager);
        assert_eq!(written_through(pool).await, [false, true, true]);
    }

    /// As the README has it, until diesel-async lets mobc keep its connections:
    /// <https://github.com/diesel-rs/diesel_async/pull/290>.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn mobc_opens_a_connection_for_each_checkout() {
        let audit = audit();
        let database = prepared(&audit).await;
        let builder = mobc::Pool::builder().max_open(1);
        let pool = builder.build(manager(database.url(), &audit));
        assert_eq!(written_through(pool).await, [false; 3]);
    }

    /// What mobc keeps today is a connection inside a transaction; it is not handed out.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn mobc_hands_out_no_connection_inside_a_transaction() {
        let audit = audit();
        let database = prepared(&audit).await;
        let builder = mobc::Pool::builder().max_open(1);
        let pool = builder.build(manager(database.url(), &audit));
        let mut connection = pool.get().await.unwrap();
        <Sqlite as AsyncConnection>::TransactionManager::begin_transaction(&mut *connection)
            .await
            .unwrap();
        let mark = "CREATE TEMP TABLE mark (id INTEGER)";
        connection.batch_execute(mark).await.unwrap();
        drop(connection);
        let mut connection = pool.get().await.unwrap();
        connection.batch_execute(mark).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_pool_that_skips_its_check_is_found() {
        let audit = audit();
        let database = prepared(&audit).await;
        for (checks, has_gaps) in [(true, false), (false, true)] {
            let builder = bb8::Pool::builder().max_size(1).test_on_check_out(checks);
            let pool = builder
                .build(manager(database.url(), &audit))
                .await
                .unwrap();
            let report = asynchronous::check_pool(&audit, || pool.get())
                .await
                .unwrap();
            assert_eq!(report.has_gaps(), has_gaps, "{:?}", gaps(&report));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_scope_that_the_database_has_not_is_refused() {
        let attach = asynchronous::attach(ManagerConfig::<Sqlite>::default(), &audit());
        let refused = attach.context_scope(ContextScope::Transaction).config();
        assert!(refused.is_err_and(|error| error.to_string().contains("ContextScope::Connection")));
    }
}

mod postgres15 {
    use diesel_async::pooled_connection::deadpool::Pool;

    use super::*;

    async fn pool(audit: &Audit, scope: ContextScope) -> (TestDatabase, Pool<AsyncPgConnection>) {
        let database = TestDatabase::create(Server::Postgres15).await;
        let attach = asynchronous::attach(ManagerConfig::default(), audit).context_scope(scope);
        let manager = attach.manager(database.url()).unwrap();
        let pool = Pool::builder(manager).max_size(1).build().unwrap();
        let mut connection: AsyncPgConnection = asynchronous::establish(database.url(), audit)
            .await
            .unwrap();
        connection.batch_execute(TABLE).await.unwrap();
        asynchronous::migrate(&mut connection, audit).await.unwrap();
        (database, pool)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn statements_in_a_pipeline_are_recorded() {
        let audit = audit();
        let (_database, pool) = pool(&audit, ContextScope::Connection).await;
        let work = async {
            let connection = pool.get().await.unwrap();
            let connection: &AsyncPgConnection = &connection;
            let (first, second) = tokio::join!(
                diesel::sql_query(insert(1)).execute(&mut &*connection),
                diesel::sql_query(insert(2)).execute(&mut &*connection),
            );
            assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
        };
        as_user("alice").scope(work).await;
        let mut connection = pool.get().await.unwrap();
        let events = asynchronous::log(&mut *connection).list().await.unwrap();
        assert_eq!(actors(&events), [Some("alice"), Some("alice")]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_context_of_the_transaction_ends_with_it() {
        let audit = audit();
        let (_database, pool) = pool(&audit, ContextScope::Transaction).await;
        let work = async {
            let mut connection = pool.get().await.unwrap();
            let transaction = asynchronous::transaction(
                &mut *connection,
                &audit,
                async |connection: &mut AsyncPgConnection| {
                    connection.batch_execute(&insert(1)).await
                },
            );
            transaction.await.unwrap();
            connection.batch_execute(&insert(2)).await.unwrap();
            asynchronous::begin(&mut *connection, &audit).await.unwrap();
            connection.batch_execute(&insert(3)).await.unwrap();
            type Transactions = <AsyncPgConnection as AsyncConnection>::TransactionManager;
            let commit = Transactions::commit_transaction(&mut *connection);
            commit.await.unwrap();
        };
        as_user("alice").scope(work).await;
        let mut connection = pool.get().await.unwrap();
        let log = asynchronous::log(&mut *connection).oldest_first();
        let events = log.list().await.unwrap();
        assert_eq!(actors(&events), [Some("alice"), None, Some("alice")]);
    }
}
