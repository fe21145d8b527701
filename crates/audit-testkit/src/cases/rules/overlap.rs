//! Several rules for one value, and every way in which an image is made.

use audit_core::{Event, Json, Redaction, Snapshot, TableRule};
use serde_json::{Value, json};

use super::parts::{document_of, document_types};
use crate::adapter::Adapter;
use crate::database::Server;
use crate::world::World;

const DOCUMENT: &str = r#"{"a":{"b":"xyz","c":1},"l":[1,2,[3]]}"#;

/// Rules for one column, and what they leave of [`DOCUMENT`].
struct Overlap {
    table: &'static str,
    paths: &'static [(&'static str, Redaction)],
    column: Option<Redaction>,
    shown: Value,
}

fn overlaps() -> Vec<Overlap> {
    use Redaction::{Drop, Hash, Mask, Truncate};
    let overlap = |table, paths, column, shown| Overlap {
        table,
        paths,
        column,
        shown,
    };
    let list = json!([1, 2, [3]]);
    let object = json!({"b": "xyz", "c": 1});
    vec![
        overlap(
            "wider",
            &[("$.a", Mask), ("$.a.b", Truncate(1))],
            None,
            json!({"a": "***", "l": list}),
        ),
        overlap(
            "cut",
            &[("$.a", Truncate(8)), ("$.a.b", Mask)],
            None,
            json!({"a": "{\"b\":\"**…", "l": list}),
        ),
        overlap(
            "places",
            &[("$.l[*]", Mask), ("$.l[1]", Drop), ("$.l[2]", Truncate(1))],
            None,
            json!({"a": object, "l": ["***", "***"]}),
        ),
        overlap(
            "gone",
            &[("$.l[0]", Drop), ("$.l[1]", Drop), ("$.l[2][0]", Drop)],
            None,
            json!({"a": object, "l": [[]]}),
        ),
        overlap(
            "elements",
            &[("$.l[*][0]", Mask), ("$.l[0]", Truncate(0))],
            None,
            json!({"a": object, "l": ["…", 2, ["***"]]}),
        ),
        overlap(
            "later",
            &[("$.a", Drop), ("$.a", Mask)],
            None,
            json!({"a": "***", "l": list}),
        ),
        overlap(
            "keyless",
            &[("$.a.b", Hash), ("$.l[0]", Hash)],
            None,
            json!({"a": {"c": 1}, "l": [2, [3]]}),
        ),
        overlap("whole", &[("$.a", Truncate(1))], Some(Mask), json!("***")),
        overlap(
            "both",
            &[("$.a", Mask)],
            Some(Truncate(10)),
            json!("{\"a\":\"***\"…"),
        ),
        overlap(
            "nothing",
            &[
                ("$.a[0]", Mask),
                ("$[0]", Mask),
                ("$.l.b", Mask),
                ("$.a.b.c", Drop),
            ],
            None,
            json!({"a": object, "l": list}),
        ),
    ]
}

/// Where paths overlap, the stronger redaction holds; one of the column holds over its paths.
pub async fn overlapping_paths_are_hidden_by_the_stronger<A: Adapter>(server: Server) {
    let overlaps = overlaps();
    let kind = document_types(server.dialect())[0];
    let tables = overlaps.iter().map(|Overlap { table, .. }| {
        format!("CREATE TABLE p_{table} (id BIGINT NOT NULL PRIMARY KEY, details {kind}); ")
    });
    let world = World::<A>::with(server, &tables.collect::<String>(), |audit| {
        overlaps.iter().fold(audit, |audit, overlap| {
            let rule = TableRule::new(format!("p_{}", overlap.table));
            let rule = overlap.paths.iter().fold(rule, |rule, (path, how)| {
                rule.redact_path("details", path, *how)
            });
            let column = overlap.column.into_iter();
            audit.table(column.fold(rule, |rule, how| rule.redact("details", how)))
        })
    })
    .await;
    for overlap in overlaps {
        let table = overlap.table;
        let insert = format!("INSERT INTO p_{table} VALUES (1, '{DOCUMENT}')");
        let event = world.prove_statements(&[&insert]).await.remove(0);
        assert_eq!(
            document_of(event.after_data.as_ref()),
            overlap.shown,
            "{table}"
        );
        let fields = event.redacted_fields.unwrap();
        let lists = |path: &str| fields.contains(&format!("details:{path}"));
        let has_paths = overlap.paths.iter().all(|(path, _)| lists(path));
        assert_eq!(has_paths, table != "whole", "{table}: {fields:?}");
        let has_column = fields.contains(&"details".to_owned());
        assert_eq!(has_column, overlap.column.is_some(), "{table}: {fields:?}");
    }
}

/// Parts are hidden in rows that a cascade reaches and in images of what changed.
pub async fn parts_are_hidden_wherever_an_image_is_made<A: Adapter>(server: Server) {
    let kind = document_types(server.dialect())[0];
    let tables = format!(
        "CREATE TABLE parents (id BIGINT NOT NULL PRIMARY KEY); \
         CREATE TABLE children (id BIGINT NOT NULL PRIMARY KEY, parent BIGINT, details {kind}, \
         FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE); \
         CREATE TABLE changes (id BIGINT NOT NULL PRIMARY KEY, a BIGINT, details {kind})"
    );
    let world = World::<A>::with(server, &tables, |audit| {
        let rule = |table: &str| {
            TableRule::new(table)
                .redact_path("details", "$.l[*].secret", Redaction::Mask)
                .redact_path("details", "$.secret", Redaction::Drop)
        };
        audit
            .table(rule("children"))
            .table(rule("changes").snapshot(Snapshot::Changed))
    })
    .await;
    let with_document = |sql: &str, y: u32| {
        let document =
            format!(r#"{{"l":[{{"secret":"canary","x":1}}],"secret":"canary","y":{y}}}"#);
        sql.replace("{}", &document)
    };
    let shown = |y: u32| json!({"l": [{"secret": "***", "x": 1}], "y": y});
    let events = world
        .prove_statements(&[
            "INSERT INTO parents VALUES (1)",
            &with_document("INSERT INTO children VALUES (1, 1, '{}'), (2, 1, '{}')", 1),
            "DELETE FROM parents",
        ])
        .await;
    let images = |event: &Event| -> Vec<Value> {
        let images = [&event.before_data, &event.after_data]
            .into_iter()
            .flatten();
        let images = images.filter(|image| image.to_object().contains_key("details"));
        images.map(|image| document_of(Some(image))).collect()
    };
    let seen: Vec<Value> = events.iter().flat_map(images).collect();
    assert_eq!(seen, vec![shown(1); 4]);
    for statement in [
        with_document("INSERT INTO changes VALUES (1, 1, '{}')", 1),
        "UPDATE changes SET a = 2".to_owned(),
        with_document("UPDATE changes SET details = '{}'", 2),
    ] {
        world.adapter.execute(&statement).await.unwrap();
    }
    let events = world.new_events().await;
    assert_eq!(
        events[1].after_data.as_ref().map(Json::to_value),
        Some(json!({"a": 2}))
    );
    assert_eq!(images(&events[0]), [shown(1)]);
    assert_eq!(images(&events[2]), [shown(1), shown(2)]);
}
