//! The program on databases that audit-sqlx wrote: one module a database, one test a case.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

mod verbs {
    pub(crate) mod answers;
    pub(crate) mod backup;
    pub(crate) mod export;
    pub(crate) mod log;
    pub(crate) mod masked;
    pub(crate) mod migrate;
    pub(crate) mod optimize;
    pub(crate) mod partitions;
    pub(crate) mod purge;
    pub(crate) mod record;
    pub(crate) mod settings;
    pub(crate) mod terminal;
    pub(crate) mod tls;
    pub(crate) mod tools;
    pub(crate) mod triggers;
    pub(crate) mod undo;
    pub(crate) mod written;
}

use std::process::{Command, Output};

use audit_core::{Actor, Audit, AuditContext, Redaction, TableRule};
use audit_sqlx::AuditDatabase;
use audit_testkit::{Server, TestDatabase};
use serde_json::Value;
use sqlx::pool::PoolOptions;
use sqlx::{AssertSqlSafe, Pool};

/// What steers a terminal: the control sequence introducer in both its forms.
const STEERING: &str = "\u{1b}[2J\u{9b}2J";

/// A database of sqlx that runs texts.
trait Db: AuditDatabase {
    async fn execute_text(connection: &mut Self::Connection, sql: &str);
}

/// Expands to what sqlx has no trait for.
macro_rules! db {
    ($($database:ty),+) => {
        $(impl Db for $database {
            async fn execute_text(connection: &mut Self::Connection, sql: &str) {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
            }
        })+
    };
}

db!(sqlx::MySql, sqlx::Postgres, sqlx::Sqlite);

/// A database with an invoice that alice made and bob paid and deleted, and one that alice made.
struct Audited<DB: Db> {
    database: TestDatabase,
    pool: Pool<DB>,
}

fn audit(url: Option<&str>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit"));
    command
        .args(arguments)
        .env_remove("COLUMNS")
        .env_remove("NO_COLOR")
        .env_remove("TERM")
        .env_remove("AUDIT_DATABASE_URL")
        .env_remove("DATABASE_URL");
    command.envs(url.map(|url| ("DATABASE_URL", url)));
    command
}

fn ended(url: Option<&str>, arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = audit(url, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

impl<DB: Db> Audited<DB> {
    async fn create(server: Server) -> Self {
        let database = TestDatabase::create(server).await;
        let rule = TableRule::new("invoices").redact("secret", Redaction::Drop);
        let rules = Audit::builder().table(rule).build().unwrap();
        let options = PoolOptions::<DB>::new().max_connections(2);
        let pool = audit_sqlx::attach(options, &rules)
            .connect(database.url())
            .await
            .unwrap();
        let mut raw = database.raw().await;
        raw.run(
            "CREATE TABLE invoices (org VARCHAR(20), number VARCHAR(20), status TEXT, secret TEXT, \
             PRIMARY KEY (org, number))",
        )
        .await;
        audit_sqlx::migrate(&pool, &rules).await.unwrap();
        let audited = Self { database, pool };
        for (actor, sql) in [
            (
                "alice",
                "INSERT INTO invoices VALUES ('acme', '1', 'open', 'hush')".to_owned(),
            ),
            (
                "alice",
                format!("INSERT INTO invoices VALUES ('acme', '2', '{STEERING}', 'hush')"),
            ),
            (
                "bob",
                "UPDATE invoices SET status = 'paid' WHERE number = '1'".to_owned(),
            ),
            ("bob", "DELETE FROM invoices WHERE number = '1'".to_owned()),
        ] {
            audited.write(actor, &sql).await;
        }
        audited
    }

    async fn write(&self, actor: &str, sql: &str) {
        let context = AuditContext::new().with_actor(Actor::user(actor));
        let transaction = context.scope(audit_sqlx::begin(&self.pool)).await;
        let mut transaction = transaction.unwrap();
        DB::execute_text(&mut transaction, sql).await;
        transaction.commit().await.unwrap();
    }

    fn ask(&self, arguments: &[&str]) -> (i32, String, String) {
        ended(Some(self.database.url()), arguments)
    }

    /// The events that an answer has, each as who, what and which record.
    fn events(&self, arguments: &[&str]) -> Vec<String> {
        let (code, told, _) = self.ask(&[arguments, &["--format", "ndjson"]].concat());
        let events: Vec<Value> = told
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(code, i32::from(events.is_empty()), "{arguments:?}");
        let words = ["actor_id", "operation", "record_id"];
        let text = |event: &Value| words.map(|word| event[word].as_str().unwrap_or("-").to_owned());
        events.iter().map(|event| text(event).join(" ")).collect()
    }
}

const MADE: &str = r#"alice INSERT ["acme","1"]"#;
const OTHER: &str = r#"alice INSERT ["acme","2"]"#;
const PAID: &str = r#"bob UPDATE ["acme","1"]"#;
const GONE: &str = r#"bob DELETE ["acme","1"]"#;
/// What is said of a query by actor: the rules ask for no index.
const NO_INDEX_OF_ACTORS: &str = "note: no index leads to these events, so all of the log may be read; ask for \
                                  the index `actor` in the rules and migrate\n";
const OF_INVOICES: [&str; 3] = ["log", "--table", "invoices"];

/// Expands to the tests of one database.
macro_rules! database {
    ($module:ident, $server:ident, $database:ty) => {
        database! { $module, $server, $database,
            answers::answers_are_tables_for_programs,
            answers::nothing_from_data_steers_the_terminal,
            answers::numbers_and_findings_are_told,
            backup::a_backup_comes_back_row_by_row,
            export::an_export_reads_back_as_the_events,
            log::a_closed_pipe_ends_it_quietly,
            log::each_filter_and_page_gives_its_events,
            log::following_prints_what_comes,
            migrate::a_log_is_made_and_taken_back,
            migrate::steps_that_do_not_fit_are_told,
            optimize::an_optimization_is_shown_and_then_done,
            partitions::partitions_are_made_and_taken_away,
            purge::a_purge_is_shown_and_then_done,
            purge::a_purge_that_is_killed_leaves_whole_batches,
            record::a_record_is_told_through_time,
            record::a_table_is_told_as_it_was,
            settings::rules_are_those_of_the_file,
            tools::diesel_runs_what_is_printed,
            tools::sea_orm_runs_what_is_printed,
            tools::sqlx_runs_what_is_printed,
            triggers::printed_triggers_are_those_of_the_rules,
            triggers::triggers_are_compared_and_brought,
            undo::an_undo_is_shown_and_then_done,
        }
    };
    ($module:ident, $server:ident, $database:ty, $($verb:ident :: $name:ident),+ $(,)?) => {
        mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::verbs::$verb::$name::<$database>(audit_testkit::Server::$server).await;
            })+
        }
    };
}

database!(mariadb, MariaDb, sqlx::MySql);
database!(postgres15, Postgres15, sqlx::Postgres);
database!(postgres18, Postgres18, sqlx::Postgres);
database!(sqlite, Sqlite, sqlx::Sqlite);
