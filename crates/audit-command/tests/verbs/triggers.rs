//! `audit triggers`: print, install, status and drop.

use std::io::Write as _;
use std::process::{Command, Stdio};

use audit_testkit::{Catalog, Server};

use super::migrate::Application;
use crate::Db;

const STATE: [&str; 3] = ["table_name", "name", "state"];

/// The triggers of the application's table, each as its name and state.
fn of_invoices(application: &Application) -> (i32, Vec<String>) {
    let (code, lines) = application.words("triggers status", &STATE);
    let lines = lines
        .iter()
        .filter_map(|line| line.strip_prefix("invoices "));
    (code, lines.map(str::to_owned).collect())
}

/// What the application itself has on its table; and what takes one of ours away, leaves one that
/// nobody asked for, and makes another other than it was.
fn disturbances(server: Server) -> [&'static str; 4] {
    match server {
        Server::MariaDb => [
            "CREATE TRIGGER mine AFTER INSERT ON invoices FOR EACH ROW SET @mine = 1",
            "DROP TRIGGER audit_insert_invoices",
            "CREATE TRIGGER audit_spare BEFORE UPDATE ON invoices FOR EACH ROW audit_capture: BEGIN END",
            "CREATE OR REPLACE TRIGGER audit_delete_invoices AFTER DELETE ON invoices FOR EACH ROW \
             audit_capture: BEGIN END",
        ],
        Server::Sqlite => ["", "", "", ""],
        _ => [
            "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
             CREATE TRIGGER mine AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION mine()",
            "DROP TRIGGER \"!audit_truncate\" ON invoices",
            "CREATE FUNCTION audit.spare() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
             CREATE TRIGGER \"!audit_spare\" AFTER UPDATE ON invoices FOR EACH ROW \
             EXECUTE FUNCTION audit.spare()",
            "ALTER TABLE invoices DISABLE TRIGGER \"!audit_delete\"",
        ],
    }
}

pub(crate) async fn triggers_are_compared_and_brought<DB: Db>(server: Server) {
    let mut application = Application::with_rules(server).await;
    for verb in ["status", "install", "print"] {
        let (code, _, said) = application.ask(&format!("triggers {verb}"));
        assert_eq!(code, 3);
        assert!(said.contains("run `audit migrate up`"), "{said}");
    }
    if server == Server::Sqlite {
        return are_on_connections::<DB>(application).await;
    }
    let [mine, disturbances @ ..] = disturbances(server);
    application.raw.run(mine).await;
    assert_eq!(application.ask("migrate up").0, 0);
    let before = application.catalog().await;
    let (code, states) = of_invoices(&application);
    let is_content = |line: &String| line.ends_with(" done") || line == "mine foreign";
    assert!(code == 0 && states.iter().all(is_content), "{states:?}");
    assert!(states.contains(&"mine foreign".to_owned()), "{states:?}");

    for disturbance in disturbances {
        application.raw.run(disturbance).await;
    }
    are_brought(&mut application, &before).await;
    application.write::<DB>("1").await;
    assert_eq!(application.events().await, "1");
    are_dropped::<DB>(&mut application).await;
}

/// One that is gone, one that nobody asked for, and one that is another.
async fn are_brought(application: &mut Application, before: &Catalog) {
    let (code, states) = of_invoices(application);
    let count = |state: &str| {
        let states = states.iter();
        states.filter(|line| line.ends_with(state)).count()
    };
    assert_eq!(code, 1);
    let told = ["pending", "left_over", "changed", "foreign"].map(count);
    assert_eq!(told, [1, 1, 1, 1], "{states:?}");
    assert_eq!(application.ask("migrate status").0, 1);

    let (code, done) = application.words("triggers install", &["name", "done"]);
    let done = done.iter().filter_map(|line| line.split(' ').nth(1));
    assert_eq!(code, 0);
    assert_eq!(done.collect::<Vec<_>>(), ["replaced", "made", "dropped"]);
    let after = application.catalog().await;
    after.assert_is(before, "after the triggers were installed again");
}

async fn are_dropped<DB: Db>(application: &mut Application) {
    let (code, _, said) = application.ask("triggers drop");
    assert_eq!(code, 2);
    assert!(said.contains("no change would be recorded"), "{said}");
    application.write::<DB>("2").await;
    assert_eq!(application.events().await, "2");
    assert_eq!(application.ask("triggers drop --yes").0, 0);
    application.write::<DB>("3").await;
    assert_eq!(application.events().await, "2");
    let (code, states) = of_invoices(application);
    let is_gone = |line: &String| line.ends_with(" pending") || line == "mine foreign";
    assert!(code == 1 && states.iter().all(is_gone), "{states:?}");
}

/// Where triggers are on connections, there is none to compare, to install or to drop.
async fn are_on_connections<DB: Db>(mut application: Application) {
    assert_eq!(application.ask("migrate up").0, 0);
    application.write::<DB>("1").await;
    let before = application.catalog().await;
    let (code, states) = of_invoices(&application);
    let expected = ["delete", "insert", "update"]
        .map(|operation| format!("audit_{operation}_invoices on_connection"));
    assert_eq!((code, states), (0, expected.to_vec()));
    for (verb, ends) in [("install", 0), ("drop --yes", 1)] {
        let (code, _, said) = application.ask(&format!("triggers {verb}"));
        assert_eq!(code, ends);
        assert!(
            said.contains("each connection of the application"),
            "{said}"
        );
    }
    application
        .catalog()
        .await
        .assert_is(&before, "after triggers that are not there");
    assert_eq!(application.events().await, "1");
}

/// What is printed makes the same triggers, run by something that is not ours.
pub(crate) async fn printed_triggers_are_those_of_the_rules<DB: Db>(server: Server) {
    let mut application = Application::with_rules(server).await;
    assert_eq!(application.ask("migrate up").0, 0);
    let before = application.catalog().await;
    let (code, printed, said) = application.ask("triggers print");
    assert_eq!(code, 0, "{said}");
    match server {
        Server::Sqlite => {
            // They belong to this connection, and go with it.
            application.raw.run(&printed).await;
            let made = "SELECT name FROM sqlite_temp_schema WHERE type = 'trigger' \
                        AND tbl_name = 'invoices'";
            assert_eq!(application.raw.texts(made).await.len(), 3);
            return;
        }
        Server::MariaDb => {
            assert_eq!(application.ask("triggers drop --yes").0, 0);
            run_by_client(application.database.url(), &printed);
        }
        _ => {
            assert_eq!(application.ask("triggers drop --yes").0, 0);
            application.raw.run(&printed).await;
        }
    }
    application
        .catalog()
        .await
        .assert_is(&before, "after what was printed");
    assert_eq!(application.ask("migrate status").0, 0);
    application.write::<DB>("1").await;
    assert_eq!(application.events().await, "1");
}

/// Runs a script by the client of MariaDB, to which the delimiters belong.
fn run_by_client(url: &str, script: &str) {
    let rest = url.strip_prefix("mysql://").unwrap();
    let (account, place) = rest.split_once('@').unwrap();
    let (user, password) = account.split_once(':').unwrap();
    let (address, database) = place.split_once('/').unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let mut client = Command::new("mariadb")
        .args(["--user", user, "--host", host, "--port", port, database])
        .env("MYSQL_PWD", password)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    client
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(client.wait().unwrap().success());
}
