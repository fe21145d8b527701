//! `audit migrate`: up, status and down, on an application that knows nothing of it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use audit_core::{Actor, AuditContext, schema};
use audit_testkit::{Catalog, Raw, Server, TestDatabase};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use sqlx::pool::PoolOptions;

use crate::{Db, audit};

pub(crate) const RULES: &str = "[audit]\nindexes = [\"actor\"]\n\n[[audit.table]]\n\
     pattern = \"invoices\"\nredact = { secret = \"drop\" }\n";

/// A database with a table of an application, and the folder that the command is called in.
pub(crate) struct Application {
    pub(crate) database: TestDatabase,
    pub(crate) raw: Raw,
    pub(crate) folder: tempfile::TempDir,
}

impl Application {
    pub(crate) async fn create(server: Server) -> Self {
        let database = TestDatabase::create(server).await;
        let mut raw = database.raw().await;
        raw.run("CREATE TABLE invoices (number VARCHAR(20) PRIMARY KEY, status TEXT, secret TEXT)")
            .await;
        let folder = tempfile::tempdir().unwrap();
        Self {
            database,
            raw,
            folder,
        }
    }

    /// With rules that hide a column.
    pub(crate) async fn with_rules(server: Server) -> Self {
        let application = Self::create(server).await;
        fs::write(application.path().join("audit.toml"), RULES).unwrap();
        application
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// How the command ends: its code, and what it told and said.
    pub(crate) fn ask(&self, arguments: &str) -> (i32, String, String) {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut command = audit(Some(self.database.url()), &arguments);
        let output = command.current_dir(self.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        (code, text(output.stdout), text(output.stderr))
    }

    /// The items of an answer, each as its words.
    pub(crate) fn words(&self, arguments: &str, words: &[&str]) -> (i32, Vec<String>) {
        let (code, told, said) = self.ask(&format!("{arguments} --format ndjson"));
        assert!(code < 2, "{said}");
        let word = |line: &Value, word: &&str| line[*word].as_str().unwrap_or("-").to_owned();
        let lines = told.lines().map(|line| {
            let line = serde_json::from_str(line).unwrap();
            let words: Vec<String> = words.iter().map(|name| word(&line, name)).collect();
            words.join(" ")
        });
        (code, lines.collect())
    }

    pub(crate) async fn catalog(&mut self) -> Catalog {
        Catalog::read(&mut self.raw, self.database.server().dialect()).await
    }

    /// The name of a table of ours.
    pub(crate) fn table(&self, name: &str) -> String {
        schema::qualified(self.database.server().dialect(), name)
    }

    pub(crate) async fn number(&mut self, sql: &str) -> String {
        let rows = self.raw.texts(sql).await;
        rows[0][0].clone().unwrap()
    }

    pub(crate) async fn events(&mut self) -> String {
        let log = self.table(schema::LOG_TABLE);
        let text = match self.database.server() {
            Server::MariaDb => "CHAR",
            _ => "TEXT",
        };
        let sql = format!(
            "SELECT CAST(COUNT(*) AS {text}) FROM {log} WHERE table_name = 'invoices' \
             AND after_data LIKE '%open%' AND after_data NOT LIKE '%hush%'"
        );
        let sql = match self.database.server().dialect() {
            audit_core::Dialect::Postgres => sql.replace("after_data", "after_data::text"),
            _ => sql,
        };
        self.number(&sql).await
    }

    /// Writes as the application does, with the rules of its file.
    pub(crate) async fn write<DB: Db>(&self, number: &str) {
        let sql = format!("INSERT INTO invoices VALUES ('{number}', 'open', 'hush')");
        self.write_text::<DB>(&sql).await;
    }

    pub(crate) async fn write_text<DB: Db>(&self, sql: &str) {
        let file = fs::read_to_string(self.path().join("audit.toml")).unwrap();
        let file: toml::Table = toml::from_str(&file).unwrap();
        let rules: audit_core::AuditBuilder = file["audit"].clone().try_into().unwrap();
        let attach = audit_sqlx::attach(PoolOptions::<DB>::new(), &rules.build().unwrap());
        let pool = attach.connect(self.database.url()).await.unwrap();
        let context = AuditContext::new().with_actor(Actor::user("alice"));
        let transaction = context.scope(audit_sqlx::begin(&pool)).await;
        let mut transaction = transaction.unwrap();
        DB::execute_text(&mut transaction, sql).await;
        transaction.commit().await.unwrap();
        pool.close().await;
    }
}

pub(crate) async fn a_log_is_made_and_taken_back<DB: Db>(server: Server) {
    let mut application = Application::create(server).await;
    let before = application.catalog().await;
    nothing_is_done_without_rules(&mut application, &before).await;
    fs::write(application.path().join("audit.toml"), RULES).unwrap();
    is_made_once(&application, server);
    application.write::<DB>("1").await;
    application.write::<DB>("2").await;
    assert_eq!(application.events().await, "2");
    is_taken_back(&mut application, &before).await;
    assert_eq!(application.ask("migrate up").0, 0);
}

/// Rules that nobody told would record what the application hides.
async fn nothing_is_done_without_rules(application: &mut Application, before: &Catalog) {
    let step = vec!["step 0001_audit_logs pending".to_owned()];
    let state = ["part", "name", "state"];
    assert_eq!(application.words("migrate status", &state), (1, step));
    let (code, _, said) = application.ask("migrate up");
    assert_eq!(code, 2);
    assert!(said.contains("`--without-rules`"), "{said}");
    assert_eq!(application.ask("migrate down --yes").0, 1);
    let after = application.catalog().await;
    after.assert_is(before, "after what was refused");
}

fn is_made_once(application: &Application, server: Server) {
    let (code, done) = application.words("migrate up", &["part", "name", "table_name", "done"]);
    assert_eq!(code, 0);
    assert_eq!(done[0], "step 0001_audit_logs - ran");
    assert_eq!(done[1], "index audit_logs_actor - made");
    let of_invoices = done.iter().filter(|line| line.ends_with(" invoices made"));
    let triggers = match server {
        Server::Sqlite => 0,
        Server::MariaDb => 3,
        _ => 4,
    };
    assert_eq!(of_invoices.count(), triggers, "{done:?}");
    let (code, told, said) = application.ask("migrate up");
    assert_eq!((code, told.as_str()), (0, ""));
    assert!(said.starts_with("there was nothing to do\n"), "{said}");
    assert_eq!(application.ask("migrate status").0, 0);
}

/// Once it is meant; the application's rows stay, and it can write.
async fn is_taken_back(application: &mut Application, before: &Catalog) {
    let (code, _, said) = application.ask("migrate down");
    let told = "audit: 2 events would be lost, and no change is recorded afterwards, so nothing was \
                done; say `--yes` if that is meant\n";
    assert_eq!((code, said.as_str()), (2, told));
    assert_eq!(application.events().await, "2");
    let (code, _, said) = application.ask("migrate down --yes");
    assert_eq!(code, 0, "{said}");
    let after = application.catalog().await;
    after.assert_is(before, "after all was taken back");
    let rows = "SELECT number FROM invoices ORDER BY number";
    assert_eq!(application.raw.texts(rows).await.len(), 2);
    let row = "INSERT INTO invoices VALUES ('3', 'open', 'hush')";
    application.raw.run(row).await;
}

pub(crate) async fn steps_that_do_not_fit_are_told<DB: Db>(server: Server) {
    let mut application = Application::with_rules(server).await;
    assert_eq!(application.ask("migrate up").0, 0);
    application.write::<DB>("1").await;
    let list = application.table(schema::MIGRATIONS_TABLE);
    let steps = |application: &Application| {
        let (code, mut lines) = application.words("migrate status", &["part", "name", "state"]);
        lines.retain(|line| line.starts_with("step"));
        (code, lines)
    };
    let newer = format!("INSERT INTO {list} VALUES (9000, '9000_newer', 'x')");
    application.raw.run(&newer).await;
    let known = "step 0001_audit_logs done".to_owned();
    assert_eq!(
        steps(&application),
        (1, vec![known, "step 9000_newer unknown".to_owned()])
    );
    for verb in ["migrate up", "migrate down --yes"] {
        let (code, _, said) = application.ask(verb);
        assert_eq!(code, 3, "{verb}");
        assert!(said.contains("update the audit crates"), "{said}");
    }
    assert_eq!(application.ask("triggers install").0, 3);
    assert_eq!(application.events().await, "1");

    let forget = format!("DELETE FROM {list} WHERE version = 9000");
    application.raw.run(&forget).await;
    assert_eq!(steps(&application).0, 0);
    let other = format!("UPDATE {list} SET checksum = 'another'");
    application.raw.run(&other).await;
    let changed = vec!["step 0001_audit_logs changed".to_owned()];
    assert_eq!(steps(&application), (1, changed));
    let (code, _, said) = application.ask("migrate up");
    assert_eq!(code, 3);
    assert!(said.contains("was changed after it ran here"), "{said}");
}

/// Answers a question of the command on a terminal: its code, and all that the terminal showed.
fn answered(application: &Application, arguments: &[&str], answer: &str) -> (i32, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let open = || {
        let mut options = File::options();
        options.read(true).write(true);
        options.open(name.to_str().unwrap()).unwrap()
    };
    let mut child = audit(Some(application.database.url()), arguments)
        .current_dir(application.path())
        .stdin(open())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut terminal = File::from(terminal);
    writeln!(terminal, "{answer}").unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    (child.wait().unwrap().code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_asked_before_events_are_lost() {
    let mut application = Application::with_rules(Server::Sqlite).await;
    assert_eq!(application.ask("migrate up").0, 0);
    application.write::<sqlx::Sqlite>("1").await;
    for wrong in ["yes", "", "lose 2 events"] {
        let (code, said) = answered(&application, &["migrate", "down"], wrong);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("1 event would be lost"), "{said}");
        assert_eq!(application.events().await, "1");
    }
    let (code, said) = answered(&application, &["migrate", "down"], "lose 1 event");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("type `lose 1 event` to go on:"), "{said}");
    let there = "SELECT name FROM sqlite_schema WHERE name LIKE 'audit%'";
    assert_eq!(application.raw.texts(there).await.len(), 0);
}

mod mariadb {
    use super::*;

    /// The triggers of a further database would refuse every write, once the log is gone.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn further_databases_are_let_go() {
        let mut application = Application::create(Server::MariaDb).await;
        let mut further = Application::create(Server::MariaDb).await;
        let before = further.catalog().await;
        let name = |of: &Application| of.database.url().rsplit('/').next().unwrap().to_owned();
        let names = [name(&application), name(&further)];
        let rules = format!("[audit]\nschemas = {names:?}\n");
        fs::write(application.path().join("audit.toml"), rules).unwrap();
        assert_eq!(application.ask("migrate up").0, 0);
        let row = "INSERT INTO invoices VALUES ('1', 'open', '')";
        further.raw.run(row).await;
        assert_eq!(application.events().await, "1");
        assert_eq!(application.ask("migrate down --yes").0, 0);
        further
            .catalog()
            .await
            .assert_is(&before, "after the log is gone");
        further.raw.run(&row.replace("'1'", "'2'")).await;
        application.raw.run(row).await;
    }
}
