//! Taking changes back: first a plan, then its application.

use std::collections::HashMap;

use audit_capture::Restorable;
use audit_core::query::BoundQuery;
use audit_core::{Json, Operation};
use serde::Serialize;
use uuid::Uuid;

use crate::record::FieldChange;

mod apply;
mod net;
mod null;
mod order;
mod planning;
mod step;
mod told;

use net::{Fields, TableName};
use order::Action;

/// Why a value cannot be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unknown {
    /// A redaction hides it, or a part of it.
    Redacted,
    /// It was too long to be stored whole.
    Truncated,
    /// The column is younger than the image: the row gets the default.
    Younger,
    /// The table does not have the column any more.
    Gone,
}

/// A value that cannot be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// The column; of a part that is hidden, the column, a colon and its path.
    pub field: String,
    /// Why.
    pub why: Unknown,
}

impl Missing {
    fn new(field: &str, why: Unknown) -> Self {
        Self {
            field: field.to_owned(),
            why,
        }
    }

    fn redacted(field: &str) -> Self {
        Self::new(field, Unknown::Redacted)
    }

    fn truncated(field: &str) -> Self {
        Self::new(field, Unknown::Truncated)
    }
}

/// What `null` of an image may have been, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// The column gets NULL, and may have been the document `null`.
    Null,
    /// The column took no NULL when `migrate` last looked before the event, and gets the document `null`; it
    /// takes NULL now, and may have been NULL where that changed before the event.
    Document,
    /// `null` in an array or a composite (PostgreSQL) becomes NULL where it is not within a document, and may have
    /// been the document `null`.
    Within,
}

/// A column whose image does not tell NULL from the document `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ambiguous {
    /// The column.
    pub field: String,
    /// What it may have been.
    pub doubt: Doubt,
}

impl Ambiguous {
    fn new(field: &str, doubt: Doubt) -> Self {
        Self {
            field: field.to_owned(),
            doubt,
        }
    }
}

/// What stands against an undo of a record, mostly what somebody else did to it since.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Conflict {
    /// The record waits for another, by a foreign key, against which something stands. Overwriting takes
    /// both back, where it can.
    Behind {
        /// The table of the other.
        table: String,
        /// The key of the other.
        record_id: String,
    },
    /// A field has another value than the events left.
    Changed {
        /// The column.
        field: String,
        /// The value that the events left.
        expected: Json,
        /// The value that it has.
        found: Json,
    },
    /// A field was changed between two of the events, by one that is not taken back.
    Between {
        /// The column.
        field: String,
        /// The value that the first of the two left.
        expected: Json,
        /// The value that the second found.
        found: Json,
    },
    /// The record was inserted or deleted between two of the events.
    CameOrWent,
    /// The record is not there any more.
    Gone,
    /// A field was NULL, or cannot be told from NULL, and its column takes none any more.
    NotNull {
        /// The column.
        field: String,
    },
    /// The record and others refer to each other in a circle, by columns that may not be NULL and keys
    /// that the database looks at in each statement, or have come to each other's keys: none can come or go
    /// before the others. Of references on SQLite only where they would go and each key of the circle has an
    /// action ON DELETE, which is not put off.
    Circle,
    /// There is a record again.
    Exists,
    /// Rows that are not taken back refer to the record, and it would go.
    Referenced {
        /// Their table.
        table: String,
        /// How many they are.
        rows: u64,
    },
}

/// Why nothing can take an event back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It emptied a table, and the log does not hold the rows.
    Truncated,
    /// It has no image: images were suppressed.
    NoImage,
    /// The table has no primary key to find the row by, or the event does not tell all of it.
    NoKey,
    /// The table is not there any more, or cannot be read.
    NoTable,
}

/// An event that nothing can take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obstacle {
    /// The event.
    pub event: Uuid,
    /// Why.
    pub why: Why,
}

/// What is to happen to one record. Its wire form has these fields, with the conflicts, the missing values and
/// the ambiguous columns in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UndoStep {
    /// INSERT, UPDATE or DELETE.
    pub operation: Operation,
    /// The schema of the table; `None` on SQLite.
    pub table_schema: Option<String>,
    /// The table.
    pub table_name: String,
    /// The key that the record has, or had last.
    pub record_id: String,
    /// The ids of the events that this takes back, oldest first.
    pub reverts: Vec<Uuid>,
    /// The fields that are set, and to what; of a DELETE, those that go, without the values of what a
    /// redaction hides in the log.
    pub changes: Vec<FieldChange>,
    /// What stands against it.
    #[serde(serialize_with = "told::words")]
    pub conflicts: Vec<Conflict>,
    /// The values that cannot be put back.
    #[serde(serialize_with = "told::words")]
    pub missing: Vec<Missing>,
    /// The columns that the database computes, and that are not set for that reason.
    pub computed: Vec<String>,
    /// The columns of documents of which nobody knows whether they held NULL or the document `null`: images
    /// hold both as `null`. A column that took no NULL then and takes none now is not among them, and gets the
    /// document. On PostgreSQL also arrays and composites with documents in them. Nothing stands against it.
    #[serde(serialize_with = "told::words")]
    pub ambiguous: Vec<Ambiguous>,
    #[serde(skip)]
    null_documents: Vec<String>,
    /// What redactions hide of the record, as its events say it.
    #[serde(skip)]
    hidden: Vec<String>,
    /// The values of those that go with the row, which the plan must not tell, as one number: whether
    /// somebody has changed one since.
    #[serde(skip)]
    hidden_as_seen: u64,
    #[serde(skip)]
    key: Fields,
    /// Whether another record of the plan has come to its key since, and goes from it first.
    #[serde(skip)]
    is_key_taken: bool,
    #[serde(skip)]
    now: Option<Fields>,
    #[serde(skip)]
    then: Option<Fields>,
}

/// What to do with a record that has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnConflict {
    /// Nothing is applied.
    #[default]
    Refuse,
    /// The record stays as it is, and so do those that wait for it.
    Skip,
    /// Fields get their old values, whatever they have. A record that came or went is still refused.
    Overwrite,
}

/// What would be done to take changes back. Nothing is done before [`UndoPlan::apply`].
#[derive(Debug, Clone)]
#[must_use = "a plan does nothing until it is applied"]
pub struct UndoPlan {
    steps: Vec<UndoStep>,
    /// What is done, in its order, to steps by their places.
    actions: Vec<Action>,
    /// What makes the database look at foreign keys when the transaction ends, and the places of the steps
    /// that need it.
    defers: Option<(BoundQuery, Vec<usize>)>,
    obstacles: Vec<Obstacle>,
    tables: HashMap<TableName, Restorable>,
    on_conflict: OnConflict,
    leaves_missing: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Undone {
    /// How many records were changed.
    pub records: usize,
    /// How many stayed as they are, by [`OnConflict::Skip`].
    pub skipped: usize,
    /// Fields that have another value than they were given: a trigger of the application, or the
    /// database, had a say. By table, record and column.
    pub differing: Vec<(String, String, String)>,
}

/// Changes were not taken back; the transaction is to be rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError<E: std::error::Error + 'static> {
    /// Events cannot be taken back.
    #[error("{count} of the events cannot be taken back; leave them out of the selection")]
    Obstacles {
        /// How many.
        count: usize,
    },
    /// Records have changed since.
    #[error(
        "{count} records have changed since; look at the plan, and skip or overwrite what has changed"
    )]
    Conflicts {
        /// How many.
        count: usize,
    },
    /// Values cannot be put back.
    #[error(
        "values of {count} records cannot be put back; look at the plan, and leave them or narrow it"
    )]
    Missing {
        /// How many records.
        count: usize,
    },
    /// A record has changed since the plan was made.
    #[error(
        "record `{record_id}` of `{table_name}` has changed since the plan was made; make another"
    )]
    Stale {
        /// The table.
        table_name: String,
        /// The record.
        record_id: String,
    },
    /// The database failed, or refused a change.
    #[error(
        "record `{record_id}` of `{table_name}` could not be put back; roll the transaction back"
    )]
    Refused {
        /// The table.
        table_name: String,
        /// The record.
        record_id: String,
        /// What it said.
        #[source]
        source: E,
    },
}
impl UndoPlan {
    /// What is to be done, in its order.
    #[must_use]
    pub fn steps(&self) -> &[UndoStep] {
        &self.steps
    }

    /// The events that nothing can take back.
    #[must_use]
    pub fn obstacles(&self) -> &[Obstacle] {
        &self.obstacles
    }

    /// Whether nothing stands against it: no event that cannot be taken back, no record that has
    /// changed since, no value that is missing.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        let is_clear = |step: &UndoStep| step.conflicts.is_empty() && step.missing.is_empty();
        self.obstacles.is_empty() && self.steps.iter().all(is_clear)
    }

    /// What to do with records that have changed since.
    pub fn on_conflict(mut self, choice: OnConflict) -> Self {
        self.on_conflict = choice;
        self
    }

    /// Applies it though values are missing: their columns stay as they are, and those of a row that
    /// is inserted get their defaults.
    pub fn leaving_missing(mut self) -> Self {
        self.leaves_missing = true;
        self
    }

    /// Applies it to what can be taken back, though other events cannot.
    pub fn without_obstacles(mut self) -> Self {
        self.obstacles.clear();
        self
    }
}
