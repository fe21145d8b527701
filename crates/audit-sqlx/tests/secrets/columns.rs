//! Secrets in columns that the rules redact, and the key of the hashes.

use audit_core::{Audit, Redaction, Snapshot, TableRule};

pub(crate) const KEY: &str = "canary-key-5f0c2a9de81b47633e90ab17c44d28f6";
pub(crate) const COLUMNS: [&str; 4] = ["dropped", "masked", "hashed", "truncated"];
const WAYS: usize = 10;
/// The way of a change whose event cannot be written.
pub(crate) const LOST: usize = 10;

/// The secret planted in a column by one of the ways; the first four characters of a truncated
/// one are meant to stay.
pub(crate) fn canary(column: &str, way: usize) -> String {
    format!(
        "{}{way}-5a8e77d1c3{way}",
        column.chars().rev().collect::<String>()
    )
}

pub(crate) fn audit(key: &str) -> Audit {
    let rule = |table: &str| {
        TableRule::new(table)
            .redact("dropped", Redaction::Drop)
            .redact("masked", Redaction::Mask)
            .redact("hashed", Redaction::Hash)
            .redact("truncated", Redaction::Truncate(4))
    };
    Audit::builder()
        .hash_key(key.as_bytes())
        .table(rule("secrets"))
        .table(rule("changes").snapshot(Snapshot::Changed))
        .build()
        .unwrap()
}

pub(crate) fn tables(text: &str) -> String {
    ["secrets", "changes"]
        .map(|table| {
            let columns: String = COLUMNS
                .iter()
                .map(|column| format!(", {column} {text}"))
                .collect();
            format!("CREATE TABLE {table} (id BIGINT NOT NULL PRIMARY KEY{columns});")
        })
        .concat()
}

/// The statements, each with the way whose secrets it binds.
pub(crate) fn statements(upsert: &str, place: impl Fn(usize) -> String) -> Vec<(String, usize)> {
    let values = |id: usize| {
        let places: Vec<String> = (1..=4).map(&place).collect();
        format!("({id}, {})", places.join(", "))
    };
    let sets: Vec<String> = COLUMNS
        .iter()
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

/// All of them, as far as they are secret.
pub(crate) fn secrets() -> Vec<String> {
    let mut secrets = vec![KEY.to_owned()];
    for column in COLUMNS {
        for way in (0..WAYS).chain([LOST]) {
            let secret = canary(column, way);
            // What a truncation keeps is no secret.
            secrets.push(if column == "truncated" {
                secret[4..].to_owned()
            } else {
                secret
            });
        }
    }
    secrets
}
