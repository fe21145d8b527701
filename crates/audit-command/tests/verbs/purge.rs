//! `audit purge` and `audit hold`: shown first, done when asked to, and told of in the log.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use audit_core::Dialect;
use audit_testkit::Server;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Audited, Db, audit};

const RETENTION: &str = "[[retention]]\nname = \"books\"\nkeep = \"1y\"\n\
                         select = { table = [\"inv*\"] }\n";
const DO_IT: [&str; 5] = ["purge", "--apply", "--yes", "--as", "cron"];

/// A database whose invoices were changed years ago, and the folder of a file of settings.
struct Old<DB: Db> {
    audited: Audited<DB>,
    folder: TempDir,
}

impl<DB: Db> Old<DB> {
    async fn create(server: Server) -> Self {
        let old = Self {
            audited: Audited::create(server).await,
            folder: tempfile::tempdir().unwrap(),
        };
        old.age().await;
        fs::write(old.folder.path().join("audit.toml"), RETENTION).unwrap();
        old
    }

    /// Moves what happened to invoices four years back.
    async fn age(&self) {
        let (table, then) = match self.audited.database.server().dialect() {
            Dialect::MySql => ("audit_logs", "occurred_at - INTERVAL 4 YEAR"),
            Dialect::Postgres => ("audit.audit_logs", "occurred_at - interval '4 years'"),
            _ => (
                "audit_logs",
                "(substr(occurred_at, 1, 4) - 4) || substr(occurred_at, 5)",
            ),
        };
        let sql = format!("UPDATE {table} SET occurred_at = {then} WHERE table_name = 'invoices'");
        self.audited.database.raw().await.run(&sql).await;
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = audit(Some(self.audited.database.url()), arguments);
        command.current_dir(self.folder.path());
        command
    }

    fn ask(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        (code, text(output.stdout), text(output.stderr))
    }

    /// The lines of an answer, and its exit code.
    fn lines(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let (code, told, _) = self.ask(&[arguments, &["--format", "ndjson"]].concat());
        let lines = told.lines().map(|line| serde_json::from_str(line).unwrap());
        (code, lines.collect())
    }

    fn left(&self) -> usize {
        self.lines(&["log", "--table", "invoices", "--all"]).1.len()
    }

    /// How many events the events of purges tell of, and how many those are.
    fn told(&self) -> (u64, usize) {
        let purges = self.lines(&["log", "--action", "audit.purge", "--all"]).1;
        let count = |event: &Value| event["metadata"]["events"].as_u64().unwrap();
        (purges.iter().map(count).sum(), purges.len())
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

pub(crate) async fn a_purge_is_shown_and_then_done<DB: Db>(server: Server) {
    let old = Old::<DB>::create(server).await;
    let (code, lines) = old.lines(&["purge"]);
    assert_eq!((code, lines.len()), (0, 1));
    assert_eq!(lines[0]["policy"], "books");
    assert_eq!(lines[0]["events"], 4);
    assert_eq!(
        lines[0]["tables"],
        serde_json::json!([{"name": "invoices", "events": 4}])
    );
    let (_, told, said) = old.ask(&["purge"]);
    assert!(told.contains("invoices 4"), "{told}");
    assert_eq!(said, "nothing was removed; `--apply --as ID` does it\n");
    nothing_is_done_by_mistake(&old);
    assert_eq!(old.left(), 4);

    let hold = [
        "hold", "add", "case 7", "--reason", "a court", "--as", "olga",
    ];
    let (code, _, said) = old.ask(&[&hold[..], &["--record", r#"["acme","1"]"#]].concat());
    assert_eq!(
        (code, said.as_str()),
        (0, "the hold `case 7` keeps record [\"acme\",\"1\"]\n")
    );
    let (_, lines) = old.lines(&["purge"]);
    assert_eq!(lines[0]["events"], 1);
    assert_eq!(
        lines[0]["held"],
        serde_json::json!([{"name": "case 7", "events": 3}])
    );
    let (code, lines) = old.lines(&DO_IT);
    assert_eq!((code, lines.len()), (0, 1));
    assert_eq!(
        (&lines[0]["events"], &lines[0]["batches"]),
        (&1.into(), &1.into())
    );
    assert_eq!(old.left(), 3);

    the_hold_is_released(&old);
    let (code, _, said) = old.ask(&[&DO_IT[..], &["--batch", "2", "--pause", "1"]].concat());
    assert_eq!(code, 0, "{said}");
    let request = said.split("--request ").nth(1).unwrap().trim();
    let (_, purges) = old.lines(&["log", "--request", request]);
    assert_eq!(purges.len(), 2);
    assert!(purges.iter().all(|purge| purge["actor_id"] == "cron"));
    assert_eq!((old.left(), old.told()), (0, (4, 3)));

    // Nothing is due any more, which is no failure of what runs by the clock.
    assert_eq!(old.ask(&["purge"]).0, 1);
    assert_eq!(old.ask(&DO_IT).0, 0);
}

fn the_hold_is_released<DB: Db>(old: &Old<DB>) {
    let (code, holds) = old.lines(&["hold", "list"]);
    assert_eq!((code, &holds[0]["placed_by"]), (0, &Value::from("olga")));
    let release = [
        "hold", "release", "case 7", "--reason", "settled", "--as", "olga",
    ];
    assert_eq!(old.ask(&release).0, 0);
    assert_eq!(old.ask(&release).0, 1);
    assert_eq!(old.ask(&["hold", "list"]).0, 1);
    assert!(old.ask(&["hold", "list", "--all"]).1.contains("case 7"));
}

/// What has to be said before anything goes.
fn nothing_is_done_by_mistake<DB: Db>(old: &Old<DB>) {
    let hold = ["hold", "add", "x", "--reason", "y", "--as", "z"];
    for (arguments, part) in [
        (&["purge", "--apply"][..], "--as <ID>"),
        (&["purge", "--apply", "--as", "olga"], "`--yes`"),
        (&["purge", "--policy", "book"], "there are `books`"),
        (
            &["purge", "--policy", "book", "--apply", "--yes", "--as", "x"],
            "`book`",
        ),
        (&[&DO_IT[..], &["--batch", "0"]].concat(), "the limit is 0"),
        (&hold, "`--everything`"),
        (
            &[&hold[..], &["--everything", "--table", "a"]].concat(),
            "`--everything`",
        ),
        (
            &[&hold[..], &["--table", "a?"]].concat(),
            "no pattern but `*`",
        ),
        (
            &["hold", "add", "x", "--everything", "--as", "z"],
            "--reason",
        ),
    ] {
        let (code, _, said) = old.ask(arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}

/// One purge at a time; one that is killed leaves what it did, and tells of all of it.
pub(crate) async fn a_purge_that_is_killed_leaves_whole_batches<DB: Db>(server: Server) {
    let old = Old::<DB>::create(server).await;
    let values: Vec<String> = (0..200)
        .map(|number| format!("('many', '{number}', 'open', 'x')"))
        .collect();
    let insert = format!("INSERT INTO invoices VALUES {}", values.join(", "));
    old.audited.write("carl", &insert).await;
    old.age().await;
    let all = old.left();
    assert_eq!(all, 204);

    let mut running = old.spawn(&[&DO_IT[..], &["--batch", "1", "--pause", "20"]].concat());
    while old.told().1 == 0 {}
    let (code, _, said) = old.ask(&DO_IT);
    assert_eq!(
        (code, said.as_str()),
        (
            3,
            "audit: another purge of this database runs; wait for its end\n"
        )
    );
    running.kill().unwrap();
    running.wait().unwrap();
    let left = old.left();
    assert!(left > 0, "the purge was over before it was killed");
    assert_eq!(old.told().0, (all - left) as u64);

    // A server needs a moment to see that the other one is gone.
    while old.ask(&DO_IT).0 == 3 {}
    assert_eq!((old.left(), old.told().0), (0, all as u64));
}

/// Who sits at a terminal is asked for a word, and any other one stops it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sits_there_is_asked() {
    let old = Old::<sqlx::Sqlite>::create(Server::Sqlite).await;
    for (typed, expected) in [("yes\n", (2, 4)), ("purge\n", (0, 0))] {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let side = fs::File::open(name.to_str().unwrap()).unwrap();
        let mut command = old.command(&["purge", "--apply", "--as", "olga"]);
        command
            .stdin(side)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut question = String::new();
        said.read_line(&mut question).unwrap();
        assert!(
            question.starts_with("4 events will be removed"),
            "{question}"
        );
        fs::File::from(terminal)
            .write_all(typed.as_bytes())
            .unwrap();
        let code = child.wait().unwrap().code().unwrap();
        assert_eq!((code, old.left()), expected, "{typed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_told_how_far_a_purge_is() {
    let old = Old::<sqlx::Sqlite>::create(Server::Sqlite).await;
    let (mut terminal, end) = super::export::terminal();
    let mut command = old.command(&DO_IT);
    let status = command.stderr(end).status().unwrap();
    drop(command);
    assert!(status.success());
    let mut told = Vec::new();
    // A terminal that nobody writes to any more ends with an error.
    let _ = std::io::Read::read_to_end(&mut terminal, &mut told);
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("\r4 events removed\r\n"), "{told:?}");
}
