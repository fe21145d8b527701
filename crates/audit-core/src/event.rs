//! One recorded event.

mod wire;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::manual_event::ManualEvent;
use crate::query::Position;
use crate::schema::LOG_COLUMNS;
use crate::vocabulary::{ActorKind, Assurance, DataClass, Operation, Outcome, Severity, Source};

pub use wire::WireError;

/// A JSON document as the exact text in which the database keeps it: numbers of any size,
/// repeated keys and the order of keys survive.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The exact text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The document as a value; numbers beyond 64 bits become the nearest double.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // INVARIANT: only well-formed JSON gets into a RawValue; a number too large for a double
        // is the one text that has no value, and reads as null.
        serde_json::from_str(self.as_str()).unwrap_or(Value::Null)
    }

    /// The fields of an object in their order, each with its exact text; anything else has none.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, Self)> {
        serde_json::from_str::<Fields>(self.as_str())
            .map(|fields| fields.0)
            .unwrap_or_default()
    }

    /// The document as an object; anything else has no fields.
    #[must_use]
    pub fn to_object(&self) -> Map<String, Value> {
        match self.to_value() {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

/// The fields of an object in their order.
struct Fields(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    fields.push((name, Json(value)));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl FromStr for Json {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        RawValue::from_string(text.to_owned()).map(Self)
    }
}

impl From<Box<RawValue>> for Json {
    fn from(text: Box<RawValue>) -> Self {
        Self(text)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

fn microseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.format(TIME_FORMAT))
}

/// The text form of instants on the wire: RFC 3339 in UTC with six digits.
pub(crate) const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// A recorded event. Field, column and wire name are one; it serialises to the wire form, with
/// absent fields left out.
///
/// Events of one record, ordered by (`occurred_at`, `id`), are in the order in which they were
/// really written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// When it happened, by the database's clock once the row was locked.
    #[serde(serialize_with = "microseconds")]
    pub occurred_at: DateTime<Utc>,
    /// A UUIDv7 (RFC 9562) made by the database.
    pub id: Uuid,
    /// When it was stored; equal to `occurred_at` unless it came by a detour.
    #[serde(serialize_with = "microseconds")]
    pub recorded_at: DateTime<Utc>,
    /// The database transaction, where the database tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// The version of this shape.
    pub schema_version: i16,
    /// What was done.
    pub operation: Operation,
    /// The business verb.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The schema of the table; absent on SQLite's main database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_schema: Option<String>,
    /// The table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_name: Option<String>,
    /// The record: the text of a single key, or a JSON array of the texts of a composite one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_id: Option<String>,
    /// The record's id before a change of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_record_id: Option<String>,
    /// The row before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_data: Option<Json>,
    /// The row after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_data: Option<Json>,
    /// The columns whose bytes changed, for an UPDATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_fields: Option<Vec<String>>,
    /// What is hidden in the images: columns by their names, parts of JSON columns as the column, a
    /// colon and the path (`details:$.card.number`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redacted_fields: Option<Vec<String>>,
    /// The entry of `audit_schemas` that the images follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_fingerprint: Option<String>,
    /// Whether `before_data` is certain; absent where it always is. `false` of a TRUNCATE: a partition was
    /// emptied, and other rows of the table are still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_exact: Option<bool>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<String>,
    /// What kind of party.
    pub actor_kind: ActorKind,
    /// The actor's name for people to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_name: Option<String>,
    /// The party acted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// How far the identity was proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assurance: Option<Assurance>,
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What caused the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Json>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the application adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Json>,
    /// A short name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The template of a sentence, as it stood at write time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How much it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// How sensitive the data is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_class: Option<DataClass>,
    /// The regimes it is evidence for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compliance: Option<Vec<String>>,
    /// Who is to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<Vec<String>>,
    /// The events that this one reverts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverts: Option<Vec<String>>,
    /// The normalised statement, literals out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The tables of the statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<String>>,
    /// How long the statement took, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<i64>,
    /// How many rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_count: Option<i64>,
    /// The database's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The error in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// A stable word for why it was denied or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<String>,
    /// Which part of the system wrote it.
    pub source: Source,
}

/// A stored row that is not an event: the table was changed by hand or by a newer version.
#[derive(Debug, thiserror::Error)]
#[error(
    "column `{column}` of a stored event cannot be read; compare the audit tables with `check`"
)]
pub struct EventError {
    column: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl EventError {
    /// The column.
    #[must_use]
    pub fn column(&self) -> &'static str {
        self.column
    }
}

/// Walks the texts of one row in the order of [`LOG_COLUMNS`].
pub(crate) struct Texts<I> {
    values: I,
    next: usize,
}

impl<'a, I: Iterator<Item = Option<&'a str>>> Texts<I> {
    pub(crate) fn of(values: I) -> Self {
        Self { values, next: 0 }
    }

    fn column(&self) -> &'static str {
        LOG_COLUMNS
            .get(self.next.saturating_sub(1))
            .map_or("?", |column| column.name)
    }

    fn optional<T: FromStr>(&mut self) -> Result<Option<T>, EventError>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        self.next += 1;
        match self.values.next().flatten() {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|error: T::Err| EventError {
                column: self.column(),
                source: Some(error.into()),
            }),
        }
    }

    pub(crate) fn required<T: FromStr>(&mut self) -> Result<T, EventError>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        self.optional()?.ok_or_else(|| EventError {
            column: self.column(),
            source: None,
        })
    }

    fn list(&mut self) -> Result<Option<Vec<String>>, EventError> {
        let text: Option<String> = self.optional()?;
        text.map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| EventError {
                column: self.column(),
                source: Some(error.into()),
            })
    }
}

impl Event {
    /// Its place among all events.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            occurred_at: self.occurred_at,
            id: self.id,
        }
    }

    /// Starts an event that the application records itself, with its business verb.
    #[must_use]
    pub fn custom(action: impl Into<String>) -> ManualEvent {
        ManualEvent::new(action.into())
    }

    /// Reads an event from the texts of one row, in the order of [`LOG_COLUMNS`]: instants in
    /// RFC 3339, lists as JSON arrays, as [`crate::query`] selects them.
    ///
    /// # Errors
    /// When a text is not what its column holds.
    pub fn from_texts<'a>(
        texts: impl IntoIterator<Item = Option<&'a str>>,
    ) -> Result<Self, EventError> {
        let mut row = Texts::of(texts.into_iter());
        let occurred_at: DateTime<Utc> = row.required()?;
        Ok(Self {
            occurred_at,
            id: row.required()?,
            recorded_at: row.optional()?.unwrap_or(occurred_at),
            transaction_id: row.optional()?,
            schema_version: row.required()?,
            operation: row.required()?,
            action: row.optional()?,
            outcome: row.required()?,
            table_schema: row.optional()?,
            table_name: row.optional()?,
            record_id: row.optional()?,
            previous_record_id: row.optional()?,
            before_data: row.optional()?,
            after_data: row.optional()?,
            changed_fields: row.list()?,
            redacted_fields: row.list()?,
            schema_fingerprint: row.optional()?,
            before_exact: row.optional()?,
            actor_id: row.optional()?,
            actor_kind: row.required()?,
            actor_name: row.optional()?,
            on_behalf_of: row.optional()?,
            tenant_id: row.optional()?,
            assurance: row.optional()?,
            service: row.optional()?,
            environment: row.optional()?,
            request_id: row.optional()?,
            causation_id: row.optional()?,
            context: row.optional()?,
            reason: row.optional()?,
            metadata: row.optional()?,
            label: row.optional()?,
            description: row.optional()?,
            severity: row.optional()?,
            data_class: row.optional()?,
            compliance: row.list()?,
            notify: row.list()?,
            reverts: row.list()?,
            statement: row.optional()?,
            tables: row.list()?,
            duration_us: row.optional()?,
            row_count: row.optional()?,
            error_code: row.optional()?,
            error_message: row.optional()?,
            reason_code: row.optional()?,
            source: row.required()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[(&str, &'static str)]) -> Vec<Option<&'static str>> {
        let find = |name: &str| values.iter().find(|(column, _)| *column == name);
        LOG_COLUMNS
            .iter()
            .map(|column| find(column.name).map(|(_, text)| *text))
            .collect()
    }

    const SMALLEST: &[(&str, &str)] = &[
        ("occurred_at", "2026-01-02T03:04:05.000006Z"),
        ("id", "0190a1b2-0000-7000-8000-000000000001"),
        ("schema_version", "1"),
        ("operation", "UPDATE"),
        ("outcome", "success"),
        ("actor_kind", "unknown"),
        (
            "after_data",
            r#"{"n":12345678901234567890.12345678901234567890}"#,
        ),
        ("changed_fields", r#"["n"]"#),
        ("source", "trigger"),
    ];

    #[test]
    fn the_wire_form_keeps_exact_numbers_and_leaves_out_absent_fields() {
        let event = Event::from_texts(texts(SMALLEST)).unwrap();
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"occurred_at":"2026-01-02T03:04:05.000006Z","id":"0190a1b2-0000-7000-8000-000000000001","recorded_at":"2026-01-02T03:04:05.000006Z","schema_version":1,"operation":"UPDATE","outcome":"success","after_data":{"n":12345678901234567890.12345678901234567890},"changed_fields":["n"],"actor_kind":"unknown","source":"trigger"}"#
        );
    }

    #[test]
    fn fields_keep_their_order_and_every_digit() {
        let json: Json = r#"{"b":199.90,"a":{"x":1e400}}"#.parse().unwrap();
        let fields = json.fields();
        let texts: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(texts, [("b", "199.90"), ("a", r#"{"x":1e400}"#)]);
        assert_eq!("[1]".parse::<Json>().unwrap().fields(), []);
    }

    #[test]
    fn every_column_has_a_field_of_its_name() {
        let full: Vec<(&str, &str)> = LOG_COLUMNS
            .iter()
            .map(|column| {
                let fixed = SMALLEST.iter().find(|(name, _)| *name == column.name);
                let text = match column.name {
                    "severity" => "low",
                    "data_class" => "public",
                    "assurance" => "verified",
                    "recorded_at" => "2026-01-02T03:04:05Z",
                    "before_exact" => "true",
                    "compliance" | "notify" | "reverts" | "tables" | "redacted_fields" => "[]",
                    _ => "1",
                };
                (column.name, fixed.map_or(text, |(_, text)| *text))
            })
            .collect();
        let event = Event::from_texts(full.iter().map(|(_, text)| Some(*text))).unwrap();
        let wire = serde_json::to_value(&event).unwrap();
        for column in LOG_COLUMNS {
            assert!(
                wire.get(column.name).is_some(),
                "{} is not on the wire",
                column.name
            );
        }
        assert_eq!(wire.as_object().unwrap().len(), LOG_COLUMNS.len());
    }

    #[test]
    fn a_text_that_is_no_event_names_its_column() {
        let mut row = texts(SMALLEST);
        row[5] = Some("UPSERT");
        assert_eq!(Event::from_texts(row).unwrap_err().column(), "operation");
        let mut row = texts(SMALLEST);
        row[7] = None;
        assert_eq!(Event::from_texts(row).unwrap_err().column(), "outcome");
    }
}
