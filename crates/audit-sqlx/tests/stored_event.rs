//! The log as rows of sqlx, against the migrations and against the events that `log` gives.

/// Expands to the test of one server: its module, its database, and the log there.
macro_rules! reads {
    ($module:ident, $server:ident, $database:ty, $log:literal) => {
        mod $module {
            use audit_core::{Audit, Event};
            use audit_sqlx::StoredEvent;
            use audit_testkit::stored::{assert_same, full_event};
            use audit_testkit::{Server, TestDatabase, alice, stored_fields};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_row_of_sqlx_is_the_event() {
                let server = Server::$server;
                let database = TestDatabase::create(server).await;
                let mut raw = database.raw().await;
                raw.run("CREATE TABLE t (id INTEGER PRIMARY KEY, v DECIMAL(38, 1))")
                    .await;
                let audit = Audit::builder().service("billing").build().unwrap();
                let options = sqlx::pool::PoolOptions::<$database>::new().max_connections(2);
                let pool = audit_sqlx::attach(options, &audit)
                    .connect(database.url())
                    .await
                    .unwrap();
                audit_sqlx::migrate(&pool, &audit).await.unwrap();
                for sql in [
                    "INSERT INTO t VALUES (1, 9007199254740993)",
                    "UPDATE t SET v = 1234567890123456789012345678901234567.8",
                    "DELETE FROM t",
                ] {
                    alice()
                        .scope(sqlx::query(sql).execute(&pool))
                        .await
                        .unwrap();
                }
                raw.run(&full_event(server.dialect())).await;
                let rows: Vec<StoredEvent> = sqlx::query_as(concat!(
                    "SELECT l.* FROM ",
                    $log,
                    " l ORDER BY l.occurred_at, l.id"
                ))
                .fetch_all(&pool)
                .await
                .unwrap();
                let events = audit_sqlx::log(&pool).oldest_first().list().await.unwrap();
                let fields: Vec<_> = rows.iter().map(|row| stored_fields!(row)).collect();
                assert_same(&fields, &events);
                let exact = |row: &StoredEvent, event: &Event| {
                    (&row.before_data, &row.after_data) == (&event.before_data, &event.after_data)
                };
                assert!(
                    rows.iter()
                        .zip(&events)
                        .all(|(row, event)| exact(row, event))
                );
                pool.close().await;
            }
        }
    };
}

#[cfg(feature = "mysql")]
reads!(mariadb, MariaDb, sqlx::MySql, "audit_logs");
#[cfg(feature = "postgres")]
reads!(postgres15, Postgres15, sqlx::Postgres, "audit.audit_logs");
#[cfg(feature = "postgres")]
reads!(postgres18, Postgres18, sqlx::Postgres, "audit.audit_logs");
#[cfg(feature = "sqlite")]
reads!(sqlite, Sqlite, sqlx::Sqlite, "audit_logs");
