//! Which tables and columns are recorded, what is hidden and what is added.

mod parts;
mod path;
mod resolve;

use crate::redact::Redaction;
use crate::vocabulary::{DataClass, Operation, Severity, Snapshot};

pub use parts::Parts;
pub use path::{JsonPath, PathError, PathStep};
pub use resolve::{ResolvedColumn, ResolvedRule};

/// How the tables that match a pattern are recorded.
///
/// A pattern is a table name, or `schema.table`, with the wildcards of globs (`*`, `?`, `[ab]`,
/// `{a,b}`). A more exact pattern wins over a wildcard one, a later rule over an earlier one of
/// the same kind; lists are united.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRule {
    pub(crate) pattern: String,
    pub(crate) operations: Option<Vec<Operation>>,
    pub(crate) include: Vec<String>,
    pub(crate) ignore: Vec<String>,
    pub(crate) redact: Vec<(String, Redaction)>,
    pub(crate) redact_paths: Vec<(String, Result<JsonPath, PathError>, Redaction)>,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) unchanged: Option<bool>,
    pub(crate) enrichment: Enrichment,
}

impl TableRule {
    /// A rule for the tables that match `pattern`.
    #[must_use]
    pub fn new(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            operations: None,
            include: Vec::new(),
            ignore: Vec::new(),
            redact: Vec::new(),
            redact_paths: Vec::new(),
            snapshot: None,
            unchanged: None,
            enrichment: Enrichment::new(),
        }
    }

    /// Records only these operations; INSERT, UPDATE, DELETE and TRUNCATE unless set.
    #[must_use]
    pub fn operations(mut self, operations: impl IntoIterator<Item = Operation>) -> Self {
        self.operations = Some(operations.into_iter().collect());
        self
    }

    /// Keeps only these columns in the images; every column unless set.
    #[must_use]
    pub fn include<I: Into<String>>(mut self, columns: impl IntoIterator<Item = I>) -> Self {
        self.include.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Does not record an UPDATE that changes only these columns; they stay in the images.
    #[must_use]
    pub fn ignore<I: Into<String>>(mut self, columns: impl IntoIterator<Item = I>) -> Self {
        self.ignore.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Hides the value of a column in the images.
    #[must_use]
    pub fn redact(mut self, column: impl Into<String>, redaction: Redaction) -> Self {
        self.redact.push((column.into(), redaction));
        self
    }

    /// Hides a part of the JSON documents in a column, such as `$.card.number`, `$.lines[*].price`
    /// or `$["odd name"]`; [`JsonPath`] says what a path is, and [`AuditBuilder::build`] refuses
    /// what is none.
    ///
    /// The redaction means what it means for a column: a JSON null stays null, a member or element
    /// is left out by [`Redaction::Drop`], the others write a string. Of several paths to one value
    /// the stronger redaction wins ([`Parts`]); one of the column itself wins over its paths, but
    /// for [`Redaction::Truncate`], which cuts the document in which they are hidden.
    ///
    /// A value that is no JSON object or array, or that cannot be taken apart safely, is hidden
    /// whole by the strongest of these redactions, and by [`Redaction::Mask`] where that is `Drop`.
    /// `redacted_fields` names the column, a colon and the path: `details:$.card.number`.
    ///
    /// [`AuditBuilder::build`]: crate::AuditBuilder::build
    #[must_use]
    pub fn redact_path(
        mut self,
        column: impl Into<String>,
        path: impl AsRef<str>,
        redaction: Redaction,
    ) -> Self {
        let path = JsonPath::parse(path.as_ref());
        self.redact_paths.push((column.into(), path, redaction));
        self
    }

    /// How much of an updated row the images hold; [`Snapshot::Full`] unless set.
    #[must_use]
    pub fn snapshot(mut self, snapshot: Snapshot) -> Self {
        self.snapshot = Some(snapshot);
        self
    }

    /// Records an UPDATE that changed nothing, too; not recorded unless set.
    #[must_use]
    pub fn record_unchanged(mut self, record: bool) -> Self {
        self.unchanged = Some(record);
        self
    }

    /// How much a change matters.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.enrichment = self.enrichment.severity(severity);
        self
    }

    /// How sensitive the data is.
    #[must_use]
    pub fn data_class(mut self, data_class: DataClass) -> Self {
        self.enrichment = self.enrichment.data_class(data_class);
        self
    }

    /// The regimes that changes are evidence for.
    #[must_use]
    pub fn compliance<I: Into<String>>(mut self, tags: impl IntoIterator<Item = I>) -> Self {
        self.enrichment = self.enrichment.compliance(tags);
        self
    }

    /// A short name for people.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.enrichment = self.enrichment.label(label);
        self
    }
}

/// What is added to the events of a table and operation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Enrichment {
    pub(crate) label: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) severity: Option<Severity>,
    pub(crate) data_class: Option<DataClass>,
    pub(crate) compliance: Vec<String>,
    pub(crate) notify: Vec<String>,
}

impl Enrichment {
    /// Adds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A short name for people.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The template of a sentence; stored as it is, expanded by readers from the event's own data.
    #[must_use]
    pub fn description(mut self, template: impl Into<String>) -> Self {
        self.description = Some(template.into());
        self
    }

    /// How much it matters.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// How sensitive the data is.
    #[must_use]
    pub fn data_class(mut self, data_class: DataClass) -> Self {
        self.data_class = Some(data_class);
        self
    }

    /// The regimes it is evidence for.
    #[must_use]
    pub fn compliance<I: Into<String>>(mut self, tags: impl IntoIterator<Item = I>) -> Self {
        self.compliance.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Who is to be told.
    #[must_use]
    pub fn notify<I: Into<String>>(mut self, targets: impl IntoIterator<Item = I>) -> Self {
        self.notify.extend(targets.into_iter().map(Into::into));
        self
    }

    /// Lays `over` on top: its scalars win, its lists are added.
    pub(crate) fn overlay(&mut self, over: &Self) {
        self.label = over.label.clone().or_else(|| self.label.take());
        self.description = over.description.clone().or_else(|| self.description.take());
        self.severity = over.severity.or(self.severity);
        self.data_class = over.data_class.or(self.data_class);
        for (list, added) in [
            (&mut self.compliance, &over.compliance),
            (&mut self.notify, &over.notify),
        ] {
            for entry in added {
                if !list.contains(entry) {
                    list.push(entry.clone());
                }
            }
        }
    }
}

/// Which operations an enrichment is for; an [`Operation`] converts into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperationMatch {
    /// Every operation.
    Any,
    /// This one.
    Only(Operation),
}

impl From<Operation> for OperationMatch {
    fn from(operation: Operation) -> Self {
        Self::Only(operation)
    }
}
