//! `audit log`: filters, pages and what is followed.

use std::io::BufRead as _;
use std::process::{Command, Stdio};

use audit_testkit::Server;
use serde_json::Value;

use crate::{Audited, Db, GONE, MADE, OF_INVOICES, OTHER, PAID, audit};

pub(crate) async fn each_filter_and_page_gives_its_events<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let of = |flags: &[&str]| audited.events(&[&OF_INVOICES, flags].concat());
    assert_eq!(of(&[]), [GONE, PAID, OTHER, MADE]);
    assert_eq!(of(&["--oldest-first", "--all"]), [MADE, OTHER, PAID, GONE]);
    assert_eq!(of(&["--actor", "bob", "--operation", "update"]), [PAID]);
    assert_eq!(
        of(&["--actor", "bob", "--actor", "alice", "--search", "acme"]).len(),
        4
    );
    assert_eq!(of(&["--where", r#"after.status = "paid""#]), [PAID]);
    assert_eq!(of(&["--changed", "status"]), [PAID]);
    assert_eq!(
        of(&["--record", r#"["acme","2"]"#, "--since", "yesterday"]),
        [OTHER]
    );
    assert_eq!(of(&["--until", "1h"]), [""; 0]);

    let first = [&OF_INVOICES[..], &["-n", "3", "--format", "ndjson"]].concat();
    let (_, _, said) = audited.ask(&first);
    let cursor = said
        .trim_end()
        .strip_prefix("there are more: --after ")
        .unwrap();
    assert_eq!(of(&["-n", "3", "--after", cursor]), [MADE]);
    let foreign = audited.ask(&["log", "--after", cursor]);
    let cause = "audit: the cursor is not one of this query; begin at the first page\n";
    assert_eq!(foreign, (2, String::new(), cause.to_owned()));
}

pub(crate) async fn following_prints_what_comes<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let arguments = [
        "log",
        "-f",
        "-n",
        "1",
        "--settling",
        "90",
        "--table",
        "invoices",
        "--format",
        "ndjson",
    ];
    let mut follower = audit(Some(audited.database.url()), &arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["operation"], "DELETE");
    audited
        .write("carol", "DELETE FROM invoices WHERE number = '2'")
        .await;
    assert_eq!(next()["actor_id"], "carol");
    let id = follower.id().to_string();
    let stopped = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(stopped.success());
    assert!(follower.wait().unwrap().success());
}

pub(crate) async fn a_closed_pipe_ends_it_quietly<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let mut child = audit(Some(audited.database.url()), &["log"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0));
}

/// Each flag and the value by which one event alone passes it.
const FLAGS: [(&str, &str); 22] = [
    ("--action", "x"),
    ("--actor-kind", "service"),
    ("--changed", "x"),
    ("--compliance", "x"),
    ("--data-class", "restricted"),
    ("--environment", "x"),
    ("--event", "00000000-0000-7000-8000-000000000001"),
    ("--id", "00000000-0000-7000-8000-000000000001"),
    ("--job", "x"),
    ("--label", "x"),
    ("--on-behalf-of", "x"),
    ("--outcome", "denied"),
    ("--previous-record", "x"),
    ("--request", "x"),
    ("--route", "x"),
    ("--schema", "x"),
    ("--service", "x"),
    ("--severity", "critical"),
    ("--source", "wal"),
    ("--tenant", "x"),
    ("--trace", "x"),
    ("--transaction", "x"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_flag_is_its_filter() {
    let audited = Audited::<sqlx::Sqlite>::create(Server::Sqlite).await;
    let texts = [
        "action",
        "environment",
        "label",
        "on_behalf_of",
        "previous_record_id",
        "request_id",
        "service",
        "table_schema",
        "tenant_id",
        "transaction_id",
    ];
    let texts = texts.map(|column| format!("{column} = 'x'")).join(", ");
    let set = format!(
        "UPDATE audit_logs SET {texts}, id = X'00000000000070008000000000000001', \
         occurred_at = '1970-01-01T00:00:00.000000Z', actor_kind = 'service', outcome = 'denied', \
         severity = 'critical', data_class = 'restricted', source = 'wal', compliance = '[\"x\"]', \
         changed_fields = '[\"x\"]', context = '{{\"job\":\"x\",\"route\":\"x\",\"trace_id\":\"x\"}}' \
         WHERE operation = 'UPDATE'"
    );
    audited.database.raw().await.run(&set).await;
    for (flag, value) in FLAGS {
        assert_eq!(audited.events(&["log", flag, value]), [PAID], "{flag}");
    }
    // Of several flags all must hold.
    let both = ["log", "--tenant", "x", "--operation", "insert"];
    assert_eq!(audited.events(&both), [""; 0]);
}
