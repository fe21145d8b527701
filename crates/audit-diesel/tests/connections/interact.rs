//! Pools of deadpool-diesel.

/// Expands to the tests of one database: the server, the type of its connections.
macro_rules! interacts {
    ($server:expr, $connection:ty) => {
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

            #[tokio::test(flavor = "multi_thread")]
            async fn a_held_connection_is_stamped_in_the_closure() {
                let database = database($server).await;
                let pool = pool(database.url()).await;
                let held = user("alice").scope(pool.get()).await.unwrap();
                let work = |held: &mut $connection| {
                    insert(held, 1);
                    audit_diesel::stamp(held).unwrap();
                    insert(held, 2);
                };
                user("bob")
                    .scope(async { interact(&held, work).await })
                    .await
                    .unwrap();
                drop(held);
                let events = events(&pool).await;
                assert_eq!(actors(&events), ["alice", "bob"]);
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
