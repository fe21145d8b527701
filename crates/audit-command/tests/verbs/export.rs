//! `audit export`: files, pipes, and what is left of a run that was cut.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use audit_core::Event;
use audit_store::export::{Csv, CsvBuilder, Delimiter, Format};
use audit_testkit::Server;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::{Audited, Db, NO_INDEX_OF_ACTORS, audit, ended};

/// How long a process is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

fn read(format: &Format, bytes: &[u8]) -> Vec<Event> {
    format.read(bytes).map(Result::unwrap).collect()
}

fn csv(set: impl FnOnce(CsvBuilder) -> CsvBuilder) -> Format {
    Format::Csv(set(Csv::builder()).build().unwrap())
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

/// Every format, to a file and to a pipe, with and without a filter, in both directions.
pub(crate) async fn an_export_reads_back_as_the_events<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let folder = tempfile::tempdir().unwrap();
    let formats = [
        (&[][..], csv(|csv| csv)),
        (
            &["--format", "csv", "--bom"],
            csv(|csv| csv.byte_order_mark(true)),
        ),
        (
            &["--delimiter", "semicolon"],
            csv(|csv| csv.delimiter(Delimiter::Semicolon)),
        ),
        (&["--format", "cloudevents"], Format::CloudEvents),
        (&["--format", "ecs"], Format::Ecs),
        (&["--format", "json"], Format::Json),
        (&["--format", "ndjson"], Format::Ndjson),
        (&["--format", "ocsf"], Format::Ocsf),
    ];
    for (number, (flags, format)) in formats.iter().enumerate() {
        for (filter, actor) in [(&[][..], None), (&["--actor", "bob"], Some("bob"))] {
            let log = audit_sqlx::log(&audited.pool).table("invoices");
            let log = match actor {
                Some(actor) => log.actor(actor),
                None => log,
            };
            let mut events = log.list().await.unwrap();
            assert_eq!(events.len(), if actor.is_some() { 2 } else { 4 });
            for order in [&[][..], &["--oldest-first"]] {
                let asked = [&["export", "--table", "invoices"], *flags, filter, order].concat();
                let (code, told, said) = audited.ask(&asked);
                let note = actor.map_or("", |_| NO_INDEX_OF_ACTORS);
                assert_eq!((code, said.as_str()), (0, note), "{asked:?}");
                assert_eq!(read(format, told.as_bytes()), events, "{asked:?}");
                let file = folder.path().join(format!("{number}"));
                let to_file = ["-o", file.to_str().unwrap(), "--force"];
                let answer = audited.ask(&[&asked[..], &to_file].concat());
                assert_eq!(answer, (0, String::new(), note.to_owned()));
                assert_eq!(fs::read_to_string(&file).unwrap(), told);
                events.reverse();
            }
        }
    }
    assert_eq!(names(folder.path()).len(), formats.len());

    // Without events there is a file as well, and an exit code that says so.
    let file = folder.path().join("none");
    let (code, ..) = audited.ask(&["export", "--actor", "nobody", "-o", file.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert_eq!(read(&csv(|csv| csv), &fs::read(&file).unwrap()), []);
}

/// An export of a small log to a file in an empty folder.
struct Exported {
    audited: Audited<sqlx::Sqlite>,
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl Exported {
    async fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            audited: Audited::create(Server::Sqlite).await,
            file: folder.path().join("log.csv"),
            folder,
        }
    }

    fn to(&self, file: &Path, flags: &[&str]) -> (i32, String, String) {
        let to_file = ["export", "-o", file.to_str().unwrap()];
        self.audited.ask(&[&to_file[..], flags].concat())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_replaced_only_when_told() {
    let exported = Exported::create().await;
    fs::write(&exported.file, "mine").unwrap();
    let (code, _, said) = exported.to(&exported.file, &[]);
    let told = format!(
        "audit: `{}` is there; give `--force` to replace it\n",
        exported.file.display()
    );
    assert_eq!((code, said), (2, told));
    assert_eq!(fs::read_to_string(&exported.file).unwrap(), "mine");
    assert_eq!(exported.to(&exported.file, &["--force"]).0, 0);
    assert!(
        fs::read_to_string(&exported.file)
            .unwrap()
            .starts_with("occurred_at,")
    );
    // A link, a folder or a device is not what somebody wants to be a file from now on.
    let link = exported.folder.path().join("link");
    std::os::unix::fs::symlink(&exported.file, &link).unwrap();
    let pipe = exported.folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for other in [&link, &pipe, exported.folder.path()] {
        let (code, _, said) = exported.to(other, &["--force"]);
        assert_eq!(code, 2);
        assert!(said.contains("is no plain file"), "{said}");
    }
    assert!(link.is_symlink());
    let nowhere = exported.folder.path().join("no folder/log.csv");
    let (code, _, said) = exported.to(&nowhere, &[]);
    assert_eq!(code, 3);
    assert!(said.contains("cannot be written"), "{said}");
    assert_eq!(names(exported.folder.path()).len(), 3);
}

/// The disk is full, as a limit of the process has it, which kills it or makes the write an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_cut_leaves_no_file_of_that_name() {
    let exported = Exported::create().await;
    let limited = |signal: &str| {
        let script = format!("{signal} ulimit -f 1; exec \"$0\" export -o \"$1\"");
        let program = env!("CARGO_BIN_EXE_audit");
        Command::new("bash")
            .args(["-c", &script, program])
            .arg(&exported.file)
            .env("DATABASE_URL", exported.audited.database.url())
            .output()
            .unwrap()
    };
    let killed = limited("");
    assert!(killed.status.signal().is_some(), "{killed:?}");
    let left = names(exported.folder.path());
    assert!(left.iter().all(|name| name.ends_with(".part")), "{left:?}");
    for name in left {
        fs::remove_file(exported.folder.path().join(name)).unwrap();
    }

    let failed = limited("trap '' XFSZ;");
    assert_eq!(failed.status.code(), Some(3));
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(
        said.contains("cannot be written, and nothing of it was left"),
        "{said}"
    );
    assert_eq!(names(exported.folder.path()), [""; 0]);

    let full = audit(Some(exported.audited.database.url()), &["export"])
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .status()
        .unwrap();
    assert_eq!(full.code(), Some(3));
}

mod postgres15 {
    use super::*;

    /// The log is locked, so that the run waits until it is interrupted.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_interrupt_takes_the_file_away() {
        let audited = Audited::<sqlx::Postgres>::create(Server::Postgres15).await;
        let folder = tempfile::tempdir().unwrap();
        let mut locked = audited.pool.begin().await.unwrap();
        sqlx::query("LOCK TABLE audit.audit_logs IN ACCESS EXCLUSIVE MODE")
            .execute(&mut *locked)
            .await
            .unwrap();
        let file = folder.path().join("log.csv");
        let arguments = ["export", "-o", file.to_str().unwrap()];
        let mut child = audit(Some(audited.database.url()), &arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while names(folder.path()).is_empty() && start.elapsed() < PATIENCE {
            assert_eq!(child.try_wait().unwrap(), None);
            std::thread::yield_now();
        }
        let id = child.id().to_string();
        let stopped = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(stopped.success());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(
            (ended.status.code(), said.as_str()),
            (
                Some(3),
                "audit: the export was interrupted, and nothing of it was left\n"
            )
        );
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

/// A terminal, and what a process writes to it by.
pub(crate) fn terminal() -> (File, File) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = File::options()
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    (File::from(terminal), end)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_told_how_far_an_export_is() {
    let exported = Exported::create().await;
    let (mut terminal, end) = terminal();
    let file = exported.file.to_str().unwrap();
    let mut command = audit(
        Some(exported.audited.database.url()),
        &["export", "-o", file],
    );
    let status = command.stderr(end).status().unwrap();
    drop(command);
    assert!(status.success());
    let mut told = Vec::new();
    // A terminal that nobody writes to any more ends with an error.
    let _ = terminal.read_to_end(&mut told);
    let told = String::from_utf8_lossy(&told).into_owned();
    let size = fs::metadata(file).unwrap().len().div_ceil(1024);
    assert!(told.starts_with('\r'), "{told:?}");
    assert!(
        told.ends_with(&format!("\r{size} KiB written\r\n")),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_does_not_reach_a_terminal() {
    let exported = Exported::create().await;
    let (_terminal, end) = terminal();
    let arguments = ["stats", "--format", "csv"];
    let ended = audit(Some(exported.audited.database.url()), &arguments)
        .stdout(end)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.starts_with("audit: csv has values as they are"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_does_not_reach_a_terminal() {
    let exported = Exported::create().await;
    let (_terminal, terminal_end) = terminal();
    let ended = audit(Some(exported.audited.database.url()), &["export"])
        .stdout(terminal_end)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.starts_with("audit: an export may steer a terminal;"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_has_read_enough_ends_it_quietly() {
    let exported = Exported::create().await;
    let url = exported.audited.database.url();
    let mut child = audit(Some(url), &["export"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0));
}

#[test]
fn settings_of_tables_are_not_those_of_other_forms() {
    for flags in [&["--bom"][..], &["--delimiter", "tab"]] {
        let asked = [&["export", "--format", "json"], flags].concat();
        let (code, _, said) = ended(Some("sqlite:nowhere.db"), &asked);
        assert_eq!(code, 2);
        assert!(said.contains("are of `--format csv` alone"), "{said}");
    }
}
