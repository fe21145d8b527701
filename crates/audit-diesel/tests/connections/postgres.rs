//! PostgreSQL: every test runs on every version.

use audit_diesel::ContextScope;
use audit_testkit::Server;
use diesel::PgConnection;

/// Expands to the tests of one version.
macro_rules! version {
    ($module:ident, $server:expr) => {
        mod $module {
            use super::*;

            connections!($server, PgConnection, ("SELECT 1", "pg_backend_pid()::text"));
            executors!($server, PgConnection);
            interacts!(
                $server,
                PgConnection,
                "SELECT pg_terminate_backend(pg_backend_pid())"
            );
            managers!($server, PgConnection);
            stored!($server, PgConnection, postgres);

            #[tokio::test(flavor = "multi_thread")]
            async fn a_context_can_end_with_its_transaction() {
                let database = database($server).await;
                let url = database.url().to_owned();
                blocking(move || {
                    drop(pool_of_one(&url));
                    let manager = manager(&url).context_scope(ContextScope::Transaction);
                    let pool = Pool::builder().max_size(1).build(manager).unwrap();
                    user("alice").sync_scope(|| {
                        let mut held = pool.get().unwrap();
                        audit_diesel::transaction(&mut held, audit(), |held| {
                            insert(held, 1);
                            Ok::<_, Error>(())
                        })
                        .unwrap();
                        insert(&mut held, 2);
                        let nothing = "SELECT 1 / (nullif(current_setting('audit.context', true), '') IS NULL)::int, \
                             1 / (current_setting('audit.fallback', true) IS NULL)::int";
                        held.batch_execute(nothing).unwrap();
                    });
                    let mut held = pool.get().unwrap();
                    let told: Vec<_> = events(&mut held)
                        .into_iter()
                        .map(|event| event.actor_id.unwrap_or_default())
                        .collect();
                    assert_eq!(told, ["alice", ""]);
                })
                .await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn the_context_of_a_statement_can_end_with_its_transaction() {
                use audit_diesel::AuditedConnection;

                let database = database($server).await;
                let url = database.url().to_owned();
                blocking(move || {
                    drop(pool_of_one(&url));
                    let manager = ConnectionManager::<AuditedConnection<PgConnection>>::new(&url);
                    let manager = AuditedManager::new(manager, audit()).unwrap();
                    let manager = manager.context_scope(ContextScope::Transaction);
                    let pool = Pool::builder().max_size(1).build(manager).unwrap();
                    let held: &mut AuditedConnection<PgConnection> = &mut pool.get().unwrap();
                    user("alice").sync_scope(|| {
                        let work = |held: &mut AuditedConnection<PgConnection>| {
                            held.batch_execute(&insertion(1))?;
                            user("bob").sync_scope(|| held.batch_execute(&insertion(2)))?;
                            held.transaction(|held| held.batch_execute(&insertion(3)))
                        };
                        held.transaction(work).unwrap();
                        held.batch_execute(&insertion(4)).unwrap();
                        held.transaction(|held| held.batch_execute(&insertion(5))).unwrap();
                        let nothing = "SELECT 1 / (nullif(current_setting('audit.context', true), '') IS NULL)::int, \
                             1 / (current_setting('audit.fallback', true) IS NULL)::int";
                        held.batch_execute(nothing).unwrap();
                    });
                    let events = audit_diesel::log(held).oldest_first().load().unwrap();
                    let told: Vec<_> = events
                        .iter()
                        .map(|event| event.actor_id.as_deref().unwrap_or_default())
                        .collect();
                    assert_eq!(told, ["alice", "bob", "alice", "", "alice"]);
                })
                .await;
            }

            #[cfg(feature = "deadpool-diesel")]
            #[tokio::test(flavor = "multi_thread")]
            async fn a_context_of_deadpool_can_end_with_its_transaction() {
                use audit_diesel::deadpool::{attach_with_scope, interact};
                use deadpool_diesel::{Manager, Pool, Runtime};

                let database = database($server).await;
                let manager = Manager::<PgConnection>::new(database.url(), Runtime::Tokio1);
                let builder = Pool::<Manager<PgConnection>>::builder(manager).max_size(1);
                let builder = attach_with_scope(builder, audit(), ContextScope::Transaction);
                let pool = builder.unwrap().build().unwrap();
                let held = pool.get().await.unwrap();
                let migrate = |held: &mut PgConnection| audit_diesel::migrate(held, audit());
                interact(&held, migrate).await.unwrap().unwrap();
                drop(held);
                for (name, id) in [("alice", 1), ("bob", 3)] {
                    let work = async {
                        let held = pool.get().await.unwrap();
                        let write = move |held: &mut PgConnection| {
                            let inner = |held: &mut PgConnection| {
                                insert(held, id);
                                Ok::<_, Error>(())
                            };
                            audit_diesel::transaction(held, audit(), inner).unwrap();
                            insert(held, id + 1);
                        };
                        interact(&held, write).await.unwrap();
                    };
                    user(name).scope(work).await;
                }
                let held = pool.get().await.unwrap();
                let read = |held: &mut PgConnection| audit_diesel::log(held).oldest_first().load();
                let told = interact(&held, read).await.unwrap().unwrap();
                let told: Vec<_> = told.iter().map(|event| event.actor_id.as_deref()).collect();
                assert_eq!(told, [Some("alice"), None, Some("bob"), None]);
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_transaction_that_failed_is_closed() {
                let database = database($server).await;
                let url = database.url().to_owned();
                blocking(move || {
                    let pool = pool_of_one(&url);
                    let first = session(&mut pool.get().unwrap());
                    let mut held = pool.get().unwrap();
                    held.batch_execute("BEGIN").unwrap();
                    held.batch_execute("SELECT 1 / 0").unwrap_err();
                    drop(held);
                    assert_ne!(session(&mut pool.get().unwrap()), first);
                })
                .await;
            }
        }
    };
}

version!(postgres15, Server::Postgres15);
version!(postgres16, Server::Postgres16);
version!(postgres17, Server::Postgres17);
version!(postgres18, Server::Postgres18);
