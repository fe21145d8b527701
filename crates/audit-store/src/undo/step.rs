//! What is to happen to one record, against the row as it is.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use audit_capture::{Reference, Restorable};
use audit_core::query::BoundQuery;
use audit_core::{Dialect, Json, Operation};
use serde_json::Value;

use super::net::{Fields, Net, TableName};
use super::null::Nulls;
use super::order::Action;
use super::{Conflict, Missing, UndoError, UndoStep, Unknown};
use crate::record::{FieldChange, hides};
use crate::typed::Shapes;

pub(super) fn values(fields: Option<Fields>) -> Option<Vec<Json>> {
    fields.map(|fields| fields.into_iter().map(|(_, value)| value).collect())
}

fn find<'f>(fields: &'f Fields, field: &str) -> Option<&'f Json> {
    fields
        .iter()
        .find(|(name, _)| name == field)
        .map(|(_, value)| value)
}

/// The key of a record: as an image holds it, else as the texts of its `record_id`.
fn key_of(table: &Restorable, image: Option<&Fields>, record_id: &str) -> Fields {
    let texts: Vec<Value> = match table.key.as_slice() {
        [_] => vec![Value::from(record_id)],
        _ => serde_json::from_str(record_id).unwrap_or_default(),
    };
    let part = |(place, column): (usize, &String)| {
        let told = image.and_then(|image| find(image, column)).cloned();
        let text = || {
            texts
                .get(place)
                .map(Value::to_string)
                .and_then(|text| text.parse().ok())
        };
        Some((column.clone(), told.or_else(text)?))
    };
    table.key.iter().enumerate().filter_map(part).collect()
}

/// Whether the whole key of a record is known: without a part of it, more rows than one would be found.
pub(super) fn has_key(net: &Net, table: &Restorable) -> bool {
    let image = net.left.as_ref().or(net.was.as_ref());
    !table.key.is_empty() && key_of(table, image, &net.record_id).len() == table.key.len()
}

impl UndoStep {
    pub(super) fn of(net: &Net, table: &Restorable, shapes: &Shapes) -> Self {
        let computed = |field: &String| {
            table
                .column(field)
                .is_some_and(|column| column.is_generated)
        };
        let is_there = |field: &String| table.column(field).is_some();
        let mut missing = net.missing.clone();
        let known = |fields: &Fields| -> Fields {
            let settable = |(field, _): &&(String, Json)| is_there(field) && !computed(field);
            fields.iter().filter(settable).cloned().collect()
        };
        let gone = net
            .was
            .iter()
            .flatten()
            .filter(|(field, _)| !is_there(field));
        missing.extend(gone.map(|(field, _)| Missing::new(field, Unknown::Gone)));
        let operation = match (&net.left, &net.was) {
            (None, _) => Operation::Insert,
            (Some(_), None) => Operation::Delete,
            (Some(_), Some(_)) => Operation::Update,
        };
        if operation == Operation::Insert {
            let told = |field: &str| {
                net.was.iter().flatten().any(|(name, _)| name == field)
                    || net
                        .missing
                        .iter()
                        .any(|missing| hides(&missing.field, field))
            };
            let younger = table
                .columns
                .iter()
                .filter(|column| !column.is_generated && !told(&column.name));
            missing.extend(younger.map(|column| Missing::new(&column.name, Unknown::Younger)));
        }
        let touched = net
            .was
            .iter()
            .chain(&net.left)
            .flatten()
            .map(|(field, _)| field);
        let mut computed: Vec<String> = touched.filter(|field| computed(field)).cloned().collect();
        computed.sort_unstable();
        computed.dedup();
        let now = net.left.as_ref().map(known);
        let then = net.was.as_ref().map(known);
        let nulls = then
            .as_ref()
            .map(|then| Nulls::of(net, then, table, shapes))
            .unwrap_or_default();
        let image = net.left.as_ref().or(net.was.as_ref());
        Self {
            operation,
            table_schema: net.table.0.clone(),
            table_name: net.table.1.clone(),
            record_id: net.record_id.clone(),
            reverts: net.events.clone(),
            changes: Vec::new(),
            conflicts: [net.conflicts.clone(), nulls.conflicts].concat(),
            missing,
            computed,
            ambiguous: nulls.ambiguous,
            null_documents: nulls.documents,
            key: key_of(table, image, &net.record_id),
            hidden: net.hidden.clone(),
            hidden_as_seen: 0,
            is_key_taken: false,
            now,
            then,
        }
    }

    pub(super) fn table(&self) -> TableName {
        (self.table_schema.clone(), self.table_name.clone())
    }

    /// The fields that must be as the events left them: all of what is to go, else those to be set.
    pub(super) fn expected(&self) -> Fields {
        let Some(now) = &self.now else {
            return Fields::new();
        };
        let is_set = |field: &str| {
            self.then
                .as_ref()
                .is_none_or(|then| find(then, field).is_some())
        };
        now.iter()
            .filter(|(field, _)| is_set(field))
            .cloned()
            .collect()
    }

    /// Looks at the row as it is: its image, and what was expected as the database writes it.
    pub(super) fn compare(&mut self, row: Option<&Vec<Option<String>>>) {
        let row = row.filter(|_| !self.is_key_taken);
        let found = row.and_then(|row| image_of(row.first()));
        let conflict = match (&self.now, &found) {
            (None, Some(_)) => Some(Conflict::Exists),
            (Some(_), None) => Some(Conflict::Gone),
            _ => None,
        };
        self.conflicts.extend(conflict);
        let expected = row.and_then(|row| image_of(row.get(1))).unwrap_or_default();
        for (field, _) in self.expected() {
            let told = find(&expected, &field);
            let found = found.as_ref().and_then(|found| find(found, &field));
            if let (Some(expected), Some(found)) = (told, found)
                && expected != found
            {
                self.conflicts.push(Conflict::Changed {
                    field,
                    expected: expected.clone(),
                    found: found.clone(),
                });
            }
        }
        let before = found.unwrap_or_default();
        let fields = match &self.then {
            Some(then) => then,
            None => &before,
        };
        // A row that goes has what the log hides as well: its plan is read by whoever may read the log.
        let change = |(field, _): &(String, Json)| {
            let is_redacted = self.hidden.iter().any(|entry| hides(entry, field));
            let value = |fields| find(fields, field).filter(|_| !is_redacted).cloned();
            FieldChange {
                field: field.clone(),
                before: value(&before),
                after: self.then.as_ref().and_then(value),
                is_redacted,
            }
        };
        self.changes = fields.iter().map(change).collect();
        let is_hidden = |field: &str| self.hidden.iter().any(|entry| hides(entry, field));
        let mut hasher = DefaultHasher::new();
        for (field, value) in fields.iter().filter(|(field, _)| is_hidden(field)) {
            (field, value.as_str()).hash(&mut hasher);
        }
        self.hidden_as_seen = hasher.finish();
    }

    /// Whether the record is of the table that has a foreign key, which the table at its other end tells.
    pub(super) fn is_of(&self, reference: &Reference) -> bool {
        self.table_name.eq_ignore_ascii_case(&reference.table)
            && (reference.schema.is_none() || self.table_schema == reference.schema)
    }

    /// The values by which the row refers and will refer no more, as it goes or refers to others; `None` also
    /// where it is not there any more, or somebody else has made it refer to others.
    pub(super) fn let_go(&self, reference: &Reference) -> Option<Vec<Json>> {
        let refers = |fields: &Fields| values(reference.referring(fields));
        let now = self.now.as_ref()?;
        let has_let_go = |conflict: &Conflict| match conflict {
            Conflict::Gone => true,
            Conflict::Changed { field, .. } => reference.columns.contains(field),
            _ => false,
        };
        if self.conflicts.iter().any(has_let_go) {
            return None;
        }
        // What is not set stays.
        let then = self.then.as_ref().map(|then| overlaid(then, now));
        refers(now).filter(|now| then.as_ref().and_then(refers).as_ref() != Some(now))
    }

    /// Whether nothing but values stands against it.
    pub(super) fn can_be_forced(&self) -> bool {
        self.conflicts.iter().all(|conflict| {
            matches!(
                conflict,
                Conflict::Behind { .. } | Conflict::Between { .. } | Conflict::Changed { .. }
            )
        })
    }

    /// Whether the record stays as it is where it is skipped, and that is not how it would be.
    pub(super) fn is_in_the_way(&self) -> bool {
        let is_done = |conflict| matches!(conflict, &Conflict::Exists | &Conflict::Gone);
        !self.conflicts.is_empty() && !self.conflicts.iter().any(is_done)
    }

    /// What stands against the records that would come or go behind this one.
    pub(super) fn held_back_by(&self) -> Conflict {
        Conflict::Behind {
            table: self.table_name.clone(),
            record_id: self.record_id.clone(),
        }
    }
}

fn image_of(text: Option<&Option<String>>) -> Option<Fields> {
    let image: Json = text?.as_ref()?.parse().ok()?;
    Some(image.fields())
}

/// Fields over others.
fn overlaid(fields: &Fields, under: &Fields) -> Fields {
    let rest = under
        .iter()
        .filter(|(field, _)| find(fields, field).is_none());
    fields.iter().chain(rest).cloned().collect()
}

impl UndoStep {
    pub(super) fn refused<E: std::error::Error>(&self, source: E) -> UndoError<E> {
        UndoError::Refused {
            table_name: self.table_name.clone(),
            record_id: self.record_id.clone(),
            source,
        }
    }

    /// Whether the row is as the plan has seen it, as far as the plan looked.
    pub(super) fn is_as_planned(&self, row: Option<&Vec<Option<String>>>) -> bool {
        let mut again = self.clone();
        again.conflicts.clear();
        again.compare(row);
        let seen = self.conflicts.iter().filter(|conflict| {
            matches!(
                conflict,
                Conflict::Changed { .. } | Conflict::Exists | Conflict::Gone
            )
        });
        again.conflicts.iter().eq(seen)
            && again.changes == self.changes
            && again.hidden_as_seen == self.hidden_as_seen
    }

    pub(super) fn statement(
        &self,
        action: Action,
        table: &Restorable,
        dialect: Dialect,
    ) -> Option<BoundQuery> {
        let is_link = |field: &String| {
            let mut columns = table
                .references
                .iter()
                .flat_map(|reference| &reference.columns);
            columns.any(|column| column == field)
                && !table.key.contains(field)
                && !table.is_required(field)
        };
        let of_links = |fields: &Fields, links: bool| -> Fields {
            let fields = fields.iter().filter(|(field, _)| is_link(field) == links);
            fields.cloned().collect()
        };
        let update = |key: &Fields, fields: Fields| {
            // Every field that the events changed may be missing.
            (!fields.is_empty()).then(|| table.update(dialect, key, &fields, &self.null_documents))
        };
        match (action, &self.now, &self.then) {
            (Action::Unlink(_), Some(now), _) => {
                let null: Json = "null".parse().ok()?;
                let fields = of_links(now, true).into_iter();
                update(
                    &self.key,
                    fields.map(|(field, _)| (field, null.clone())).collect(),
                )
            }
            (Action::WithoutLinks(_), None, Some(then)) => {
                Some(table.insert(dialect, &of_links(then, false), &self.null_documents))
            }
            (Action::Link(_), None, Some(then)) => {
                update(&self.key_then(table), of_links(then, true))
            }
            (Action::Whole(_), Some(_), None) => Some(table.delete(dialect, &self.key)),
            (Action::Whole(_), None, Some(then)) => {
                Some(table.insert(dialect, then, &self.null_documents))
            }
            (Action::Whole(_), Some(_), Some(then)) => update(&self.key, then.clone()),
            _ => None,
        }
    }

    /// The key that the record has when all is done.
    pub(super) fn key_then(&self, table: &Restorable) -> Fields {
        match &self.then {
            Some(then) => key_of(table, Some(&overlaid(then, &self.key)), &self.record_id),
            None => self.key.clone(),
        }
    }

    pub(super) fn differing(
        &self,
        row: Option<&Vec<Option<String>>>,
    ) -> Vec<(String, String, String)> {
        let is = row.and_then(|row| image_of(row.first()));
        let wanted = row.and_then(|row| image_of(row.get(1))).unwrap_or_default();
        let named = |field: &str| {
            (
                self.table_name.clone(),
                self.record_id.clone(),
                field.to_owned(),
            )
        };
        match (&self.then, is) {
            (None, None) => Vec::new(),
            (None, Some(is)) => is.iter().map(|(field, _)| named(field)).collect(),
            (Some(then), None) => then.iter().map(|(field, _)| named(field)).collect(),
            (Some(then), Some(is)) => {
                let differs =
                    |(field, _): &&(String, Json)| find(&is, field) != find(&wanted, field);
                then.iter()
                    .filter(differs)
                    .map(|(field, _)| named(field))
                    .collect()
            }
        }
    }
}
