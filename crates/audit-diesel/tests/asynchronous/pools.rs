//! The pools of diesel-async, with recycling methods of the user's own.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ::mobc::{Manager, async_trait};
use audit_core::Event;
use audit_diesel::asynchronous::{self, AsyncAuditConnection};
use audit_testkit::Server;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolError, RecyclingMethod, bb8, deadpool, mobc,
};
use diesel_async::{AsyncMysqlConnection, AsyncPgConnection, TransactionManager as _};

use crate::adapter::{Pooled, Sqlite};
use crate::pool::PoolOf;
use crate::world::{Database, actors, audit, database, insertion, user};

/// A manager of mobc that takes every connection back, which that of diesel-async does not yet.
pub(crate) struct TakesBack<C>(AsyncDieselConnectionManager<C>);

impl<C> From<AsyncDieselConnectionManager<C>> for TakesBack<C> {
    fn from(manager: AsyncDieselConnectionManager<C>) -> Self {
        Self(manager)
    }
}

#[async_trait]
impl<C> Manager for TakesBack<C>
where
    C: Send + 'static,
    AsyncDieselConnectionManager<C>: Manager<Connection = C, Error = PoolError>,
{
    type Connection = C;
    type Error = PoolError;

    async fn connect(&self) -> Result<C, PoolError> {
        self.0.connect().await
    }

    async fn check(&self, connection: C) -> Result<C, PoolError> {
        self.0.check(connection).await
    }
}

/// What fails on a connection that has run it before.
const MARK: &str = "CREATE TEMPORARY TABLE mark (id INTEGER)";

fn manager<C: AsyncAuditConnection>(
    url: &str,
    method: RecyclingMethod<C>,
) -> AsyncDieselConnectionManager<C> {
    let mut config = ManagerConfig::default();
    config.recycling_method = method;
    asynchronous::attach(config, audit()).manager(url).unwrap()
}

/// A database with a table and the log.
async fn prepared<C: AsyncAuditConnection>(server: Server) -> Database {
    let database = database(server).await;
    let mut connection: C = asynchronous::establish(database.url(), audit())
        .await
        .unwrap();
    asynchronous::migrate(&mut connection, audit())
        .await
        .unwrap();
    database
}

/// Inserts a row on a connection out of the pool; says whether the connection was used before.
async fn write<C: AsyncAuditConnection>(pool: &impl PoolOf<C>, id: u32) -> bool {
    let mut connection = pool.take().await.unwrap();
    connection.batch_execute(&insertion(id)).await.unwrap();
    connection.batch_execute(MARK).await.is_err()
}

async fn events<C: AsyncAuditConnection>(pool: &impl PoolOf<C>) -> Vec<Event> {
    let mut connection = pool.take().await.unwrap();
    let log = asynchronous::log(&mut *connection).oldest_first();
    log.list().await.unwrap()
}

/// Writes as two users and as nobody, through one pool of one connection; says who had the
/// connection of somebody before.
pub(crate) async fn written_through<C, P>(server: Server) -> [bool; 3]
where
    C: AsyncAuditConnection,
    P: PoolOf<C>,
{
    let database = prepared::<C>(server).await;
    let pool = P::build(manager(database.url(), RecyclingMethod::default()), 1).await;
    let alices = user("alice").scope(write(&pool, 1)).await;
    let bobs = user("bob").scope(write(&pool, 2)).await;
    let nobodys = write(&pool, 3).await;
    let events = events(&pool).await;
    assert_eq!(actors(&events), ["alice", "bob", ""]);
    [alices, bobs, nobodys]
}

/// A query of the user's own runs after the context was put on, and writes under it.
async fn a_query_runs_under_the_context<C, P>(server: Server)
where
    C: AsyncAuditConnection,
    P: PoolOf<C>,
{
    let database = prepared::<C>(server).await;
    let query = RecyclingMethod::CustomQuery("UPDATE t SET v = v + 1".into());
    let pool = P::build(manager(database.url(), query), 1).await;
    assert!(!user("alice").scope(write(&pool, 1)).await);
    assert!(user("bob").scope(write(&pool, 2)).await);
    let events = events(&pool).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.operation.as_str(), event.actor_id.as_deref()))
        .take(3)
        .collect();
    let expected = [
        ("INSERT", Some("alice")),
        ("UPDATE", Some("bob")),
        ("INSERT", Some("bob")),
    ];
    assert_eq!(told, expected);
}

/// A function of the user's own is asked at each checkout of a connection that was used before; the
/// one that it refuses is closed.
async fn a_function_is_asked<C, P>(server: Server)
where
    C: AsyncAuditConnection,
    P: PoolOf<C>,
{
    let database = prepared::<C>(server).await;
    let (asked, refuses) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let answer = (Arc::clone(&asked), Arc::clone(&refuses));
    let method = RecyclingMethod::CustomFunction(Box::new(move |_: &mut C| {
        let (asked, refuses) = answer.clone();
        Box::pin(async move {
            asked.fetch_add(1, Ordering::SeqCst);
            match refuses.swap(false, Ordering::SeqCst) {
                true => Err(diesel::result::Error::NotFound),
                false => Ok(()),
            }
        })
    }));
    let pool = P::build(manager(database.url(), method), 1).await;
    assert!(!user("alice").scope(write(&pool, 1)).await);
    let before = asked.load(Ordering::SeqCst);
    assert!(user("bob").scope(write(&pool, 2)).await);
    assert_eq!(asked.load(Ordering::SeqCst), before + 1);
    refuses.store(true, Ordering::SeqCst);
    assert!(!user("carla").scope(write(&pool, 3)).await);
    let events = events(&pool).await;
    assert_eq!(actors(&events), ["alice", "bob", "carla"]);
}

/// What mobc keeps today is a connection inside a transaction; it is not handed out.
async fn none_inside_a_transaction<C, P>(server: Server)
where
    C: AsyncAuditConnection,
    P: PoolOf<C>,
{
    let database = prepared::<C>(server).await;
    let pool = P::build(manager(database.url(), RecyclingMethod::default()), 1).await;
    let mut connection = pool.take().await.unwrap();
    C::TransactionManager::begin_transaction(&mut *connection)
        .await
        .unwrap();
    connection.batch_execute(MARK).await.unwrap();
    drop(connection);
    let mut connection = pool.take().await.unwrap();
    connection.batch_execute(MARK).await.unwrap();
}

async fn a_pool_that_skips_is_found<C: AsyncAuditConnection>(server: Server)
where
    AsyncDieselConnectionManager<C>: ::bb8::ManageConnection<Connection = C, Error = PoolError>,
{
    let database = prepared::<C>(server).await;
    for (checks, has_gaps) in [(true, false), (false, true)] {
        let builder = bb8::Pool::builder().max_size(1).test_on_check_out(checks);
        let manager = manager(database.url(), RecyclingMethod::default());
        let pool = builder.build(manager).await.unwrap();
        let report = asynchronous::check_pool(audit(), || pool.get()).await;
        let report = report.unwrap();
        assert_eq!(report.has_gaps(), has_gaps, "{report:?}");
    }
}

/// Expands to the tests of one database: the server, the type of its connections.
macro_rules! pools {
    ($module:ident, $server:ident, $connection:ty) => {
        mod $module {
            use super::*;

            const SERVER: Server = Server::$server;
            type Connection = $connection;
            type OfDeadpool = deadpool::Pool<Connection>;
            type OfBb8 = bb8::Pool<Connection>;
            type OfMobc = mobc::Pool<Connection>;
            type TakenBack = ::mobc::Pool<TakesBack<Connection>>;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_connection_of_bb8_has_the_context_of_its_borrower() {
                let reused = written_through::<Connection, OfBb8>(SERVER).await;
                assert_eq!(reused, [false, true, true]);
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_connection_of_mobc_has_the_context_of_its_borrower() {
                let reused = written_through::<Connection, TakenBack>(SERVER).await;
                assert_eq!(reused, [false, true, true]);
            }

            /// As the README has it, until diesel-async lets mobc keep its connections:
            /// <https://github.com/diesel-rs/diesel_async/pull/290>.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mobc_opens_a_connection_for_each_checkout() {
                let reused = written_through::<Connection, OfMobc>(SERVER).await;
                assert_eq!(reused, [false; 3]);
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mobc_hands_out_no_connection_inside_a_transaction() {
                none_inside_a_transaction::<Connection, OfMobc>(SERVER).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_recycling_query_of_the_users_own_runs_under_the_context() {
                a_query_runs_under_the_context::<Connection, OfDeadpool>(SERVER).await;
                a_query_runs_under_the_context::<Connection, OfBb8>(SERVER).await;
                a_query_runs_under_the_context::<Connection, TakenBack>(SERVER).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_recycling_function_of_the_users_own_is_asked() {
                a_function_is_asked::<Connection, OfDeadpool>(SERVER).await;
                a_function_is_asked::<Connection, OfBb8>(SERVER).await;
                a_function_is_asked::<Connection, TakenBack>(SERVER).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_pool_that_skips_its_check_is_found() {
                a_pool_that_skips_is_found::<Connection>(SERVER).await;
            }
        }
    };
}

pools!(mariadb, MariaDb, AsyncMysqlConnection);
pools!(postgres15, Postgres15, AsyncPgConnection);
pools!(postgres18, Postgres18, AsyncPgConnection);
pools!(sqlite, Sqlite, Sqlite);

/// Futures that are dropped half-way, through the pools that the suite does not run through.
mod cut {
    use super::*;

    /// Expands to the tests of one pool.
    macro_rules! pool {
        ($module:ident, $pool:ident) => {
            mod $module {
                use super::*;

                type Cut<C> = Pooled<$pool<C>, C>;

                audit_testkit::cancellation!(mariadb, MariaDb, Cut<AsyncMysqlConnection>);
                audit_testkit::cancellation!(postgres15, Postgres15, Cut<AsyncPgConnection>);
                audit_testkit::cancellation!(postgres18, Postgres18, Cut<AsyncPgConnection>);
                audit_testkit::cancellation!(sqlite, Sqlite, Cut<Sqlite>);
            }
        };
    }

    type OfBb8<C> = bb8::Pool<C>;
    type OfMobc<C> = mobc::Pool<C>;
    type TakenBack<C> = ::mobc::Pool<TakesBack<C>>;

    pool!(through_bb8, OfBb8);
    pool!(through_mobc, OfMobc);
    pool!(through_mobc_that_takes_back, TakenBack);
}
