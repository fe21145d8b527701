//! One type for connections of several databases.

/// Expands to the tests of a type for connections of these databases.
macro_rules! either {
    ({ $($variant:ident($connection:ident)),+ $(,)? }, { $($module:ident: $server:ident),+ $(,)? }) => {
        use audit_diesel::{AnyConnection, AuditConnection, AuditedManager, CheckError, Finding};
        use audit_testkit::{Server, TestDatabase};
        use audit_core::{Audit, Event, OnDrift};
        use diesel::connection::{SimpleConnection as _, TransactionManager as _};
        use diesel::prelude::*;
        use diesel::r2d2::{ConnectionManager, Pool};
        use diesel::result::Error;
        use diesel::{$($connection),+};

        use crate::dsl::tables::{TABLES, carla, people, person, told};
        use crate::world::{Database, actors, audit, database, insertion, user};

        /// A connection to any of them.
        #[derive(diesel::MultiConnection)]
        enum Either {
            $($variant($connection),)+
        }

        impl AuditConnection for Either {
            fn inside(&mut self) -> &mut dyn AnyConnection {
                match self {
                    $(Self::$variant(connection) => connection,)+
                }
            }
        }

        type Manager = AuditedManager<ConnectionManager<Either>>;

        /// A pool of one connection.
        fn pool(url: &str) -> Pool<Manager> {
            let manager = AuditedManager::new(ConnectionManager::<Either>::new(url), audit());
            Pool::builder().max_size(1).build(manager.unwrap()).unwrap()
        }

        async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
            audit_core::context::spawn_blocking(work).await.unwrap()
        }

        async fn either_is_audited(server: Server) {
            let database = TestDatabase::create(server).await;
            // Stays open: the last one that closes locks a file of SQLite for a moment, and Diesel's
            // own do not wait.
            let mut raw = database.raw().await;
            raw.run(TABLES).await;
            let url = database.url().to_owned();
            let work = move || {
                let audit = Audit::builder().build().unwrap();
                let mut connection: Either = audit_diesel::establish(&url, &audit).unwrap();
                audit_diesel::migrate(&mut connection, &audit).unwrap();
                let insert = |connection: &mut Either, id| {
                    let row = diesel::insert_into(people::table).values(person(id, "a"));
                    row.execute(connection)
                };
                insert(&mut connection, 1).unwrap();
                diesel::update(people::table.find(1))
                    .set(people::name.eq("b"))
                    .execute(&mut connection)
                    .unwrap();
                audit_diesel::transaction(&mut connection, &audit, |connection| {
                    insert(connection, 2)?;
                    let taken_back = audit_diesel::transaction(connection, &audit, |connection| {
                        insert(connection, 3)?;
                        Err::<(), _>(Error::RollbackTransaction)
                    });
                    assert_eq!(taken_back, Err(Error::RollbackTransaction));
                    let event = Event::custom("shown").record("people", "2");
                    audit_diesel::record(connection, event).unwrap();
                    Ok::<_, Error>(())
                })
                .unwrap();
                assert!(!audit_diesel::check(&mut connection, &audit).unwrap().has_gaps());
                audit_diesel::unaudited(&mut connection, &audit, |connection| {
                    connection.batch_execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")
                })
                .unwrap();
                diesel::delete(people::table.find(1)).execute(&mut connection).unwrap();
                audit_diesel::log(&mut connection).oldest_first().load().unwrap()
            };
            let events = carla().scope(blocking(work)).await;
            let expected = ["INSERT 1", "UPDATE 1", "INSERT 2", "CUSTOM 2", "DELETE 1"];
            assert_eq!(told(&events), expected);
        }

        /// A database with the log.
        async fn migrated(server: Server) -> Database {
            let database = database(server).await;
            let url = database.url().to_owned();
            blocking(move || audit_diesel::migrate(&mut pool(&url).get().unwrap(), audit()).unwrap())
                .await;
            database
        }

        fn events(pool: &Pool<Manager>) -> Vec<Event> {
            let log = audit_diesel::log(&mut pool.get().unwrap()).oldest_first().load();
            log.unwrap()
        }

        /// Nothing is stamped by hand.
        async fn a_pool_follows_its_users(server: Server) {
            let database = migrated(server).await;
            let pool = pool(database.url());
            let insert = |id| {
                let pool = pool.clone();
                move || pool.get().unwrap().batch_execute(&insertion(id)).unwrap()
            };
            user("alice").scope(blocking(insert(1))).await;
            user("bob").scope(blocking(insert(2))).await;
            blocking(insert(3)).await;
            let in_a_transaction = {
                let pool = pool.clone();
                move || {
                    let mut held = pool.get().unwrap();
                    audit_diesel::begin(&mut held, audit()).unwrap();
                    held.batch_execute(&insertion(4)).unwrap();
                    <Either as Connection>::TransactionManager::commit_transaction(&mut *held)
                        .unwrap();
                    held.transaction(|held| held.batch_execute(&insertion(5))).unwrap();
                }
            };
            user("carla").scope(blocking(in_a_transaction)).await;
            let told = blocking(move || events(&pool)).await;
            assert_eq!(actors(&told), ["alice", "bob", "", "carla", "carla"]);
        }

        /// What is put on at the wrong time is taken off all the same.
        async fn a_release_takes_the_context_off(server: Server) {
            let database = migrated(server).await;
            let url = database.url().to_owned();
            let work = move || {
                let manager = AuditedManager::new(ConnectionManager::<Either>::new(&url), audit());
                let unchecked = Pool::builder().max_size(1).test_on_check_out(false);
                let pool = unchecked.build(manager.unwrap()).unwrap();
                user("alice").sync_scope(|| {
                    let mut held = pool.get().unwrap();
                    audit_diesel::stamp(&mut held).unwrap();
                    held.batch_execute(&insertion(1)).unwrap();
                });
                // The fallback of nobody is what the stamp leaves; the service went with the rest.
                pool.get().unwrap().batch_execute(&insertion(2)).unwrap();
                user("bob").sync_scope(|| {
                    pool.get().unwrap().batch_execute("BEGIN; SELECT 1").unwrap();
                });
                pool.get().unwrap().batch_execute(&insertion(3)).unwrap();
                events(&pool)
            };
            let told = tokio::task::spawn_blocking(work).await.unwrap();
            let told: Vec<_> = told.iter().map(|event| event.actor_id.as_deref()).collect();
            assert_eq!(told, [Some("alice"), None, None]);
        }

        async fn the_hooks_are_proved_through_the_pool(server: Server) {
            let database = migrated(server).await;
            let url = database.url().to_owned();
            let work = move || {
                let report = audit_diesel::check_pool(&pool(&url), audit()).unwrap();
                assert!(!report.has_gaps(), "{report:?}");
                let manager = AuditedManager::new(ConnectionManager::<Either>::new(&url), audit());
                let unchecked = Pool::builder().max_size(1).test_on_check_out(false);
                let unchecked = unchecked.build(manager.unwrap()).unwrap();
                let strict = Audit::builder().on_drift(OnDrift::Deny).build().unwrap();
                match audit_diesel::check_pool(&unchecked, &strict) {
                    Err(CheckError::Denied(report)) => {
                        assert!(report.findings().iter().any(Finding::is_gap));
                    }
                    other => panic!("{other:?}"),
                }
            };
            tokio::task::spawn_blocking(work).await.unwrap();
        }

        #[cfg(feature = "deadpool-diesel")]
        async fn a_pool_of_deadpool_follows_its_users(server: Server) {
            use audit_diesel::deadpool::{attach, interact};
            use deadpool_diesel::{Manager, Runtime};

            let database = migrated(server).await;
            let manager = Manager::<Either>::new(database.url(), Runtime::Tokio1);
            let builder = deadpool_diesel::Pool::builder(manager).max_size(1);
            let pool: deadpool_diesel::Pool<_> = attach(builder, audit()).unwrap().build().unwrap();
            let insert = async |id| {
                let held = pool.get().await.unwrap();
                let insert = move |held: &mut Either| held.batch_execute(&insertion(id));
                interact(&held, insert).await.unwrap().unwrap();
            };
            user("alice").scope(insert(1)).await;
            user("bob").scope(insert(2)).await;
            insert(3).await;
            let held = user("carla").scope(pool.get()).await.unwrap();
            let insert = |held: &mut Either| held.batch_execute(&insertion(4));
            let written = user("bob").scope(async { interact(&held, insert).await }).await;
            written.unwrap().unwrap();
            let read = |held: &mut Either| audit_diesel::log(held).oldest_first().load().unwrap();
            let told = interact(&held, read).await.unwrap();
            assert_eq!(actors(&told), ["alice", "bob", "", "bob"]);
        }

        $(
            mod $module {
                use audit_testkit::Server::$server;

                #[tokio::test(flavor = "multi_thread")]
                async fn either_is_audited() {
                    super::either_is_audited($server).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn a_pool_follows_its_users() {
                    super::a_pool_follows_its_users($server).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn a_release_takes_the_context_off() {
                    super::a_release_takes_the_context_off($server).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn the_hooks_are_proved_through_the_pool() {
                    super::the_hooks_are_proved_through_the_pool($server).await;
                }

                #[cfg(feature = "deadpool-diesel")]
                #[tokio::test(flavor = "multi_thread")]
                async fn a_pool_of_deadpool_follows_its_users() {
                    super::a_pool_of_deadpool_follows_its_users($server).await;
                }
            }
        )+
    };
}

#[cfg(feature = "mysql")]
either!(
    { Postgres(PgConnection), Mysql(MysqlConnection), Sqlite(SqliteConnection) },
    { mariadb: MariaDb, postgres15: Postgres15, postgres18: Postgres18, sqlite: Sqlite }
);

#[cfg(not(feature = "mysql"))]
either!(
    { Postgres(PgConnection), Sqlite(SqliteConnection) },
    { postgres15: Postgres15, postgres18: Postgres18, sqlite: Sqlite }
);
