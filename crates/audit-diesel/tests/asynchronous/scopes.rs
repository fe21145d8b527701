//! How long the context stays on a connection, and pipelines, which only PostgreSQL has: statements on
//! their way together, also where one of them is dropped.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use audit_core::Event;
use audit_diesel::ContextScope;
use audit_diesel::asynchronous::{self, AsyncAuditConnection};
use audit_testkit::{Server, cut_after};
use diesel_async::pooled_connection::ManagerConfig;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{
    AnsiTransactionManager, AsyncMysqlConnection, AsyncPgConnection, RunQueryDsl as _,
    SimpleAsyncConnection as _, TransactionManager as _,
};

use crate::adapter::Sqlite;
use crate::world::{Database, actors, audit, database, insertion, user};

/// A pool of one connection to a database with a table and the log.
async fn pool(server: Server, scope: ContextScope) -> (Database, Pool<AsyncPgConnection>) {
    let database = database(server).await;
    let attach = asynchronous::attach(ManagerConfig::default(), audit()).context_scope(scope);
    let manager = attach.manager(database.url()).unwrap();
    let pool = Pool::builder(manager).max_size(1).build().unwrap();
    let mut connection = pool.get().await.unwrap();
    asynchronous::migrate(&mut *connection, audit())
        .await
        .unwrap();
    drop(connection);
    (database, pool)
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    v: i32,
}

/// The most polls that a pipeline may take; a test that reaches it hangs.
const MOST_POLLS: usize = 200;

/// How much of a pipeline is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dropped {
    /// All of it.
    Whole,
    /// The first of three statements, while the others are waited for.
    First,
    /// The last.
    Last,
}

/// Runs three statements at once on a connection of the pool, of which some are dropped after so many polls; says
/// whether they were over by then.
async fn pipelined(
    pool: &Pool<AsyncPgConnection>,
    dropped: Dropped,
    polls: usize,
    id: u32,
) -> bool {
    let connection = pool.get().await.unwrap();
    let connection: &AsyncPgConnection = &connection;
    let insert = async |id| {
        let insert = diesel::sql_query(insertion(id));
        insert.execute(&mut &*connection).await.unwrap()
    };
    let cut = |is_cut, id| cut_after(if is_cut { polls } else { usize::MAX }, insert(id));
    let all = async {
        let (first, _, last) = tokio::join!(
            cut(dropped == Dropped::First, id),
            insert(id + 1),
            cut(dropped == Dropped::Last, id + 2),
        );
        first.is_some() && last.is_some()
    };
    match dropped {
        Dropped::Whole => cut_after(polls, all).await.is_some(),
        Dropped::First | Dropped::Last => all.await,
    }
}

/// Drops some of a pipeline at every poll; says how many there were.
async fn dropped_at_every_poll(server: Server, dropped: Dropped) {
    let (_database, pool) = pool(server, ContextScope::Connection).await;
    let mut cuts = 0;
    for polls in 0..MOST_POLLS {
        let id = u32::try_from(polls).unwrap() * 10;
        let alices = pipelined(&pool, dropped, polls, id);
        let is_over = user("alice").scope(alices).await;
        let next = async |id| {
            let mut connection = pool.get().await.unwrap();
            let inserted = diesel::sql_query(insertion(id)).execute(&mut connection);
            // An answer that somebody else waited for is not taken for this one's.
            assert_eq!(inserted.await.unwrap(), 1);
            let asked = diesel::sql_query(format!("SELECT id AS v FROM t WHERE id = {id}"));
            let rows: Vec<Row> = asked.load(&mut connection).await.unwrap();
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].v, i32::try_from(id).unwrap());
        };
        user("bob").scope(next(id + 5)).await;
        next(id + 6).await;
        if is_over {
            break;
        }
        cuts += 1;
    }
    println!("{server:?}: {dropped:?} of a pipeline dropped at each of {cuts} polls");
    assert!((1..MOST_POLLS - 1).contains(&cuts), "{cuts}");
    let mut whole = 0;
    for event in events(&pool).await {
        let id: u32 = event.record_id.unwrap().parse().unwrap();
        let expected = match id % 10 {
            5 => Some("bob"),
            6 => None,
            _ => Some("alice"),
        };
        assert_eq!(event.actor_id.as_deref(), expected, "{id}");
        whole += usize::from(id % 10 == 1);
    }
    // What is waited for is done, whatever becomes of its neighbours.
    if dropped != Dropped::Whole {
        assert_eq!(whole, cuts + 1);
    }
}

async fn events(pool: &Pool<AsyncPgConnection>) -> Vec<Event> {
    let mut connection = pool.get().await.unwrap();
    let log = asynchronous::log(&mut *connection).oldest_first();
    log.list().await.unwrap()
}

/// Expands to the tests of one version.
macro_rules! version {
    ($module:ident, $server:ident) => {
        mod $module {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn statements_in_a_pipeline_are_recorded() {
                let (_database, pool) = pool(Server::$server, ContextScope::Connection).await;
                for (name, ids) in [("alice", [1, 2]), ("bob", [3, 4])] {
                    let work = async {
                        let connection = pool.get().await.unwrap();
                        let connection: &AsyncPgConnection = &connection;
                        let (first, second) = tokio::join!(
                            diesel::sql_query(insertion(ids[0])).execute(&mut &*connection),
                            diesel::sql_query(insertion(ids[1])).execute(&mut &*connection),
                        );
                        assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
                    };
                    user(name).scope(work).await;
                }
                let told = events(&pool).await;
                assert_eq!(actors(&told), ["alice", "alice", "bob", "bob"]);
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_pipeline_is_dropped_at_every_poll() {
                dropped_at_every_poll(Server::$server, Dropped::Whole).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn one_statement_of_a_pipeline_is_dropped_at_every_poll() {
                dropped_at_every_poll(Server::$server, Dropped::First).await;
                dropped_at_every_poll(Server::$server, Dropped::Last).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_context_of_the_transaction_ends_with_it() {
                let (_database, pool) = pool(Server::$server, ContextScope::Transaction).await;
                let work = async {
                    let mut connection = pool.get().await.unwrap();
                    let transaction = asynchronous::transaction(
                        &mut *connection,
                        audit(),
                        async |connection: &mut AsyncPgConnection| {
                            connection.batch_execute(&insertion(1)).await
                        },
                    );
                    transaction.await.unwrap();
                    connection.batch_execute(&insertion(2)).await.unwrap();
                    asynchronous::begin(&mut *connection, audit())
                        .await
                        .unwrap();
                    connection.batch_execute(&insertion(3)).await.unwrap();
                    let commit = AnsiTransactionManager::commit_transaction(&mut *connection);
                    commit.await.unwrap();
                };
                user("alice").scope(work).await;
                let told = events(&pool).await;
                let told: Vec<_> = told.iter().map(|event| event.actor_id.as_deref()).collect();
                assert_eq!(told, [Some("alice"), None, Some("alice")]);
            }
        }
    };
}

version!(postgres15, Postgres15);
version!(postgres18, Postgres18);

#[test]
fn a_scope_that_the_database_has_not_is_refused() {
    fn refused<C: AsyncAuditConnection>() {
        let attach = asynchronous::attach(ManagerConfig::<C>::default(), audit());
        let refused = attach.context_scope(ContextScope::Transaction).config();
        assert!(refused.is_err_and(|error| error.to_string().contains("ContextScope::Connection")));
    }
    refused::<AsyncMysqlConnection>();
    refused::<Sqlite>();
}
