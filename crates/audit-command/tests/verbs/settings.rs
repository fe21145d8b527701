//! Where settings come from, and the verbs that need no database.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use audit_testkit::Server;

use super::migrate::Application;
use crate::{Audited, audit, ended};

/// How the command ends in a folder: its code, and what it said.
fn ended_in(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let mut command = audit(None, arguments);
    let variables = variables.iter().copied();
    let output = command.current_dir(folder).envs(variables).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_named_by_what_comes_first() {
    let audited = Audited::<sqlx::Sqlite>::create(Server::Sqlite).await;
    let (url, other) = (audited.database.url(), "sqlite:there-is-none.db");
    let folder = tempfile::tempdir().unwrap();
    let ends = |variables: &[(&str, &str)], arguments: &[&str]| {
        let arguments = [&["log", "--table", "invoices"], arguments].concat();
        ended_in(folder.path(), variables, &arguments).0
    };
    assert_eq!(ends(&[], &[]), 2);
    assert_eq!(ended_in(folder.path(), &[], &["init"]), (0, String::new()));
    let file = folder.path().join("audit.toml");
    // Nothing is set in it, and it may get a password.
    assert_eq!(ends(&[], &[]), 2);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);

    // The line of the file that sets the database, once it is one.
    let set = |url: &str| {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text
            .lines()
            .map(|line| match line.contains("database_url =") {
                true => format!("database_url = \"{url}\"\n"),
                false => format!("{line}\n"),
            });
        fs::write(&file, lines.collect::<String>()).unwrap();
    };
    set(url);
    assert_eq!(ends(&[], &[]), 0);
    assert_eq!(ends(&[("DATABASE_URL", other)], &[]), 3);
    set(other);
    assert_eq!(ends(&[], &[]), 3);
    assert_eq!(ends(&[("DATABASE_URL", url)], &[]), 0);
    let both = [("DATABASE_URL", other), ("AUDIT_DATABASE_URL", url)];
    assert_eq!(ends(&both, &[]), 0);
    assert_eq!(ends(&both, &["--database-url", other]), 3);
    // An empty variable names nothing.
    set(url);
    assert_eq!(ends(&[("AUDIT_DATABASE_URL", "")], &[]), 0);

    let (code, said) = ended_in(folder.path(), &[], &["init"]);
    assert_eq!(code, 2);
    assert_eq!(
        said,
        "audit: `audit.toml` is there; give `--force` to replace it\n"
    );
    assert_eq!(ended_in(folder.path(), &[], &["init", "--force"]).0, 0);
    assert_eq!(ends(&[], &[]), 2);
    fs::write(&file, "database = 'postgres://ann:hunter2@host/app'\n").unwrap();
    let (code, said) = ended_in(folder.path(), &[], &["log"]);
    assert_eq!(code, 2);
    assert!(
        said.starts_with("audit: line 1 of `audit.toml` cannot be read"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

/// The shell itself says what it completes.
#[test]
fn a_shell_completes_the_verbs() {
    let script = ended(None, &["completions", "bash"]).1;
    let ask = "COMP_WORDS=(audit e); COMP_CWORD=1; _audit audit e audit; echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = bash.stdin.take().unwrap();
    write!(&input, "{script}\n{ask}\n").unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "export\n");
    for shell in ["elvish", "fish", "powershell", "zsh"] {
        let (code, script, _) = ended(None, &["completions", shell]);
        assert!(code == 0 && script.contains("oldest-first"), "{shell}");
    }
}

#[test]
fn the_manual_has_a_page_for_each_verb() {
    let page = |arguments: &[&str]| {
        let (code, page, _) = ended(None, &[&["man"], arguments].concat());
        assert_eq!(code, 0);
        page
    };
    assert!(page(&[]).contains(".TH audit 1"));
    let export = page(&["export"]);
    assert!(export.contains(".TH audit-export 1"), "{export}");
    assert!(export.contains("\\-\\-delimiter") && export.contains("\\-\\-database\\-url"));
    assert!(page(&["migrate", "up"]).contains(".TH audit-migrate-up 1"));
    let (code, _, said) = ended(None, &["man", "exprt"]);
    assert_eq!(code, 2);
    assert_eq!(
        said,
        "audit: there is no verb `exprt`; `audit --help` lists them\n"
    );
}

/// The rules of the service that wrote: without them its triggers are other than those asked for.
pub(crate) async fn rules_are_those_of_the_file<DB: crate::Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let folder = tempfile::tempdir().unwrap();
    let url = audited.database.url();
    let ends = |arguments: &[&str]| {
        let variables = [("DATABASE_URL", url)];
        ended_in(folder.path(), &variables, arguments)
    };
    // What the server itself has to be told of is no matter of rules.
    let is_other = || {
        let mut command = audit(Some(url), &["check"]);
        let told = command.current_dir(folder.path()).output().unwrap().stdout;
        String::from_utf8(told).unwrap().contains("invoices")
    };
    assert_eq!(is_other(), server != Server::Sqlite);
    let write = |text: &str| fs::write(folder.path().join("audit.toml"), text).unwrap();
    write("[[audit.table]]\npattern = \"invoices\"\nredact = { secret = \"drop\" }\n");
    assert!(!is_other());

    // The undo hides what the service would.
    let undo = [
        "undo",
        "--actor",
        "bob",
        "--apply",
        "--as",
        "olga",
        "--leave-missing",
    ];
    let (code, said) = ends(&undo);
    assert_eq!(code, 0, "{said}");
    let log = ["log", "--actor", "olga", "--format", "ndjson"];
    let (_, told, _) = audited.ask(&log);
    assert!(
        told.contains("\"status\"") && !told.contains("\"secret\":"),
        "{told}"
    );
    assert!(told.contains("[\"secret\"]"), "{told}");

    write("[audit]\nmax_cell_bytes = 1\n");
    let (code, said) = ends(&["check"]);
    assert!(code == 2 && said.contains("max_cell_bytes"), "{said}");
    write("[audit]\nhash_key = \"a secret\"\n");
    let (code, said) = ends(&["check"]);
    assert!(
        code == 2 && said.contains("hash_key") && !said.contains("a secret"),
        "{said}"
    );
}

/// What the environment says of the rules comes before what the file does, and is named when it is
/// wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_comes_before_the_file() {
    let application = Application::with_rules(Server::Sqlite).await;
    assert_eq!(application.ask("migrate up").0, 0);
    let url = application.database.url();
    let told = |variable: &str, value: &str| {
        let mut command = audit(Some(url), &["triggers", "status"]);
        command.current_dir(application.path()).env(variable, value);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout) + &text(output.stderr),
        )
    };
    let (code, triggers) = told("AUDIT_EXCLUDE", "");
    assert!(
        code == Some(0) && triggers.contains("invoices"),
        "{triggers}"
    );
    let (code, triggers) = told("AUDIT_EXCLUDE", "tmp_*,invoices");
    assert!(
        code == Some(0) && !triggers.contains("invoices"),
        "{triggers}"
    );
    let wrong = "audit: the variable AUDIT_ON_DRIFT cannot be read: unknown variant `later`, expected \
                 one of `deny`, `install`, `warn`\n";
    assert_eq!(told("AUDIT_ON_DRIFT", "later"), (Some(2), wrong.to_owned()));
    let (code, said) = told("AUDIT_HASH_KEY", "hunter2");
    assert!(code == Some(2) && said.contains("at least 32"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
