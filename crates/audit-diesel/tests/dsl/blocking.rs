//! Diesel, which blocks.

use audit_diesel::{begin_with_options, establish, log, migrate};
use audit_testkit::Server;
use diesel::result::Error;

/// Proves the events of some work of Carla's on a connection of the pool, and gives them in words.
/// The world holds the tables of `tables.rs` and more.
macro_rules! proved {
    ($server:expr, $connection:ty, $more:expr, |$held:ident| $work:expr) => {{
        let tables = format!("{} {}", crate::dsl::tables::TABLES, $more);
        let world = audit_testkit::World::<
            crate::adapter::Pooled<crate::adapter::PoolOf<$connection>>,
        >::with($server, &tables, |audit| audit)
        .await;
        let events = world
            .prove(async |adapter| {
                let work = adapter.run(|pool| {
                    let mut $held = pool.get().unwrap();
                    $work
                });
                crate::dsl::tables::carla().scope(work).await;
            })
            .await;
        crate::dsl::tables::told(&events)
    }};
}

/// Does work in the context of somebody.
macro_rules! scoped {
    ($user:expr, $work:expr) => {
        $user.sync_scope(|| $work)
    };
}

/// The events of the log, oldest first.
macro_rules! events {
    ($connection:expr) => {
        log($connection).oldest_first().load().unwrap()
    };
}

mod library {
    pub(crate) use diesel::connection::{SimpleConnection, TransactionManager};
    pub(crate) use diesel::prelude::*;
}

/// Expands to the tests of what is on SQLite alone; with what lends Diesel's own connection.
#[cfg(feature = "sqlite")]
macro_rules! of_sqlite {
    ($connection:ty, $lend:path) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn transactions_that_lock_at_once() {
            let told = proved!(Server::Sqlite, $connection, "", |held| {
                held.immediate_transaction(|held| {
                    let insert = diesel::sql_query("INSERT INTO people VALUES (?, ?, NULL)");
                    insert
                        .bind::<Integer, _>(1)
                        .bind::<Text, _>("a")
                        .execute(held)
                })
                .unwrap();
                held.exclusive_transaction(|held| diesel::delete(people::table).execute(held))
                    .unwrap();
            });
            assert_eq!(told, ["INSERT 1", "DELETE 1"]);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn rows_of_one_insert_are_returned() {
            let told = proved!(Server::Sqlite, $connection, "", |held| {
                // Diesel has this for its own type alone, in a pool or not.
                let rows: Vec<Person> = diesel::insert_into(people::table)
                    .values(vec![person(1, "a"), person(2, "b")])
                    .returning(Person::as_returning())
                    .get_results($lend(&mut *held))
                    .unwrap();
                assert_eq!(rows, [person(1, "a"), person(2, "b")]);
            });
            assert_eq!(told, ["INSERT 1", "INSERT 2"]);
        }
    };
}

/// Expands to the tests of transactions on one database.
macro_rules! transactions {
    ($server:expr, $connection:ty) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn transactions_in_transactions() {
            let told = proved!($server, $connection, "", |held| {
                let insert = |held: &mut _, id: i32| {
                    diesel::insert_into(people::table)
                        .values(person(id, "x"))
                        .execute(held)
                };
                let done = held.transaction(|held| {
                    insert(held, 1)?;
                    let undone = held.transaction(|held| {
                        insert(held, 2)?;
                        Err::<(), _>(Error::RollbackTransaction)
                    });
                    assert!(undone.is_err());
                    held.transaction(|held| insert(held, 3))
                });
                assert_eq!(done.unwrap(), 1);
                let undone = held.transaction(|held| {
                    insert(held, 4)?;
                    Err::<(), _>(Error::RollbackTransaction)
                });
                assert!(undone.is_err());
            });
            assert_eq!(told, ["INSERT 1", "INSERT 3"]);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn our_transactions_in_transactions() {
            let told = proved!($server, $connection, "", |held| {
                let audit = audit_core::Audit::builder().build().unwrap();
                let insert = |held: &mut _, id: i32| {
                    diesel::insert_into(people::table)
                        .values(person(id, "x"))
                        .execute(held)
                };
                let done = audit_diesel::transaction(&mut held, &audit, |held| {
                    insert(held, 1)?;
                    let undone = audit_diesel::transaction(held, &audit, |held| {
                        insert(held, 2)?;
                        Err::<(), _>(Error::RollbackTransaction)
                    });
                    assert!(undone.is_err());
                    held.transaction(|held| insert(held, 3))
                });
                assert_eq!(done.unwrap(), 1);
            });
            assert_eq!(told, ["INSERT 1", "INSERT 3"]);
        }
    };
}

/// Expands to the test of the builder of transactions.
#[cfg(feature = "postgres")]
macro_rules! builds {
    ($server:expr, $connection:ty) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn transactions_with_options() {
            let told = proved!($server, $connection, "", |held| {
                held.build_transaction()
                    .serializable()
                    .run(|held| {
                        diesel::insert_into(people::table)
                            .values(person(1, "a"))
                            .execute(held)
                    })
                    .unwrap();
                let refused = held
                    .build_transaction()
                    .read_only()
                    .run(|held| diesel::delete(people::table).execute(held));
                assert!(refused.is_err());
            });
            assert_eq!(told, ["INSERT 1"]);
        }
    };
}

/// Expands to the test of what is on PostgreSQL alone.
#[cfg(feature = "postgres")]
macro_rules! copies {
    ($server:expr, $connection:ty) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn copies() {
            let told = proved!($server, $connection, "", |held| {
                // Diesel copies on its own type, or out of its own manager's pool.
                let rows = vec![person(1, "a"), person(2, "b")];
                let copied = diesel::copy_from(people::table)
                    .from_insertable(rows)
                    .execute(&mut *held)
                    .unwrap();
                assert_eq!(copied, 2);
                diesel::copy_from(people::table)
                    .from_raw_data(people::table, |copy| {
                        std::io::Write::write_all(copy, b"3,c,7\n").map_err(|error| {
                            diesel::result::Error::SerializationError(Box::new(error))
                        })
                    })
                    .with_format(diesel::pg::CopyFormat::Csv)
                    .execute(&mut *held)
                    .unwrap();
            });
            assert_eq!(told, ["INSERT 1", "INSERT 2", "INSERT 3"]);
        }
    };
}

/// Expands to the tests of one version.
#[cfg(feature = "postgres")]
macro_rules! version {
    ($module:ident, $server:expr) => {
        mod $module {
            use diesel::PgConnection;

            use super::library::*;
            use super::*;

            writes!($server, PgConnection;);
            batches!($server, PgConnection;);
            postgres!($server, PgConnection;);
            transactions!($server, PgConnection);
            options!($server, PgConnection, immediate;);
            options_of_postgres!($server, PgConnection;);

            copies!($server, PgConnection);
            builds!($server, PgConnection);
        }
    };
}

/// The same through connections whose statements bring their own context.
#[cfg(all(
    feature = "executor",
    feature = "mysql",
    feature = "postgres",
    feature = "sqlite"
))]
mod executors {
    use audit_diesel::AuditedConnection;

    use super::*;

    type Audited<C> = AuditedConnection<C>;

    mod postgres18 {
        use diesel::PgConnection;

        use super::super::library::*;
        use super::*;

        writes!(Server::Postgres18, Audited<PgConnection>;);
        batches!(Server::Postgres18, Audited<PgConnection>;);
        postgres!(Server::Postgres18, Audited<PgConnection>;);
        transactions!(Server::Postgres18, Audited<PgConnection>);
        copies!(Server::Postgres18, Audited<PgConnection>);
        builds!(Server::Postgres18, Audited<PgConnection>);
    }

    mod mariadb {
        use diesel::MysqlConnection;

        use super::super::library::*;
        use super::*;

        writes!(Server::MariaDb, Audited<MysqlConnection>;);
        batches!(Server::MariaDb, Audited<MysqlConnection>;);
        mariadb!(Audited<MysqlConnection>;);
        transactions!(Server::MariaDb, Audited<MysqlConnection>);
        builds!(Server::MariaDb, Audited<MysqlConnection>);
    }

    mod sqlite {
        use diesel::SqliteConnection;
        use diesel::sql_types::{Integer, Text};

        use super::super::library::*;
        use super::*;

        writes!(Server::Sqlite, Audited<SqliteConnection>;);
        batches!(Server::Sqlite, Audited<SqliteConnection>;);
        sqlite!(Audited<SqliteConnection>;);
        transactions!(Server::Sqlite, Audited<SqliteConnection>);
        of_sqlite!(Audited<SqliteConnection>, lend);

        fn lend(held: &mut Audited<SqliteConnection>) -> &mut SqliteConnection {
            held.stamped().unwrap()
        }
    }
}

#[cfg(feature = "postgres")]
version!(postgres15, Server::Postgres15);
#[cfg(feature = "postgres")]
version!(postgres16, Server::Postgres16);
#[cfg(feature = "postgres")]
version!(postgres17, Server::Postgres17);
#[cfg(feature = "postgres")]
version!(postgres18, Server::Postgres18);

#[cfg(feature = "mysql")]
mod mariadb {
    use diesel::MysqlConnection;

    use super::library::*;
    use super::*;

    writes!(Server::MariaDb, MysqlConnection;);
    batches!(Server::MariaDb, MysqlConnection;);
    mariadb!(MysqlConnection;);
    transactions!(Server::MariaDb, MysqlConnection);
    options!(Server::MariaDb, MysqlConnection, deferrable;);
    options_of_mariadb!(MysqlConnection;);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::SqliteConnection;
    use diesel::sql_types::{Integer, Text};

    use super::library::*;
    use super::*;

    writes!(Server::Sqlite, SqliteConnection;);
    batches!(Server::Sqlite, SqliteConnection;);
    sqlite!(SqliteConnection;);
    transactions!(Server::Sqlite, SqliteConnection);
    options_of_sqlite!(SqliteConnection;);

    of_sqlite!(SqliteConnection, std::convert::identity);
}
