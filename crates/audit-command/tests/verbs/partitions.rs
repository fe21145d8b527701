//! `audit partitions`: shown first, and done when asked to.

use audit_testkit::Server;
use serde_json::Value;

use crate::{Audited, Db, OF_INVOICES, audit};

fn partitions<DB: Db>(audited: &Audited<DB>, arguments: &[&str]) -> (i32, String, String) {
    audited.ask(&[&["partitions"], arguments].concat())
}

pub(crate) async fn partitions_are_made_and_taken_away<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    if server == Server::Sqlite {
        let (code, told, said) = partitions(&audited, &["convert"]);
        assert_eq!((code, told.as_str()), (1, ""));
        assert!(said.contains("SQLite has no partitions"), "{said}");
        return;
    }
    assert_eq!(partitions(&audited, &["list"]).0, 1);
    let (code, script, said) = partitions(&audited, &["convert"]);
    assert_eq!(
        (code, said.as_str()),
        (0, "nothing was changed; `--apply` does it\n")
    );
    assert!(script.contains("PARTITION"), "{script}");
    assert_eq!(partitions(&audited, &["create"]).0, 1);
    assert_eq!(partitions(&audited, &["list"]).0, 1);

    let before = audited.events(&OF_INVOICES);
    assert_eq!(partitions(&audited, &["convert", "--apply"]).0, 0);
    assert_eq!(audited.events(&OF_INVOICES), before);
    let (code, _, said) = partitions(&audited, &["convert", "--apply"]);
    assert_eq!((code, said.as_str()), (1, "there is nothing to do\n"));
    let (code, told, _) = partitions(&audited, &["list", "--format", "ndjson"]);
    let parts: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (code, &parts[0]["name"]),
        (0, &Value::from("audit_logs_past"))
    );
    assert_eq!(
        partitions(&audited, &["create", "--months-ahead", "12", "--apply"]).0,
        0
    );
    let (_, more, _) = partitions(&audited, &["list"]);
    assert!(more.lines().count() > parts.len() + 2, "{more}");

    // What still takes events stays, and who takes away what is old has to be said.
    let (code, _, said) = partitions(&audited, &["drop", "audit_logs_past"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("still takes new events"), "{said}");
    assert_eq!(
        partitions(&audited, &["drop", "audit_logs_past", "--apply"]).0,
        2
    );
    let past_ends = parts[0]["ends_at"].as_str().unwrap();
    let (past_ends, _) = past_ends.split_once('T').unwrap();
    a_month_leaves(&audited, server, past_ends).await;
}

/// A month that is over, made by hand.
async fn a_month_leaves<DB: Db>(audited: &Audited<DB>, server: Server, past_ends: &str) {
    let mut raw = audited.database.raw().await;
    let split = match server {
        Server::MariaDb => format!(
            "ALTER TABLE audit_logs REORGANIZE PARTITION audit_logs_past INTO (\
             PARTITION audit_logs_2020_01 VALUES LESS THAN ('2020-02-01'), \
             PARTITION audit_logs_past VALUES LESS THAN ('{past_ends}'))"
        ),
        _ => format!(
            "DROP TABLE audit.audit_logs_past; \
             CREATE TABLE audit.audit_logs_past PARTITION OF audit.audit_logs \
             FOR VALUES FROM ('2020-02-01') TO ('{past_ends}'); \
             CREATE TABLE audit.audit_logs_2020_01 PARTITION OF audit.audit_logs \
             FOR VALUES FROM (MINVALUE) TO ('2020-02-01')"
        ),
    };
    raw.run(&split).await;
    let drop = ["drop", "audit_logs_2020_01"];
    let (code, _, said) = partitions(audited, &drop);
    assert_eq!(
        (code, said.as_str()),
        (0, "nothing was changed; `--apply` does it\n")
    );
    let apply = ["--apply", "--as", "olga", "--reason", "ten years old"];
    let (code, _, said) = partitions(audited, &[&drop[..], &apply].concat());
    assert_eq!(code, 2);
    assert!(said.contains("`--yes`"), "{said}");
    let aged = match server {
        Server::MariaDb => "UPDATE audit_logs SET occurred_at = '2020-01-31 09:00:00'",
        _ => "UPDATE audit.audit_logs SET occurred_at = '2020-01-31T09:00:00Z'",
    };
    let paid = "UPDATE invoices SET status = 'paid'";
    raw.run(&format!("{paid}; {aged} WHERE table_name = 'invoices'"))
        .await;
    let yes = [&["partitions"], &drop[..], &apply, &["--yes"]].concat();
    for kept in [&yes[..], &[&["partitions"], &drop[..]].concat()] {
        let (code, said) = with_a_policy(audited, kept);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("the policy `books` keeps events"), "{said}");
    }
    let events = audited.events(&OF_INVOICES).len();
    assert!(events > 0);
    let (code, said) = with_a_policy(audited, &[&yes[..], &["--despite-retention"]].concat());
    assert_eq!((code, said), (0, format!("{events} events left the log\n")));
    let (_, told, _) = audited.ask(&["log", "--actor", "olga", "--format", "ndjson"]);
    let event: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(event["action"], "audit.partition.drop");
    assert_eq!(event["reason"], "ten years old");
    assert_eq!(partitions(audited, &drop).0, 1);
}

/// In a folder whose file has a policy that keeps invoices: the exit code, and what is said.
fn with_a_policy<DB: Db>(audited: &Audited<DB>, arguments: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let policy = "[[retention]]\nname = \"books\"\nkeep = \"90y\"\n\
                  select = { table = [\"inv*\"] }\n";
    std::fs::write(folder.path().join("audit.toml"), policy).unwrap();
    let mut command = audit(Some(audited.database.url()), arguments);
    let output = command.current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}
