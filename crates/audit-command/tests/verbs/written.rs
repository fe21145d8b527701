//! What is written down of the command: its help, its answers and its errors.
//! `AUDIT_WRITE_STORY=1` writes the files anew.

use std::fs;
use std::path::Path;

use audit_testkit::Server;
use serde_json::Value;

use super::masked::without_numbers;
use crate::{Audited, audit, ended};

/// Compares a text with a file beside the tests.
fn is_written_down(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let file = folder.join(name);
    if std::env::var_os("AUDIT_WRITE_STORY").is_some() {
        fs::write(&file, text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&file).unwrap_or_default());
}

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
    is_written_down("help.txt", &help);
}

/// What is asked of the database of [`Audited`]; `ID` is the event of the payment, and `AT` its time.
const ASKED: [&str; 48] = [
    "log",
    "log -n 1",
    "log --ids -n 2 --table invoices",
    "log --table nothing",
    "log --trace 1 --search acme",
    "show ID",
    "show 00000000-0000-0000-0000-000000000000",
    "timeline invoices acme 1",
    "timeline invoices acme 9",
    "blame invoices acme 1",
    "blame invoices acme 9",
    "as-of AT invoices acme 1",
    "as-of 1h invoices acme 1",
    "as-of 0s invoices acme 1",
    "as-of AT invoices",
    "as-of AT invoices --where status=\"paid\"",
    "as-of AT invoices --where secret=1",
    "stats --table invoices",
    "stats --by actor --top 1",
    "undo --actor bob",
    "undo --actor alice",
    "undo --actor nobody",
    "purge",
    "hold list",
    "hold add case --reason lawsuit --as olga --table invoices",
    "hold list",
    "purge",
    "hold release case --reason settled --as olga",
    "check",
    "optimize",
    "partitions list",
    "migrate status",
    "triggers status",
    // Errors.
    "log --after nonsense",
    "log -n 0",
    "log --since noon",
    "log --where status",
    "log --operation upsert",
    "as-of noon invoices",
    "as-of AT invoices --where status",
    "as-of AT invoices --where [0]=1",
    "undo",
    "undo --actor bob --apply",
    "hold add case --reason lawsuit --as olga",
    "hold release nothing --reason settled --as olga",
    "export -o .",
    "stats --by colour",
    "nonsense",
];

/// Every verb as a person reads it, on SQLite.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answers_are_what_is_written_down() {
    let audited = Audited::<sqlx::Sqlite>::create(Server::Sqlite).await;
    let paid = audited.ask(&["log", "--operation", "update", "--format", "ndjson"]);
    let paid: Value = serde_json::from_str(&paid.1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings =
        "[[retention]]\nname = \"books\"\nkeep = \"90d\"\nselect = { table = [\"inv*\"] }\n";
    fs::write(folder.path().join("audit.toml"), settings).unwrap();
    let mut answers = String::new();
    for line in ASKED {
        let arguments = line.split(' ').map(|word| match word {
            "ID" => paid["id"].as_str().unwrap(),
            "AT" => paid["occurred_at"].as_str().unwrap(),
            word => word,
        });
        let arguments: Vec<&str> = arguments.collect();
        let mut command = audit(Some(audited.database.url()), &arguments);
        let command = command.current_dir(folder.path()).env("COLUMNS", "100");
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code().unwrap();
        answers += &format!("$ audit {line}\n{told}{said}= {code}\n\n");
    }
    is_written_down("answers.txt", &without_numbers(&answers));
}
