//! What stood in a row where an image holds `null`: NULL, or the document `null`.

use audit_capture::{Column, Restorable, SchemaColumn};
use audit_core::Json;
use serde_json::Value;

use super::net::{Fields, Net};
use super::{Ambiguous, Conflict, Doubt};
use crate::typed::Shapes;

/// What is put back for the `null` of images.
#[derive(Debug, Default)]
pub(super) struct Nulls {
    /// The columns that get the document.
    pub(super) documents: Vec<String>,
    /// The columns of which nobody knows.
    pub(super) ambiguous: Vec<Ambiguous>,
    /// The columns that cannot get NULL.
    pub(super) conflicts: Vec<Conflict>,
}

impl Nulls {
    /// Of the fields that a record is to have. `shapes` are the columns of its table over time.
    pub(super) fn of(net: &Net, then: &Fields, table: &Restorable, shapes: &Shapes) -> Self {
        let mut nulls = Self::default();
        for (field, value) in then {
            let Some(column) = table.column(field) else {
                continue;
            };
            if value.as_str() != "null" {
                if column.has_documents && has_null(value) {
                    nulls.ambiguous.push(Ambiguous::new(field, Doubt::Within));
                }
                continue;
            }
            let told = net.nulls.iter().find(|(name, _)| name == field);
            let entry = told.and_then(|(_, fingerprint)| {
                shapes.entry(
                    net.table.0.as_deref(),
                    &net.table.1,
                    fingerprint.as_deref()?,
                )
            });
            let before = entry.and_then(|entry| entry.schema.column(field));
            let may_be_document = may_be_document(column, before, shapes);
            let was_required = before.is_some_and(|before| before.is_required);
            if may_be_document && was_required && column.is_document {
                nulls.documents.push(field.clone());
                // When it began to take NULL, before the event or since, is noted by nobody.
                if !column.is_required {
                    nulls.ambiguous.push(Ambiguous::new(field, Doubt::Document));
                }
            } else if column.is_required {
                nulls.conflicts.push(Conflict::NotNull {
                    field: field.clone(),
                });
            } else if may_be_document {
                nulls.ambiguous.push(Ambiguous::new(field, Doubt::Null));
            }
        }
        nulls
    }
}

/// Whether a column held documents when the event was written; as it does now, where nobody noted that.
fn may_be_document(now: &Column, then: Option<&SchemaColumn>, shapes: &Shapes) -> bool {
    then.is_none_or(|then| then.type_name == now.type_name) && now.is_document
        || then.is_some_and(|then| shapes.is_document(&then.type_name))
}

/// Whether a list or an object has `null` somewhere in it.
fn has_null(value: &Json) -> bool {
    fn has(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(values) => values.iter().any(has),
            Value::Object(fields) => fields.values().any(has),
            _ => false,
        }
    }
    has(&value.to_value())
}
