//! The wire form of an event, back and forth.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Event, EventError};
use crate::schema::{Column, ColumnKind, LOG_COLUMNS};

/// A text that is not the wire form of an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// A field does not hold what it should.
    #[error("field `{}` of an event cannot be read; give it as `Event` serialises it", .0.column())]
    Field(#[source] EventError),
    /// It is not a JSON object.
    #[error("an event is not a JSON object; give it as `Event` serialises it")]
    NoObject(#[source] serde_json::Error),
    /// There is a field that events do not have.
    #[error("events have no field `{name}`; read what a newer version wrote with that version")]
    UnknownField {
        /// The name.
        name: String,
    },
}

impl Event {
    /// The texts of its fields in the order of [`LOG_COLUMNS`], as [`Event::from_texts`] reads
    /// them.
    #[must_use]
    pub fn to_texts(&self) -> Vec<Option<String>> {
        // INVARIANT: every field of an event has a JSON form, and its own kind of text.
        let wire = serde_json::to_string(self).unwrap_or_default();
        texts(&wire).unwrap_or_default()
    }

    /// Reads the wire form, in which `Event` serialises. Images, context and metadata keep their
    /// exact text; fields may be in any order.
    ///
    /// # Errors
    /// When the text is no JSON object, has a field that events do not have, or one that does not
    /// hold what it should.
    pub fn from_wire(text: &str) -> Result<Self, WireError> {
        let texts = texts(text)?;
        Self::from_texts(texts.iter().map(Option::as_deref)).map_err(WireError::Field)
    }
}

/// The texts of the fields of a wire form, in the order of the columns.
fn texts(wire: &str) -> Result<Vec<Option<String>>, WireError> {
    let mut fields: BTreeMap<String, &RawValue> =
        serde_json::from_str(wire).map_err(WireError::NoObject)?;
    let mut texts = Vec::with_capacity(LOG_COLUMNS.len());
    for column in &LOG_COLUMNS {
        let value = fields.remove(column.name);
        let text = value.map(|value| text_of(column, value.get())).transpose();
        texts.push(text.map_err(WireError::Field)?.flatten());
    }
    match fields.into_keys().next() {
        Some(name) => Err(WireError::UnknownField { name }),
        None => Ok(texts),
    }
}

/// The text of a column, of its value on the wire.
fn text_of(column: &Column, value: &str) -> Result<Option<String>, EventError> {
    match column.kind {
        ColumnKind::Json => Ok(Some(value.to_owned())),
        _ if value == "null" => Ok(None),
        ColumnKind::Boolean | ColumnKind::Integer | ColumnKind::List => Ok(Some(value.to_owned())),
        ColumnKind::Text | ColumnKind::Time | ColumnKind::Uuid => serde_json::from_str(value)
            .map(Some)
            .map_err(|error| EventError {
                column: column.name,
                source: Some(error.into()),
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    const WIRE: &str = r#"{"source":"trigger","id":"0190a1b2-0000-7000-8000-000000000001",
        "occurred_at":"2026-01-02T03:04:05.000006Z","schema_version":1,"operation":"UPDATE",
        "outcome":"success","actor_kind":"user","actor_name":"\u00e9\n\"","tenant_id":null,
        "before_data":null,"after_data":{"n" : 1.10e400, "n": "\u0000\ud800"},
        "changed_fields":["n"],"before_exact":false,"row_count":-3}"#;

    #[test]
    fn a_wire_form_is_read_with_the_exact_text_of_its_documents() {
        let event = Event::from_wire(WIRE).unwrap();
        assert_eq!(event.actor_name.as_deref(), Some("é\n\""));
        assert_eq!(
            (event.tenant_id.as_deref(), event.row_count),
            (None, Some(-3))
        );
        assert_eq!(event.recorded_at, event.occurred_at);
        assert_eq!(event.before_data.as_ref().unwrap().as_str(), "null");
        assert_eq!(
            event.after_data.as_ref().unwrap().as_str(),
            r#"{"n" : 1.10e400, "n": "\u0000\ud800"}"#
        );
        let texts = event.to_texts();
        assert_eq!(texts.len(), LOG_COLUMNS.len());
        let again = Event::from_texts(texts.iter().map(Option::as_deref));
        assert_eq!(again.unwrap(), event);
        let wire = serde_json::to_string(&event).unwrap();
        assert_eq!(Event::from_wire(&wire).unwrap(), event);
    }

    #[test]
    fn what_is_no_wire_form_is_refused() {
        let refused = |from: &str, to: &str| {
            let wire = WIRE.replacen(from, to, 1);
            assert_ne!(wire, WIRE);
            Event::from_wire(&wire).unwrap_err().to_string()
        };
        let field = |name: &str| {
            format!("field `{name}` of an event cannot be read; give it as `Event` serialises it")
        };
        assert_eq!(refused("\"UPDATE\"", "\"UPSERT\""), field("operation"));
        assert_eq!(refused("\"outcome\":\"success\",", ""), field("outcome"));
        assert_eq!(refused("-3", "\"-3\""), field("row_count"));
        assert_eq!(refused("[\"n\"]", "[1]"), field("changed_fields"));
        assert_eq!(refused("\"user\"", "7"), field("actor_kind"));
        assert_eq!(
            refused("\"row_count\"", "\"rows\""),
            "events have no field `rows`; read what a newer version wrote with that version"
        );
        assert!(refused("{", "[").starts_with("an event is not a JSON object"));
        let error = Event::from_wire("{").unwrap_err();
        assert!(error.source().is_some());
    }
}
