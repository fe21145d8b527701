//! What is the same on each database.

use std::sync::{Arc, Mutex};

use diesel::connection::InstrumentationEvent;

/// Runs work that blocks on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The statements that a connection was given, as its instrumentation sees them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overheard(Arc<Mutex<Vec<String>>>);

impl Overheard {
    pub(crate) fn listener(&self) -> impl FnMut(InstrumentationEvent<'_>) + Send + use<> {
        let heard = Arc::clone(&self.0);
        move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                heard.lock().unwrap().push(query.to_string());
            }
        }
    }

    /// What was heard since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Expands to the tests of one database: the server, the type of its connections, how a session is
/// named by a text, and how many statements a checkout takes.
macro_rules! connections {
    ($server:expr, $connection:ty, ($prepare:expr, $session:expr)) => {
        use audit_core::{Audit, MissingContext, OnDrift, Redaction, TableRule, context};
        use audit_diesel::{AuditedManager, CaptureError, CheckError, MigrateError};
        use diesel::connection::{
            AnsiTransactionManager, SimpleConnection as _, TransactionManager as _,
        };
        use diesel::prelude::*;
        use diesel::r2d2::{ConnectionManager, ManageConnection, Pool, PooledConnection, TestCustomizer};
        use diesel::result::Error;
        use diesel::sql_types::Text;

        use crate::connections::world::{Overheard, blocking};
        use crate::world::{actors, audit, database, insertion, user};

        type Manager = AuditedManager<ConnectionManager<$connection>>;
        type Held = PooledConnection<Manager>;

        fn manager(url: &str) -> Manager {
            AuditedManager::new(ConnectionManager::<$connection>::new(url), audit()).unwrap()
        }

        /// A pool of one connection, migrated.
        fn pool_of_one(url: &str) -> Pool<Manager> {
            let pool = Pool::builder().max_size(1).build(manager(url)).unwrap();
            audit_diesel::migrate(&mut pool.get().unwrap(), audit()).unwrap();
            pool
        }

        fn insert(connection: &mut impl diesel::connection::SimpleConnection, id: u32) {
            connection
                .batch_execute(&insertion(id))
                .unwrap();
        }

        fn events(connection: &mut Held) -> Vec<audit_core::Event> {
            audit_diesel::log(connection).oldest_first().load().unwrap()
        }

        #[derive(QueryableByName)]
        struct Session {
            #[diesel(sql_type = Text)]
            session: String,
        }

        fn session(connection: &mut PooledConnection<impl ManageConnection<Connection = $connection>>) -> String {
            connection.batch_execute($prepare).unwrap();
            let query = diesel::sql_query(format!("SELECT {} AS session", $session));
            query.get_result::<Session>(connection).unwrap().session
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_thread_without_the_context_is_nobody() {
            let database = database($server).await;
            let url = database.url().to_owned();
            let work = async move {
                let pool = blocking(move || pool_of_one(&url)).await;
                let write = |id| {
                    let pool = pool.clone();
                    move || insert(&mut pool.get().unwrap(), id)
                };
                context::spawn_blocking(write(1)).await.unwrap();
                tokio::task::spawn_blocking(write(2)).await.unwrap();
                let carried = context::carry_blocking(write(3));
                std::thread::spawn(carried).join().unwrap();
                std::thread::spawn(write(4)).join().unwrap();
                blocking(move || {
                    let events = events(&mut pool.get().unwrap());
                    assert_eq!(actors(&events), ["alice", "", "alice", ""]);
                })
                .await;
            };
            user("alice").scope(work).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_clean_connection_is_used_again_and_another_is_closed() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let pool = pool_of_one(&url);
                let first = session(&mut pool.get().unwrap());
                for id in 0..50 {
                    let mut held = pool.get().unwrap();
                    assert_eq!(session(&mut held), first);
                    held.transaction(|held| {
                        insert(held, id);
                        Ok::<_, Error>(())
                    })
                    .unwrap();
                }
                pool.get().unwrap().batch_execute("BEGIN").unwrap();
                let second = session(&mut pool.get().unwrap());
                assert_ne!(second, first);
                user("alice").sync_scope(|| {
                    let mut held = pool.get().unwrap();
                    held.batch_execute("BEGIN").unwrap();
                    insert(&mut held, 100);
                });
                let mut held = pool.get().unwrap();
                assert_ne!(session(&mut held), second);
                insert(&mut held, 100);
                assert_eq!(actors(&events(&mut held)), [""; 51]);
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn what_goes_back_is_nobodys() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                drop(pool_of_one(&url));
                let manager = manager(&url);
                let mut connection = manager.connect().unwrap();
                insert(&mut connection, 1);
                user("alice")
                    .sync_scope(|| manager.is_valid(&mut connection))
                    .unwrap();
                insert(&mut connection, 2);
                assert!(!manager.has_broken(&mut connection));
                insert(&mut connection, 3);
                let log = audit_diesel::log(&mut connection).oldest_first();
                let events = log.load().unwrap();
                let told: Vec<_> = events.iter().map(|event| event.actor_id.as_deref()).collect();
                assert_eq!(told, [None, Some("alice"), None]);
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_test_transaction_stays_open_from_checkout_to_checkout() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                drop(pool_of_one(&url));
                let builder = Pool::builder().max_size(1);
                let builder = builder.connection_customizer(Box::new(TestCustomizer));
                let pool = builder.build(manager(&url)).unwrap();
                for (id, name) in [(1, "alice"), (2, "bob")] {
                    user(name).sync_scope(|| insert(&mut pool.get().unwrap(), id));
                }
                insert(&mut pool.get().unwrap(), 3);
                let events = events(&mut pool.get().unwrap());
                assert_eq!(actors(&events), ["alice", "bob", ""]);
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn without_its_test_at_checkout_a_pool_has_no_context() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                drop(pool_of_one(&url));
                let builder = Pool::builder().max_size(1).test_on_check_out(false);
                let pool = builder.build(manager(&url)).unwrap();
                user("alice").sync_scope(|| insert(&mut pool.get().unwrap(), 1));
                let events = events(&mut pool.get().unwrap());
                let told: Vec<_> = events.iter().map(|event| &event.actor_id).collect();
                assert_eq!(told, [&None]);
                let report = audit_diesel::check_pool(&pool, audit()).unwrap();
                let findings: Vec<_> = report.findings().iter().map(ToString::to_string).collect();
                assert!(findings.iter().any(|text| text.contains("context")), "{findings:?}");
                assert!(report.has_gaps());
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_checkout_takes_no_more_statements_than_a_ping() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let pool = pool_of_one(&url);
                let overheard = Overheard::default();
                pool.get().unwrap().set_instrumentation(overheard.listener());
                drop(pool.get().unwrap());
                overheard.take();
                let held = pool.get().unwrap();
                let heard = overheard.take();
                assert_eq!(heard.len(), 1, "{heard:?}");
                drop(held);
                let heard = overheard.take();
                assert_eq!(heard.len(), 1, "{heard:?}");
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_panic_closes_the_connection() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let pool = pool_of_one(&url);
                let taken = pool.clone();
                let panicked = std::thread::spawn(move || {
                    user("alice").sync_scope(|| {
                        let mut held = taken.get().unwrap();
                        held.transaction(|held| {
                            insert(held, 1);
                            std::panic::resume_unwind(Box::new("stopped"));
                            #[expect(unreachable_code, reason = "the type of the closure")]
                            Ok::<_, Error>(())
                        })
                    })
                });
                assert!(panicked.join().is_err());
                let mut held = pool.get().unwrap();
                insert(&mut held, 1);
                assert_eq!(actors(&events(&mut held)), [""]);
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_plain_connection_is_stamped_by_hand() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let mut connection: $connection = user("alice")
                    .sync_scope(|| audit_diesel::establish(&url, audit()))
                    .unwrap();
                user("alice")
                    .sync_scope(|| audit_diesel::migrate(&mut connection, audit()))
                    .unwrap();
                insert(&mut connection, 1);
                user("bob")
                    .sync_scope(|| audit_diesel::stamp(&mut connection))
                    .unwrap();
                insert(&mut connection, 2);
                let refused = user("carla").sync_scope(|| {
                    audit_diesel::transaction(&mut connection, audit(), |connection| {
                        insert(connection, 3);
                        Err::<(), _>(Error::RollbackTransaction)
                    })
                });
                assert_eq!(refused, Err(Error::RollbackTransaction));
                user("dora")
                    .sync_scope(|| {
                        audit_diesel::transaction(&mut connection, audit(), |connection| {
                            insert(connection, 4);
                            Ok::<_, Error>(())
                        })
                    })
                    .unwrap();
                for (actor, id, is_kept) in [("eve", 5, true), ("fay", 6, false)] {
                    user(actor)
                        .sync_scope(|| audit_diesel::begin(&mut connection, audit()))
                        .unwrap();
                    insert(&mut connection, id);
                    let end = match is_kept {
                        true => AnsiTransactionManager::commit_transaction,
                        false => AnsiTransactionManager::rollback_transaction,
                    };
                    end(&mut connection).unwrap();
                }
                audit_diesel::stamp(&mut connection).unwrap();
                insert(&mut connection, 7);
                let log = audit_diesel::log(&mut connection).oldest_first();
                let events = log.load().unwrap();
                assert_eq!(actors(&events), ["alice", "bob", "dora", "eve", ""]);
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_check_leaves_the_context_of_the_thread() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let pool = pool_of_one(&url);
                let mut held = pool.get().unwrap();
                let report = user("alice").sync_scope(|| audit_diesel::check(&mut held, audit()));
                assert!(!report.unwrap().has_gaps());
                insert(&mut held, 1);
                audit_diesel::check(&mut held, audit()).unwrap();
                insert(&mut held, 2);
                assert_eq!(actors(&events(&mut held)), ["alice", ""]);
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_table_that_came_later_is_found_and_can_be_installed() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let pool = pool_of_one(&url);
                let mut held = pool.get().unwrap();
                let create = "CREATE TABLE later (id INTEGER NOT NULL PRIMARY KEY)";
                held.batch_execute(create).unwrap();
                let denies = Audit::builder().on_drift(OnDrift::Deny).build().unwrap();
                let denied = audit_diesel::check(&mut held, &denies);
                assert!(matches!(denied, Err(CheckError::Denied(_))), "{denied:?}");
                let installs = Audit::builder().on_drift(OnDrift::Install).build().unwrap();
                let report = audit_diesel::check(&mut held, &installs).unwrap();
                assert!(!report.has_gaps(), "{report:?}");
                drop(held);
                let mut held = pool.get().unwrap();
                held.batch_execute("INSERT INTO later VALUES (1)").unwrap();
                assert_eq!(events(&mut held).len(), 1);
                held.batch_execute("CREATE TABLE latest (id INTEGER NOT NULL PRIMARY KEY)")
                    .unwrap();
                drop(held);
                let report = audit_diesel::check_pool(&pool, &installs).unwrap();
                assert!(!report.has_gaps(), "{report:?}");
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn inside_a_transaction_nothing_of_ours_begins() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let pool = pool_of_one(&url);
                let mut held = pool.get().unwrap();
                let done = held.transaction(|held| {
                    insert(held, 1);
                    let migrated = audit_diesel::migrate(held, audit());
                    let refused = Error::AlreadyInTransaction;
                    assert!(matches!(migrated, Err(MigrateError::Database(error)) if error == refused));
                    let checked = audit_diesel::check(held, audit());
                    assert!(matches!(checked, Err(CheckError::Database(error)) if error == refused));
                    Err::<(), _>(Error::RollbackTransaction)
                });
                assert_eq!(done, Err(Error::RollbackTransaction));
                assert_eq!(events(&mut held), []);
            })
            .await;
        }

        #[cfg(feature = "migrations")]
        #[tokio::test(flavor = "multi_thread")]
        async fn the_tables_are_migrations_of_diesel() {
            use audit_diesel::AuditMigrations;
            use diesel_migrations::MigrationHarness as _;

            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let tables = AuditMigrations::<$connection>::new();
                let pool = Pool::builder().max_size(1).build(manager(&url)).unwrap();
                let mut held = pool.get().unwrap();
                let pooled = held.run_pending_migrations(tables).unwrap_err().to_string();
                assert!(pooled.contains("&mut *connection"), "{pooled}");
                for steps in [1, 0] {
                    let tables = AuditMigrations::<$connection>::new();
                    let ran = (*held).run_pending_migrations(tables).unwrap();
                    assert_eq!(ran.len(), steps);
                }
                assert_eq!(events(&mut held), []);
                // Its steps are known to our own, which brings the triggers.
                audit_diesel::migrate(&mut held, audit()).unwrap();
                insert(&mut held, 1);
                let tables = AuditMigrations::<$connection>::new();
                let kept = (*held).revert_last_migration(tables).unwrap_err();
                assert!(kept.to_string().contains("by hand"), "{kept}");
                assert_eq!(actors(&events(&mut held)), [""]);
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_refused_write_says_why() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let audit = Audit::builder()
                    .on_missing_context(MissingContext::Deny)
                    .build()
                    .unwrap();
                let mut connection: $connection = audit_diesel::establish(&url, &audit).unwrap();
                audit_diesel::migrate(&mut connection, &audit).unwrap();
                let write = |connection: &mut $connection| {
                    connection.batch_execute("INSERT INTO t VALUES (1, 1)")
                };
                let refused = write(&mut connection).unwrap_err();
                let told = CaptureError::of(&refused);
                assert!(matches!(told, Some(CaptureError::MissingContext(_))), "{refused}");
                user("alice")
                    .sync_scope(|| audit_diesel::stamp(&mut connection))
                    .unwrap();
                write(&mut connection).unwrap();
                let own = write(&mut connection).unwrap_err();
                assert_eq!(CaptureError::of(&own), None, "{own}");
                assert_eq!(CaptureError::of(&Error::NotFound), None);
            })
            .await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn the_key_of_hashes_is_not_overheard() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let key = b"a key that nobody is to see at all";
                let audit = Audit::builder()
                    .table(TableRule::new("t").redact("v", Redaction::Hash))
                    .hash_key(key.to_vec())
                    .build()
                    .unwrap();
                let mut connection: $connection = audit_diesel::establish(&url, &audit).unwrap();
                let overheard = Overheard::default();
                connection.set_instrumentation(overheard.listener());
                audit_diesel::attach(&mut connection, &audit).unwrap();
                let heard = overheard.take();
                let bytes = format!("{key:?}");
                let bytes = bytes.trim_matches(['[', ']']);
                for statement in &heard {
                    assert!(!statement.contains(bytes), "{statement}");
                    assert!(!statement.contains("nobody is to see"), "{statement}");
                }
                assert!(heard.iter().any(|text| text.contains("(secret)")), "{heard:?}");
                audit_diesel::migrate(&mut connection, &audit).unwrap();
                insert(&mut connection, 1);
                let events = audit_diesel::log(&mut connection).load().unwrap();
                let image = events.first().and_then(|event| event.after_data.as_ref());
                let image = image.unwrap().as_str();
                assert!(image.contains("sha256"), "{image}");
            })
            .await;
        }
    };
}
