//! diesel-async.

use audit_diesel::asynchronous::{self, begin_with_options, establish, log, migrate};
use audit_testkit::Server;
use diesel::result::Error;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{AsyncMysqlConnection, AsyncPgConnection};

use crate::adapter::Sqlite;

/// Proves the events of some work of Carla's on a connection of the pool, and gives them in words.
/// The world holds the tables of `tables.rs` and more.
macro_rules! proved {
    ($server:expr, $connection:ty, $more:expr, |$held:ident| $work:expr) => {{
        let tables = format!("{} {}", crate::dsl::tables::TABLES, $more);
        let world =
            audit_testkit::World::<crate::adapter::Pooled<Pool<$connection>, $connection>>::with(
                $server,
                &tables,
                |audit| audit,
            )
            .await;
        let events = world
            .prove(async |adapter| {
                let work = async {
                    let mut $held = adapter.pool.get().await.unwrap();
                    $work
                };
                crate::dsl::tables::carla().scope(work).await;
            })
            .await;
        crate::dsl::tables::told(&events)
    }};
}

/// Does work in the context of somebody.
macro_rules! scoped {
    ($user:expr, $work:expr) => {
        $user.scope(async { $work }).await
    };
}

/// The events of the log, oldest first.
macro_rules! events {
    ($connection:expr) => {
        log($connection).oldest_first().list().await.unwrap()
    };
}

mod library {
    pub(crate) use diesel::prelude::*;
    pub(crate) use diesel_async::{
        AsyncConnection as Connection, RunQueryDsl, SaveChangesDsl, SimpleAsyncConnection,
        TransactionManager,
    };
}

/// Expands to the tests of transactions on one database.
macro_rules! transactions {
    ($server:expr, $connection:ty) => {
        async fn insert(held: &mut $connection, id: i32) -> diesel::QueryResult<usize> {
            let insert = diesel::insert_into(people::table).values(person(id, "x"));
            insert.execute(held).await
        }

        /// Inserts and fails.
        async fn undone(held: &mut $connection, id: i32) -> diesel::QueryResult<()> {
            insert(held, id).await?;
            Err(Error::RollbackTransaction)
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn transactions_in_transactions() {
            let told = proved!($server, $connection, "", |held| {
                let held = &mut *held;
                let done = held.transaction(async |held: &mut $connection| {
                    insert(held, 1).await?;
                    let inner =
                        held.transaction(async |held: &mut $connection| undone(held, 2).await);
                    inner.await.unwrap_err();
                    let inner =
                        held.transaction(async |held: &mut $connection| insert(held, 3).await);
                    inner.await
                });
                assert_eq!(done.await.unwrap(), 1);
                let outer = held.transaction(async |held: &mut $connection| undone(held, 4).await);
                outer.await.unwrap_err();
            });
            assert_eq!(told, ["INSERT 1", "INSERT 3"]);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn our_transactions_in_transactions() {
            let told = proved!($server, $connection, "", |held| {
                let audit = audit_core::Audit::builder().build().unwrap();
                let done = asynchronous::transaction(
                    &mut *held,
                    &audit,
                    async |held: &mut $connection| {
                        insert(held, 1).await?;
                        let inner = asynchronous::transaction(
                            held,
                            &audit,
                            async |held: &mut $connection| undone(held, 2).await,
                        );
                        inner.await.unwrap_err();
                        let inner =
                            held.transaction(async |held: &mut $connection| insert(held, 3).await);
                        inner.await
                    },
                );
                assert_eq!(done.await.unwrap(), 1);
            });
            assert_eq!(told, ["INSERT 1", "INSERT 3"]);
        }
    };
}

/// Expands to the test of the builder of transactions.
macro_rules! builds {
    ($server:expr, $connection:ty) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn transactions_with_options() {
            let told = proved!($server, $connection, "", |held| {
                let held = &mut *held;
                let mut transaction = held.build_transaction().serializable();
                let done = transaction.run(async |held: &mut $connection| insert(held, 1).await);
                assert_eq!(done.await.unwrap(), 1);
                let mut transaction = held.build_transaction().read_only();
                let refused = transaction.run(async |held: &mut $connection| insert(held, 2).await);
                refused.await.unwrap_err();
            });
            assert_eq!(told, ["INSERT 1"]);
        }
    };
}

/// Expands to the tests of one version of PostgreSQL.
macro_rules! version {
    ($module:ident, $server:expr) => {
        mod $module {
            use super::library::*;
            use super::*;

            writes!($server, AsyncPgConnection; .await);
            batches!($server, AsyncPgConnection; .await);
            postgres!($server, AsyncPgConnection; .await);
            transactions!($server, AsyncPgConnection);
            options!($server, AsyncPgConnection, immediate; .await);
            options_of_postgres!($server, AsyncPgConnection; .await);

            builds!($server, AsyncPgConnection);
        }
    };
}

/// The same through connections whose statements bring their own context.
#[cfg(feature = "executor")]
mod executors {
    use audit_diesel::asynchronous::AuditedAsyncConnection as Audited;

    use super::*;

    mod postgres18 {
        use super::super::library::*;
        use super::*;

        writes!(Server::Postgres18, Audited<AsyncPgConnection>; .await);
        batches!(Server::Postgres18, Audited<AsyncPgConnection>; .await);
        postgres!(Server::Postgres18, Audited<AsyncPgConnection>; .await);
        transactions!(Server::Postgres18, Audited<AsyncPgConnection>);
        builds!(Server::Postgres18, Audited<AsyncPgConnection>);
    }

    mod mariadb {
        use super::super::library::*;
        use super::*;

        writes!(Server::MariaDb, Audited<AsyncMysqlConnection>; .await);
        batches!(Server::MariaDb, Audited<AsyncMysqlConnection>; .await);
        mariadb!(Audited<AsyncMysqlConnection>; .await);
        transactions!(Server::MariaDb, Audited<AsyncMysqlConnection>);
        builds!(Server::MariaDb, Audited<AsyncMysqlConnection>);
    }

    mod sqlite {
        use super::super::library::*;
        use super::*;

        writes!(Server::Sqlite, Audited<Sqlite>; .await);
        sqlite!(Audited<Sqlite>; .await);
        transactions!(Server::Sqlite, Audited<Sqlite>);
    }
}

version!(postgres15, Server::Postgres15);
version!(postgres18, Server::Postgres18);

mod mariadb {
    use super::library::*;
    use super::*;

    writes!(Server::MariaDb, AsyncMysqlConnection; .await);
    batches!(Server::MariaDb, AsyncMysqlConnection; .await);
    mariadb!(AsyncMysqlConnection; .await);
    transactions!(Server::MariaDb, AsyncMysqlConnection);
    options!(Server::MariaDb, AsyncMysqlConnection, deferrable; .await);
    options_of_mariadb!(AsyncMysqlConnection; .await);
}

mod sqlite {
    use super::library::*;
    use super::*;

    writes!(Server::Sqlite, Sqlite; .await);
    sqlite!(Sqlite; .await);
    transactions!(Server::Sqlite, Sqlite);
    options_of_sqlite!(Sqlite; .await);

    /// diesel-async writes one row an INSERT here; more go through the connection inside.
    #[tokio::test(flavor = "multi_thread")]
    async fn many_rows_in_one_insert() {
        let told = proved!(Server::Sqlite, Sqlite, "", |held| {
            let insert = |inner: &mut SqliteConnection| {
                let rows = vec![person(1, "a"), person(2, "b")];
                let insert = diesel::insert_into(people::table).values(rows);
                diesel::RunQueryDsl::execute(insert, inner)
            };
            assert_eq!(held.spawn_blocking(insert).await, Ok(2));
        });
        assert_eq!(told, ["INSERT 1", "INSERT 2"]);
    }
}
