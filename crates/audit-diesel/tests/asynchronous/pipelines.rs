//! Pipelines, which only PostgreSQL has: statements that are on their way together, also where some of
//! them are dropped.
#![expect(clippy::indexing_slicing, reason = "test code: a failure is a panic")]

use audit_diesel::asynchronous::{self, AuditedAsyncConnection};
use audit_testkit::{Server, cut_after};
use diesel_async::pooled_connection::ManagerConfig;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use crate::world::{actors, audit, database, insertion, user};

/// The most polls that a pipeline may take; a test that reaches it hangs.
const MOST_POLLS: usize = 200;

/// How much of a pipeline is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dropped {
    /// The first of three statements, while the others are waited for.
    First,
    /// The last of them.
    Last,
    /// All three.
    Whole,
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    id: i32,
}

/// Expands to the tests of one type of connection: who makes the second statement of Alice's pipelines.
macro_rules! pipelines {
    ($module:ident, $connection:ty, $second:literal) => {
        mod $module {
            use super::*;

            /// A pool of one connection to a database with a table and the log.
            async fn pool(url: &str) -> Pool<$connection> {
                let config = ManagerConfig::<$connection>::default();
                let manager = asynchronous::attach(config, audit()).manager(url);
                let pool = Pool::builder(manager.unwrap()).max_size(1).build().unwrap();
                let mut held = pool.get().await.unwrap();
                let migrated = asynchronous::migrate(&mut *held, audit()).await;
                migrated.unwrap();
                drop(held);
                pool
            }

            async fn events(pool: &Pool<$connection>) -> Vec<audit_core::Event> {
                let mut held = pool.get().await.unwrap();
                let log = asynchronous::log(&mut *held).oldest_first();
                log.list().await.unwrap()
            }

            /// Runs three statements at once, of which some are dropped after so many polls; says whether
            /// they were over by then.
            async fn pipelined(
                pool: &Pool<$connection>,
                dropped: Dropped,
                polls: usize,
                id: u32,
            ) -> bool {
                let held = pool.get().await.unwrap();
                let held: &$connection = &held;
                let insert = async |id| {
                    let insert = diesel::sql_query(insertion(id));
                    insert.execute(&mut &*held).await.unwrap()
                };
                let cut = |which, id| {
                    let polls = if dropped == which { polls } else { usize::MAX };
                    cut_after(polls, insert(id))
                };
                let all = async {
                    let (first, _, last) = tokio::join!(
                        cut(Dropped::First, id),
                        user($second).scope(insert(id + 1)),
                        cut(Dropped::Last, id + 2),
                    );
                    first.is_some() && last.is_some()
                };
                match dropped {
                    Dropped::Whole => cut_after(polls, all).await.is_some(),
                    Dropped::First | Dropped::Last => all.await,
                }
            }

            /// Inserts a row and reads it back: an answer that somebody else waited for is not taken for
            /// this one's.
            async fn next(pool: &Pool<$connection>, id: u32) {
                let mut held = pool.get().await.unwrap();
                let inserted = diesel::sql_query(insertion(id)).execute(&mut held);
                assert_eq!(inserted.await.unwrap(), 1);
                let asked = diesel::sql_query(format!("SELECT id FROM t WHERE id = {id}"));
                let rows: Vec<Row> = asked.load(&mut held).await.unwrap();
                assert_eq!(rows.len(), 1);
                assert_eq!(rows[0].id, i32::try_from(id).unwrap());
            }

            async fn dropped_at_every_poll(server: Server, dropped: Dropped) {
                let database = database(server).await;
                let pool = pool(database.url()).await;
                let mut cuts = 0;
                for polls in 0..MOST_POLLS {
                    let id = u32::try_from(polls).unwrap() * 10;
                    let alices = pipelined(&pool, dropped, polls, id);
                    let is_over = user("alice").scope(alices).await;
                    user("bob").scope(next(&pool, id + 5)).await;
                    next(&pool, id + 6).await;
                    if is_over {
                        break;
                    }
                    cuts += 1;
                }
                println!("{server:?}: {dropped:?} of a pipeline dropped at each of {cuts} polls");
                assert!((1..MOST_POLLS - 1).contains(&cuts), "{cuts}");
                let mut waited_for = 0;
                for event in events(&pool).await {
                    let id: u32 = event.record_id.unwrap().parse().unwrap();
                    let expected = match id % 10 {
                        1 => Some($second),
                        5 => Some("bob"),
                        6 => None,
                        _ => Some("alice"),
                    };
                    assert_eq!(event.actor_id.as_deref(), expected, "{id}");
                    waited_for += usize::from(id % 10 == 1);
                }
                // What is waited for is done, whatever becomes of its neighbours.
                if dropped != Dropped::Whole {
                    assert_eq!(waited_for, cuts + 1);
                }
            }

            pipelines!(@ postgres15, Postgres15, $second);
            pipelines!(@ postgres18, Postgres18, $second);
        }
    };
    (@ $module:ident, $server:ident, $second:literal) => {
        mod $module {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn statements_in_a_pipeline_are_recorded() {
                let database = database(Server::$server).await;
                let pool = pool(database.url()).await;
                for (name, id) in [("alice", 10), ("bob", 20)] {
                    let whole = pipelined(&pool, Dropped::Whole, MOST_POLLS, id);
                    let second = user(name).scope(whole).await;
                    assert!(second);
                }
                let told = events(&pool).await;
                assert_eq!(told.len(), 6);
                let told = told.iter().filter(|event| {
                    let id = event.record_id.as_deref();
                    id != Some("11") && id != Some("21")
                });
                let told: Vec<_> = told.cloned().collect();
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
        }
    };
}

// On a connection that the pool stamped all have the context of the checkout.
pipelines!(attached, AsyncPgConnection, "alice");
pipelines!(executor, AuditedAsyncConnection<AsyncPgConnection>, "carla");
