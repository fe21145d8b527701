//! Each statement has the context of the task that runs it, also where the connection is held.

/// How often everything is cut again when no poll was pending: an operation in the same process may be
/// over before it is polled.
pub(crate) const MOST_SWEEPS: usize = 500;

/// The operation of Bob's that is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cut {
    Begin,
    Commit,
    InnerBegin,
    InnerRollback,
    Lend,
    Rollback,
    Statement,
}

impl Cut {
    pub(crate) const ALL: [Self; 7] = [
        Self::Begin,
        Self::Commit,
        Self::InnerBegin,
        Self::InnerRollback,
        Self::Lend,
        Self::Rollback,
        Self::Statement,
    ];
}

/// Expands to the tests of one database: its module, the server, the type of its connections, and
/// whether a statement that is dropped leaves its answer for the next one.
macro_rules! executors {
    ($module:ident, $server:expr, $raw:ty, $mixes_answers:expr, $($own:tt)*) => {
        mod $module {
            use audit_core::{Actor, context};
            use audit_diesel::asynchronous::{self, AuditedAsyncConnection};
            use audit_diesel::{Interrupted, NotAttached};
            use audit_testkit::{World, cut_after};
            use diesel::prelude::*;
            use diesel::result::Error;
            use diesel_async::pooled_connection::deadpool::Pool;
            use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection, TransactionManager};

            use super::*;
            use crate::adapter::Pooled;
            use crate::executors::{Cut, MOST_SWEEPS};
            use crate::pools::{TakesBack, written_through};
            use crate::world::{audit, by_record, database, insertion, user};

            type Audited = AuditedAsyncConnection<$raw>;
            type Adapted = Pooled<Pool<Audited>, Audited>;
            type Transactions = <Audited as AsyncConnection>::TransactionManager;

            diesel::table! {
                t (id) {
                    id -> Integer,
                    v -> Nullable<Integer>,
                }
            }

            async fn insert(connection: &mut Audited, id: i32) -> QueryResult<usize> {
                let insert = diesel::insert_into(t::table);
                insert.values((t::id.eq(id), t::v.eq(0))).execute(connection).await
            }

            async fn insert_by(name: &str, connection: &mut Audited, id: i32) -> QueryResult<usize> {
                user(name).scope(insert(connection, id)).await
            }

            async fn world() -> World<Adapted> {
                World::<Adapted>::with($server, crate::world::TABLE, |audit| audit).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn each_statement_has_the_context_of_its_task() {
                let world = world().await;
                let events = world
                    .prove(async |adapter| {
                        let mut held = user("alice").scope(adapter.pool.get()).await.unwrap();
                        insert(&mut held, 1).await.unwrap();
                        let work = async {
                            insert(&mut held, 2).await.unwrap();
                            let text = insertion(3);
                            user("bob").scope(held.batch_execute(&text)).await.unwrap();
                            insert(&mut held, 4).await.unwrap();
                            context::set_actor(Actor::user("carol"));
                            diesel::sql_query(insertion(5)).execute(&mut *held).await.unwrap();
                        };
                        user("alice").scope(work).await;
                        // The call is outside of the scope; what counts is who waits for the answer.
                        let update = diesel::update(t::table.find(1)).set(t::v.eq(1));
                        let call = update.execute(&mut *held);
                        assert_eq!(user("dave").scope(call).await, Ok(1));
                        let read = t::table.select(t::id).order(t::id);
                        let read: Vec<i32> = read.load(&mut *held).await.unwrap();
                        assert_eq!(read, [1, 2, 3, 4, 5]);
                        let gone = diesel::delete(t::table.find(1));
                        gone.execute(&mut *held).await.unwrap();
                    })
                    .await;
                let expected = [
                    ("1", "unknown"),
                    ("2", "alice"),
                    ("3", "bob"),
                    ("4", "alice"),
                    ("5", "carol"),
                    ("1", "dave"),
                    ("1", "unknown"),
                ];
                assert_eq!(by_record(&events), expected);
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn so_it_is_in_a_transaction_and_in_one_inside_it() {
                let world = world().await;
                let events = world
                    .prove(async |adapter| {
                        let held: &mut Audited = &mut adapter.pool.get().await.unwrap();
                        let work = held.transaction(async |held: &mut Audited| {
                            insert(held, 1).await?;
                            insert_by("bob", held, 2).await?;
                            held.transaction(async |held: &mut Audited| {
                                insert(held, 3).await?;
                                insert_by("bob", held, 4).await
                            })
                            .await?;
                            insert(held, 5).await
                        });
                        user("alice").scope(work).await.unwrap();
                        let mut builder = held.build_transaction();
                        let work = builder.run(async |held: &mut Audited| insert(held, 6).await);
                        user("bob").scope(work).await.unwrap();
                        let text = user("bob").scope(held.batch_execute("BEGIN")).await;
                        text.unwrap();
                        insert_by("bob", held, 7).await.unwrap();
                        let text = user("bob").scope(held.batch_execute("COMMIT")).await;
                        text.unwrap();
                    })
                    .await;
                let expected = [
                    ("1", "alice"),
                    ("2", "bob"),
                    ("3", "alice"),
                    ("4", "bob"),
                    ("5", "alice"),
                    ("6", "bob"),
                    ("7", "bob"),
                ];
                assert_eq!(by_record(&events), expected);
                let [together @ .., next, last] = events.as_slice() else {
                    panic!("{events:?}");
                };
                let first = together[0].transaction_id.clone();
                assert!(together.iter().all(|event| event.transaction_id == first));
                assert_ne!(next.transaction_id, first);
                assert!(last.transaction_id.is_none() || last.transaction_id != next.transaction_id);
            }

            /// Writes in a transaction of which something is taken back, in one of four ways.
            async fn take_back(
                held: &mut Audited,
                way: i32,
                next: &mut (dyn FnMut() -> i32 + Send),
            ) {
                let fail = "INSERT INTO nowhere VALUES (1)";
                Transactions::begin_transaction(held).await.unwrap();
                match way {
                    0 => {
                        insert(held, next()).await.unwrap();
                        Transactions::rollback_transaction(held).await.unwrap();
                        return;
                    }
                    1 => {
                        Transactions::begin_transaction(held).await.unwrap();
                        insert(held, next()).await.unwrap();
                        Transactions::rollback_transaction(held).await.unwrap();
                        Transactions::begin_transaction(held).await.unwrap();
                        insert(held, next()).await.unwrap();
                        Transactions::commit_transaction(held).await.unwrap();
                    }
                    2 => {
                        held.batch_execute("SAVEPOINT s").await.unwrap();
                        held.batch_execute(fail).await.unwrap_err();
                        // The transaction of PostgreSQL takes nothing else by now.
                        let back = held.batch_execute("ROLLBACK TO SAVEPOINT s");
                        user("carol").scope(back).await.unwrap();
                    }
                    // What PostgreSQL answers to a COMMIT in a transaction that has failed.
                    _ => {
                        insert(held, next()).await.unwrap();
                        held.batch_execute(fail).await.unwrap_err();
                        Transactions::commit_transaction(held).await.unwrap();
                        return;
                    }
                }
                insert(held, next()).await.unwrap();
                Transactions::commit_transaction(held).await.unwrap();
            }

            /// PostgreSQL takes a context back with the transaction that it was put on in.
            #[tokio::test(flavor = "multi_thread")]
            async fn what_is_rolled_back_brings_no_old_context() {
                let world = world().await;
                let events = world
                    .prove(async |adapter| {
                        let mut held = adapter.pool.get().await.unwrap();
                        let mut ids = 1..;
                        let mut next = move || ids.next().unwrap();
                        for way in 0..4 {
                            insert_by("alice", &mut held, next()).await.unwrap();
                            user("bob").scope(take_back(&mut held, way, &mut next)).await;
                            insert_by("bob", &mut held, next()).await.unwrap();
                        }
                        let text = held.batch_execute("BEGIN");
                        user("carol").scope(text).await.unwrap();
                        insert_by("bob", &mut held, next()).await.unwrap();
                        held.batch_execute("ROLLBACK").await.unwrap();
                        insert_by("bob", &mut held, next()).await.unwrap();
                    })
                    .await;
                let of = |name: &str| {
                    let its = by_record(&events).into_iter().filter(|(_, actor)| *actor == name);
                    its.map(|(id, _)| id).collect::<Vec<_>>()
                };
                let by_alice = of("alice");
                assert_eq!(by_alice, ["1", "4", "9", "12"]);
                assert_eq!(by_alice.len() + of("bob").len(), events.len());
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn other_pools_hand_it_out_as_well() {
                type OfBb8 = diesel_async::pooled_connection::bb8::Pool<Audited>;
                type OfMobc = ::mobc::Pool<TakesBack<Audited>>;

                let reused = written_through::<Audited, OfBb8>($server).await;
                assert_eq!(reused, [false, true, true]);
                let reused = written_through::<Audited, OfMobc>($server).await;
                assert_eq!(reused, [false, true, true]);
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_connection_of_no_audit_is_refused() {
                let database = database($server).await;
                let mut held = Audited::establish(database.url()).await.unwrap();
                let is_refused = |error: Error| match error {
                    Error::QueryBuilderError(error) => error.is::<NotAttached>(),
                    _ => false,
                };
                assert!(is_refused(held.batch_execute("SELECT 1").await.unwrap_err()));
                assert!(is_refused(insert(&mut held, 1).await.unwrap_err()));
                assert!(is_refused(held.stamped().await.map(drop).unwrap_err()));
                let begun = Transactions::begin_transaction(&mut held).await;
                assert!(is_refused(begun.unwrap_err()));
                asynchronous::attach_connection(&mut held, audit()).await.unwrap();
                asynchronous::migrate(&mut held, audit()).await.unwrap();
                insert_by("alice", &mut held, 1).await.unwrap();
                // What is lent keeps its context, and the next statement has its own again.
                let lent = user("bob").scope(held.stamped()).await.unwrap();
                lent.batch_execute(&insertion(2)).await.unwrap();
                let event = audit_core::Event::custom("done").record("t", "3");
                let record = asynchronous::record(&mut held, event);
                user("carol").scope(record).await.unwrap();
                insert(&mut held, 4).await.unwrap();
                let raw = <$raw as AsyncConnection>::establish(database.url()).await.unwrap();
                let mut second = Audited::new(raw, audit()).await.unwrap();
                insert_by("dave", &mut second, 5).await.unwrap();
                let log = asynchronous::log(&mut held).oldest_first().list().await;
                let expected = [
                    ("1", "alice"),
                    ("2", "bob"),
                    ("3", "carol"),
                    ("4", "unknown"),
                    ("5", "dave"),
                ];
                assert_eq!(by_record(&log.unwrap()), expected);
            }

            /// Cuts an operation; says whether it was over before.
            async fn cut(held: &mut Audited, cut: Cut, id: i32, polls: usize) -> bool {
                match cut {
                    Cut::Begin => {
                        let begin = Transactions::begin_transaction(held);
                        cut_after(polls, begin).await.is_some()
                    }
                    Cut::Lend => cut_after(polls, held.stamped()).await.is_some(),
                    Cut::Statement => cut_after(polls, insert(held, id)).await.is_some(),
                    Cut::Commit | Cut::Rollback => {
                        Transactions::begin_transaction(held).await.unwrap();
                        insert(held, id).await.unwrap();
                        match cut {
                            Cut::Commit => {
                                let commit = Transactions::commit_transaction(held);
                                cut_after(polls, commit).await.is_some()
                            }
                            _ => {
                                let rollback = Transactions::rollback_transaction(held);
                                cut_after(polls, rollback).await.is_some()
                            }
                        }
                    }
                    Cut::InnerBegin | Cut::InnerRollback => {
                        Transactions::begin_transaction(held).await.unwrap();
                        insert(held, id).await.unwrap();
                        if cut == Cut::InnerRollback {
                            Transactions::begin_transaction(held).await.unwrap();
                            let rollback = Transactions::rollback_transaction(held);
                            return cut_after(polls, rollback).await.is_some();
                        }
                        let begin = Transactions::begin_transaction(held);
                        cut_after(polls, begin).await.is_some()
                    }
                }
            }

            fn is_interrupted(error: &Error) -> bool {
                match error {
                    Error::QueryBuilderError(error) => error.is::<Interrupted>(),
                    _ => false,
                }
            }

            /// Cuts an operation of Bob's on a connection that Alice took, then lets others go on with it
            /// and with the pool of this one connection.
            async fn cut_once(world: &World<Adapted>, what: Cut, polls: usize, ids: &mut std::ops::RangeFrom<i32>) -> bool {
                let [of_bob, again, of_carol, of_dave] = [(); 4].map(|()| ids.next().unwrap());
                let (mut finished, mut goes_on) = (false, true);
                let events = world
                    .prove(async |adapter| {
                        let mut held = user("alice").scope(adapter.pool.get()).await.unwrap();
                        finished = user("bob").scope(cut(&mut held, what, of_bob, polls)).await;
                        for (name, id) in [("bob", again), ("carol", of_carol)] {
                            if let Err(error) = insert_by(name, &mut held, id).await {
                                assert!(is_interrupted(&error), "{what:?} after {polls} polls: {error:?}");
                                goes_on = false;
                            }
                        }
                        drop(held);
                        let mut held = user("dave").scope(adapter.pool.get()).await.unwrap();
                        insert_by("dave", &mut held, of_dave).await.unwrap();
                    })
                    .await;
                let interrupts = $mixes_answers || !matches!(what, Cut::Lend | Cut::Statement);
                // A cut before the first message was sent leaves nothing open.
                assert!(goes_on || (interrupts && !finished), "{what:?} after {polls} polls");
                assert!(goes_on != (interrupts && !finished) || polls == 0, "{what:?} after {polls} polls");
                let ids = [of_bob, again, of_carol, of_dave].map(|id| id.to_string());
                let found = by_record(&events);
                for (id, actor) in &found {
                    let by = match ids.iter().position(|of| of == id) {
                        Some(0 | 1) => "bob",
                        Some(2) => "carol",
                        _ => "dave",
                    };
                    assert_eq!(*actor, by, "{what:?} after {polls} polls: {found:?}");
                }
                assert_eq!(found.last(), Some(&(ids[3].as_str(), "dave")));
                finished
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn what_is_cut_on_a_held_connection_reaches_nobody_else() {
                for what in Cut::ALL {
                    let world = World::<Adapted>::unmigrated($server, crate::world::TABLE, 1, |audit| audit).await;
                    world.migrate().await;
                    let (mut cuts, mut ids) = (0, 1..);
                    for _ in 0..MOST_SWEEPS {
                        for polls in 0.. {
                            if cut_once(&world, what, polls, &mut ids).await {
                                break;
                            }
                            cuts += 1;
                        }
                        if cuts > 0 {
                            break;
                        }
                    }
                    println!("{what:?} on {}: cut after each of {cuts} polls", $server.name());
                    assert!(cuts > 0, "{what:?} was never cut");
                }
            }

            $($own)*
        }
    };
}

/// Expands to the tests of one version of PostgreSQL.
macro_rules! pipelined {
    ($module:ident, $server:expr) => {
        executors! {
            $module, $server, AsyncPgConnection, false,

            /// Statements of one context are on their way together; that of another waits for them.
            #[tokio::test(flavor = "multi_thread")]
            async fn statements_that_are_pipelined_have_their_own_context() {
                let world = world().await;
                let events = world
                    .prove(async |adapter| {
                        let held = adapter.pool.get().await.unwrap();
                        let held: &Audited = &held;
                        let insert = |name: &'static str, id: i32| async move {
                            let values = (t::id.eq(id), t::v.eq(0));
                            let insert = diesel::insert_into(t::table).values(values);
                            user(name).scope(insert.execute(&mut &*held)).await.unwrap();
                        };
                        for round in 0..20 {
                            let id = |n| round * 10 + n;
                            tokio::join!(
                                insert("alice", id(0)),
                                insert("bob", id(1)),
                                insert("alice", id(2)),
                                insert("carol", id(3)),
                                insert("bob", id(4)),
                            );
                        }
                    })
                    .await;
                let found = by_record(&events);
                assert_eq!(found.len(), 100);
                for (id, actor) in found {
                    let expected = match id.chars().last() {
                        Some('0' | '2') => "alice",
                        Some('3') => "carol",
                        _ => "bob",
                    };
                    assert_eq!(actor, expected, "{id}");
                }
            }
        }
    };
}

use audit_testkit::Server;
use diesel_async::{AsyncMysqlConnection, AsyncPgConnection};

use crate::adapter::Sqlite;

pipelined!(postgres15, Server::Postgres15);
pipelined!(postgres18, Server::Postgres18);
executors!(mariadb, Server::MariaDb, AsyncMysqlConnection, true,);
executors! {
    sqlite, Server::Sqlite, Sqlite, false,

    #[tokio::test(flavor = "multi_thread")]
    async fn a_transaction_can_take_its_lock_at_once() {
        let world = world().await;
        let events = world
            .prove(async |adapter| {
                let mut held = adapter.pool.get().await.unwrap();
                let mut other = adapter.pool.get().await.unwrap();
                other.batch_execute("PRAGMA busy_timeout = 0").await.unwrap();
                let mut builder = held.build_transaction().immediate();
                let work = builder.run(async |held: &mut Audited| {
                    insert_by("bob", &mut other, 1).await.unwrap_err();
                    insert(held, 2).await
                });
                user("alice").scope(work).await.unwrap();
            })
            .await;
        assert_eq!(by_record(&events), [("2", "alice")]);
    }
}
