//! A migrated database whose log somebody else can lock.

use std::path::PathBuf;
use std::time::Duration;

use audit_core::{Actor, Audit, AuditContext, Dialect, Event};
use audit_lane::{Lane, Overflow};
use audit_sqlx::{AuditDatabase, PoolSink};
use audit_testkit::{Raw, Server, TestDatabase};
use sqlx::pool::PoolOptions;
use sqlx::{AssertSqlSafe, Pool};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The statements that lock the log for all others, and let it go.
fn locks(dialect: Dialect) -> [&'static str; 2] {
    match dialect {
        Dialect::MySql => ["LOCK TABLES audit_logs WRITE", "UNLOCK TABLES"],
        Dialect::Postgres => [
            "BEGIN; LOCK TABLE audit.audit_logs IN ACCESS EXCLUSIVE MODE",
            "ROLLBACK",
        ],
        _ => ["BEGIN IMMEDIATE", "ROLLBACK"],
    }
}

/// A database of sqlx that runs texts.
pub(crate) trait Db: AuditDatabase {
    fn execute_text(
        connection: &mut Self::Connection,
        sql: &str,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// Expands to what sqlx has no trait for.
macro_rules! db {
    ($($database:ty),+) => {
        $(impl Db for $database {
            async fn execute_text(connection: &mut Self::Connection, sql: &str) -> Result<(), sqlx::Error> {
                let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
                done.map(|_| ())
            }
        })+
    };
}

db!(sqlx::MySql, sqlx::Postgres, sqlx::Sqlite);

pub(crate) struct World<DB: AuditDatabase> {
    pub(crate) pool: Pool<DB>,
    pub(crate) raw: Raw,
    pub(crate) folder: tempfile::TempDir,
    // Last: it is dropped once nothing is open in it.
    pub(crate) database: TestDatabase,
}

pub(crate) async fn pool<DB: AuditDatabase>(url: &str) -> Pool<DB> {
    let audit = Audit::builder().service("clinic").build().unwrap();
    let options = PoolOptions::<DB>::new().max_connections(2);
    let pool = audit_sqlx::attach(options, &audit).connect(url).await;
    pool.unwrap()
}

pub(crate) fn user(id: &str) -> AuditContext {
    AuditContext::new().with_actor(Actor::user(id))
}

impl<DB: AuditDatabase> World<DB> {
    pub(crate) async fn new(server: Server) -> Self {
        let database = TestDatabase::create(server).await;
        let pool = pool::<DB>(database.url()).await;
        let audit = Audit::builder().service("clinic").build().unwrap();
        audit_sqlx::migrate(&pool, &audit).await.unwrap();
        Self {
            pool,
            raw: database.raw().await,
            folder: tempfile::tempdir().unwrap(),
            database,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.database.server().dialect()
    }

    /// The name of the log in statements.
    pub(crate) fn log(&self) -> String {
        audit_core::schema::qualified(self.dialect(), "audit_logs")
    }

    /// Locks the log for everyone else.
    pub(crate) async fn stall(&mut self) {
        let [lock, _] = locks(self.dialect());
        self.raw.run(lock).await;
    }

    pub(crate) async fn go_on(&mut self) {
        let [_, unlock] = locks(self.dialect());
        self.raw.run(unlock).await;
    }

    pub(crate) fn sink(&self) -> PoolSink<DB> {
        audit_sqlx::event_sink(&self.pool).unwrap()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("spilled.ndjson")
    }

    /// A lane that has room for so many events.
    pub(crate) fn lane(&self, overflow: Overflow, events: usize) -> Lane {
        let lane = Lane::builder(self.sink(), overflow).max_events(events);
        lane.start().unwrap()
    }

    pub(crate) fn spilling(&self) -> Overflow {
        Overflow::Spill {
            path: self.file(),
            max_bytes: 64 * 1024 * 1024,
        }
    }

    /// The events of lanes, in the order of the log.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let log = audit_sqlx::log(&self.pool).oldest_first().limit(10_000);
        let mut events = log.list().await.unwrap();
        events.retain(|event| event.source == audit_core::Source::Lane);
        events
    }

    /// Their business verbs.
    pub(crate) async fn actions(&self) -> Vec<String> {
        let events = self.events().await.into_iter();
        events.filter_map(|event| event.action).collect()
    }
}

/// So many verbs, in the order of their numbers.
pub(crate) fn numbered(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("step {number:06}")).collect()
}
