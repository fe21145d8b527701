//! `audit optimize`: shown first, and done when asked to.

use audit_testkit::Server;
use serde_json::Value;

use crate::{Audited, Db};

pub(crate) async fn an_optimization_is_shown_and_then_done<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let (code, told, _) = audited.ask(&["optimize"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("\naudit_logs_record "), "{told}");
    let mut raw = audited.database.raw().await;
    let drop = match server {
        Server::MariaDb => "DROP INDEX audit_logs_previous ON audit_logs",
        Server::Sqlite => "DROP INDEX audit_logs_previous",
        _ => "DROP INDEX audit.audit_logs_previous",
    };
    raw.run(drop).await;
    let (code, told, said) = audited.ask(&["optimize"]);
    assert_eq!(code, 1, "{told}");
    let advice = "advice: the index `audit_logs_previous` is missing, which leads to the events of a record \
                  under keys that it had before\n-- makes `audit_logs_previous`";
    assert!(told.contains(advice), "{told}");
    let nothing = "nothing was changed; `--apply` runs what holds up no writer\n";
    let is_online = server != Server::Sqlite;
    assert_eq!(said, if is_online { nothing } else { "" });

    let (code, told, _) = audited.ask(&["optimize", "--format", "ndjson"]);
    let lines = told.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let missing: Vec<&Value> = lines
        .iter()
        .filter(|line| line["kind"] == "missing_index")
        .collect();
    assert_eq!((code, missing.len()), (1, 1), "{told}");
    assert_eq!(missing[0]["is_safe"], is_online);
    assert_eq!(lines[0]["name"], "audit_logs");
    assert!(lines[0]["bytes"].as_u64().is_some_and(|bytes| bytes > 0));

    let (code, _, said) = audited.ask(&["optimize", "--apply"]);
    if is_online {
        let done = "done: makes `audit_logs_previous`, while others write\n";
        assert_eq!((code, said.as_str()), (0, done));
    } else {
        // Writers would wait: it is for a quiet hour.
        assert_eq!((code, said.as_str()), (1, ""));
        let statement = missing[0]["statements"][0].as_str().unwrap();
        raw.run(statement).await;
    }
    assert_eq!(audited.ask(&["optimize"]).0, 0);
}
