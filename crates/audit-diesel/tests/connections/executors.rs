//! Each statement has the context of the thread that runs it, also where the connection is held.

/// Expands to the tests of one database: the server and the type of its connections.
macro_rules! executors {
    ($server:expr, $raw:ty) => {
        mod executors {
            use audit_core::context;
            use audit_diesel::{AuditedConnection, AuditedManager, NotAttached};
            use audit_testkit::{Server, World};
            use diesel::connection::{SimpleConnection as _, TransactionManager as _};
            use diesel::prelude::*;
            use diesel::r2d2::{ConnectionManager, Pool};
            use diesel::result::Error;

            use crate::adapter::{PoolOf, Pooled};
            use crate::connections::world::{Overheard, blocking};
            use crate::world::{audit, by_record, database, insertion, user};

            type Audited = AuditedConnection<$raw>;
            type Adapted = Pooled<PoolOf<Audited>>;

            diesel::table! {
                t (id) {
                    id -> Integer,
                    v -> Nullable<Integer>,
                }
            }

            fn insert(connection: &mut Audited, id: i32) -> QueryResult<usize> {
                let insert = diesel::insert_into(t::table);
                insert
                    .values((t::id.eq(id), t::v.eq(0)))
                    .execute(connection)
            }

            fn by<T>(name: &str, work: impl FnOnce() -> T) -> T {
                user(name).sync_scope(work)
            }

            /// The events of work on a connection that Alice took out of the pool.
            async fn events_of(
                work: impl FnOnce(&mut Audited) + Send + 'static,
            ) -> Vec<audit_core::Event> {
                let world =
                    World::<Adapted>::with($server, crate::world::TABLE, |audit| audit).await;
                world
                    .prove(async |adapter| {
                        let work = adapter.run(|pool| {
                            let mut held = by("alice", || pool.get()).unwrap();
                            work(&mut held);
                        });
                        work.await;
                    })
                    .await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn each_statement_has_the_context_of_its_thread() {
                let events = events_of(|held| {
                    insert(held, 1).unwrap();
                    by("alice", || {
                        insert(held, 2).unwrap();
                        by("bob", || held.batch_execute(&insertion(3))).unwrap();
                        insert(held, 4).unwrap();
                        context::set_actor(audit_core::Actor::user("carol"));
                        diesel::sql_query(insertion(5)).execute(held).unwrap();
                    });
                    by("dave", || {
                        let update = diesel::update(t::table.find(1)).set(t::v.eq(1));
                        assert_eq!(update.execute(held), Ok(1));
                    });
                    let read: Vec<i32> = t::table.select(t::id).order(t::id).load(held).unwrap();
                    assert_eq!(read, [1, 2, 3, 4, 5]);
                    diesel::delete(t::table.find(1)).execute(held).unwrap();
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
                let events = events_of(|held| {
                    let work = |held: &mut Audited| {
                        insert(held, 1)?;
                        by("bob", || insert(held, 2))?;
                        held.transaction(|held| {
                            insert(held, 3)?;
                            by("bob", || insert(held, 4))
                        })?;
                        insert(held, 5)?;
                        let update = diesel::update(t::table.find(1)).set(t::v.eq(1));
                        let reason = audit_core::AuditContext::new().with_reason("ticket 7");
                        let reason = reason.with_actor(audit_core::Actor::user("alice"));
                        reason.sync_scope(|| update.execute(held))?;
                        insert(held, 6)
                    };
                    by("alice", || held.transaction(work)).unwrap();
                    by("bob", || {
                        held.build_transaction().run(|held| insert(held, 7))
                    })
                    .unwrap();
                    by("bob", || {
                        held.batch_execute("BEGIN").unwrap();
                        insert(held, 8).unwrap();
                        held.batch_execute("COMMIT").unwrap();
                    });
                })
                .await;
                let expected = [
                    ("1", "alice"),
                    ("2", "bob"),
                    ("3", "alice"),
                    ("4", "bob"),
                    ("5", "alice"),
                    ("1", "alice"),
                    ("6", "alice"),
                    ("7", "bob"),
                    ("8", "bob"),
                ];
                assert_eq!(by_record(&events), expected);
                let reasons = events.iter().filter_map(|event| event.reason.as_deref());
                assert_eq!(reasons.collect::<Vec<_>>(), ["ticket 7"]);
                let [together @ .., next, last] = events.as_slice() else {
                    panic!("{events:?}");
                };
                let first = together[0].transaction_id.clone();
                assert!(together.iter().all(|event| event.transaction_id == first));
                assert_ne!(next.transaction_id, first);
                assert!(
                    last.transaction_id.is_none() || last.transaction_id != next.transaction_id
                );
            }

            /// Writes in a transaction of which something is taken back, in one of six ways.
            fn take_back(held: &mut Audited, way: i32, next: &mut impl FnMut() -> i32) {
                let undo = Err::<(), _>(Error::RollbackTransaction);
                let fail =
                    |held: &mut Audited| held.batch_execute("INSERT INTO nowhere VALUES (1)");
                let done = held.transaction(|held| {
                    match way {
                        0 => {
                            insert(held, next())?;
                            return undo;
                        }
                        1 => {
                            let inner = held.transaction(|held| {
                                insert(held, next())?;
                                Err::<(), _>(Error::RollbackTransaction)
                            });
                            inner.unwrap_err();
                        }
                        2 => {
                            by("carol", || held.batch_execute("SAVEPOINT s"))?;
                            insert(held, next())?;
                            held.batch_execute("ROLLBACK TO SAVEPOINT s")?;
                        }
                        3 => {
                            held.batch_execute("SAVEPOINT s")?;
                            fail(held).unwrap_err();
                            // The transaction of PostgreSQL takes nothing else by now.
                            by("carol", || held.batch_execute("ROLLBACK TO SAVEPOINT s"))?;
                        }
                        4 => {
                            let inner = held.transaction(|held| {
                                insert(held, next())?;
                                fail(held)
                            });
                            inner.unwrap_err();
                            held.transaction(|held| insert(held, next()))?;
                        }
                        // What PostgreSQL answers to a COMMIT in a transaction that has failed.
                        _ => {
                            insert(held, next())?;
                            fail(held).unwrap_err();
                            return Ok(());
                        }
                    }
                    insert(held, next()).map(drop)
                });
                assert_eq!(done.is_ok(), way != 0, "{way}: {done:?}");
            }

            /// PostgreSQL takes a context back with the transaction that it was put on in.
            #[tokio::test(flavor = "multi_thread")]
            async fn what_is_rolled_back_brings_no_old_context() {
                let events = events_of(|held| {
                    let mut ids = 1..;
                    let mut next = || ids.next().unwrap();
                    for way in 0..6 {
                        by("alice", || insert(held, next())).unwrap();
                        by("bob", || take_back(held, way, &mut next));
                        by("bob", || insert(held, next())).unwrap();
                    }
                    by("bob", || {
                        by("carol", || held.batch_execute("BEGIN")).unwrap();
                        insert(held, next()).unwrap();
                        held.batch_execute("ROLLBACK").unwrap();
                        insert(held, next()).unwrap();
                    });
                })
                .await;
                let of = |name: &str| {
                    let its = by_record(&events)
                        .into_iter()
                        .filter(|(_, actor)| *actor == name);
                    its.map(|(id, _)| id).collect::<Vec<_>>()
                };
                let by_alice = of("alice");
                assert_eq!(by_alice, ["1", "4", "8", "12", "15", "20"]);
                assert_eq!(by_alice.len() + of("bob").len(), events.len());
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_context_that_stays_is_put_on_once() {
                events_of(|held| {
                    let overheard = Overheard::default();
                    by("alice", || {
                        held.set_instrumentation(overheard.listener());
                        insert(held, 1).unwrap();
                        insert(held, 2).unwrap();
                        assert_eq!(overheard.take().len(), 2);
                        by("bob", || insert(held, 3).and_then(|_| insert(held, 4))).unwrap();
                        assert_eq!(overheard.take().len(), 3);
                        insert(held, 5).unwrap();
                        assert_eq!(overheard.take().len(), 2);
                        held.transaction(|held| {
                            insert(held, 6)?;
                            held.transaction(|held| insert(held, 7))
                        })
                        .unwrap();
                        assert_eq!(overheard.take().len(), 6);
                    });
                })
                .await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_connection_out_of_a_pool_can_be_inside() {
                let database = database($server).await;
                let url = database.url().to_owned();
                blocking(move || {
                    let manager = ConnectionManager::<$raw>::new(url);
                    let manager = AuditedManager::new(manager, audit()).unwrap();
                    let pool = Pool::builder().max_size(1).build(manager).unwrap();
                    audit_diesel::migrate(&mut pool.get().unwrap(), audit()).unwrap();
                    let held = by("alice", || pool.get()).unwrap();
                    let mut held = AuditedConnection::new(held, audit()).unwrap();
                    by("bob", || held.batch_execute(&insertion(1))).unwrap();
                    by("carol", || {
                        held.transaction(|held| held.batch_execute(&insertion(2)))
                    })
                    .unwrap();
                    let event = audit_core::Event::custom("done").record("t", "3");
                    by("dave", || audit_diesel::record(&mut held, event)).unwrap();
                    held.batch_execute(&insertion(4)).unwrap();
                    drop(held);
                    let mut held = pool.get().unwrap();
                    held.batch_execute(&insertion(5)).unwrap();
                    let events = audit_diesel::log(&mut held).oldest_first().load().unwrap();
                    let expected = [
                        ("1", "bob"),
                        ("2", "carol"),
                        ("3", "dave"),
                        ("4", "unknown"),
                        ("5", "unknown"),
                    ];
                    assert_eq!(by_record(&events), expected);
                })
                .await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_connection_of_no_audit_is_refused() {
                let database = database($server).await;
                let url = database.url().to_owned();
                blocking(move || {
                    let mut held = Audited::establish(&url).unwrap();
                    let is_refused = |error: Error| match error {
                        Error::QueryBuilderError(error) => error.is::<NotAttached>(),
                        _ => false,
                    };
                    assert!(is_refused(held.batch_execute("SELECT 1").unwrap_err()));
                    assert!(is_refused(insert(&mut held, 1).unwrap_err()));
                    assert!(is_refused(held.stamped().map(drop).unwrap_err()));
                    let begun = held.transaction(|held| insert(held, 1));
                    assert!(is_refused(begun.unwrap_err()));
                    audit_diesel::attach(&mut held, audit()).unwrap();
                    audit_diesel::migrate(&mut held, audit()).unwrap();
                    by("alice", || insert(&mut held, 1)).unwrap();
                    // What is lent keeps its context, and the next statement has its own again.
                    let lent = by("bob", || held.stamped()).unwrap();
                    lent.batch_execute(&insertion(2)).unwrap();
                    by("carol", || insert(&mut held, 3)).unwrap();
                    let events = audit_diesel::log(&mut held).oldest_first().load().unwrap();
                    let expected = [("1", "alice"), ("2", "bob"), ("3", "carol")];
                    assert_eq!(by_record(&events), expected);
                })
                .await;
            }

            /// One that was opened by a call of ours, or on what is inside, ends as any other.
            #[tokio::test(flavor = "multi_thread")]
            async fn a_transaction_of_either_kind_ends_by_the_other() {
                type Transactions = <Audited as Connection>::TransactionManager;
                let events = events_of(|held| {
                    by("alice", || insert(held, 1)).unwrap();
                    by("bob", || {
                        audit_diesel::begin(held, audit()).unwrap();
                        by("carol", || insert(held, 2)).unwrap();
                        insert(held, 3).unwrap();
                        Transactions::rollback_transaction(held).unwrap();
                        insert(held, 4).unwrap();
                    });
                    by("alice", || insert(held, 5)).unwrap();
                    by("bob", || {
                        let work = |held: &mut Audited| {
                            insert(held, 6)?;
                            held.transaction(|held| insert(held, 7))
                        };
                        audit_diesel::transaction(held, audit(), work).unwrap();
                        insert(held, 8).unwrap();
                    });
                })
                .await;
                let expected = [
                    ("1", "alice"),
                    ("4", "bob"),
                    ("5", "alice"),
                    ("6", "bob"),
                    ("7", "bob"),
                    ("8", "bob"),
                ];
                assert_eq!(by_record(&events), expected);
            }

            #[cfg(feature = "migrations")]
            #[tokio::test(flavor = "multi_thread")]
            async fn migrations_of_the_application_run_through_it() {
                use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};

                let folder = tempfile::tempdir().unwrap();
                let step = folder.path().join("2024-01-01-000000_rows");
                std::fs::create_dir(&step).unwrap();
                std::fs::write(step.join("up.sql"), insertion(1)).unwrap();
                std::fs::write(step.join("down.sql"), "DELETE FROM t").unwrap();
                let path = folder.path().to_owned();
                let events = events_of(move |held| {
                    let steps = FileBasedMigrations::from_path(&path).unwrap();
                    by("bob", || {
                        held.run_pending_migrations(steps.clone()).map(drop)
                    })
                    .unwrap();
                    by("carol", || held.revert_last_migration(steps).map(drop)).unwrap();
                })
                .await;
                let of_t: Vec<_> = events
                    .iter()
                    .filter(|event| event.table_name.as_deref() == Some("t"))
                    .cloned()
                    .collect();
                assert_eq!(by_record(&of_t), [("1", "bob"), ("1", "carol")]);
            }
        }
    };
}
