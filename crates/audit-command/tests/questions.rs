//! The questions of the README, asked of a database that the quickstart's story has written, in the
//! folder where its rules are.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

#[path = "verbs/masked.rs"]
mod masked;

use std::path::Path;
use std::process::Command;

use audit_testkit::{Raw, Server, TestDatabase};
use serde_json::Value;

use masked::without_numbers;

/// What the command answers: its exit code, standard output, standard error.
type Answer = (i32, String, String);

/// A database with the story in it.
struct Played(TestDatabase);

impl Played {
    async fn new(server: Server) -> Self {
        let database = TestDatabase::create(server).await;
        quickstart::play(database.url()).await;
        Self(database)
    }

    fn ask(&self, arguments: &[&str]) -> Answer {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart");
        let output = Command::new(env!("CARGO_BIN_EXE_audit"))
            .args(arguments)
            .current_dir(example)
            .env("DATABASE_URL", self.0.url())
            .env_remove("AUDIT_DATABASE_URL")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        (code, text(output.stdout), text(output.stderr))
    }

    /// What was found, line by line.
    fn find(&self, arguments: &[&str]) -> Vec<Value> {
        let (code, told, said) = self.ask(&[arguments, &["--format", "ndjson"]].concat());
        assert_eq!(code, 0, "{arguments:?}: {said}");
        let line = |line: &str| serde_json::from_str(line).unwrap();
        told.lines().map(line).collect()
    }

    /// The deletion of all invoices: the id of one of its events, and that of the request.
    fn deletion(&self) -> (String, String) {
        let arguments = [
            "log",
            "--table",
            "invoices",
            "--operation",
            "delete",
            "-n",
            "1",
        ];
        let event = self.find(&arguments).remove(0);
        let text = |field: &str| event[field].as_str().unwrap().to_owned();
        (text("id"), text("request_id"))
    }

    /// When bob had approved.
    fn approval(&self) -> String {
        let events = self.find(&["log", "--action", "invoice.approved"]);
        events[0]["occurred_at"].as_str().unwrap().to_owned()
    }
}

async fn invoices(raw: &mut Raw) -> Vec<Vec<Option<String>>> {
    raw.texts("SELECT org, number, status FROM invoices ORDER BY number")
        .await
}

/// Each question on each database, by what the answers hold.
async fn the_questions_are_answered(server: Server) {
    let played = Played::new(server).await;
    let turns = played.find(&["timeline", "invoices", "acme", "1001"]);
    let who = turns.iter().map(|event| {
        let text = |field: &str| event[field].as_str().unwrap();
        format!("{} {}", text("actor_id"), text("operation"))
    });
    let mut who: Vec<String> = who.collect();
    // The change and the business event of the approval have no order that all databases share.
    who[2..4].sort_unstable();
    let expected = [
        "alice DELETE",
        "bob UPDATE",
        "bob CUSTOM",
        "bob UPDATE",
        "alice UPDATE",
        "bob UPDATE",
        "alice INSERT",
    ];
    assert_eq!(who, expected);
    assert_eq!(
        played
            .find(&["log", "--actor", "bob", "--since", "1h"])
            .len(),
        6
    );
    let yesterday = ["log", "--actor", "bob", "--since", "2d", "--until", "1d"];
    let (code, told, said) = played.ask(&yesterday);
    assert_eq!((code, &*told), (1, ""));
    assert!(said.contains("the log has no such event"), "{said}");

    let then = played.find(&["as-of", &played.approval(), "invoices"]);
    let then = then.iter().map(|was| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&was["record_id"]), text(&was["fields"]["status"]))
    });
    let expected = [
        (r#"["acme","1001"]"#, "approved"),
        (r#"["acme","1002"]"#, "reminded"),
    ];
    let expected = expected.map(|(key, status)| (key.to_owned(), status.to_owned()));
    assert_eq!(then.collect::<Vec<_>>(), expected);
    let (code, _, said) = played.ask(&["as-of", "1d", "invoices"]);
    assert_eq!(code, 1);
    assert!(
        said.contains("the log knows no record that was there"),
        "{said}"
    );

    let mut raw = played.0.raw().await;
    assert!(invoices(&mut raw).await.is_empty());
    let (_, request) = played.deletion();
    let undo = ["undo", "--request", &request, "--apply", "--as", "olga"];
    let (code, _, said) = played.ask(&undo);
    assert_eq!(code, 0, "{said}");
    let row = |number: &str| {
        ["acme", number, "reminded"]
            .map(|text| Some(text.to_owned()))
            .to_vec()
    };
    assert_eq!(invoices(&mut raw).await, [row("1001"), row("1002")]);
    let by_olga = played.find(&["log", "--actor", "olga"]);
    assert_eq!(by_olga.len(), 4);
}

/// The README has what is printed, on SQLite.
async fn the_readme_has_the_answers() {
    let played = Played::new(Server::Sqlite).await;
    let (event, request) = played.deletion();
    let at = played.approval();
    let readme = without_numbers(include_str!("../README.md"));
    let undo = ["undo", "--request", &request];
    let apply = ["--apply", "--as", "olga", "--reason", "a mistake"];
    for arguments in [
        &["timeline", "invoices", "acme", "1001"][..],
        &["blame", "invoices", "acme", "1001"],
        &["log", "--actor", "bob", "--since", "1h"],
        &["as-of", &at, "invoices"],
        &undo,
        &[&undo[..], &apply].concat(),
    ] {
        let (code, told, said) = played.ask(arguments);
        assert_eq!(code, 0, "{said}");
        let command = arguments.join(" ").replace("a mistake", "'a mistake'");
        // The plan is there already.
        let told = if arguments.ends_with(&apply) {
            "...\n"
        } else {
            &told
        };
        let answer = format!("$ audit {command}\n{told}{said}");
        let is_there = readme.contains(&without_numbers(&answer));
        assert!(is_there, "paste this:\n{answer}");
    }
    let (_, told, _) = played.ask(&["show", &event]);
    assert!(
        told.contains(&format!("request_id          {request}")),
        "{told}"
    );
}

mod sqlite {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_questions_are_answered() {
        super::the_questions_are_answered(Server::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_readme_has_the_answers() {
        super::the_readme_has_the_answers().await;
    }
}

/// Expands to the test of a server.
macro_rules! server {
    ($($module:ident: $server:ident),+) => {
        $(mod $module {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn the_questions_are_answered() {
                super::the_questions_are_answered(super::Server::$server).await;
            }
        })+
    };
}

server!(mariadb: MariaDb, postgres15: Postgres15, postgres16: Postgres16, postgres17: Postgres17, postgres18: Postgres18);
