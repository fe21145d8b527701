//! Parts of JSON columns are hidden, and nothing else is.

use std::fmt::Write as _;

use audit_core::{Dialect, Event, Redaction, Snapshot, TableRule, schema};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};

use super::KEY;
use crate::adapter::Adapter;
use crate::database::Server;
use crate::world::{World, alice};

/// By Python's hmac module, from the key of these tests and the text `Jefe`.
const HASH_OF_JEFE: &str =
    "hmac-sha256:3dc3a28bff084452c5c8957b217fe84abeba89815778559f7d1e3dcbdc6bd094";

/// What is planted, and that of it which no redaction of these tests leaves.
const SECRET: &str = "canary-71f3e9c2";
const HIDDEN: &str = "ary-71f3e9c2";

/// The types in which a database keeps JSON.
pub(super) fn document_types(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::MySql => &["JSON", "LONGTEXT", "VARCHAR(10000) CHARACTER SET latin1"],
        Dialect::Postgres => &["JSON", "JSONB"],
        _ => &["TEXT", "JSON", "BLOB"],
    }
}

/// Two tables a type of JSON column: `t0` and `u0`, `t1` and `u1`, ..
fn tables(dialect: Dialect) -> String {
    let types = document_types(dialect).iter().enumerate();
    types
        .flat_map(|(at, kind)| [(format!("t{at}"), kind), (format!("u{at}"), kind)])
        .map(|(table, kind)| {
            format!(
                "CREATE TABLE {table} (id BIGINT NOT NULL PRIMARY KEY, plain BIGINT, details {kind}); "
            )
        })
        .collect()
}

pub(super) fn literal(dialect: Dialect, text: &str) -> String {
    let text = text.replace('\'', "''");
    match dialect {
        Dialect::MySql => format!("'{}'", text.replace('\\', "\\\\")),
        _ => format!("'{text}'"),
    }
}

/// What an image says of `details`: a text column of a database holds the text of the document.
fn details(image: Option<&audit_core::Json>) -> Value {
    match image.unwrap().to_value()["details"].take() {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other,
    }
}

fn after(event: &Event) -> Value {
    details(event.after_data.as_ref())
}

/// Four ways to hide a part; that the column changed is still told, and the rest is as it was.
pub async fn hidden_parts_are_hidden_and_their_change_is_not<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, &tables(server.dialect()), |audit| {
        audit.hash_key(KEY).table(
            TableRule::new("t?")
                .redact_path("details", "$.card.number", Redaction::Mask)
                .redact_path("details", "$.card.pin", Redaction::Drop)
                .redact_path("details", "$['the name']", Redaction::Hash)
                .redact_path("details", "$.lines[*].note", Redaction::Truncate(4))
                .redact_path("details", "$.tags[0]", Redaction::Drop)
                .redact_path("details", "$.tags[2]", Redaction::Mask),
        )
    })
    .await;
    let dialect = world.dialect();
    for at in 0..document_types(dialect).len() {
        let first = r#"{"card": {"number": "4111-secret", "pin": 4321, "kind": "visa"},
            "the name": "Jefe", "lines": [{"note": "hush-secret", "price": 1.50}, {"note": null}, 7],
            "tags": ["tag-secret", "b", {"c": "tag-secret"}, "d"], "rest": [true, null, "é\n"]}"#;
        let second = first.replace("4111-secret", "4222-secret");
        let events = world
            .prove_statements(&[
                &format!(
                    "INSERT INTO t{at} VALUES (1, 1, {})",
                    literal(dialect, first)
                ),
                &format!("UPDATE t{at} SET details = {}", literal(dialect, &second)),
                &format!("UPDATE t{at} SET details = '{{\"card\": {{\"number\": null}}}}'"),
                &format!("UPDATE t{at} SET details = NULL"),
                &format!("DELETE FROM t{at}"),
            ])
            .await;
        let wire = serde_json::to_string(&events).unwrap();
        for secret in ["-secret", "4111", "4222", "4321", "Jefe"] {
            assert!(!wire.contains(secret), "{secret} is in {wire}");
        }
        let shown = json!({
            "card": {"number": "***", "kind": "visa"},
            "the name": HASH_OF_JEFE,
            "lines": [{"note": "hush…", "price": 1.5}, {"note": null}, 7],
            "tags": ["b", "***", "d"],
            "rest": [true, null, "é\n"],
        });
        assert_eq!(after(&events[0]), shown);
        assert_eq!(details(events[1].before_data.as_ref()), shown);
        assert_eq!(after(&events[1]), shown);
        assert_eq!(events[1].changed_fields, Some(vec!["details".to_owned()]));
        assert_eq!(after(&events[2]), json!({"card": {"number": null}}));
        assert_eq!(after(&events[3]), Value::Null);
        let mut redacted = events[1].redacted_fields.clone().unwrap();
        redacted.sort_unstable();
        let paths = [
            "$.card.number",
            "$.card.pin",
            "$.lines[*].note",
            "$.tags[0]",
            "$.tags[2]",
            "$[\"the name\"]",
        ];
        assert_eq!(redacted, paths.map(|path| format!("details:{path}")));
        if dialect != Dialect::Sqlite {
            // Another program, on a connection without the key.
            let insert = format!("INSERT INTO t{at} VALUES (2, 2, '{{\"the name\": \"Jefe\"}}')");
            world.raw(&insert).await;
            let shown = match dialect {
                Dialect::MySql => json!({"the name": "***"}),
                _ => json!({}),
            };
            assert_eq!(after(&world.new_events().await[0]), shown);
        }
    }
}

/// Documents that are hard to take apart, each with a secret where paths find it: the document, and
/// whether it is JSON at all.
fn awkward_documents(secret: &str) -> Vec<(String, bool)> {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"x":{open}1{close},"card":{{"number":"{secret}"}}}}"#)
    };
    let json = [
        format!(r#"{{"card":{{"number":"{secret}"}}}}"#),
        format!("\t{{\n\"card\" : {{ \"number\"\r:\"{secret}\" }} }} "),
        format!(r#"{{"card":{{"number":{{"deep":["{secret}"]}}}}}}"#),
        format!(r#"[{{"card":{{"number":"{secret}"}}}},[],"x"]"#),
        format!(r#"{{"card":{{"number":"{secret}"}},"card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":1,"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":"{secret}","number":1}}}}"#),
        format!(r#"{{"card":1,"card":{{"number":"{secret}"}}}}"#),
        format!(r#"[{{"card":{{"number":1,"number":"{secret}"}}}}]"#),
        format!(r#"[{{"card":1,"card":{{"number":"{secret}"}}}}]"#),
        format!(r#"{{"\u0063ard":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":1,"numbe\u0072":"{secret}"}}}}"#),
        format!(r#"[{{"c\u0061rd":{{"number":"{secret}"}}}}]"#),
        format!(r#"{{"x":"\u0000","card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":"\u0000{secret}"}}}}"#),
        format!(r#"{{"x":"\ud800","card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"\udfff":1,"card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":"\ud800{secret}"}}}}"#),
        format!(r#"[{{"card":{{"number":"\udc00{secret}"}}}}]"#),
        format!(r#"{{"x":1e400,"card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"x":"\"card\":{{","card":{{"number":"{secret}"}}}}"#),
        format!(r#""{secret}""#),
        format!(r#""{{\"card\":{{\"number\":\"{secret}\"}}}}""#),
        format!(
            r#"{{"x":"{}","card":{{"number":"{secret}"}}}}"#,
            "x".repeat(70_000)
        ),
        format!(
            r#"{{"card":{{"number":"{secret}"}},"x":"{}"}}"#,
            "x".repeat(70_000)
        ),
        nested(28),
        nested(40),
        nested(1000),
        format!(
            r#"{{"x":"{}","card":{{"number":"{secret}"}}}}"#,
            "x".repeat(9000)
        ),
    ];
    let no_json = [
        String::new(),
        secret.to_owned(),
        format!(r#"{{"card":{{"number":"{secret}"}}"#),
        format!(r#"{{"card":{{"number":"{secret}"}}}} x"#),
        format!(r#"{{"card":{{"number":"{secret}"}},}}"#),
        format!("{{card:{{number:'{secret}'}}}}"),
        format!("{{\"card\":{{\"number\":\"{secret}\n\"}}}}"),
        format!(r#"{{"x":1.,"card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"x":"\x","card":{{"number":"{secret}"}}}}"#),
    ];
    let json = json.into_iter().map(|text| (text, true));
    json.chain(no_json.into_iter().map(|text| (text, false)))
        .collect()
}

/// A text as it is, in hex of both cases and in base64 of the three alignments.
fn spellings(secret: &str) -> Vec<String> {
    let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let mut spellings = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for padding in 0..3 {
        let mut bytes = vec![b' '; padding];
        bytes.extend(secret.bytes());
        let text = STANDARD_NO_PAD.encode(&bytes);
        // Without the characters that hold bits of neighbours.
        spellings.push(text[(padding * 8).div_ceil(6)..bytes.len() * 8 / 6].to_owned());
    }
    spellings
}

/// Every column of every row of the log, as the database writes it.
async fn log_as_text<A: Adapter>(world: &World<A>) -> String {
    let text = |name: &str| match world.dialect() {
        Dialect::Postgres => format!("coalesce({name}::text, '')"),
        Dialect::MySql => format!("coalesce(CONVERT({name} USING utf8mb4), '')"),
        _ => format!("coalesce(CAST({name} AS TEXT), '')"),
    };
    let columns = schema::LOG_COLUMNS
        .iter()
        .filter(|column| column.name != "id");
    let columns: Vec<String> = columns.map(|column| text(column.name)).collect();
    let log = world.by("audit.audit_logs", "audit_logs", "audit_logs");
    let rows = world
        .texts(&format!("SELECT {} FROM {log}", columns.join(", ")))
        .await;
    rows.into_iter().flatten().flatten().collect()
}

/// Whatever the document, the write goes through and the secret is nowhere in the log.
pub async fn what_cannot_be_taken_apart_is_hidden_whole<A: Adapter>(server: Server) {
    for redaction in [
        Redaction::Drop,
        Redaction::Hash,
        Redaction::Mask,
        Redaction::Truncate(3),
    ] {
        let world = World::<A>::with(server, &tables(server.dialect()), |audit| {
            audit.hash_key(KEY).exclude("u?").table(
                TableRule::new("t?")
                    .redact_path("details", "$.card.number", redaction)
                    .redact_path("details", "$[*].card.number", redaction),
            )
        })
        .await;
        let dialect = world.dialect();
        let documents = awkward_documents(SECRET);
        for (at, kind) in document_types(dialect).iter().enumerate() {
            let mut taken = 0;
            for (id, (text, _)) in documents.iter().enumerate() {
                let document = literal(dialect, text);
                let insert = format!("INSERT INTO u{at} VALUES ({id}, 0, {document})");
                // A column of JSON refuses some; nothing audits it here.
                taken += usize::from(world.try_raw(&insert).await.is_ok());
            }
            assert!(taken > documents.len() / 3, "{kind} took {taken} documents");
            let mut statements = vec![
                format!("INSERT INTO t{at} SELECT * FROM u{at}"),
                format!("UPDATE t{at} SET plain = plain + 1"),
                format!("DELETE FROM t{at}"),
            ];
            if dialect == Dialect::Sqlite {
                let as_bytes = format!("UPDATE t{at} SET details = CAST(details AS BLOB)");
                statements.insert(1, as_bytes);
            }
            for statement in &statements {
                let written = alice().scope(world.adapter.execute(statement)).await;
                assert_eq!(written.unwrap(), taken as u64, "{kind}: {statement}");
            }
            for event in world.new_events().await {
                let wire = serde_json::to_string(&event).unwrap();
                assert!(!wire.contains(HIDDEN), "{kind}, {redaction:?}: {wire}");
                let images = [&event.before_data, &event.after_data];
                for image in images.into_iter().flatten() {
                    let [(_, id), _, (_, shown)] = &image.fields()[..] else {
                        panic!("{wire}");
                    };
                    assert!(shown.as_str() != "null", "{kind}, {redaction:?}: {wire}");
                    let (text, is_json) = &documents[id.as_str().parse::<usize>().unwrap()];
                    if !is_json && redaction == Redaction::Mask {
                        assert_eq!(shown.as_str(), "\"***\"", "{kind}: {text}");
                    }
                }
            }
        }
        let log = log_as_text(&world).await;
        assert!(log.contains("details:$.card.number"));
        for spelling in spellings(HIDDEN) {
            assert!(!log.contains(&spelling), "{redaction:?}: {spelling}");
        }
    }
}

/// Where paths overlap, the stronger redaction holds; one of the column holds over its paths.
pub async fn overlapping_paths_are_hidden_by_the_stronger<A: Adapter>(server: Server) {
    let (mask, cut) = (Redaction::Mask, Redaction::Truncate);
    let rules: [(&str, &[(&str, Redaction)], Option<Redaction>, Value); 9] = [
        (
            // Without a key.
            "hashed",
            &[("$.a.b", Redaction::Hash), ("$.l[0]", Redaction::Hash)],
            None,
            json!({"a": {"c": 1}, "l": [2, [3]]}),
        ),
        (
            "wider",
            &[("$.a", mask), ("$.a.b", cut(1))],
            None,
            json!({"a": "***", "l": [1, 2, [3]]}),
        ),
        (
            "cut",
            &[("$.a", cut(8)), ("$.a.b", mask)],
            None,
            json!({"a": "{\"b\":\"**…", "l": [1, 2, [3]]}),
        ),
        (
            "places",
            &[
                ("$.l[*]", mask),
                ("$.l[1]", Redaction::Drop),
                ("$.l[2]", cut(1)),
            ],
            None,
            json!({"a": {"b": "xyz", "c": 1}, "l": ["***", "***"]}),
        ),
        (
            "elements",
            &[("$.l[*][0]", mask), ("$.l[0]", cut(0))],
            None,
            json!({"a": {"b": "xyz", "c": 1}, "l": ["…", 2, ["***"]]}),
        ),
        (
            "later",
            &[("$.a", Redaction::Drop), ("$.a", mask)],
            None,
            json!({"a": "***", "l": [1, 2, [3]]}),
        ),
        ("whole", &[("$.a", cut(1))], Some(mask), json!("***")),
        (
            "both",
            &[("$.a", mask)],
            Some(cut(10)),
            json!("{\"a\":\"***\"…"),
        ),
        (
            "nothing",
            &[
                ("$.a[0]", mask),
                ("$[0]", mask),
                ("$.l.b", mask),
                ("$.a.b.c", Redaction::Drop),
            ],
            None,
            json!({"a": {"b": "xyz", "c": 1}, "l": [1, 2, [3]]}),
        ),
    ];
    let dialect = server.dialect();
    let kind = document_types(dialect)[0];
    let tables: String = rules
        .iter()
        .map(|(name, ..)| {
            format!("CREATE TABLE p_{name} (id BIGINT NOT NULL PRIMARY KEY, details {kind}); ")
        })
        .collect();
    let world = World::<A>::with(server, &tables, |audit| {
        rules.iter().fold(audit, |audit, (name, paths, column, _)| {
            let mut rule = TableRule::new(format!("p_{name}"));
            for (path, how) in *paths {
                rule = rule.redact_path("details", path, *how);
            }
            if let Some(how) = column {
                rule = rule.redact("details", *how);
            }
            audit.table(rule)
        })
    })
    .await;
    for (name, paths, column, shown) in rules {
        let document = r#"{"a":{"b":"xyz","c":1},"l":[1,2,[3]]}"#;
        let insert = format!("INSERT INTO p_{name} VALUES (1, '{document}')");
        let events = world.prove_statements(&[&insert]).await;
        assert_eq!(after(&events[0]), shown, "{name}");
        let redacted = events[0].redacted_fields.clone().unwrap();
        let is_listed = |path: &str| redacted.contains(&format!("details:{path}"));
        let expects_paths = !matches!(column, Some(Redaction::Mask));
        assert!(
            paths
                .iter()
                .all(|(path, _)| is_listed(path) == expects_paths),
            "{name}"
        );
        assert_eq!(
            redacted.contains(&"details".to_owned()),
            column.is_some(),
            "{name}"
        );
    }
}

/// Parts are hidden in rows that a cascade reaches, in images of what changed, and in rows of a
/// table that was altered since.
pub async fn parts_are_hidden_wherever_an_image_is_made<A: Adapter>(server: Server) {
    let dialect = server.dialect();
    let kind = document_types(dialect)[0];
    let world = World::<A>::with(
        server,
        &format!(
            "CREATE TABLE parents (id BIGINT NOT NULL PRIMARY KEY); \
             CREATE TABLE children (id BIGINT NOT NULL PRIMARY KEY, parent BIGINT, details {kind}, \
             FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE); \
             CREATE TABLE changes (id BIGINT NOT NULL PRIMARY KEY, a BIGINT, details {kind})"
        ),
        |audit| {
            let rule = |table: &str| {
                TableRule::new(table)
                    .redact_path("details", "$.l[*].secret", Redaction::Mask)
                    .redact_path("details", "$.secret", Redaction::Drop)
            };
            audit
                .table(rule("children"))
                .table(rule("changes").snapshot(Snapshot::Changed))
        },
    )
    .await;
    let document = r#"{"l":[{"secret":"canary","x":1}],"secret":"canary","y":2}"#;
    let shown = json!({"l": [{"secret": "***", "x": 1}], "y": 2});
    let wrote = |sql: &str| sql.replace("{}", document);
    let events = world
        .prove_statements(&[
            "INSERT INTO parents VALUES (1)",
            &wrote("INSERT INTO children VALUES (1, 1, '{}'), (2, 1, '{}')"),
            "DELETE FROM parents",
        ])
        .await;
    let images = |events: &[Event]| -> Vec<Value> {
        let images = events
            .iter()
            .flat_map(|event| [&event.before_data, &event.after_data]);
        let images = images.flatten().map(audit_core::Json::to_object);
        let with_details = images.filter(|image| image.contains_key("details"));
        with_details
            .map(|mut image| match image["details"].take() {
                Value::String(text) => serde_json::from_str(&text).unwrap(),
                other => other,
            })
            .collect()
    };
    assert_eq!(images(&events), vec![shown.clone(); 4]);
    let mut statements = vec![
        wrote("INSERT INTO changes VALUES (1, 1, '{}')"),
        "UPDATE changes SET a = 2".to_owned(),
        wrote("UPDATE changes SET details = '{}'").replace("\"y\":2", "\"y\":3"),
    ];
    if dialect == Dialect::Postgres {
        // The triggers are those of the table as it was.
        world.raw("ALTER TABLE children ADD COLUMN late INT").await;
        world
            .raw("ALTER TABLE changes RENAME COLUMN details TO renamed")
            .await;
        world
            .raw("ALTER TABLE changes RENAME COLUMN renamed TO details")
            .await;
        world.raw("ALTER TABLE changes ADD COLUMN late INT").await;
        statements.extend([
            "INSERT INTO parents VALUES (2)".to_owned(),
            wrote("INSERT INTO children VALUES (3, 2, '{}', 1)"),
            "UPDATE children SET late = 2".to_owned(),
            "DELETE FROM parents".to_owned(),
            wrote("UPDATE changes SET details = '{}', late = 3"),
        ]);
    }
    for statement in &statements {
        alice()
            .scope(world.adapter.execute(statement))
            .await
            .unwrap();
    }
    let events = world.new_events().await;
    let wire = serde_json::to_string(&events).unwrap();
    assert!(!wire.contains("canary"), "{wire}");
    let (mut hidden, other) = (
        images(&events),
        json!({"l": [{"secret": "***", "x": 1}], "y": 3}),
    );
    hidden.retain(|image| *image != shown && *image != other);
    assert_eq!(hidden, [Value::Null; 0]);
    let unchanged = events
        .iter()
        .find(|event| event.changed_fields == Some(vec!["a".to_owned()]));
    assert_eq!(
        unchanged.unwrap().after_data.as_ref().unwrap().to_value(),
        json!({"a": 2})
    );
}

/// Names that mean something else to a path, to SQL or to JSON are names all the same. Those that
/// MariaDB cannot look for hide the column there.
pub async fn odd_names_in_paths_are_hidden<A: Adapter>(server: Server) {
    let dialect = server.dialect();
    let kind = document_types(dialect)[0];
    let plain = [
        "", "it's", "a.b", "*", "[0]", "$", "é 雪", "1", "a-b", "@x", ":", "a`b",
    ];
    let odd = ["-x", "q\"t", "b\\s", "t\tb"];
    let tables = format!(
        "CREATE TABLE n0 (id BIGINT NOT NULL PRIMARY KEY, \"a.$:b\" {kind}); \
         CREATE TABLE n1 (id BIGINT NOT NULL PRIMARY KEY, \"a.$:b\" {kind})"
    );
    let tables = match dialect {
        Dialect::MySql => tables.replace('"', "`"),
        _ => tables,
    };
    let world = World::<A>::unmigrated(server, &tables, 1, |audit| {
        let rule = |table: &str, names: &[&str]| {
            names.iter().fold(TableRule::new(table), |rule, name| {
                let steps = format!("$[{0}][0][*][{0}]", json!(name));
                rule.redact_path("a.$:b", steps, Redaction::Mask)
            })
        };
        let deepest = format!("${}", ".a".repeat(30));
        let plain = rule("n0", &plain).redact_path("a.$:b", deepest, Redaction::Drop);
        audit.table(plain).table(rule("n1", &odd))
    })
    .await;
    let gaps = world.adapter.migrate(&world.audit).await;
    assert_eq!(
        gaps.len(),
        usize::from(dialect == Dialect::MySql),
        "{gaps:?}"
    );
    for (at, names) in [(0, &plain[..]), (1, &odd[..])] {
        let member = |name: &&str| {
            let inner = json!([[{*name: "canary", "other": 1}]]);
            ((*name).to_owned(), inner)
        };
        let document = Value::Object(names.iter().map(member).collect());
        let document = literal(dialect, &document.to_string());
        let insert = format!("INSERT INTO n{at} VALUES (1, {document})");
        alice().scope(world.adapter.execute(&insert)).await.unwrap();
        let event = world.new_events().await.remove(0);
        let wire = serde_json::to_string(&event).unwrap();
        assert!(!wire.contains("canary"), "{wire}");
        let image = event.after_data.unwrap().to_object();
        if at == 1 && dialect == Dialect::MySql {
            assert_eq!(image["a.$:b"], "***");
            continue;
        }
        let shown = match &image["a.$:b"] {
            Value::String(text) => serde_json::from_str(text).unwrap(),
            other => other.clone(),
        };
        for name in names {
            assert_eq!(shown[name], json!([[{*name: "***", "other": 1}]]), "{name}");
        }
        let fields = event.redacted_fields.unwrap();
        assert!(
            fields.iter().all(|field| field.starts_with("a.$:b:$")),
            "{fields:?}"
        );
    }
}

/// A path into a column that holds no JSON is found, and the column is hidden as a whole.
pub async fn a_path_into_a_column_without_json_hides_the_column<A: Adapter>(server: Server) {
    let world = World::<A>::unmigrated(server, "", 1, |audit| {
        audit.table(
            TableRule::new("users")
                .redact_path("age", "$.years", Redaction::Truncate(4))
                .redact_path("age", "$.days", Redaction::Mask)
                .redact_path("nowhere", "$.a", Redaction::Mask),
        )
    })
    .await;
    let gaps = world.adapter.migrate(&world.audit).await;
    let findings = [
        "a rule hides a part of the column `age` of `users`, which cannot be taken apart there, so \
         the whole column is hidden; redact the column, or make it a JSON column",
        "a rule names the column `nowhere`, which `users` does not have; correct the rule",
    ];
    assert_eq!(gaps, findings);
    let check = world.adapter.check().await;
    assert!(
        findings
            .iter()
            .all(|finding| check.contains(&(*finding).to_owned()))
    );
    let events = world
        .prove_statements(&[
            "INSERT INTO users (id, name, age) VALUES (1, 'Ann', 41)",
            "UPDATE users SET age = 42",
        ])
        .await;
    assert_eq!(
        events[1].before_data.as_ref().unwrap().to_value()["age"],
        "***"
    );
    assert_eq!(
        events[1].after_data.as_ref().unwrap().to_value()["age"],
        "***"
    );
    assert_eq!(events[1].changed_fields, Some(vec!["age".to_owned()]));
    assert_eq!(events[1].redacted_fields, Some(vec!["age".to_owned()]));
}
