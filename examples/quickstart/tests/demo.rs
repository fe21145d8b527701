//! The program as a user runs it, looked at from outside: what it prints, what is in its
//! database, how it ends. What must be there is written down here once more, apart from the
//! program's own list.

#![cfg(test)]

use std::process::{Command, Output};

use audit_core::Dialect;
use audit_testkit::{Server, TestDatabase};
use serde_json::Value;

/// The events of the demo in an empty database, request by request. Within a request databases
/// differ in the order.
const TRAIL: [&[&str]; 11] = [
    &["alice INSERT users 1"],
    &["anonymous INSERT users 2"],
    &["bob UPDATE users 1 name"],
    &["alice UPDATE users 1 password"],
    &[
        r#"alice INSERT invoice_lines ["acme","1001","1"]"#,
        r#"alice INSERT invoice_lines ["acme","1001","2"]"#,
        r#"alice INSERT invoices ["acme","1001"]"#,
    ],
    &[r#"bob UPDATE invoices ["acme","1001"] details total"#],
    &[r#"bob INSERT invoices ["acme","1002"]"#],
    &[
        r#"alice UPDATE invoices ["acme","1001"] status"#,
        r#"alice UPDATE invoices ["acme","1002"] status"#,
    ],
    &[
        r#"bob CUSTOM invoices ["acme","1001"]"#,
        r#"bob UPDATE invoices ["acme","1001"] status"#,
    ],
    &["alice UPDATE users 1 email"],
    &[
        r#"alice DELETE invoice_lines ["acme","1001","1"]"#,
        r#"alice DELETE invoice_lines ["acme","1001","2"]"#,
        r#"alice DELETE invoices ["acme","1001"]"#,
        r#"alice DELETE invoices ["acme","1002"]"#,
    ],
];

fn quickstart(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .output()
        .unwrap()
}

fn succeeded(output: &Output) -> &str {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{talk}");
    std::str::from_utf8(&output.stdout).unwrap()
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_default()
}

/// An event in a line: who, what, which record, and the changed columns in order of their names.
fn in_words(event: &Value) -> String {
    let who = match text(event, "actor_id") {
        "" => text(event, "actor_kind"),
        id => id,
    };
    let mut words = vec![who, text(event, "operation")];
    words.extend([text(event, "table_name"), text(event, "record_id")]);
    let mut changed: Vec<&str> = event["changed_fields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    changed.sort_unstable();
    words.extend(changed);
    words.join(" ")
}

/// The events, request by request.
fn requests(events: &[Value]) -> Vec<Vec<String>> {
    let same =
        |a: &Value, b: &Value| a["request_id"].is_string() && a["request_id"] == b["request_id"];
    let mut requests: Vec<Vec<String>> = events
        .chunk_by(same)
        .map(|events| events.iter().map(in_words).collect())
        .collect();
    for request in &mut requests {
        request.sort_unstable();
    }
    requests
}

fn events(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn the_demo_leaves_its_trail(server: Server) {
    let database = TestDatabase::create(server).await;
    let output = quickstart(&[
        "--demo",
        "--format",
        "ndjson",
        "--database-url",
        database.url(),
    ]);
    let lines = succeeded(&output);
    let events = events(lines);
    assert_eq!(requests(&events), TRAIL);

    for event in &events {
        let manual = text(event, "operation") == "CUSTOM";
        assert_eq!(
            text(event, "source"),
            if manual { "manual" } else { "trigger" }
        );
        let known = text(event, "actor_kind") == "user";
        assert_eq!(
            text(event, "assurance"),
            if known { "verified" } else { "" }
        );
        assert_eq!(text(event, "service"), "quickstart");
        assert_eq!(event["context"]["user_agent"], "quickstart-demo");
    }
    let times: Vec<&str> = events
        .iter()
        .map(|event| text(event, "occurred_at"))
        .collect();
    assert!(times.is_sorted());
    let image = |event: &Value, image: &str, field: &str| event[image][field].clone();
    assert_eq!(image(&events[2], "before_data", "name"), "Ann");
    assert_eq!(image(&events[2], "after_data", "name"), "Anna");
    assert_eq!(events[2]["context"]["route"], "/users/{id}/name");
    assert_eq!(
        events[3]["redacted_fields"],
        serde_json::json!(["password"])
    );
    assert!(!events[4]["transaction_id"].is_null());
    assert_eq!(events[4]["transaction_id"], events[6]["transaction_id"]);
    // Every digit of a decimal, as a number or, where there are no decimals, as a text.
    let compact = lines.replace(": ", ":");
    let total = [r#""total":199.90"#, r#""total":"199.90""#];
    assert!(total.iter().any(|total| compact.contains(total)));
    for secret in ["correct horse", "battery staple", "tr0ub4dor"] {
        assert!(!lines.contains(secret));
    }
    the_database_agrees(&database, events.len()).await;
}

/// What was rolled back or refused is not in the tables, and the log holds no more than was said.
async fn the_database_agrees(database: &TestDatabase, events: usize) {
    let mut raw = database.raw().await;
    let mut cells = async |sql| {
        let rows = raw.texts(sql).await;
        rows.into_iter().flatten().flatten().collect::<Vec<_>>()
    };
    let names = cells("SELECT name FROM users ORDER BY id").await;
    assert_eq!(names, ["Anna", "Ben"]);
    assert_eq!(cells("SELECT item FROM invoice_lines").await, [""; 0]);
    let (log, text) = match database.server().dialect() {
        Dialect::Postgres => ("audit.audit_logs", "TEXT"),
        Dialect::MySql => ("audit_logs", "CHAR"),
        _ => ("audit_logs", "TEXT"),
    };
    let count = format!("SELECT CAST(count(*) AS {text}) FROM {log}");
    assert_eq!(cells(&count).await, [events.to_string()]);
}

/// Where it was played before, it tells of itself alone.
async fn a_second_run_tells_of_itself_alone(server: Server) {
    let database = TestDatabase::create(server).await;
    let demo = || {
        quickstart(&[
            "--demo",
            "--format",
            "ndjson",
            "--database-url",
            database.url(),
        ])
    };
    let first = demo();
    let second = demo();
    let (first, second) = (events(succeeded(&first)), events(succeeded(&second)));
    assert_eq!(first.len(), second.len());
    assert!(first.iter().all(|event| !second.contains(event)));
}

/// It does not put its tables and triggers among those of something else.
async fn another_application_is_left_alone(server: Server) {
    let database = TestDatabase::create(server).await;
    let mut raw = database.raw().await;
    raw.run("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        .await;
    let output = quickstart(&["--demo", "--database-url", database.url()]);
    assert_eq!(output.status.code(), Some(1));
    let talk = String::from_utf8_lossy(&output.stderr);
    let refusal = "the database has 1 tables of something else; name an empty one";
    assert!(talk.contains(refusal), "{talk}");
    assert!(output.stdout.is_empty());
}

/// Makes one test of each for a database.
///
/// Expands to `mod $module { #[tokio::test] async fn the_demo_leaves_its_trail() { .. } .. }`.
macro_rules! databases {
    ($($module:ident: $server:ident),+ $(,)?) => {$(
        mod $module {
            use audit_testkit::Server;

            #[tokio::test]
            async fn the_demo_leaves_its_trail() {
                super::the_demo_leaves_its_trail(Server::$server).await;
            }

            #[tokio::test]
            async fn a_second_run_tells_of_itself_alone() {
                super::a_second_run_tells_of_itself_alone(Server::$server).await;
            }

            #[tokio::test]
            async fn another_application_is_left_alone() {
                super::another_application_is_left_alone(Server::$server).await;
            }
        }
    )+};
}

databases! {
    mariadb: MariaDb,
    postgres15: Postgres15,
    postgres18: Postgres18,
    sqlite: Sqlite,
}

#[test]
fn the_table_fits_a_terminal() {
    let output = quickstart(&["--demo"]);
    let table = succeeded(&output);
    let longest = table.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(120), "{table}");
    let line = |start: &str| table.lines().find(|line| line.contains(start));
    assert!(
        line("name: Ann → Anna").is_some_and(|line| line.contains(" bob ")),
        "{table}"
    );
    assert!(table.contains("password: (hidden)") && !table.contains("tr0ub4dor"));
}

/// Times are the one thing that differs from run to run.
fn without_times(table: &str) -> String {
    let shown = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let line = |line: &str| {
        let time: String = line.chars().take(12).map(shown).collect();
        let rest: String = line.chars().skip(12).collect();
        time + &rest + "\n"
    };
    table.trim().lines().map(line).collect()
}

#[test]
fn the_readme_shows_what_is_printed() {
    let output = quickstart(&["--demo"]);
    let readme = without_times(include_str!("../../../README.md"));
    let table = without_times(succeeded(&output));
    assert!(readme.contains(&table), "paste this:\n{table}");
}

#[test]
fn what_cannot_be_asked_for_is_refused_before_anything_runs() {
    for (arguments, words) in [
        (
            &["--database-url", "oracle://x"][..],
            "starts with `sqlite://`",
        ),
        (&["--database-url", "sqlite::memory:"], "name a file"),
        (&["--format", "ndjson"], "--demo"),
        (&["--port", "x"], "--port"),
    ] {
        let output = quickstart(arguments);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{talk}");
        assert!(talk.contains(words), "{talk}");
    }
}

#[test]
fn a_database_that_cannot_be_opened_is_an_error_that_helps() {
    let (file, server) = (
        "sqlite://no/such/folder/app.db",
        "mysql://root@127.0.0.1:1/x",
    );
    for (url, advice) in [
        (file, "needs `?mode=rwc`"),
        (server, "see that the server runs"),
    ] {
        let output = quickstart(&["--demo", "--database-url", url]);
        assert_eq!(output.status.code(), Some(1));
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(talk.contains(advice), "{talk}");
    }
}
