//! The rule of a trigger as JSON, for the rows of a table that was altered since.

use audit_core::rules::ResolvedColumn;
use audit_core::{Redaction, Snapshot};
use serde_json::{Value, json};

use crate::plan::Capture;

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
            let shown = capture
                .image_columns()
                .find(|(name, _)| *name == column.name);
            let image = match shown {
                None => "drop".to_owned(),
                Some((_, Some(Redaction::Mask))) => "mask".to_owned(),
                Some((_, Some(Redaction::Hash))) => "hash".to_owned(),
                Some((_, Some(Redaction::Truncate(length)))) => format!("truncate:{length}"),
                Some(_) => String::new(),
            };
            let place = capture.table.key.iter().position(|key| *key == column.name);
            json!({
                "name": column.name,
                "number": column.number,
                "key": place.map_or(0, |place| place + 1),
                "compared": compared,
                "image": image,
            })
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
