//! The program on databases that audit-sqlx wrote: one module a database, one test a case.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

mod verbs {
    pub(crate) mod backup;
    pub(crate) mod export;
    pub(crate) mod migrate;
    pub(crate) mod optimize;
    pub(crate) mod partitions;
    pub(crate) mod purge;
    pub(crate) mod settings;
    pub(crate) mod tls;
    pub(crate) mod tools;
    pub(crate) mod triggers;
    pub(crate) mod undo;
}

use std::io::BufRead as _;
use std::process::{Command, Output, Stdio};

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

async fn each_filter_and_page_gives_its_events<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let of = |flags: &[&str]| audited.events(&[&OF_INVOICES, flags].concat());
    assert_eq!(of(&[]), [GONE, PAID, OTHER, MADE]);
    assert_eq!(of(&["--oldest-first", "--all"]), [MADE, OTHER, PAID, GONE]);
    assert_eq!(of(&["--actor", "bob", "--operation", "update"]), [PAID]);
    assert_eq!(
        of(&["--actor", "bob", "--actor", "alice", "--search", "acme"]).len(),
        4
    );
    assert_eq!(of(&["--where", r#"after.status = "paid""#]), [PAID]);
    assert_eq!(of(&["--changed", "status"]), [PAID]);
    assert_eq!(
        of(&["--record", r#"["acme","2"]"#, "--since", "yesterday"]),
        [OTHER]
    );
    assert_eq!(of(&["--until", "1h"]), [""; 0]);

    let first = [&OF_INVOICES[..], &["-n", "3", "--format", "ndjson"]].concat();
    let (_, _, said) = audited.ask(&first);
    let cursor = said
        .trim_end()
        .strip_prefix("there are more: --after ")
        .unwrap();
    assert_eq!(of(&["-n", "3", "--after", cursor]), [MADE]);
    let foreign = audited.ask(&["log", "--after", cursor]);
    let cause = "audit: the cursor is not one of this query; begin at the first page\n";
    assert_eq!(foreign, (2, String::new(), cause.to_owned()));
}

async fn a_record_is_told_through_time<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let record = ["invoices", "acme", "1"];
    assert_eq!(
        audited.events(&[&["timeline"], &record[..]].concat()),
        [GONE, PAID, MADE]
    );
    assert_eq!(
        audited.events(&["timeline", "invoices", "acme", "9"]),
        [""; 0]
    );

    let (code, blamed, _) =
        audited.ask(&[&["blame"], &record[..], &["--format", "ndjson"]].concat());
    let blamed: Vec<Value> = blamed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let who: Vec<_> = blamed
        .iter()
        .map(|blame| {
            [
                &blame["field"],
                &blame["value"],
                &blame["event"]["actor_id"],
            ]
        })
        .collect();
    assert_eq!(code, 0);
    assert_eq!(
        who,
        [
            ["number", "1", "alice"],
            ["org", "acme", "alice"],
            ["status", "paid", "bob"]
        ]
    );

    let paid = [
        &OF_INVOICES[..],
        &["--operation", "update", "--format", "ndjson"],
    ]
    .concat();
    let paid: Value = serde_json::from_str(&audited.ask(&paid).1).unwrap();
    let at = paid["occurred_at"].as_str().unwrap();
    let (code, was, _) =
        audited.ask(&[&["as-of", at], &record[..], &["--format", "ndjson"]].concat());
    let was: Value = serde_json::from_str(&was).unwrap();
    assert_eq!((code, &was["fields"]["status"]), (0, &Value::from("paid")));
    assert_eq!(
        was["gaps"],
        serde_json::json!(["`secret` is hidden, or a part of it"])
    );
    let (code, told, said) = audited.ask(&[&["as-of", "0s"], &record[..]].concat());
    assert_eq!((code, told.as_str()), (1, ""));
    assert!(said.starts_with("there was no such record at "), "{said}");

    let id = paid["id"].as_str().unwrap();
    let (code, shown, _) = audited.ask(&["show", id]);
    assert_eq!(code, 0);
    assert!(shown.ends_with("\nstatus\n  - open\n  + paid\n"), "{shown}");
    assert_eq!(audited.events(&["show", id]), [PAID]);
    assert_eq!(
        audited
            .ask(&["show", "00000000-0000-0000-0000-000000000000"])
            .0,
        1
    );
}

async fn a_table_is_told_as_it_was<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let paid = audited.ask(&["log", "--operation", "update", "--format", "ndjson"]);
    let paid: Value = serde_json::from_str(&paid.1).unwrap();
    let at = paid["occurred_at"].as_str().unwrap();
    let table = audited.ask(&["as-of", at, "invoices", "--format", "ndjson"]);
    let table: Vec<Value> = table
        .1
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<_> = table
        .iter()
        .map(|was| was["record_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [r#"["acme","1"]"#, r#"["acme","2"]"#]);
    assert_eq!(table[0]["fields"], paid["after_data"]);
    let (code, told, _) = audited.ask(&["as-of", at, "invoices"]);
    assert_eq!(
        (code, told.contains("\n  status paid\n")),
        (0, true),
        "{told}"
    );
}

async fn numbers_and_findings_are_told<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let (code, told, _) = audited.ask(&["stats", "--by", "actor", "--table", "invoices"]);
    let rows: Vec<Vec<&str>> = told
        .lines()
        .skip(2)
        .map(|row| row.split_whitespace().collect())
        .collect();
    assert_eq!(
        (code, rows),
        (
            0,
            vec![vec!["actor", "alice", "2"], vec!["actor", "bob", "2"]]
        )
    );
    assert_eq!(audited.ask(&["stats", "--actor", "nobody"]).0, 1);
    assert_eq!(audited.ask(&["stats", "--top", "0"]).0, 2);

    // The command has no rules, so triggers that hide a column are not those that it asks for;
    // those of SQLite are on the connections of the application alone.
    let (code, told, _) = audited.ask(&["check"]);
    assert_eq!(code, i32::from(server != Server::Sqlite), "{told}");
    assert_eq!(told.is_empty(), server == Server::Sqlite, "{told}");
}

/// What a reader of another maker finds in a table, each row by the names of the columns.
fn rows(csv: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

async fn answers_are_tables_for_programs<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let csv = |arguments: &[&str]| {
        let (code, told, said) = audited.ask(&[arguments, &["--format", "csv"]].concat());
        assert_eq!((code, said.as_str()), (0, ""), "{arguments:?}");
        assert!(told.contains("\r\n"), "{told:?}");
        told
    };
    let export = audited.ask(&["export", "--table", "invoices"]).1;
    assert_eq!(csv(&["log", "--table", "invoices", "--all"]), export);
    let record = ["invoices", "acme", "1"];
    let timeline = rows(&csv(&[&["timeline"], &record[..]].concat()));
    let operations = timeline.iter().map(|row| row["operation"].as_str());
    assert_eq!(
        operations.collect::<Vec<_>>(),
        ["DELETE", "UPDATE", "INSERT"]
    );
    assert_eq!(
        rows(&csv(&["show", &timeline[0]["id"]])),
        [timeline[0].clone()]
    );
    let stats = rows(&csv(&["stats", "--by", "actor", "--table", "invoices"]));
    assert_eq!(stats[0]["group"], "alice");
    assert_eq!(stats[0]["events"], "2");
    let blame = rows(&csv(&[&["blame"], &record[..]].concat()));
    assert_eq!(blame[2]["field"], "status");
    assert_eq!(blame[2]["value"], "paid");
    let (code, was, said) = audited.ask(&["as-of", "0s", "invoices", "--format", "csv"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.starts_with("note: rows that no event ever touched are not listed"),
        "{said}"
    );
    let was = rows(&was);
    let present = &was.iter().find(|row| row["state"] == "present").unwrap()["fields"];
    let fields: Value = serde_json::from_str(present).unwrap();
    assert_eq!(fields["status"], STEERING);
    assert_eq!(rows(&csv(&["optimize"]))[0]["name"], "audit_logs");

    // What finds nothing has the header of what finds something.
    let header = |arguments: &[&str], code: i32| {
        let (found, told, _) = audited.ask(&[arguments, &["--format", "csv"]].concat());
        assert_eq!(found, code, "{arguments:?}: {told}");
        let mut lines = told.split_inclusive("\r\n").map(str::to_owned);
        let header = lines.next().unwrap();
        assert_eq!(lines.next().is_none(), code == 1, "{arguments:?}: {told}");
        header
    };
    let invoices = ["--table", "invoices"];
    let nothing = ["--table", "nothing"];
    for verb in [
        &["log", "--all"][..],
        &["stats", "--by", "actor"],
        &["undo"],
    ] {
        let found = header(&[verb, &invoices].concat(), 0);
        assert_eq!(header(&[verb, &nothing].concat(), 1), found, "{verb:?}");
    }
    let found = header(&[&["blame"], &record[..]].concat(), 0);
    assert_eq!(header(&["blame", "invoices", "acme", "9"], 1), found);
    let found = header(&["as-of", "0s", "invoices"], 0);
    assert_eq!(header(&["as-of", "0s", "nothing"], 1), found);
}

async fn nothing_from_data_steers_the_terminal<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    for verb in [
        &["log", "--format", "table"][..],
        &["log", "--format", "json"],
        &["log", "--format", "ndjson"],
        &["blame", "invoices", "acme", "2"],
        &["as-of", "0s", "invoices", "acme", "2"],
    ] {
        let (code, told, _) = audited.ask(verb);
        assert_eq!(code, 0, "{verb:?}");
        let lower = told.to_lowercase();
        assert!(
            ["\\u009b", "\\u{9b}"]
                .iter()
                .any(|escape| lower.contains(escape)),
            "{told}"
        );
        assert!(
            told.chars().all(|c| c == '\n' || !c.is_control()),
            "{told:?}"
        );
    }
}

async fn following_prints_what_comes<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let arguments = [
        "log",
        "-f",
        "-n",
        "1",
        "--settling",
        "90",
        "--table",
        "invoices",
        "--format",
        "ndjson",
    ];
    let mut follower = audit(Some(audited.database.url()), &arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["operation"], "DELETE");
    audited
        .write("carol", "DELETE FROM invoices WHERE number = '2'")
        .await;
    assert_eq!(next()["actor_id"], "carol");
    let id = follower.id().to_string();
    let stopped = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(stopped.success());
    assert!(follower.wait().unwrap().success());
}

async fn an_export_reads_back_as_the_events<DB: Db>(server: Server) {
    verbs::export::reads_back_as_the_events::<DB>(server).await;
}

async fn an_undo_is_shown_and_then_done<DB: Db>(server: Server) {
    verbs::undo::shows_and_then_does::<DB>(server).await;
}

async fn partitions_are_made_and_taken_away<DB: Db>(server: Server) {
    verbs::partitions::are_made_and_taken_away::<DB>(server).await;
}

async fn an_optimization_is_shown_and_then_done<DB: Db>(server: Server) {
    verbs::optimize::is_shown_and_then_done::<DB>(server).await;
}

async fn a_purge_is_shown_and_then_done<DB: Db>(server: Server) {
    verbs::purge::shows_and_then_does::<DB>(server).await;
}

async fn a_purge_that_is_killed_leaves_whole_batches<DB: Db>(server: Server) {
    verbs::purge::killed_in_the_middle_leaves_whole_batches::<DB>(server).await;
}

async fn rules_are_those_of_the_file<DB: Db>(server: Server) {
    verbs::settings::rules_are_those_of_the_file::<DB>(server).await;
}

async fn a_log_is_made_and_taken_back<DB: Db>(server: Server) {
    verbs::migrate::is_made_and_taken_back::<DB>(server).await;
}

async fn steps_that_do_not_fit_are_told<DB: Db>(server: Server) {
    verbs::migrate::steps_that_do_not_fit_are_told::<DB>(server).await;
}

async fn triggers_are_compared_and_brought<DB: Db>(server: Server) {
    verbs::triggers::are_compared_and_brought::<DB>(server).await;
}

async fn printed_triggers_are_those_of_the_rules<DB: Db>(server: Server) {
    verbs::triggers::printed_are_those_of_the_rules::<DB>(server).await;
}

async fn a_backup_comes_back_row_by_row<DB: Db>(server: Server) {
    verbs::backup::comes_back_row_by_row::<DB>(server).await;
}

async fn sqlx_runs_what_is_printed<DB: Db>(server: Server) {
    verbs::tools::sqlx_runs_what_is_printed(server).await;
}

async fn diesel_runs_what_is_printed<DB: Db>(server: Server) {
    verbs::tools::diesel_runs_what_is_printed(server).await;
}

async fn sea_orm_runs_what_is_printed<DB: Db>(server: Server) {
    verbs::tools::sea_orm_runs_what_is_printed(server).await;
}

async fn a_closed_pipe_ends_it_quietly<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let mut child = audit(Some(audited.database.url()), &["log"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0));
}

/// Expands to the tests of one database.
macro_rules! database {
    ($module:ident, $server:ident, $database:ty) => {
        database! { $module, $server, $database,
            a_closed_pipe_ends_it_quietly,
            a_log_is_made_and_taken_back,
            steps_that_do_not_fit_are_told,
            triggers_are_compared_and_brought,
            printed_triggers_are_those_of_the_rules,
            a_backup_comes_back_row_by_row,
            sqlx_runs_what_is_printed,
            diesel_runs_what_is_printed,
            sea_orm_runs_what_is_printed,
            a_table_is_told_as_it_was,
            answers_are_tables_for_programs,
            an_undo_is_shown_and_then_done,
            an_optimization_is_shown_and_then_done,
            a_purge_is_shown_and_then_done,
            a_purge_that_is_killed_leaves_whole_batches,
            rules_are_those_of_the_file,
            a_record_is_told_through_time,
            each_filter_and_page_gives_its_events,
            an_export_reads_back_as_the_events,
            following_prints_what_comes,
            nothing_from_data_steers_the_terminal,
            numbers_and_findings_are_told,
            partitions_are_made_and_taken_away,
        }
    };
    ($module:ident, $server:ident, $database:ty, $($name:ident),+ $(,)?) => {
        mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name::<$database>(audit_testkit::Server::$server).await;
            })+
        }
    };
}

database!(mariadb, MariaDb, sqlx::MySql);
database!(postgres15, Postgres15, sqlx::Postgres);
database!(postgres18, Postgres18, sqlx::Postgres);
database!(sqlite, Sqlite, sqlx::Sqlite);

#[test]
fn what_cannot_be_done_is_said_without_a_password() {
    let nowhere = "postgres://ann:hunter2@127.0.0.1:1/app";
    for (url, arguments, code, part) in [
        (None, &["log"][..], 2, "no database is named"),
        (
            Some("oracle://ann:hunter2@host/app"),
            &["log"],
            2,
            "a URL starts with",
        ),
        (Some("sqlite::memory:"), &["log"], 2, "a database in memory"),
        (Some(nowhere), &["log"], 3, "the database cannot be opened"),
        (
            Some(nowhere),
            &["log", nowhere],
            2,
            "postgres://ann:***@127.0.0.1:1/app",
        ),
        (
            Some(nowhere),
            &["as-of", "noon", "users", "1"],
            2,
            "`noon` is no time",
        ),
        (Some(nowhere), &["log", "--help"], 0, ""),
    ] {
        let (ended, told, said) = ended(url, arguments);
        assert_eq!(ended, code, "{arguments:?}: {said}");
        assert!(said.contains(part), "{said}");
        assert!(!(told + &said).contains("hunter2"), "{arguments:?}");
    }
}

/// The help of each verb is written down; `AUDIT_WRITE_STORY=1` writes it anew.
#[test]
fn the_help_is_what_is_written_down() {
    let verbs = [
        "log",
        "show",
        "timeline",
        "blame",
        "as-of",
        "stats",
        "export",
        "undo",
        "partitions",
        "purge",
        "hold",
        "hold add",
        "hold list",
        "hold release",
        "check",
        "optimize",
        "migrate",
        "migrate up",
        "migrate status",
        "migrate down",
        "migrate restore",
        "migrate print",
        "triggers",
        "triggers print",
        "triggers install",
        "triggers status",
        "triggers drop",
        "init",
        "completions",
        "man",
    ];
    let mut help = ended(None, &["--help"]).1;
    for verb in verbs {
        let arguments: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
        help += &format!("\n=== {verb}\n{}", ended(None, &arguments).1);
    }
    for verb in ["list", "convert", "create", "detach", "drop"] {
        let told = ended(None, &["partitions", verb, "--help"]).1;
        help += &format!("\n=== partitions {verb}\n{told}");
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help.txt");
    if std::env::var_os("AUDIT_WRITE_STORY").is_some() {
        std::fs::write(&file, &help).unwrap();
    }
    assert_eq!(help, std::fs::read_to_string(&file).unwrap_or_default());
}
