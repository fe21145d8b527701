//! The events that an application writes itself.

use serde_json::{Map, Value};

use crate::vocabulary::{DataClass, Outcome, Severity};

/// An event that the application records itself, in its own transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct ManualEvent {
    action: String,
    outcome: Outcome,
    table_name: Option<String>,
    record_id: Option<String>,
    before_data: Option<Value>,
    after_data: Option<Value>,
    label: Option<String>,
    description: Option<String>,
    reason: Option<String>,
    reason_code: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    severity: Option<Severity>,
    data_class: Option<DataClass>,
    compliance: Vec<String>,
    metadata: Map<String, Value>,
}

/// A manual event that cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManualEventError {
    /// The business verb is empty.
    #[error("a manual event needs an action such as `invoice.approved`; it is empty")]
    EmptyAction,
}

impl ManualEvent {
    pub(crate) fn new(action: String) -> Self {
        Self {
            action,
            outcome: Outcome::Success,
            table_name: None,
            record_id: None,
            before_data: None,
            after_data: None,
            label: None,
            description: None,
            reason: None,
            reason_code: None,
            error_code: None,
            error_message: None,
            severity: None,
            data_class: None,
            compliance: Vec::new(),
            metadata: Map::new(),
        }
    }

    /// The record it is about.
    #[must_use]
    pub fn record(mut self, table: impl Into<String>, id: impl Into<String>) -> Self {
        self.table_name = Some(table.into());
        self.record_id = Some(id.into());
        self
    }

    /// How it ended; `success` unless set.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The state before, redacted by the caller.
    #[must_use]
    pub fn before_data(mut self, image: impl Into<Value>) -> Self {
        self.before_data = Some(image.into());
        self
    }

    /// The state after, redacted by the caller.
    #[must_use]
    pub fn after_data(mut self, image: impl Into<Value>) -> Self {
        self.after_data = Some(image.into());
        self
    }

    /// A short name for people.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// A sentence for people.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Why, in words; wins over the reason of the context.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// A stable word for why it was denied or failed.
    #[must_use]
    pub fn reason_code(mut self, code: impl Into<String>) -> Self {
        self.reason_code = Some(code.into());
        self
    }

    /// The error code of what failed, such as that of a database.
    #[must_use]
    pub fn error_code(mut self, code: impl Into<String>) -> Self {
        self.error_code = Some(code.into());
        self
    }

    /// The error in words, redacted by the caller: the message of a database can hold values.
    #[must_use]
    pub fn error_message(mut self, message: impl Into<String>) -> Self {
        self.error_message = Some(message.into());
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

    /// One more entry of `metadata`, over the one of the context.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// The values that this event sets, as texts by column; the database adds id, time, context
    /// and `source`.
    ///
    /// # Errors
    /// [`ManualEventError::EmptyAction`] when the business verb is empty.
    pub fn to_texts(&self) -> Result<Vec<(&'static str, String)>, ManualEventError> {
        if self.action.trim().is_empty() {
            return Err(ManualEventError::EmptyAction);
        }
        let json = |image: &Option<Value>| image.as_ref().map(Value::to_string);
        let list =
            (!self.compliance.is_empty()).then(|| Value::from(self.compliance.clone()).to_string());
        let metadata =
            (!self.metadata.is_empty()).then(|| Value::from(self.metadata.clone()).to_string());
        let columns = [
            ("action", Some(self.action.clone())),
            ("outcome", Some(self.outcome.to_string())),
            ("table_name", self.table_name.clone()),
            ("record_id", self.record_id.clone()),
            ("before_data", json(&self.before_data)),
            ("after_data", json(&self.after_data)),
            ("label", self.label.clone()),
            ("description", self.description.clone()),
            ("reason", self.reason.clone()),
            ("reason_code", self.reason_code.clone()),
            ("error_code", self.error_code.clone()),
            ("error_message", self.error_message.clone()),
            ("severity", self.severity.map(|word| word.to_string())),
            ("data_class", self.data_class.map(|word| word.to_string())),
            ("compliance", list),
            ("metadata", metadata),
        ];
        Ok(columns
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_event_needs_an_action() {
        assert_eq!(
            ManualEvent::new(" ".into()).to_texts(),
            Err(ManualEventError::EmptyAction)
        );
        let texts = ManualEvent::new("invoice.approved".into())
            .record("invoices", "7")
            .to_texts()
            .unwrap();
        assert!(texts.contains(&("record_id", "7".to_owned())));
    }
}
