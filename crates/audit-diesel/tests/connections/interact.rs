//! Pools of deadpool-diesel.

/// Expands to the tests of one database: the server, the type of its connections, and what cuts a
/// connection off from a server.
macro_rules! interacts {
    ($server:expr, $connection:ty $(, $disconnect:expr)?) => {
        #[cfg(feature = "deadpool-diesel")]
        mod interact {
            use audit_diesel::deadpool::{attach, interact};
            use audit_testkit::cut_after;
            use deadpool::managed::{Object, ObjectId};
            use deadpool_diesel::{Manager, Runtime};

            use super::*;

            type Manages = Manager<$connection>;
            type Pool = deadpool_diesel::Pool<Manages>;

            /// A pool of one connection, migrated.
            async fn pool(url: &str) -> Pool {
                let manager = Manages::new(url, Runtime::Tokio1);
                let builder = attach(Pool::builder(manager).max_size(1), audit()).unwrap();
                let pool = builder.build().unwrap();
                let held = pool.get().await.unwrap();
                let migrate = |held: &mut $connection| audit_diesel::migrate(held, audit());
                interact(&held, migrate).await.unwrap().unwrap();
                drop(held);
                pool
            }

            /// Does work on a connection out of the pool; says which.
            async fn on(
                pool: &Pool,
                work: impl FnOnce(&mut $connection) + Send + 'static,
            ) -> ObjectId {
                let held = pool.get().await.unwrap();
                interact(&held, work).await.unwrap();
                Object::id(&held)
            }

            async fn events(pool: &Pool) -> Vec<audit_core::Event> {
                let held = pool.get().await.unwrap();
                let read = |held: &mut $connection| audit_diesel::log(held).oldest_first().load();
                interact(&held, read).await.unwrap().unwrap()
            }

            fn insert_in_a_transaction(held: &mut $connection, id: u32) {
                let work = |held: &mut $connection| {
                    insert(held, id);
                    Ok::<_, Error>(())
                };
                audit_diesel::transaction(held, audit(), work).unwrap();
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_closure_has_the_context_of_its_caller() {
                let database = database($server).await;
                let pool = pool(database.url()).await;
                let both = |held: &mut $connection| {
                    insert(held, 1);
                    insert_in_a_transaction(held, 2);
                };
                let first = user("alice").scope(on(&pool, both)).await;
                let bobs = user("bob").scope(on(&pool, |held| insert(held, 3))).await;
                let nobodys = on(&pool, |held| insert(held, 4)).await;
                assert_eq!([bobs, nobodys], [first; 2]);
                let events = events(&pool).await;
                assert_eq!(actors(&events), ["alice", "alice", "bob", ""]);
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_closure_without_the_context_is_nobody() {
                let database = database($server).await;
                let pool = pool(database.url()).await;
                let plain = async {
                    let held = pool.get().await.unwrap();
                    let work = |held: &mut $connection| {
                        insert(held, 1);
                        insert_in_a_transaction(held, 2);
                    };
                    held.interact(work).await.unwrap();
                };
                user("alice").scope(plain).await;
                let events = events(&pool).await;
                assert_eq!(actors(&events), ["alice", ""]);
            }

            /// Runs a closure through our `interact`, as a user.
            async fn by(
                name: &str,
                held: &Object<Manages>,
                work: impl FnOnce(&mut $connection) + Send + 'static,
            ) {
                let done = user(name).scope(async { interact(held, work).await });
                done.await.unwrap();
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_closure_on_a_held_connection_has_the_context_of_its_caller() {
                let database = database($server).await;
                let pool = pool(database.url()).await;
                let held = user("alice").scope(pool.get()).await.unwrap();
                let heard = Overheard::default();
                let listener = heard.listener();
                let listen = |held: &mut $connection| held.set_instrumentation(listener);
                held.interact(listen).await.unwrap();
                let mut messages = Vec::new();
                for (name, id) in [("alice", 1), ("bob", 2), ("bob", 3), ("alice", 4)] {
                    by(name, &held, move |held| insert(held, id)).await;
                    messages.push(heard.take().len());
                }
                interact(&held, |held: &mut $connection| insert(held, 5)).await.unwrap();
                // Outside every scope, and past us: what is on the connection.
                by("carla", &held, |held| insert(held, 6)).await;
                held.interact(|held| insert(held, 7)).await.unwrap();
                drop(held);
                let events = events(&pool).await;
                let expected = ["alice", "bob", "bob", "alice", "", "carla", "carla"];
                assert_eq!(actors(&events), expected);
                // The first has that of the checkout, where nobody else was on the connection since.
                assert_eq!(messages, [1, 2, 2, 2]);
            }

            /// Whatever a closure did to the context of a held connection, the next one has its own.
            #[tokio::test(flavor = "multi_thread")]
            async fn a_closure_does_not_inherit_what_another_put_on() {
                let database = database($server).await;
                let pool = pool(database.url()).await;
                let take = || user("alice").scope(pool.get());
                let as_bob = |work: fn(&mut $connection)| {
                    move |held: &mut $connection| user("bob").sync_scope(|| work(held))
                };
                let held = take().await.unwrap();
                by("alice", &held, as_bob(|held| insert_in_a_transaction(held, 1))).await;
                by("alice", &held, |held| insert(held, 2)).await;
                drop(held);
                let held = take().await.unwrap();
                by("alice", &held, as_bob(|held| audit_diesel::stamp(held).unwrap())).await;
                by("alice", &held, |held| insert(held, 3)).await;
                drop(held);
                // What is put on inside a transaction may go with it.
                let held = take().await.unwrap();
                by("alice", &held, |held| held.batch_execute("BEGIN").unwrap()).await;
                by("bob", &held, |held| insert(held, 4)).await;
                by("bob", &held, |held| held.batch_execute("ROLLBACK").unwrap()).await;
                by("bob", &held, |held| insert(held, 5)).await;
                by("alice", &held, |held| insert(held, 6)).await;
                drop(held);
                let events = events(&pool).await;
                assert_eq!(actors(&events), ["bob", "alice", "alice", "bob", "alice"]);
            }

            $(
                /// A connection that cannot take the context runs nothing of somebody else's.
                #[tokio::test(flavor = "multi_thread")]
                async fn a_closure_whose_context_cannot_be_put_on_does_not_begin() {
                    let database = database($server).await;
                    let pool = pool(database.url()).await;
                    let held = user("alice").scope(pool.get()).await.unwrap();
                    held.interact(|held| held.batch_execute($disconnect)).await.unwrap().ok();
                    let bobs = async { interact(&held, |held| insert(held, 1)).await };
                    let refused = user("bob").scope(bobs).await.unwrap_err();
                    assert!(matches!(refused, audit_diesel::deadpool::InteractError::Stamp(_)), "{refused:?}");
                    assert_eq!(std::error::Error::source(&refused).map(|why| why.is::<Error>()), Some(true));
                }
            )?

            #[cfg(feature = "executor")]
            #[tokio::test(flavor = "multi_thread")]
            async fn a_pool_of_executors_never_writes_as_another() {
                type Audited = audit_diesel::AuditedConnection<$connection>;
                let database = database($server).await;
                drop(pool(database.url()).await);
                let manager = Manager::<Audited>::new(database.url(), Runtime::Tokio1);
                let builder = attach(deadpool_diesel::Pool::builder(manager).max_size(1), audit());
                let pool: deadpool_diesel::Pool<_> = builder.unwrap().build().unwrap();
                let insert = |id| move |held: &mut Audited| insert(held, id);
                let held = user("alice").scope(pool.get()).await.unwrap();
                for (name, id) in [("alice", 1), ("bob", 2)] {
                    let write = async { interact(&held, insert(id)).await };
                    user(name).scope(write).await.unwrap();
                    let past_us = async { held.interact(insert(10 + id)).await };
                    user(name).scope(past_us).await.unwrap();
                }
                let read = |held: &mut Audited| audit_diesel::log(held).oldest_first().load();
                let events = interact(&held, read).await.unwrap().unwrap();
                assert_eq!(actors(&events), ["alice", "", "bob", ""]);
            }

            /// The most polls that a checkout and a closure may take; a test that reaches it hangs.
            const MOST_POLLS: usize = 200;

            #[tokio::test(flavor = "multi_thread")]
            async fn work_cut_at_every_poll_leaves_a_clean_connection() {
                let database = database($server).await;
                let pool = pool(database.url()).await;
                // Of two connections to a file of SQLite one waits for the other.
                let patient = |held: &mut $connection| {
                    if $server == audit_testkit::Server::Sqlite {
                        held.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
                    }
                };
                let mut cuts = 0;
                for polls in 0..MOST_POLLS {
                    let id = u32::try_from(polls).unwrap() * 2;
                    let mine = on(&pool, move |held| {
                        patient(held);
                        insert(held, id);
                        insert_in_a_transaction(held, id + 1);
                    });
                    let is_over = user("alice").scope(cut_after(polls, mine)).await.is_some();
                    let next = move |held: &mut $connection| {
                        patient(held);
                        insert(held, 1000 + id);
                    };
                    user("bob").scope(on(&pool, next)).await;
                    on(&pool, move |held| insert(held, 1001 + id)).await;
                    if is_over {
                        break;
                    }
                    cuts += 1;
                }
                assert!((1..MOST_POLLS - 1).contains(&cuts), "{cuts}");
                for event in events(&pool).await {
                    let id: u32 = event.record_id.unwrap().parse().unwrap();
                    let expected = match id {
                        0..1000 => Some("alice"),
                        _ if id % 2 == 0 => Some("bob"),
                        _ => None,
                    };
                    assert_eq!(event.actor_id.as_deref(), expected, "{id}");
                }
            }

            /// Else it would run when the connection is somebody else's.
            #[test]
            fn a_closure_that_nobody_waits_for_does_not_begin() {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .max_blocking_threads(1)
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let database = database($server).await;
                    let pool = pool(database.url()).await;
                    let held = user("alice").scope(pool.get()).await.unwrap();
                    let (release, released) = std::sync::mpsc::channel::<()>();
                    let occupied = tokio::task::spawn_blocking(move || released.recv());
                    let work = interact(&held, |held: &mut $connection| insert(held, 1));
                    assert!(cut_after(0, work).await.is_none());
                    drop(held);
                    release.send(()).unwrap();
                    occupied.await.unwrap().unwrap();
                    user("bob").scope(on(&pool, |held| insert(held, 2))).await;
                    assert_eq!(actors(&events(&pool).await), ["bob"]);
                });
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_connection_that_is_not_clean_is_closed() {
                let database = database($server).await;
                let pool = pool(database.url()).await;
                let open = |held: &mut $connection| held.batch_execute("BEGIN").unwrap();
                let first = user("alice").scope(on(&pool, open)).await;
                let second = on(&pool, |held| insert(held, 1)).await;
                assert_ne!(second, first);
                let held = pool.get().await.unwrap();
                let panics = |_: &mut $connection| std::panic::resume_unwind(Box::new("stopped"));
                assert!(interact::<_, ()>(&held, panics).await.is_err());
                drop(held);
                let third = on(&pool, |held| insert(held, 2)).await;
                assert_ne!(third, second);
                assert_eq!(actors(&events(&pool).await), ["", ""]);
            }
        }
    };
}
