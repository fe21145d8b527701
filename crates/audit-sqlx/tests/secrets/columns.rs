//! Secrets in columns and in parts of documents that the rules redact, and the key of the hashes.

use audit_core::{Audit, Redaction, Snapshot, TableRule};
use serde_json::json;

pub(crate) const KEY: &str = "canary-key-5f0c2a9de81b47633e90ab17c44d28f6";
pub(crate) const COLUMNS: [&str; 4] = ["dropped", "masked", "hashed", "truncated"];
/// The column of documents, and its place among the binds.
const DOCUMENT: &str = "document";
pub(crate) const PLACE_OF_DOCUMENT: usize = COLUMNS.len() + 1;
/// The parts of a document that hold secrets, where they are, and what becomes of them.
const PARTS: [(&str, &str, Redaction); 6] = [
    ("part_dropped", "$.card.pin", Redaction::Drop),
    ("part_masked", "$.card.number", Redaction::Mask),
    ("part_hashed", "$.people[*].name", Redaction::Hash),
    ("part_truncated", "$.people[*].note", Redaction::Truncate(4)),
    ("part_of_list", "$.tags[0]", Redaction::Drop),
    ("part_with_parts", "$['a safe']", Redaction::Mask),
];
/// What stands in a document beside them.
pub(crate) const SHOWN: &str = "nothing to hide";
const WAYS: usize = 10;
/// The way of a change whose event cannot be written.
pub(crate) const LOST: usize = 10;

/// The secret planted in a column or part by one of the ways; the first four characters of a
/// truncated one are meant to stay.
pub(crate) fn canary(column: &str, way: usize) -> String {
    format!(
        "{}{way}-5a8e77d1c3{way}",
        column.chars().rev().collect::<String>()
    )
}

/// The document of one of the ways, with a secret in each part.
fn document(way: usize) -> String {
    let part = |name| canary(name, way);
    let document = json!({
        "card": {"number": part("part_masked"), "pin": part("part_dropped"), "kind": SHOWN},
        "people": [
            {"name": part("part_hashed"), "note": part("part_truncated")},
            {"note": part("part_truncated"), "name": part("part_hashed")},
            null,
        ],
        "tags": [part("part_of_list"), SHOWN],
        "a safe": {"in it": [part("part_with_parts")]},
    });
    document.to_string()
}

/// What the statements bind in one of the ways, in the order of the columns.
pub(crate) fn binds(way: usize) -> Vec<String> {
    let columns = COLUMNS.iter().map(|column| canary(column, way));
    columns.chain([document(way)]).collect()
}

pub(crate) fn audit(key: &str) -> Audit {
    let rule = |table: &str| {
        let rule = TableRule::new(table)
            .redact("dropped", Redaction::Drop)
            .redact("masked", Redaction::Mask)
            .redact("hashed", Redaction::Hash)
            .redact("truncated", Redaction::Truncate(4));
        PARTS.iter().fold(rule, |rule, (_, path, redaction)| {
            rule.redact_path(DOCUMENT, path, *redaction)
        })
    };
    Audit::builder()
        .hash_key(key.as_bytes())
        .table(rule("secrets"))
        .table(rule("changes").snapshot(Snapshot::Changed))
        .build()
        .unwrap()
}

pub(crate) fn tables(text: &str, json: &str) -> String {
    ["secrets", "changes"]
        .map(|table| {
            let columns: String = COLUMNS
                .iter()
                .map(|column| format!(", {column} {text}"))
                .collect();
            format!(
                "CREATE TABLE {table} (id BIGINT NOT NULL PRIMARY KEY{columns}, {DOCUMENT} {json});"
            )
        })
        .concat()
}

/// The statements, each with the way whose secrets it binds.
pub(crate) fn statements(upsert: &str, place: impl Fn(usize) -> String) -> Vec<(String, usize)> {
    let values = |id: usize| {
        let places: Vec<String> = (1..=PLACE_OF_DOCUMENT).map(&place).collect();
        format!("({id}, {})", places.join(", "))
    };
    let sets: Vec<String> = COLUMNS
        .iter()
        .chain([&DOCUMENT])
        .enumerate()
        .map(|(index, column)| format!("{column} = {}", place(index + 1)))
        .collect();
    let sets = sets.join(", ");
    vec![
        (format!("INSERT INTO secrets VALUES {}", values(1)), 0),
        (format!("UPDATE secrets SET {sets} WHERE id = 1"), 1),
        (format!("INSERT INTO secrets VALUES {}", values(2)), 2),
        (
            format!("INSERT INTO secrets VALUES {} {upsert}", values(2)),
            3,
        ),
        (
            format!("INSERT INTO secrets VALUES {} {upsert}", values(3)),
            4,
        ),
        (format!("INSERT INTO changes VALUES {}", values(1)), 5),
        (format!("UPDATE changes SET {sets}"), 6),
        (format!("UPDATE changes SET {sets}, id = 7"), 7),
        // Refused by the key, with the secrets bound.
        (format!("INSERT INTO secrets VALUES {}", values(1)), 8),
        (format!("UPDATE secrets SET {sets} WHERE id = 3"), 9),
        ("DELETE FROM secrets".to_owned(), 9),
        ("DELETE FROM changes".to_owned(), 9),
    ]
}

/// All that are bound, as far as they are secret.
pub(crate) fn secrets() -> Vec<String> {
    let mut secrets = Vec::new();
    let parts = PARTS.map(|(part, ..)| part);
    for name in COLUMNS.into_iter().chain(parts) {
        for way in (0..WAYS).chain([LOST]) {
            let secret = canary(name, way);
            // What a truncation keeps is no secret.
            secrets.push(if name.ends_with("truncated") {
                secret[4..].to_owned()
            } else {
                secret
            });
        }
    }
    secrets
}
