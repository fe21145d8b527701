//! What is special to SQLite.
#![cfg(feature = "sqlite")]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

use audit_core::{Actor, Audit, AuditContext, Dialect, Event, OnDrift, Redaction, TableRule};
use audit_sqlx::{CaptureError, Finding, MigrateError};
use audit_testkit::{Server, TestDatabase, oracle, sabotage};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection, SqlitePool};

fn alice() -> AuditContext {
    AuditContext::new().with_actor(Actor::user("alice"))
}

fn audit() -> Audit {
    Audit::builder().build().unwrap()
}

async fn pool_of(database: &TestDatabase, connections: u32) -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(connections);
    // Triggers are put on each connection, and so is the sabotage of them, where one is asked for.
    audit_sqlx::attach(options, &audit())
        .after_connect(|connection, _| Box::pin(sabotage::connection(connection)))
        .before_acquire(|connection, _| {
            Box::pin(async {
                sabotage::connection(connection).await?;
                Ok(true)
            })
        })
        .connect(database.url())
        .await
        .unwrap()
}

/// A database with these tables, migrated, on a pool of this many connections.
async fn world(tables: &'static str, connections: u32) -> (TestDatabase, SqlitePool) {
    let database = TestDatabase::create(Server::Sqlite).await;
    database.raw().await.run(tables).await;
    let pool = pool_of(&database, connections).await;
    audit_sqlx::migrate(&pool, &audit()).await.unwrap();
    sabotage::schema(&mut database.raw().await, Dialect::Sqlite).await;
    (database, pool)
}

async fn events(pool: &SqlitePool) -> Vec<Event> {
    let log = audit_sqlx::log(pool).oldest_first().limit(5_000);
    log.list().await.unwrap()
}

async fn findings(pool: &SqlitePool) -> Vec<Finding> {
    audit_sqlx::check(pool).await.unwrap().findings().to_vec()
}

/// Does work and proves that the new events tell exactly what changed; gives them.
async fn prove(database: &TestDatabase, pool: &SqlitePool, work: impl AsyncFnOnce()) -> Vec<Event> {
    oracle::prove(database, async || events(pool).await, work()).await
}

mod sqlite {
    use super::*;

    mod failures;
    mod limits;
    mod probe;
    mod processes;
    mod rebuilt;
    mod results;
    mod statements;
    mod tables;
    mod triggers;
    mod values;

    #[tokio::test]
    async fn strict_and_rowid_less_tables_are_captured() {
        let (_database, pool) = world(
            "CREATE TABLE s (id INTEGER PRIMARY KEY, v TEXT) STRICT; \
             CREATE TABLE w (k TEXT, l TEXT, v ANY, PRIMARY KEY (l, k)) STRICT, WITHOUT ROWID;",
            1,
        )
        .await;
        for sql in [
            "INSERT INTO s VALUES (1, 'a')",
            "INSERT INTO w VALUES ('k', 'l', x'00')",
        ] {
            alice().scope(pool.execute(sql)).await.unwrap();
        }
        let events = events(&pool).await;
        assert_eq!(events[0].record_id.as_deref(), Some("1"));
        assert_eq!(events[1].record_id.as_deref(), Some(r#"["l","k"]"#));
    }

    #[tokio::test]
    async fn an_attached_database_is_a_finding() {
        let (database, _pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
        let pool = audit_sqlx::attach(SqlitePoolOptions::new().max_connections(1), &audit())
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection
                        .execute("ATTACH ':memory:' AS other")
                        .await
                        .map(|_| ())
                })
            })
            .connect(database.url())
            .await
            .unwrap();
        let database = "other".to_owned();
        assert_eq!(
            findings(&pool).await,
            [Finding::AttachedDatabase { database }]
        );
    }

    #[tokio::test]
    async fn a_temporary_table_that_hides_the_log_fails_the_write_and_is_a_finding() {
        let (_database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
        pool.execute("CREATE TEMP TABLE audit_logs (id)")
            .await
            .unwrap();
        let error = alice()
            .scope(pool.execute("INSERT INTO t VALUES (1)"))
            .await
            .unwrap_err();
        let capture = CaptureError::of(&error);
        assert!(
            matches!(capture, Some(CaptureError::LogMissing(_))),
            "{error}"
        );
        let table = "audit_logs".to_owned();
        let found = findings(&pool).await;
        assert!(
            matches!(&found[..], [Finding::ProbeRefused { .. }, shadow]
                if *shadow == Finding::ShadowTable { table }),
            "{found:?}"
        );
        pool.execute("DROP TABLE temp.audit_logs").await.unwrap();
        pool.execute("INSERT INTO t VALUES (1)").await.unwrap();
        assert_eq!(events(&pool).await.len(), 1);
    }

    #[tokio::test]
    async fn replace_is_seen_as_an_insert_while_the_application_has_triggers() {
        let (_database, pool) = world(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); CREATE TABLE n (id INTEGER); \
             CREATE TRIGGER own AFTER DELETE ON t BEGIN INSERT INTO n VALUES (OLD.id); END;",
            1,
        )
        .await;
        pool.execute("INSERT INTO t VALUES (1, 1)").await.unwrap();
        pool.execute("REPLACE INTO t VALUES (1, 2)").await.unwrap();
        // The application's own trigger works as without audit: it did not fire either.
        let fired: i64 = sqlx::query_scalar("SELECT count(*) FROM n")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(fired, 0);
        assert_eq!(events(&pool).await.len(), 2);
        let findings = findings(&pool).await;
        let (table, trigger) = ("t".to_owned(), "own".to_owned());
        assert!(
            findings.contains(&Finding::ReplaceHidesDelete { table, trigger }),
            "{findings:?}"
        );
    }

    #[tokio::test]
    async fn a_column_is_dropped_by_unaudited_and_not_otherwise() {
        let (_database, pool) = world(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER)",
            2,
        )
        .await;
        pool.execute("INSERT INTO t VALUES (1, 2, 3)")
            .await
            .unwrap();
        let refused = pool
            .execute("ALTER TABLE t DROP COLUMN a")
            .await
            .unwrap_err();
        let capture = CaptureError::of(&refused);
        assert!(
            matches!(capture, Some(CaptureError::StaleTrigger(_))),
            "{refused}"
        );
        audit_sqlx::unaudited(&pool, |connection| {
            Box::pin(async move { connection.execute("ALTER TABLE t DROP COLUMN a").await })
        })
        .await
        .unwrap();
        for _ in 0..4 {
            alice()
                .scope(pool.execute("UPDATE t SET b = b + 1"))
                .await
                .unwrap();
        }
        let events = events(&pool).await;
        assert_eq!(events.len(), 5);
        let image = events[4].after_data.as_ref().unwrap().as_str();
        assert_eq!(image, r#"{"id":1,"b":7}"#);
        assert_eq!(findings(&pool).await, []);
    }

    #[tokio::test]
    async fn unaudited_that_is_cut_gives_no_connection_without_triggers_back() {
        let (_database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
        let cut = audit_sqlx::unaudited(&pool, |connection| {
            Box::pin(async move {
                connection.execute("INSERT INTO t VALUES (1)").await?;
                std::future::pending::<Result<(), sqlx::Error>>().await
            })
        });
        let limit = std::time::Duration::from_millis(300);
        assert!(tokio::time::timeout(limit, cut).await.is_err());
        pool.execute("INSERT INTO t VALUES (2)").await.unwrap();
        let events = events(&pool).await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].record_id.as_deref(), Some("2"));
    }

    #[tokio::test]
    async fn a_change_of_the_schema_reaches_idle_connections_at_checkout_and_fails_held_ones() {
        let (database, pool) = world(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER)",
            2,
        )
        .await;
        let mut held = pool.acquire().await.unwrap();
        pool.execute("INSERT INTO t VALUES (1, 2, 3)")
            .await
            .unwrap();
        database
            .raw()
            .await
            .run("ALTER TABLE t DROP COLUMN a")
            .await;
        let error = held.execute("UPDATE t SET b = 4").await.unwrap_err();
        let capture = CaptureError::of(&error);
        assert!(
            matches!(capture, Some(CaptureError::StaleTrigger(_))),
            "{error}"
        );
        pool.execute("UPDATE t SET b = 5").await.unwrap();
        drop(held);
        database
            .raw()
            .await
            .run("ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME b TO c")
            .await;
        for _ in 0..3 {
            pool.execute("UPDATE u SET c = c + 1").await.unwrap();
        }
        let events = events(&pool).await;
        assert_eq!(events.len(), 5);
        assert_eq!(events[4].table_name.as_deref(), Some("u"));
        assert_eq!(events[4].changed_fields, Some(vec!["c".to_owned()]));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sixteen_pools_that_migrate_at_once_agree_every_time() {
        // Sixteen processes do so a hundred times.
        for _ in 0..20 {
            let database = TestDatabase::create(Server::Sqlite).await;
            database
                .raw()
                .await
                .run("CREATE TABLE t (id INTEGER PRIMARY KEY)")
                .await;
            let mut tasks = Vec::new();
            for _ in 0..16 {
                let url = database.url().to_owned();
                tasks.push(tokio::spawn(async move {
                    let options = SqlitePoolOptions::new().max_connections(1);
                    let attach = audit_sqlx::attach(options, &audit());
                    let pool = attach.connect(&url).await.unwrap();
                    audit_sqlx::migrate(&pool, &audit()).await.unwrap()
                }));
            }
            for task in tasks {
                assert_eq!(task.await.unwrap().findings(), []);
            }
        }
    }

    #[tokio::test]
    async fn other_programs_write_without_events() {
        let (database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
        let mut other = SqliteConnection::connect(database.url()).await.unwrap();
        other.execute("INSERT INTO t VALUES (1)").await.unwrap();
        assert_eq!(events(&pool).await, []);
    }

    #[tokio::test]
    async fn the_shape_of_a_table_is_noted_each_time_it_changes() {
        let (database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
        database
            .raw()
            .await
            .run("ALTER TABLE t ADD COLUMN v TEXT NOT NULL DEFAULT ''")
            .await;
        audit_sqlx::migrate(&pool, &audit()).await.unwrap();
        audit_sqlx::migrate(&pool, &audit()).await.unwrap();
        pool.execute("INSERT INTO t VALUES (1, 'x')").await.unwrap();
        let shapes: Vec<(String, String)> = sqlx::query_as(
            "SELECT columns, fingerprint FROM audit_schemas WHERE table_name = 't' \
             ORDER BY recorded_at",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let columns: Vec<&str> = shapes.iter().map(|(columns, _)| columns.as_str()).collect();
        assert_eq!(
            columns,
            [
                r#"[{"name":"id","type":"INTEGER","required":false}]"#,
                r#"[{"name":"id","type":"INTEGER","required":false},{"name":"v","type":"TEXT","required":true}]"#
            ]
        );
        assert_eq!(
            events(&pool).await[0].schema_fingerprint.as_ref(),
            Some(&shapes[1].1)
        );
    }

    #[tokio::test]
    async fn an_attached_pool_works_in_memory_and_keeps_user_hooks() {
        let pool = audit_sqlx::attach(SqlitePoolOptions::new().max_connections(1), &audit())
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection
                        .execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
                        .await
                        .map(|_| ())
                })
            })
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    connection
                        .execute("INSERT INTO t VALUES (NULL)")
                        .await
                        .map(|_| true)
                })
            })
            .connect("sqlite::memory:")
            .await
            .unwrap();
        audit_sqlx::migrate(&pool, &audit()).await.unwrap();
        // One checkout is that of the check at the end of `migrate`.
        assert_eq!(events(&pool).await.len(), 2);
    }

    #[tokio::test]
    async fn a_pool_that_is_not_attached_is_told_how_to_be() {
        let database = TestDatabase::create(Server::Sqlite).await;
        let options: SqliteConnectOptions = database.url().parse().unwrap();
        let pool = SqlitePool::connect_with(options).await.unwrap();
        let error = audit_sqlx::begin(&pool).await.unwrap_err().to_string();
        assert!(
            error.contains("`attach(options, &audit)`") && error.contains("`audit_sqlx::attach`"),
            "{error}"
        );
        let error = audit_sqlx::migrate(&pool, &audit()).await.unwrap_err();
        assert!(matches!(error, MigrateError::Database(_)), "{error}");
    }

    #[tokio::test]
    async fn a_lazy_pool_stamps_its_first_connection() {
        let (database, _pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
        let options: SqliteConnectOptions = database.url().parse().unwrap();
        let pool = audit_sqlx::attach(SqlitePoolOptions::new(), &audit())
            .connect_lazy_with(options)
            .unwrap();
        alice()
            .scope(pool.execute("INSERT INTO t VALUES (1)"))
            .await
            .unwrap();
        assert_eq!(events(&pool).await[0].actor_id.as_deref(), Some("alice"));
    }

    #[tokio::test]
    async fn a_connection_taken_past_the_checkout_hook_is_nobodys() {
        let (_database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
        alice()
            .scope(pool.execute("INSERT INTO t VALUES (1)"))
            .await
            .unwrap();
        let mut taken = loop {
            // The release runs in a task of its own.
            match pool.try_acquire() {
                Some(connection) => break connection,
                None => tokio::task::yield_now().await,
            }
        };
        taken.execute("INSERT INTO t VALUES (2)").await.unwrap();
        drop(taken);
        let events = events(&pool).await;
        assert_eq!(events[0].actor_id.as_deref(), Some("alice"));
        assert_eq!(
            (&events[1].actor_id, events[1].actor_kind.as_str()),
            (&None, "unknown")
        );
    }

    #[tokio::test]
    async fn wide_tables_are_captured_and_too_wide_ones_are_a_finding() {
        let columns = |count: usize| -> String {
            (0..count)
                .map(|column| format!(", c{column} INTEGER"))
                .collect()
        };
        let sql = format!(
            "CREATE TABLE wide (id INTEGER PRIMARY KEY{}); CREATE TABLE wider (id INTEGER PRIMARY KEY{})",
            columns(320),
            columns(340)
        );
        let (_database, pool) = world(sql.leak(), 1).await;
        pool.execute("INSERT INTO wide (id) VALUES (1)")
            .await
            .unwrap();
        pool.execute("UPDATE wide SET c319 = 1").await.unwrap();
        pool.execute("INSERT INTO wider (id) VALUES (1)")
            .await
            .unwrap();
        let events = events(&pool).await;
        assert_eq!(events.len(), 2);
        assert_eq!(events[1].changed_fields, Some(vec!["c319".to_owned()]));
        let table = "wider".to_owned();
        assert_eq!(
            findings(&pool).await,
            [Finding::TooManyColumns { table, most: 330 }]
        );
    }

    #[tokio::test]
    async fn a_trigger_that_was_dropped_is_a_finding_and_is_put_back_where_asked_for() {
        let (database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
        let drop_trigger = "DROP TRIGGER audit_insert_t";
        pool.execute(drop_trigger).await.unwrap();
        let (table, trigger) = ("t".to_owned(), "audit_insert_t".to_owned());
        assert_eq!(
            findings(&pool).await,
            [Finding::TriggerMissing { table, trigger }]
        );

        for (policy, allowed) in [(OnDrift::Install, true), (OnDrift::Deny, false)] {
            let audit = Audit::builder().on_drift(policy).build().unwrap();
            let options = SqlitePoolOptions::new().max_connections(1);
            let attach = audit_sqlx::attach(options, &audit);
            let pool = attach.connect(database.url()).await.unwrap();
            pool.execute(drop_trigger).await.unwrap();
            assert_eq!(audit_sqlx::check(&pool).await.is_ok(), allowed);
            pool.execute("INSERT INTO t VALUES (NULL)").await.unwrap();
            assert_eq!(events(&pool).await.len(), 1, "with {policy:?}");
        }
    }

    #[tokio::test]
    async fn what_is_not_hidden_of_a_document_keeps_its_bytes() {
        let rule = TableRule::new("t").redact_path("data", "$.secret", Redaction::Hash);
        let audit = Audit::builder()
            .hash_key([7; 32])
            .table(rule)
            .build()
            .unwrap();
        let database = TestDatabase::create(Server::Sqlite).await;
        database
            .raw()
            .await
            .run("CREATE TABLE t (id INTEGER PRIMARY KEY, data)")
            .await;
        let pool = audit_sqlx::attach(SqlitePoolOptions::new(), &audit)
            .connect(database.url())
            .await
            .unwrap();
        audit_sqlx::migrate(&pool, &audit).await.unwrap();
        let document = " {\"a\" : [1.50,\t1e400] ,\n\"secret\":null, \"a\":\"\\ud800\"} ";
        let insert = format!("INSERT INTO t VALUES (1, '{document}')");
        sqlx::query(AssertSqlSafe(insert))
            .execute(&pool)
            .await
            .unwrap();
        let image = events(&pool).await.remove(0).after_data.unwrap();
        assert_eq!(image.to_object()["data"], document);
        // JSON that SQLite keeps in its own binary form is not taken apart.
        sqlx::query("UPDATE t SET data = jsonb('{\"secret\":\"canary\"}')")
            .execute(&pool)
            .await
            .unwrap();
        let image = events(&pool).await.remove(1).after_data.unwrap();
        let hash = image.to_object()["data"].as_str().unwrap().to_owned();
        assert!(hash.starts_with(Redaction::HASH_PREFIX), "{hash}");
    }
}
