//! How often each kind of thing was made.

use std::collections::BTreeMap;
use std::fmt;

use audit_core::{Dialect, Event, Operation};

use super::schema::{Schema, WRITTEN_BY_TRIGGERS};
use super::statement::{Statement, kinds_of};

/// Counts by kind.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<&'static str, usize>);

/// What the adapter refuses before it runs.
pub(super) const REFUSED: &str = "refused";

/// What an adapter that refuses statements may never let run.
const REFUSABLE: [&str; 13] = [
    "cascade by way of another child",
    "cascade of a table to itself",
    "cascaded delete",
    "cascaded key",
    "cascaded null",
    "event of a changed key",
    "event of a trigger of the application",
    "key change",
    "merge",
    "rolled-back savepoint",
    "truncate",
    "update from another table",
    "write inside a query",
];

/// What must be made beside the kinds of statements.
const EFFECTS: [&str; 15] = [
    "error",
    "error in a transaction",
    "event",
    "event of a changed key",
    "event of a composite key",
    "event of a trigger of the application",
    "event without a key",
    "cascade by way of another child",
    "cascade of a table to itself",
    "cascaded delete",
    "cascaded key",
    "cascaded null",
    "rollback",
    "rolled-back savepoint",
    "transaction",
];

impl Tally {
    pub(super) fn add(&mut self, kind: &'static str, count: usize) {
        *self.0.entry(kind).or_default() += count;
    }

    /// Counts the events of a statement that ran by itself and affected this many rows.
    pub(super) fn add_events<'a>(
        &mut self,
        schema: &Schema,
        statement: &Statement,
        affected: u64,
        events: impl Iterator<Item = &'a Event>,
    ) {
        let mut deleted = 0;
        for event in events {
            self.add_record(event);
            let table = event.table_name.as_deref().unwrap_or_default();
            if WRITTEN_BY_TRIGGERS.contains(&table) {
                self.add("event of a trigger of the application", 1);
            } else if table != statement.table {
                self.add_cascaded(schema, statement, table, event);
            } else if event.operation == Operation::Delete {
                deleted += 1;
            }
        }
        if statement.table == "figs" && statement.kind == "delete" && deleted > affected {
            self.add("cascade of a table to itself", 1);
        }
    }

    fn add_record(&mut self, event: &Event) {
        let record = event.record_id.as_deref().unwrap_or_default();
        if record.starts_with("sha256:") {
            self.add("event without a key", 1);
            return;
        }
        if record.starts_with('[') {
            self.add("event of a composite key", 1);
        }
        if event.previous_record_id.is_some() {
            self.add("event of a changed key", 1);
        }
    }

    fn add_cascaded(&mut self, schema: &Schema, statement: &Statement, table: &str, event: &Event) {
        let changed = event.changed_fields.as_deref().unwrap_or_default();
        let (is_delete, by_core) = (event.operation == Operation::Delete, changed == ["core"]);
        match event.operation {
            Operation::Delete => self.add("cascaded delete", 1),
            Operation::Update if statement.kind == "key change" => self.add("cascaded key", 1),
            Operation::Update => self.add("cascaded null", 1),
            _ => {}
        }
        let is_direct = is_delete && schema.deletes(statement.table, table);
        if (statement.table, table) == ("apples", "drupes") && (is_delete || by_core) && !is_direct
        {
            self.add("cascade by way of another child", 1);
        }
    }

    /// Whether everything that a database has was made.
    pub(super) fn has_all(&self, dialect: Dialect) {
        let refuses = self.0.contains_key(REFUSED);
        let missing: Vec<&str> = kinds_of(dialect)
            .chain(EFFECTS)
            .filter(|kind| !refuses || !REFUSABLE.contains(kind))
            .filter(|kind| !self.0.contains_key(kind))
            .collect();
        assert!(missing.is_empty(), "never made: {missing:?}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self
            .0
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        formatter.write_str(&counts.join(", "))
    }
}
