//! What is printed: numbers, tables for programs, and nothing that steers a terminal.

use audit_testkit::Server;
use serde_json::Value;

use crate::{Audited, Db, STEERING};

pub(crate) async fn numbers_and_findings_are_told<DB: Db>(server: Server) {
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

pub(crate) async fn answers_are_tables_for_programs<DB: Db>(server: Server) {
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

pub(crate) async fn nothing_from_data_steers_the_terminal<DB: Db>(server: Server) {
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
