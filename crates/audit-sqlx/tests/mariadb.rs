//! What is special to MySQL and MariaDB.
#![cfg(feature = "mysql")]
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

use audit_core::{Actor, Audit, AuditContext, Event, Operation};
use audit_testkit::{Server, TestDatabase};
use serde_json::{Value, json};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::{AssertSqlSafe, Executor, MySqlPool};

fn alice() -> AuditContext {
    AuditContext::new().with_actor(Actor::user("alice"))
}

/// A database with these tables, migrated under these rules, on a pool of this many connections.
struct World {
    database: TestDatabase,
    pool: MySqlPool,
    audit: Audit,
}

impl World {
    async fn with(tables: &str, audit: Audit, connections: u32) -> Self {
        let database = TestDatabase::create(Server::MariaDb).await;
        database.raw().await.run(tables).await;
        let options = MySqlPoolOptions::new().max_connections(connections);
        let pool = audit_sqlx::attach(options, &audit)
            .connect(database.url())
            .await
            .unwrap();
        audit_sqlx::migrate(&pool, &audit).await.unwrap();
        Self {
            database,
            pool,
            audit,
        }
    }

    async fn new(tables: &str) -> Self {
        Self::with(tables, Audit::builder().build().unwrap(), 1).await
    }

    /// Runs statements as alice; each must succeed.
    async fn run(&self, statements: &[&str]) {
        for sql in statements {
            alice()
                .scope(self.pool.execute(AssertSqlSafe(*sql)))
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    async fn events(&self) -> Vec<Event> {
        let log = audit_sqlx::log(&self.pool).oldest_first();
        log.list().await.unwrap()
    }

    /// The events as `OPERATION record`, oldest first.
    async fn said(&self) -> Vec<String> {
        let events = self.events().await;
        let words = events.iter().map(|event| {
            let record = event.record_id.as_deref().unwrap_or("-");
            format!("{} {record}", event.operation)
        });
        words.collect()
    }

    /// Forgets the events so far.
    async fn forget(&self) {
        self.database
            .raw()
            .await
            .run("DELETE FROM audit_logs")
            .await;
    }

    async fn end(self) {
        self.pool.close().await;
        self.database.remove().await;
    }
}

fn before(event: &Event) -> Value {
    event.before_data.as_ref().unwrap().to_value()
}

fn after(event: &Event) -> Value {
    event.after_data.as_ref().unwrap().to_value()
}

mod mariadb {
    use super::*;

    #[tokio::test]
    async fn each_operation_is_recorded_with_who_did_it() {
        let world = World::new("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))").await;
        world
            .run(&[
                "INSERT INTO t VALUES (1, 'a')",
                "UPDATE t SET v = 'b'",
                "DELETE FROM t",
            ])
            .await;
        let events = world.events().await;
        assert_eq!(
            events
                .iter()
                .map(|event| event.operation)
                .collect::<Vec<_>>(),
            [Operation::Insert, Operation::Update, Operation::Delete]
        );
        assert_eq!(after(&events[0]), json!({"id": 1, "v": "a"}));
        assert_eq!(before(&events[1]), json!({"id": 1, "v": "a"}));
        assert_eq!(after(&events[1]), json!({"id": 1, "v": "b"}));
        assert_eq!(events[1].changed_fields, Some(vec!["v".to_owned()]));
        assert_eq!(before(&events[2]), json!({"id": 1, "v": "b"}));
        for event in &events {
            assert_eq!(event.actor_id.as_deref(), Some("alice"));
            assert_eq!(event.table_name.as_deref(), Some("t"));
            assert_eq!(event.id.get_version_num(), 7);
            let (seconds, nanos) = event.id.get_timestamp().unwrap().to_unix();
            let time = event.occurred_at;
            assert_eq!(i64::try_from(seconds).unwrap(), time.timestamp());
            assert_eq!(nanos / 1_000_000, time.timestamp_subsec_millis());
        }
        world.end().await;
    }
}
