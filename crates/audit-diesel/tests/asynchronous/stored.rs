//! The log as a table of Diesel's, read by diesel-async.
#![cfg(feature = "schema")]

use audit_diesel::asynchronous;
use audit_testkit::stored::{assert_same, full_event};
use audit_testkit::{Server, stored_fields};
use diesel::prelude::*;
use diesel_async::{AsyncMysqlConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::adapter::Sqlite;
use crate::world::{audit, database, insertion, user};

/// Expands to the test of one database: the server, the type of its connections, its module.
macro_rules! stored {
    ($module:ident, $server:ident, $connection:ty, $schema:ident) => {
        mod $module {
            use audit_diesel::schema::$schema::{StoredEvent, audit_logs};

            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn the_log_is_a_table_of_diesel() {
                let database = database(Server::$server).await;
                let establish = asynchronous::establish(database.url(), audit());
                let mut held: $connection = user("alice").scope(establish).await.unwrap();
                asynchronous::migrate(&mut held, audit()).await.unwrap();
                let stamp = asynchronous::stamp(&mut held);
                user("alice").scope(stamp).await.unwrap();
                let full = full_event(Server::$server.dialect());
                for sql in [&insertion(1), "UPDATE t SET v = 7", &full] {
                    held.batch_execute(sql).await.unwrap();
                }
                let told: Vec<StoredEvent> = audit_logs::table
                    .order((audit_logs::occurred_at, audit_logs::id))
                    .select(StoredEvent::as_select())
                    .load(&mut held)
                    .await
                    .unwrap();
                let told: Vec<_> = told.iter().map(|row| stored_fields!(row)).collect();
                assert!(told.len() >= 3);
                let log = asynchronous::log(&mut held).oldest_first();
                assert_same(&told, &log.list().await.unwrap());
                let alices: i64 = audit_logs::table
                    .filter(audit_logs::actor_id.eq("alice"))
                    .count()
                    .get_result(&mut held)
                    .await
                    .unwrap();
                assert_eq!(alices, 2);
            }
        }
    };
}

stored!(mariadb, MariaDb, AsyncMysqlConnection, mysql);
stored!(postgres15, Postgres15, AsyncPgConnection, postgres);
stored!(postgres18, Postgres18, AsyncPgConnection, postgres);
stored!(sqlite, Sqlite, Sqlite, sqlite);
