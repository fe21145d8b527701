//! The rule of a trigger as JSON, for the rows of a table that was altered since.

use audit_core::rules::ResolvedColumn;
use audit_core::{Redaction, Snapshot};
use serde_json::{Value, json};

use crate::plan::{Capture, undivided};

/// The argument `rule` of `audit.drifted`.
pub(super) fn to_json(capture: &Capture<'_>) -> Value {
    let rule = capture.rule;
    let columns: Vec<Value> = capture
        .table
        .columns
        .iter()
        .map(|column| {
            let compared = match rule.column(&column.name) {
                ResolvedColumn::Excluded => "none",
                ResolvedColumn::Ignored(_) => "noted",
                _ => "deciding",
            };
            let shown = capture.cells().find(|cell| cell.column.name == column.name);
            let image = match &shown {
                None => Redaction::Drop.to_word(),
                Some(cell) => cell.redaction.map_or_else(String::new, Redaction::to_word),
            };
            let place = capture.table.key.iter().position(|key| *key == column.name);
            let mut known = json!({
                "name": column.name,
                "number": column.number,
                "key": place.map_or(0, |place| place + 1),
                "compared": compared,
                "image": image,
            });
            let parts = shown.and_then(|cell| cell.parts);
            if let (Some(parts), Some(known)) = (parts, known.as_object_mut()) {
                known.insert("whole".to_owned(), undivided(&parts).to_word().into());
                known.insert("parts".to_owned(), parts.to_json());
            }
            known
        })
        .collect();
    // A name that no table has tells what becomes of columns that are made later.
    let others = match rule.column("") {
        ResolvedColumn::Excluded => "none",
        _ => "deciding",
    };
    json!({
        "columns": columns,
        "others": others,
        "changes_only": rule.snapshot() == Snapshot::Changed,
        "unchanged": rule.records_unchanged(),
    })
}
