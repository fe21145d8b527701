//! The demo: what it prints, what is in its database, how it ends. What must be there is written
//! down here once more, apart from the story's own list.

use std::process::Output;

use audit_core::Dialect;
use audit_testkit::{Server, TestDatabase};
use serde_json::Value;

use super::{Example, succeeded};

/// The events of the demo in an empty database, request by request. Within a request databases
/// differ in the order.
const TRAIL: [&[&str]; 12] = [
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
    &[r#"bob UPDATE invoices ["acme","1001"] status"#],
    &[
        r#"alice DELETE invoice_lines ["acme","1001","1"]"#,
        r#"alice DELETE invoice_lines ["acme","1001","2"]"#,
        r#"alice DELETE invoices ["acme","1001"]"#,
        r#"alice DELETE invoices ["acme","1002"]"#,
    ],
];

/// Runs the demo in a database that is named.
fn demo(example: Example, database: &TestDatabase) -> Output {
    let url = ["--database-url", database.url()];
    example.run(&[&["--demo", "--format", "ndjson"], &url[..]].concat())
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

/// Each event by whom it must be, as the columns say, and nothing else.
pub async fn the_demo_leaves_its_trail(example: Example, server: Server) {
    let database = TestDatabase::create(server).await;
    let output = demo(example, &database);
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
        assert_eq!(text(event, "service"), example.name());
        assert_eq!(
            event["context"]["user_agent"],
            format!("{}-demo", example.name())
        );
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
    let manual = |event: &&Value| text(event, "operation") == "CUSTOM";
    let approval = events.iter().find(manual).unwrap();
    assert_eq!(approval["action"], "invoice.approved");
    let reasons = events.iter().map(|event| text(event, "reason"));
    let reasons: Vec<&str> = reasons.filter(|reason| !reason.is_empty()).collect();
    assert_eq!(reasons, ["one spelling for each address", "too early"]);
    let undo = &events[events.len() - 5];
    assert_eq!(
        (text(undo, "action"), text(undo, "reason")),
        ("audit.undo", "too early")
    );
    assert_eq!(undo["reverts"].as_array().map(Vec::len), Some(1));
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
pub async fn a_second_run_tells_of_itself_alone(example: Example, server: Server) {
    let database = TestDatabase::create(server).await;
    let first = demo(example, &database);
    let second = demo(example, &database);
    let (first, second) = (events(succeeded(&first)), events(succeeded(&second)));
    assert_eq!(first.len(), second.len());
    assert!(first.iter().all(|event| !second.contains(event)));
}

/// It does not put its tables and triggers among those of something else.
pub async fn another_application_is_left_alone(example: Example, server: Server) {
    let database = TestDatabase::create(server).await;
    let mut raw = database.raw().await;
    raw.run("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        .await;
    let output = demo(example, &database);
    assert_eq!(output.status.code(), Some(1));
    let talk = String::from_utf8_lossy(&output.stderr);
    let refusal = "the database has 1 tables of something else; name an empty one";
    assert!(talk.contains(refusal), "{talk}");
    assert!(output.stdout.is_empty());
}
