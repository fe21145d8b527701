//! `audit migrate up --backup` and `audit migrate restore`: each row comes back as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use audit_core::schema;
use audit_testkit::Server;

use super::migrate::Application;
use crate::Db;

/// What every row of a table is, asked of the database itself, in a form that hides nothing.
fn rows_of(server: Server, table: &str, columns: &[&str]) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|column| match server {
            Server::MariaDb => format!("COALESCE(HEX({column}), '-')"),
            Server::Sqlite => format!("typeof({column}) || hex({column})"),
            _ => format!("coalesce(encode(convert_to({column}::text, 'UTF8'), 'hex'), '-')"),
        })
        .collect();
    let columns = columns.join(", ");
    format!("SELECT {columns} FROM {table} ORDER BY {columns}")
}

/// The rows of all tables that a backup is of.
async fn rows(application: &mut Application) -> Vec<Vec<Vec<Option<String>>>> {
    let server = application.database.server();
    let log: Vec<&str> = schema::LOG_COLUMNS
        .iter()
        .map(|column| column.name)
        .collect();
    let schemas = [
        "table_schema",
        "table_name",
        "fingerprint",
        "columns",
        "record_key",
        "recorded_at",
    ];
    let mut rows = Vec::new();
    for (table, columns) in [
        (schema::LOG_TABLE, &log[..]),
        (schema::SCHEMAS_TABLE, &schemas),
        (schema::SETTINGS_TABLE, &["name", "value"]),
    ] {
        let sql = rows_of(server, &application.table(table), columns);
        rows.push(application.raw.texts(&sql).await);
    }
    rows
}

/// Values that a text could lose: of every type of column, long ones, and those that quoting could
/// change.
async fn write_what_is_hard(application: &mut Application) {
    let server = application.database.server();
    let log = application.table(schema::LOG_TABLE);
    let long = "ü\\\"'\t\u{1}".repeat(40_000);
    let hard = long.replace('\'', "''");
    let (hard, id) = match server {
        // There a backslash in a literal is an escape.
        Server::MariaDb => (
            hard.replace('\\', "\\\\"),
            "UNHEX('00FF00000000000000000000000000AA')",
        ),
        Server::Sqlite => (hard, "x'00FF00000000000000000000000000AA'"),
        _ => (hard, "'00ff0000-0000-0000-0000-0000000000aa'"),
    };
    let (list, document) = match server {
        Server::MariaDb | Server::Sqlite => (r#"'["a","b\"c"]'"#, r#"'{"a": 1.10, "b":null }'"#),
        _ => (r#"ARRAY['a', 'b"c', NULL]"#, r#"'{"a": 1.10, "b":null }'"#),
    };
    let list = match server {
        Server::MariaDb => list.replace('\\', "\\\\"),
        _ => list.to_owned(),
    };
    let at = match server {
        Server::Sqlite => "'2026-01-02T03:04:05.000006Z'",
        Server::MariaDb => "'2026-01-02 03:04:05.000006'",
        _ => "'2026-01-02 03:04:05.000006+00'",
    };
    let reason = match server {
        Server::MariaDb => format!("CONCAT('{hard}', CHAR(0), 'x')"),
        Server::Sqlite => format!("'{hard}' || char(0) || 'x'"),
        _ => format!("'{hard}'"),
    };
    application
        .raw
        .run(&format!(
            "INSERT INTO {log} (occurred_at, id, schema_version, operation, outcome, actor_kind, source, \
             actor_id, reason, before_exact, changed_fields, before_data, duration_us, recorded_at) VALUES \
             ({at}, {id}, 1, 'CUSTOM', 'success', 'user', 'manual', '', {reason}, {}, {list}, {document}, \
             9007199254740993, {at})",
            if matches!(server, Server::Sqlite) { "1" } else { "true" },
        ))
        .await;
}

pub(crate) async fn a_backup_comes_back_row_by_row<DB: Db>(server: Server) {
    let mut application = Application::with_rules(server).await;
    let (code, _, said) = application.ask("migrate up --backup first.backup");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("nothing to back up"), "{said}");
    // More than one page of the log.
    let numbers: Vec<String> = (0..450)
        .map(|number| format!("('{number}', 'open', 'hush')"))
        .collect();
    application
        .write_text::<DB>(&format!(
            "INSERT INTO invoices VALUES {}",
            numbers.join(", ")
        ))
        .await;
    write_what_is_hard(&mut application).await;
    let settings = application.table(schema::SETTINGS_TABLE);
    let off = format!("INSERT INTO {settings} VALUES ('capture:other', 'off')");
    application.raw.run(&off).await;
    let before = rows(&mut application).await;
    assert!(before[0].len() > 450, "{}", before[0].len());

    is_written_once(&application);
    what_is_no_backup_is_refused(&mut application).await;

    let (code, _, said) = application.ask("migrate restore audit.backup");
    assert_eq!(code, 0, "{said}");
    let after = rows(&mut application).await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.len(), after.len());
        assert!(before == after, "rows are other than they were");
    }
    assert_eq!(application.ask("migrate up").0, 0);
    let (code, parts) = application.words("migrate status", &["state"]);
    assert_eq!(code, 0, "{parts:?}");
    application.write::<DB>("new").await;
    assert_eq!(rows(&mut application).await[0].len(), before[0].len() + 1);
}

/// Over no other file, and into no other log.
fn is_written_once(application: &Application) {
    assert_eq!(application.ask("migrate up --backup audit.backup").0, 0);
    let (code, _, said) = application.ask("migrate up --backup audit.backup");
    assert_eq!(code, 2);
    assert!(said.contains("name a new file"), "{said}");
    let (code, _, said) = application.ask("migrate restore audit.backup");
    assert_eq!(code, 3);
    assert!(said.contains("are there already"), "{said}");
    let file = fs::metadata(application.path().join("audit.backup")).unwrap();
    assert_eq!(file.permissions().mode() & 0o077, 0);
    assert_eq!(application.ask("migrate down --yes").0, 0);
}

/// A file that was cut, one that somebody wrote to, and one that is something else.
async fn what_is_no_backup_is_refused(application: &mut Application) {
    let file = |name: &str| application.path().join(name);
    let whole = fs::read_to_string(file("audit.backup")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let dialect = application.database.server().dialect().as_str();
    let other = whole.replacen(dialect, "other", 1);
    let missing = whole.replacen("\"actor_id\"", "\"actor_key\"", 1);
    let foreign = whole.replacen("\"table\":\"audit_settings\"", "\"table\":\"invoices\"", 1);
    let removed = [&lines[..7], &lines[8..]].concat().join("\n");
    for (text, word) in [
        (lines[..lines.len() - 1].join("\n"), "was cut"),
        (
            whole
                .get(..whole.len() / 2)
                .unwrap_or(&lines[..9].join("\n"))
                .to_owned(),
            "backup",
        ),
        (removed, "was cut"),
        (other, "a backup of `other`"),
        (missing, "`actor_key` of `audit_logs`"),
        (foreign, "is none of an audit backup"),
        ("occurred_at,id\n".to_owned(), "line 1 is none"),
        (String::new(), "line 1 is none"),
    ] {
        fs::write(file("bad.backup"), text).unwrap();
        let (code, _, said) = application.ask("migrate restore bad.backup");
        assert_eq!(code, 3, "{word}: {said}");
        assert!(said.contains(word), "{said}");
        // On MariaDB the tables are there, and empty; elsewhere nothing is.
        let has_tables =
            application.words("migrate status", &["part", "state"]).1[0] == "step done";
        let is_mariadb = application.database.server() == Server::MariaDb;
        assert!(is_mariadb || !has_tables, "{word}");
        if has_tables {
            assert_eq!(application.ask("migrate down --yes").0, 0);
        }
    }
}
