//! The four questions over HTTP: who changed this, what did this person do, what was the table, undo
//! that request. What was there is read from the tables with a connection of the tests' own.

use audit_testkit::{Raw, Server, TestDatabase};
use serde_json::{Value, json};

use super::Example;
use super::server::Running;

/// Every row of the invoices and of their lines, as texts.
async fn rows(raw: &mut Raw) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for sql in [
        "SELECT * FROM invoices ORDER BY org, number",
        "SELECT * FROM invoice_lines ORDER BY org, number, line_no",
    ] {
        rows.extend(raw.texts(sql).await);
    }
    rows
}

/// Alice's invoice, which bob changed; what is there.
async fn invoiced(server: &Running, raw: &mut Raw) -> Vec<Vec<Option<String>>> {
    let lines = json!([
        {"line_no": 1, "item": "desk", "quantity": 1},
        {"line_no": 2, "item": "lamp", "quantity": 2},
    ]);
    let invoice = json!({"total": "199.90", "details": {"terms": null}, "lines": lines});
    let answer = server.send(&server.alice, "POST", "/invoices/acme/1001", &invoice);
    assert_eq!(answer.status, 201, "{}", answer.text);
    let invoice = json!({"total": "249.00", "details": {"terms": ["14 days", null]}});
    let answer = server.send(&server.bob, "PUT", "/invoices/acme/1001", &invoice);
    assert_eq!(answer.status, 204, "{}", answer.text);
    rows(raw).await
}

fn delete(server: &Running) -> String {
    let answer = server.send(&server.alice, "DELETE", "/invoices/acme", &Value::Null);
    assert_eq!(answer.status, 204, "{}", answer.text);
    answer.request_id
}

/// Who changed an invoice, which fields, and from what; and what bob did.
pub async fn who_changed_an_invoice_is_told(example: Example, server: Server) {
    let database = TestDatabase::create(server).await;
    let server = Running::start(example, &["--database-url", database.url()]);
    invoiced(&server, &mut database.raw().await).await;
    delete(&server);
    let (status, answer) = server.get("/audit/records/invoices/acme/1001");
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["table_name"], "invoices");
    assert_eq!(answer["record_id"], r#"["acme","1001"]"#);
    assert_eq!(answer["has_more"], false);
    let turns = answer["turns"].as_array().unwrap();
    let who = turns.iter().map(|turn| {
        let event = &turn["event"];
        let fields = turn["changes"].as_array().unwrap().iter();
        let fields: Vec<&str> = fields
            .map(|change| change["field"].as_str().unwrap())
            .collect();
        let (actor, what) = (event["actor_id"].as_str(), event["operation"].as_str());
        format!("{} {} {}", actor.unwrap(), what.unwrap(), fields.join(" "))
    });
    let all = "details number org status total";
    let expected = [
        format!("alice DELETE {all}"),
        "bob UPDATE details total".to_owned(),
        format!("alice INSERT {all}"),
    ];
    assert_eq!(who.collect::<Vec<_>>(), expected);
    let change = &turns[1]["changes"][1];
    let digits = |value: &Value| value.to_string().replace('"', "");
    let values = [digits(&change["before"]), digits(&change["after"])];
    assert!(
        values[0].starts_with("199.9") && values[1].starts_with("249"),
        "{values:?}"
    );

    let (status, newest) = server.get("/audit/records/invoices/acme/1001?limit=2");
    assert_eq!((status, &newest["has_more"]), (200, &json!(true)));
    assert_eq!(newest["turns"].as_array().map(Vec::len), Some(2));
    let (status, did) = server.get("/audit?actor=bob&since=today");
    assert_eq!(status, 200, "{did}");
    let (_, all) = server.get("/audit?actor=bob&since=1h");
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
    assert_eq!(all[0]["operation"], "UPDATE");
}

/// A table as it was before all of it was deleted.
pub async fn a_table_is_told_as_it_was(example: Example, server: Server) {
    let database = TestDatabase::create(server).await;
    let server = Running::start(example, &["--database-url", database.url()]);
    let mut raw = database.raw().await;
    let was = invoiced(&server, &mut raw).await;
    let (_, newest) = server.get("/audit?actor=bob&limit=1");
    let at = newest[0]["occurred_at"].as_str().unwrap();
    delete(&server);
    assert!(rows(&mut raw).await.is_empty());
    let told = |table: &str, columns: &[&str]| -> Vec<Vec<Option<String>>> {
        let (status, then) = server.get(&format!("/audit/tables/{table}?at={at}"));
        assert_eq!(status, 200, "{then}");
        let records = then["records"].as_array().unwrap().iter();
        let row = |record: &Value| {
            assert_eq!(
                (&record["state"], &record["gaps"]),
                (&json!("present"), &json!([]))
            );
            let fields = columns
                .iter()
                .map(|column| match &record["fields"][*column] {
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                });
            fields.collect()
        };
        records.map(row).collect()
    };
    let invoices = told("invoices", &["org", "number", "status"]);
    let raw_cells =
        |row: &Vec<Option<String>>| [row[0].clone(), row[1].clone(), row[3].clone()].to_vec();
    assert_eq!(invoices, [raw_cells(&was[0])]);
    let lines = told(
        "invoice_lines",
        &["org", "number", "line_no", "item", "quantity"],
    );
    assert_eq!(lines, was[1..]);
    let (status, now) = server.get("/audit/tables/invoices?at=0m");
    assert_eq!((status, &now["records"]), (200, &json!([])));
    let (status, first) = server.get(&format!("/audit/tables/invoice_lines?at={at}&limit=1"));
    assert_eq!((status, &first["has_more"]), (200, &json!(true)));
}

/// What a request did is taken back as whoever asks for it, and that in turn.
pub async fn a_request_is_undone_and_redone(example: Example, server: Server) {
    let database = TestDatabase::create(server).await;
    let server = Running::start(example, &["--database-url", database.url()]);
    let mut raw = database.raw().await;
    let was = invoiced(&server, &mut raw).await;
    let deletion = delete(&server);
    let path = |request: &str| format!("/audit/requests/{request}/undo");
    let (status, plan) = server.get(&path(&deletion));
    assert_eq!((status, &plan["is_clear"]), (200, &json!(true)), "{plan}");
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(3), "{plan}");
    assert!(plan.get("undone").is_none() && rows(&mut raw).await.is_empty());

    let undo = format!("{}?reason=a%20mistake", path(&deletion));
    let undone = server.send(&server.bob, "POST", &undo, &Value::Null);
    assert_eq!(
        (undone.status, &undone.json()["undone"]["records"]),
        (200, &json!(3)),
        "{}",
        undone.text
    );
    assert_eq!(rows(&mut raw).await, was);
    let (_, events) = server.get(&format!("/audit?request={}", undone.request_id));
    let events = events.as_array().unwrap();
    assert_eq!(events.len(), 3);
    for event in events {
        assert_eq!(
            (&event["actor_id"], &event["operation"]),
            (&json!("bob"), &json!("INSERT"))
        );
        assert_eq!(
            (&event["action"], &event["reason"]),
            (&json!("audit.undo"), &json!("a mistake"))
        );
        assert_eq!(event["reverts"].as_array().map(Vec::len), Some(1));
    }

    // The rows are there again: nothing is done, and nothing recorded.
    let again = server.send(&server.bob, "POST", &path(&deletion), &Value::Null);
    assert_eq!(again.status, 409, "{}", again.text);
    let steps = again.json()["plan"]["steps"].clone();
    let conflict = |step: &Value| step["conflicts"] == json!(["there is such a record again"]);
    assert!(steps.as_array().unwrap().iter().all(conflict), "{steps}");
    let (_, none) = server.get(&format!("/audit?request={}", again.request_id));
    assert_eq!((none, rows(&mut raw).await), (json!([]), was));

    let redo = server.send(
        &server.alice,
        "POST",
        &path(&undone.request_id),
        &Value::Null,
    );
    assert_eq!(redo.status, 200, "{}", redo.text);
    assert!(rows(&mut raw).await.is_empty());
}

/// None of it is for somebody without a token.
pub fn nobody_reads_the_trail_without_a_token(example: Example) {
    let server = Running::start(example, &[]);
    for (method, path) in [
        ("GET", "/audit"),
        ("GET", "/audit/export/csv"),
        ("GET", "/audit/records/users/1"),
        ("GET", "/audit/tables/users?at=0m"),
        ("GET", "/audit/requests/1/undo"),
        ("POST", "/audit/requests/1/undo"),
    ] {
        let answer = server.send("", method, path, &Value::Null);
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text);
        assert_eq!(
            answer.challenge.as_deref(),
            Some("Bearer"),
            "{method} {path}"
        );
        let known = server.send(&server.bob, method, path, &Value::Null);
        assert_ne!(known.status, 401, "{method} {path}: {}", known.text);
    }
}

/// Each with what to do about it.
pub fn a_question_that_makes_no_sense_is_refused(example: Example) {
    let server = Running::start(example, &[]);
    for (path, wanted) in [
        ("/audit/tables/users?at=noon", 400),
        ("/audit/tables/users", 400),
        ("/audit/tables/users?at=0m&limit=0", 400),
        ("/audit/tables/users?at=0m&limit=1001", 400),
        ("/audit/records/users/1?limit=0", 400),
        ("/audit/records/users/1?lmit=1", 400),
        ("/audit/records/users/1", 404),
        ("/audit/records/users", 404),
        ("/audit/requests/1/undo", 404),
    ] {
        let (status, answer) = server.get(path);
        assert_eq!(status, wanted, "{path}: {answer}");
    }
    let (_, answer) = server.get("/audit/tables/users?at=noon");
    let text = answer["error"].as_str().unwrap();
    assert!(text.starts_with("`noon` is no time"), "{answer}");
}
