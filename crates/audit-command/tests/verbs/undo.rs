//! `audit undo`: shown first, done when asked to, and undone in turn.

use std::io::Read as _;

use audit_core::Audit;
use audit_testkit::Server;
use serde_json::Value;

use super::export::terminal;
use crate::{Audited, Db, NO_INDEX_OF_ACTORS, audit};

/// The status of an invoice by its number, or `None` where there is none.
async fn status<DB: Db>(audited: &Audited<DB>, number: &str) -> Option<String> {
    let mut raw = audited.database.raw().await;
    let sql = format!("SELECT status FROM invoices WHERE number = '{number}'");
    raw.texts(&sql).await.into_iter().flatten().next().flatten()
}

/// What `audit undo` needs to apply something.
fn applying(server: Server) -> Vec<&'static str> {
    let mut flags = vec!["--apply", "--as", "olga"];
    if server == Server::Sqlite {
        flags.push("--without-rules");
    }
    flags
}

const OF_CARL: [&str; 5] = ["undo", "--actor", "carl", "--since", "1h"];

pub(crate) async fn an_undo_is_shown_and_then_done<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    audited
        .write(
            "carl",
            "UPDATE invoices SET status = 'lost' WHERE number = '2'",
        )
        .await;
    let reverts = shown(&audited);
    assert_eq!(status(&audited, "2").await.as_deref(), Some("lost"));
    nothing_is_done_by_mistake(&audited, server);

    let apply = |flags: &[&str]| audited.ask(&[&OF_CARL, &applying(server)[..], flags].concat());
    let (code, _, said) = apply(&["--reason", "a mistake"]);
    assert_eq!(code, 0, "{said}");
    assert!(status(&audited, "2").await.unwrap().contains("2J"));
    let request = said.split("--request ").nth(1).unwrap();
    let request = request.split(' ').next().unwrap();
    let undone = audited.ask(&["log", "--request", request, "--format", "ndjson"]);
    let event: Value = serde_json::from_str(&undone.1).unwrap();
    assert_eq!(event["actor_id"], "olga");
    assert_eq!(event["reason"], "a mistake");
    assert_eq!(event["reverts"], reverts);

    // What has changed since stands against it, until it is told what to do.
    let (code, told, said) = audited.ask(&OF_CARL);
    assert_eq!(code, 1, "{said}");
    assert!(told.contains("and no longer"), "{told}");
    let needed = "`--apply --as ID` needs `--on-conflict skip` or `overwrite` as well\n";
    assert!(said.ends_with(needed), "{said}");
    let (code, told, said) = apply(&[]);
    assert_eq!(code, 1, "{said}");
    assert!(told.contains("and no longer"), "{told}");
    assert!(said.contains("changed since"), "{said}");
    assert_eq!(apply(&["--on-conflict", "skip"]).0, 0);

    let redo = [&["undo", "--request", request], &applying(server)[..]].concat();
    assert_eq!(audited.ask(&redo).0, 0);
    assert_eq!(status(&audited, "2").await.as_deref(), Some("lost"));
    a_deleted_row_comes_back(&audited, server).await;
}

/// The plan for the one step; gives the events that it takes back.
fn shown<DB: Db>(audited: &Audited<DB>) -> Value {
    let (code, told, said) = audited.ask(&[&OF_CARL[..], &["--format", "ndjson"]].concat());
    let mut step: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        [&step["operation"], &step["table_name"], &step["record_id"]],
        ["UPDATE", "invoices", r#"["acme","2"]"#]
    );
    assert_eq!(step["changes"][0]["before"], "lost");
    assert_eq!(step["conflicts"], serde_json::json!([]));
    let event = step["reverts"][0].as_str().unwrap();
    let of_event = audited.ask(&["undo", "--event", event, "--format", "ndjson"]);
    assert_eq!((of_event.0, &of_event.1), (0, &told));
    let does_it = "nothing was changed; `--apply --as ID` does it\n";
    assert_eq!(said, format!("{NO_INDEX_OF_ACTORS}{does_it}"));
    step["reverts"].take()
}

/// Whose work it is has to be said, and what it is about.
fn nothing_is_done_by_mistake<DB: Db>(audited: &Audited<DB>, server: Server) {
    let ask = |flags: &[&str]| audited.ask(&[&OF_CARL[..], flags].concat());
    assert_eq!(ask(&["--apply"]).0, 2);
    assert_eq!(audited.ask(&["undo"]).0, 2);
    if server == Server::Sqlite {
        let (code, _, said) = ask(&["--apply", "--as", "olga"]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("--without-rules"), "{said}");
    }
}

/// Without the column that the log does not hold, once that is asked for.
async fn a_deleted_row_comes_back<DB: Db>(audited: &Audited<DB>, server: Server) {
    let (code, _, said) = audited.ask(&["undo", "--actor", "bob"]);
    assert_eq!(code, 1, "{said}");
    let needed = "`--apply --as ID` needs `--leave-missing` as well\n";
    assert!(said.ends_with(needed), "{said}");
    let of_bob = [&["undo", "--actor", "bob"], &applying(server)[..]].concat();
    let (code, _, said) = audited.ask(&of_bob);
    assert_eq!(code, 1, "{said}");
    let (code, _, said) = audited.ask(&[&of_bob[..], &["--leave-missing"]].concat());
    assert_eq!(code, 0, "{said}");
    assert_eq!(status(audited, "1").await.as_deref(), Some("open"));
    assert_eq!(audited.ask(&["undo", "--actor", "nobody"]).0, 1);
}

/// A row comes back whose parent somebody else deleted, by a key that is looked at when a transaction ends.
async fn a_key_that_does_not_hold_in_the_end_is_told<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let mut raw = audited.database.raw().await;
    raw.run(
        "CREATE TABLE streets (id INTEGER NOT NULL PRIMARY KEY); \
         CREATE TABLE houses (id INTEGER NOT NULL PRIMARY KEY, street INTEGER NOT NULL \
             REFERENCES streets (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    .await;
    let rules = Audit::builder().build().unwrap();
    audit_sqlx::migrate(&audited.pool, &rules).await.unwrap();
    for (actor, sql) in [
        ("alice", "INSERT INTO streets VALUES (1)"),
        ("alice", "INSERT INTO houses VALUES (1, 1)"),
        ("carl", "DELETE FROM houses"),
        ("dora", "DELETE FROM streets"),
    ] {
        audited.write(actor, sql).await;
    }
    let (code, _, said) = audited.ask(&[&OF_CARL[..], &applying(server)[..]].concat());
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("take back as well what its row refers to"),
        "{said}"
    );
    assert!(raw.texts("SELECT 'x' FROM houses").await.is_empty());
}

/// A column that the database computes is not put back, which is said once.
async fn what_the_database_computes_is_told<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let mut raw = audited.database.raw().await;
    raw.run(
        "CREATE TABLE sums (id INTEGER NOT NULL PRIMARY KEY, one INTEGER, \
             twice INTEGER GENERATED ALWAYS AS (one * 2) STORED)",
    )
    .await;
    let rules = Audit::builder().build().unwrap();
    audit_sqlx::migrate(&audited.pool, &rules).await.unwrap();
    for (actor, sql) in [
        ("alice", "INSERT INTO sums (id, one) VALUES (1, 1), (2, 1)"),
        ("carl", "UPDATE sums SET one = 5"),
    ] {
        audited.write(actor, sql).await;
    }
    let (code, told, said) = audited.ask(&OF_CARL);
    assert_eq!(code, 0, "{said}");
    assert_eq!(told.matches("one 5 -> 1").count(), 2, "{told}");
    assert!(!told.contains("twice"), "{told}");
    let note = "note: the database computes `twice` of `sums`, so the undo does not set it\n";
    assert_eq!(said.matches(note).count(), 1, "{said}");
}

mod sqlite {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_the_database_computes() {
        what_the_database_computes_is_told::<sqlx::Sqlite>(Server::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_key_that_does_not_hold_in_the_end() {
        a_key_that_does_not_hold_in_the_end_is_told::<sqlx::Sqlite>(Server::Sqlite).await;
    }
}

mod postgres15 {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_the_database_computes() {
        what_the_database_computes_is_told::<sqlx::Postgres>(Server::Postgres15).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_key_that_does_not_hold_in_the_end() {
        a_key_that_does_not_hold_in_the_end_is_told::<sqlx::Postgres>(Server::Postgres15).await;
    }

    /// Somebody else has the row meanwhile, so that the undo waits.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_terminal_is_told_of_work_that_goes_on() {
        let audited = Audited::<sqlx::Postgres>::create(Server::Postgres15).await;
        let change = "UPDATE invoices SET status = 'lost' WHERE number = '2'";
        audited.write("carl", change).await;
        let mut other = audited.database.raw().await;
        other
            .run("BEGIN; SELECT status FROM invoices FOR UPDATE")
            .await;
        let (mut terminal, end) = terminal();
        let arguments = [&OF_CARL[..], &applying(Server::Postgres15)[..]].concat();
        let mut child = audit(Some(audited.database.url()), &arguments)
            .stdout(std::process::Stdio::null())
            .stderr(end)
            .spawn()
            .unwrap();
        let mut told = String::new();
        while !told.contains("\rrecords are put back: 1 s") {
            let mut piece = [0; 256];
            // One that nobody writes to any more ends with an error.
            let count = terminal.read(&mut piece).unwrap_or_default();
            assert!(count > 0, "{told:?}");
            told.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        other.run("ROLLBACK").await;
        assert!(child.wait().unwrap().success());
        let mut rest = Vec::new();
        let _ = terminal.read_to_end(&mut rest);
        told.push_str(&String::from_utf8_lossy(&rest));
        assert!(
            told.contains(" s\r\n1 records were put back\r\n"),
            "{told:?}"
        );
    }
}
