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
            interacts!($server, PgConnection);
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
