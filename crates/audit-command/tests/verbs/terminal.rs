//! What a terminal gets: tables of its width, and colours.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};

use audit_testkit::Server;
use rustix::termios::{Winsize, tcsetwinsize};
use sqlx::Sqlite;

use super::export::terminal;
use crate::{Audited, audit};

/// Verbs whose answer is a table, and one with coloured lines.
const VERBS: [&[&str]; 5] = [
    &["log"],
    &["timeline", "invoices", "acme", "1"],
    &["blame", "invoices", "acme", "1"],
    &["stats"],
    &["as-of", "0s", "invoices"],
];

/// The longest line of an answer, in characters.
fn longest(told: &str) -> usize {
    let lines = told.lines().map(|line| line.trim_end().chars().count());
    lines.max().unwrap_or_default()
}

/// What a command writes to a terminal of this width.
fn shown(command: Command, columns: u16) -> String {
    written(command, columns, |command, end| {
        command.stdout(end).stderr(Stdio::null());
    })
}

/// What comes to a terminal of this width, to which some of a command goes.
fn written(mut command: Command, columns: u16, to: impl FnOnce(&mut Command, File)) -> String {
    let (mut terminal, end) = terminal();
    let size = Winsize {
        ws_row: 40,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).unwrap();
    to(&mut command, end);
    let status = command.status().unwrap();
    assert!(status.success());
    drop(command);
    let mut told = Vec::new();
    // A terminal that nobody writes to any more ends with an error.
    let _ = terminal.read_to_end(&mut told);
    String::from_utf8(told).unwrap().replace("\r\n", "\n")
}

/// A text without its colours.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.filter_map(|part| part.split_once('m'));
    first + &rest.map(|(_, text)| text).collect::<String>()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_as_wide_as_the_terminal() {
    let audited = Audited::<Sqlite>::create(Server::Sqlite).await;
    let url = Some(audited.database.url());
    for verb in VERBS {
        for columns in [60, 80, 120, 200] {
            let mut command = audit(url, verb);
            command.env("COLUMNS", columns.to_string());
            let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
            assert!(longest(&told) <= columns, "{columns}: {told}");
            let on_terminal = shown(audit(url, verb), u16::try_from(columns).unwrap());
            assert_eq!(plain(&on_terminal), told, "{verb:?} at {columns}");
        }
    }
    let ids = audit(url, &["log", "--ids"])
        .env("COLUMNS", "90")
        .output()
        .unwrap();
    assert!(longest(&String::from_utf8(ids.stdout).unwrap()) <= 90);
    // There is room for the request, and then there is not.
    let wide = shown(audit(url, &["log"]), 120);
    let narrow = shown(audit(url, &["log"]), 80);
    assert!(wide.contains("request") && !narrow.contains("request"));
    // COLUMNS comes first, and nothing is narrower than it can be read.
    let mut command = audit(url, &["log"]);
    command.env("COLUMNS", "80");
    assert_eq!(shown(command, 200), narrow);
    assert_eq!(
        shown(audit(url, &["log"]), 10),
        shown(audit(url, &["log"]), 60)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colours_are_for_a_terminal_alone() {
    let audited = Audited::<Sqlite>::create(Server::Sqlite).await;
    let url = Some(audited.database.url());
    let updates = ["log", "--operation", "update", "--format", "ndjson"];
    let paid: serde_json::Value = serde_json::from_str(&audited.ask(&updates).1).unwrap();
    let show = ["show", paid["id"].as_str().unwrap()];
    for verb in VERBS.into_iter().chain([&show[..]]) {
        let coloured = shown(audit(url, verb), 100);
        assert!(coloured.contains("\u{1b}["), "{verb:?}: {coloured}");
        for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let mut command = audit(url, verb);
            command.env(name, value);
            assert_eq!(shown(command, 100), plain(&coloured), "{verb:?}");
        }
        let mut command = audit(url, verb);
        command.env("NO_COLOR", "");
        assert_eq!(shown(command, 100), coloured);
        let piped = audit(url, verb).env("COLUMNS", "100").output().unwrap();
        assert_eq!(String::from_utf8(piped.stdout).unwrap(), plain(&coloured));
    }
    // What went is red, and what came is green.
    let diff = shown(audit(url, &show), 100);
    assert!(diff.contains("\u{1b}[31m  - open\u{1b}[0m"), "{diff:?}");
    assert!(diff.contains("\u{1b}[32m  + paid\u{1b}[0m"), "{diff:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_told_how_far_an_answer_is() {
    let audited = Audited::<Sqlite>::create(Server::Sqlite).await;
    let url = Some(audited.database.url());
    let table = ["as-of", "0s", "invoices", "--format", "ndjson"];
    let events = ["log", "--all", "--table", "invoices"];
    for (verb, last) in [(&events[..], "4 events"), (&table[..], "1 records")] {
        let beside = written(audit(url, verb), 100, |command, end| {
            command.stdout(Stdio::null()).stderr(end);
        });
        assert!(
            beside.contains(&format!("\r{last} written\n")),
            "{beside:?}"
        );
        // Where the answer itself is seen there is no need to.
        let both = written(audit(url, verb), 100, |command, end| {
            command.stdout(end.try_clone().unwrap()).stderr(end);
        });
        assert!(!both.contains("written"), "{both:?}");
    }
}
