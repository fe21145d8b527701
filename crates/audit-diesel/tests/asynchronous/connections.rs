//! Connections of diesel-async that the caller holds.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use audit_core::{Audit, Event, MissingContext, OnDrift};
use audit_diesel::asynchronous::{self, AsyncAuditConnection};
use audit_diesel::{CaptureError, CheckError, MigrateError};
use audit_testkit::Server;
use diesel::result::Error;
use diesel_async::{AsyncMysqlConnection, AsyncPgConnection, TransactionManager as _};

use crate::adapter::Sqlite;
use crate::world::{Database, actors, audit, database, insertion, user};

/// A database with a table and the log, and a plain connection to it that is nobody's.
async fn prepared<C: AsyncAuditConnection>(server: Server) -> (Database, C) {
    let database = database(server).await;
    let establish = asynchronous::establish(database.url(), audit());
    let mut connection: C = establish.await.unwrap();
    let migrate = asynchronous::migrate(&mut connection, audit());
    assert!(!migrate.await.unwrap().has_gaps());
    (database, connection)
}

async fn run<C: AsyncAuditConnection>(connection: &mut C, sql: &str) {
    connection.batch_execute(sql).await.unwrap();
}

async fn events<C: AsyncAuditConnection>(connection: &mut C) -> Vec<Event> {
    let log = asynchronous::log(connection).oldest_first();
    log.list().await.unwrap()
}

/// Every connection that exists can be attached, and one that is attached can be again: it then
/// carries the context of the task that did it, until it is stamped.
async fn is_attached_by_hand<C: AsyncAuditConnection>(server: Server) {
    let (database, _) = prepared::<C>(server).await;
    let mut connection = C::establish(database.url()).await.unwrap();
    for (actor, id) in [("alice", 1), ("bob", 2)] {
        let attach = asynchronous::attach_connection(&mut connection, audit());
        user(actor).scope(attach).await.unwrap();
        run(&mut connection, &insertion(id)).await;
    }
    let stamp = asynchronous::stamp(&mut connection);
    user("carla").scope(stamp).await.unwrap();
    run(&mut connection, &insertion(3)).await;
    for (actor, id, is_kept) in [("dora", 4, true), ("eve", 5, false)] {
        let begin = asynchronous::begin(&mut connection, audit()).await;
        begin.unwrap();
        let stamp = asynchronous::stamp(&mut connection);
        user(actor).scope(stamp).await.unwrap();
        run(&mut connection, &insertion(id)).await;
        match is_kept {
            true => C::TransactionManager::commit_transaction(&mut connection).await,
            false => C::TransactionManager::rollback_transaction(&mut connection).await,
        }
        .unwrap();
    }
    asynchronous::stamp(&mut connection).await.unwrap();
    run(&mut connection, &insertion(6)).await;
    let events = events(&mut connection).await;
    let expected = ["alice", "bob", "carla", "dora", ""];
    assert_eq!(actors(&events), expected);
}

/// A check gives the connection back to the context of its task, and finds what is missing.
async fn is_checked<C: AsyncAuditConnection>(server: Server) {
    let (_database, mut connection) = prepared::<C>(server).await;
    let check = asynchronous::check(&mut connection, audit());
    let report = user("alice").scope(check).await.unwrap();
    assert!(!report.has_gaps(), "{report:?}");
    run(&mut connection, &insertion(1)).await;
    asynchronous::check(&mut connection, audit()).await.unwrap();
    run(&mut connection, &insertion(2)).await;
    assert_eq!(actors(&events(&mut connection).await), ["alice", ""]);

    run(
        &mut connection,
        "CREATE TABLE later (id INTEGER NOT NULL PRIMARY KEY)",
    )
    .await;
    let building = || Audit::builder().service("billing");
    let denies = building().on_drift(OnDrift::Deny).build().unwrap();
    let denied = asynchronous::check(&mut connection, &denies).await;
    assert!(matches!(denied, Err(CheckError::Denied(_))), "{denied:?}");
    let installs = building().on_drift(OnDrift::Install).build().unwrap();
    let report = asynchronous::check(&mut connection, &installs).await;
    assert!(!report.unwrap().has_gaps());
    run(&mut connection, "INSERT INTO later VALUES (1)").await;
    assert_eq!(events(&mut connection).await.len(), 3);
}

/// What opens a transaction of its own is refused inside one, which stays as it was.
async fn is_left_alone_inside_a_transaction<C: AsyncAuditConnection>(server: Server) {
    let (_database, mut connection) = prepared::<C>(server).await;
    asynchronous::begin(&mut connection, audit()).await.unwrap();
    let refused = Error::AlreadyInTransaction;
    let migrated = asynchronous::migrate(&mut connection, audit()).await;
    assert!(matches!(migrated, Err(MigrateError::Database(error)) if error == refused));
    let checked = asynchronous::check(&mut connection, audit()).await;
    assert!(matches!(checked, Err(CheckError::Database(error)) if error == refused));
    run(&mut connection, &insertion(1)).await;
    let rollback = C::TransactionManager::rollback_transaction(&mut connection);
    rollback.await.unwrap();
    assert_eq!(events(&mut connection).await, []);
}

/// A write without a context is refused, and its error says so.
async fn says_why_it_refuses<C: AsyncAuditConnection>(server: Server) {
    let (database, _) = prepared::<C>(server).await;
    let denies = Audit::builder().service("billing");
    let denies = denies.on_missing_context(MissingContext::Deny);
    let denies = denies.build().unwrap();
    let establish = asynchronous::establish(database.url(), &denies);
    let mut connection: C = establish.await.unwrap();
    asynchronous::migrate(&mut connection, &denies)
        .await
        .unwrap();
    let refused = connection.batch_execute(&insertion(1)).await.unwrap_err();
    let told = CaptureError::of(&refused);
    assert!(
        matches!(told, Some(CaptureError::MissingContext(_))),
        "{refused}"
    );
    let stamp = asynchronous::stamp(&mut connection);
    user("alice").scope(stamp).await.unwrap();
    run(&mut connection, &insertion(1)).await;
    let own = connection.batch_execute(&insertion(1)).await.unwrap_err();
    assert_eq!(CaptureError::of(&own), None, "{own}");
}

/// Drops a column without the triggers that stand on each connection; what comes after is recorded,
/// and what failed is told.
async fn is_altered_unaudited<C: AsyncAuditConnection>(server: Server) {
    let (_database, mut connection) = prepared::<C>(server).await;
    let stamp = asynchronous::stamp(&mut connection);
    user("alice").scope(stamp).await.unwrap();
    run(&mut connection, &insertion(1)).await;
    let drop = "ALTER TABLE t DROP COLUMN v";
    let is_on_connection = server == Server::Sqlite;
    if is_on_connection {
        connection.batch_execute(drop).await.unwrap_err();
    }
    let failed = asynchronous::unaudited(&mut connection, audit(), async |connection: &mut C| {
        connection
            .batch_execute("INSERT INTO nowhere VALUES (1)")
            .await
    });
    failed.await.unwrap_err();
    run(&mut connection, &insertion(2)).await;
    let altered = asynchronous::unaudited(&mut connection, audit(), async |connection: &mut C| {
        connection.batch_execute(&insertion(3)).await?;
        connection.batch_execute(drop).await
    });
    altered.await.unwrap();
    // Triggers of the schema are made anew for a column that went.
    asynchronous::migrate(&mut connection, audit())
        .await
        .unwrap();
    let stamp = asynchronous::stamp(&mut connection);
    user("alice").scope(stamp).await.unwrap();
    run(&mut connection, "INSERT INTO t VALUES (4)").await;
    let events = events(&mut connection).await;
    let records: Vec<_> = events
        .iter()
        .map(|event| event.record_id.as_deref().unwrap_or_default())
        .collect();
    match is_on_connection {
        true => assert_eq!(records, ["1", "2", "4"]),
        false => assert_eq!(records, ["1", "2", "3", "4"]),
    }
    assert!(actors(&events).iter().all(|actor| *actor == "alice"));
}

/// Expands to the tests of one database: the server, the type of its connections.
macro_rules! connections {
    ($module:ident, $server:ident, $connection:ty) => {
        mod $module {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_plain_connection_is_attached_by_hand() {
                is_attached_by_hand::<$connection>(Server::$server).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_plain_connection_is_checked() {
                is_checked::<$connection>(Server::$server).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn inside_a_transaction_nothing_of_ours_begins() {
                is_left_alone_inside_a_transaction::<$connection>(Server::$server).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_refused_write_says_why() {
                says_why_it_refuses::<$connection>(Server::$server).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_column_is_dropped_unaudited() {
                is_altered_unaudited::<$connection>(Server::$server).await;
            }
        }
    };
}

connections!(mariadb, MariaDb, AsyncMysqlConnection);
connections!(postgres15, Postgres15, AsyncPgConnection);
connections!(postgres18, Postgres18, AsyncPgConnection);
connections!(sqlite, Sqlite, Sqlite);
