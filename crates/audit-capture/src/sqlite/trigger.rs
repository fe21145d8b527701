//! The text of one TEMP trigger.

use std::fmt::Write as _;

use audit_core::stamp::Slot;
use audit_core::{Dialect, Operation, Redaction, Snapshot, schema};

use crate::event_row::{self, Expressions, RowExpressions, Subject};
use crate::plan::{Capture, Cell, Trigger};
use crate::sql::{identifier, literal, trigger_name};

use super::PREFIX;

/// SQLite has no limit for names; this keeps them readable.
const LONGEST_NAME: usize = 200;

/// The expressions of SQLite.
pub(super) struct Sqlite;

impl Expressions for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn slot(&self, slot: Slot) -> String {
        format!("audit_context({})", slot.number())
    }

    fn json_slot(&self, slot: Slot) -> String {
        self.slot(slot)
    }

    fn account(&self) -> Option<&'static str> {
        None
    }

    fn list(&self, entries: &[String]) -> String {
        literal(
            Dialect::Sqlite,
            &serde_json::Value::from(entries).to_string(),
        )
    }
}

fn name(text: &str) -> String {
    identifier(Dialect::Sqlite, text)
}

fn text(value: &str) -> String {
    literal(Dialect::Sqlite, value)
}

/// The trigger that captures one operation on one table; SQLite has no TRUNCATE.
pub(crate) fn triggers(capture: &Capture<'_>) -> Vec<Trigger> {
    if capture.operation == Operation::Truncate {
        return Vec::new();
    }
    let table = &capture.table.name;
    let trigger = trigger_name(PREFIX, capture.operation, table, LONGEST_NAME);
    let redacted = capture.redacted_fields();
    let columns = event_row::columns(&Sqlite, Subject::of(capture, &redacted), row(capture));
    let names: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    let mut body = format!(
        "CREATE TRIGGER {} AFTER {} ON main.{} FOR EACH ROW{} BEGIN ",
        name(&trigger),
        capture.operation,
        name(table),
        condition(capture),
    );
    if capture.denies_missing_context() {
        let kind = Sqlite.slot(Slot::ActorKind);
        let _ = write!(
            body,
            "SELECT RAISE(ABORT, {}) WHERE {kind} IS NULL; ",
            text(crate::MISSING_CONTEXT)
        );
    }
    // The conflict policy of the statement holds for what its triggers write. An upsert comes before
    // it: no event replaces another. RAISE stands above it: an event that was ignored is refused.
    let _ = write!(
        body,
        "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO UPDATE SET id = RAISE(ABORT, {refused}); \
         SELECT RAISE(ABORT, {refused}) WHERE changes() = 0; END",
        schema::LOG_TABLE,
        names.join(", "),
        values.join(", "),
        refused = text(super::REFUSED),
    );
    // SQLite keeps the text from the name on, without the word TEMP.
    let create = body.replacen("CREATE TRIGGER", "CREATE TEMP TRIGGER", 1);
    let table = table.clone();
    vec![Trigger {
        schema: None,
        table,
        name: trigger,
        create,
        definition: body,
    }]
}

fn row(capture: &Capture<'_>) -> RowExpressions {
    let (old, new) = match capture.operation {
        Operation::Insert => (None, Some("NEW")),
        Operation::Delete => (Some("OLD"), None),
        _ => (Some("OLD"), Some("NEW")),
    };
    let is_update = old.is_some() && new.is_some();
    let record = |row: &str| record_id(capture, row);
    let record_id = new.or(old).map(record).unwrap_or_default();
    RowExpressions {
        occurred_at: "audit_now()".to_owned(),
        id: "audit_id()".to_owned(),
        transaction_id: "audit_transaction()".to_owned(),
        previous_record_id: is_update.then(|| format!("nullif({}, {record_id})", record("OLD"))),
        record_id,
        before_data: old.map(|row| image(capture, row, is_update)),
        after_data: new.map(|row| image(capture, row, is_update)),
        changed_fields: is_update.then(|| "audit_changed_fields()".to_owned()),
        before_exact: None,
        reverts: Some(Sqlite.list_slot(Slot::Reverts)),
    }
}

/// The key of a row as one text, or a hash of the row when the table has none.
fn record_id(capture: &Capture<'_>, row: &str) -> String {
    let table = capture.table;
    let column = |column: &String| format!("{row}.{}", name(column));
    if table.key.is_empty() {
        let all: Vec<String> = table
            .columns
            .iter()
            .map(|known| column(&known.name))
            .collect();
        return format!("audit_row_hash({})", all.join(", "));
    }
    let key: Vec<String> = table.key.iter().map(column).collect();
    format!("audit_record({})", key.join(", "))
}

/// The image of a row, NULL when the context suppresses images.
fn image(capture: &Capture<'_>, row: &str, is_update: bool) -> String {
    let limits = capture.audit.limits();
    let changed_only = is_update && capture.rule.snapshot() == Snapshot::Changed;
    let function = if changed_only {
        "audit_row_changed"
    } else {
        "audit_row"
    };
    let mut call = format!(
        "{function}({}, {}",
        limits.max_cell_bytes, limits.max_image_bytes
    );
    for cell in capture.cells() {
        let (column, value) = (text(&cell.column.name), shown(&cell, row));
        let _ = write!(call, ", {column}, {value}");
    }
    format!(
        "CASE WHEN {} IS NULL THEN {call}) END",
        Sqlite.slot(Slot::Suppress)
    )
}

fn shown(cell: &Cell<'_>, row: &str) -> String {
    let mut value = format!("{row}.{}", name(&cell.column.name));
    if let Some(parts) = &cell.parts {
        value = format!(
            "audit_redact_parts({value}, {})",
            text(&parts.to_json().to_string())
        );
    }
    match cell.redaction {
        Some(Redaction::Mask) => format!("audit_redact({value}, 'mask', 0)"),
        Some(Redaction::Truncate(length)) => format!("audit_redact({value}, 'truncate', {length})"),
        Some(Redaction::Hash) => format!("audit_redact({value}, 'hash', 0)"),
        _ => value,
    }
}

/// Compares OLD and NEW column by column: NULL when no deciding column changed, and the names of
/// all that did are remembered for the images and `changed_fields`.
fn changed(capture: &Capture<'_>) -> String {
    let (deciding, others) = capture.compared_columns();
    let mut call = format!("audit_changed({}", deciding.len());
    for column in deciding.iter().chain(&others) {
        let column = &column.name;
        let _ = write!(call, ", {0}, OLD.{1}, NEW.{1}", text(column), name(column));
    }
    call.push(')');
    call
}

/// An UPDATE that changed nothing is no event, unless the rule asks for it; the columns are
/// compared in either case, and before the images are made.
fn condition(capture: &Capture<'_>) -> String {
    if capture.operation != Operation::Update {
        return String::new();
    }
    let changed = changed(capture);
    if capture.rule.records_unchanged() {
        format!(" WHEN coalesce({changed}, '') IS NOT NULL")
    } else {
        format!(" WHEN {changed} IS NOT NULL")
    }
}
