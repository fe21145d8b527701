//! How long the context stays on a connection.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use audit_core::Event;
use audit_diesel::ContextScope;
use audit_diesel::asynchronous::{self, AsyncAuditConnection};
use audit_testkit::Server;
use diesel_async::pooled_connection::ManagerConfig;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{
    AnsiTransactionManager, AsyncMysqlConnection, AsyncPgConnection, SimpleAsyncConnection as _,
    TransactionManager as _,
};

use crate::adapter::Sqlite;
use crate::world::{Database, audit, database, insertion, user};

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
