//! Parts of JSON columns are hidden, and nothing else is.

use audit_core::{Dialect, Event, Redaction, TableRule};
use serde_json::{Value, json};

use super::KEY;
use crate::adapter::Adapter;
use crate::database::Server;
use crate::world::{World, alice};

/// By Python's hmac module, from the key of these tests and the text `Jefe`.
const HASH_OF_JEFE: &str =
    "hmac-sha256:3dc3a28bff084452c5c8957b217fe84abeba89815778559f7d1e3dcbdc6bd094";

/// The types in which a database keeps JSON.
pub(super) fn document_types(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::MySql => &["JSON", "LONGTEXT", "VARCHAR(10000) CHARACTER SET latin1"],
        Dialect::Postgres => &["JSON", "JSONB"],
        _ => &["TEXT", "JSON", "BLOB"],
    }
}

/// Two tables a type of JSON column: `t0` and `u0`, `t1` and `u1`, ..
pub(super) fn tables(dialect: Dialect) -> String {
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
pub(super) fn document_of(image: Option<&audit_core::Json>) -> Value {
    match image.unwrap().to_value()["details"].take() {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other,
    }
}

fn after(event: &Event) -> Value {
    document_of(event.after_data.as_ref())
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
        // Every secret has what no id and no time can have: an event is searched as a whole.
        let first = r#"{"card": {"number": "no. 4111-secret", "pin": 43219876543210, "kind": "visa"},
            "the name": "Jefe", "lines": [{"note": "hush-secret", "price": 1.50}, {"note": null}, 7],
            "tags": ["tag-secret", "b", {"c": "tag-secret"}, "d"], "rest": [true, null, "é\n"]}"#;
        let second = first.replace("4111", "4222");
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
        for secret in ["-secret", "no. ", "43219876543210", "Jefe"] {
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
        assert_eq!(document_of(events[1].before_data.as_ref()), shown);
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
