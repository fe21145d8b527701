//! The typed rows of the adapters against the events that `log` gives.

use std::collections::BTreeMap;

use audit_core::schema::{ColumnKind, LOG_COLUMNS};
use audit_core::{Dialect, Event, Json};
use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// The columns of an event by name, as its wire form has them; what is absent is null.
pub type Fields = BTreeMap<String, Value>;

/// A value of a typed row as the wire form has it.
pub trait Shown {
    /// The value in JSON.
    fn shown(&self) -> Value;
}

/// Expands to how each type is shown.
macro_rules! shown {
    ($($kind:ty => |$value:ident| $shown:expr),+ $(,)?) => {
        $(impl Shown for $kind {
            fn shown(&self) -> Value {
                let $value = self;
                $shown
            }
        })+
    };
}

shown! {
    DateTime<Utc> => |time| json!(time.to_rfc3339_opts(SecondsFormat::Micros, true)),
    Json => |json| json.to_value(),
    NaiveDateTime => |time| time.and_utc().shown(),
    String => |text| json!(text),
    Uuid => |id| json!(id.to_string()),
    Value => |json| json.clone(),
    Vec<String> => |texts| json!(texts),
    Vec<u8> => |id| Uuid::from_slice(id).unwrap().shown(),
    bool => |is| json!(is),
    i16 => |number| json!(number),
    i64 => |number| json!(number),
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> Value {
        self.as_ref().map_or(Value::Null, Shown::shown)
    }
}

/// The columns of a typed row; see [`stored_fields`](crate::stored_fields).
pub fn fields(values: impl IntoIterator<Item = Value>) -> Fields {
    let mut fields = Fields::new();
    for (column, value) in LOG_COLUMNS.iter().zip(values) {
        let value = match (column.kind, value) {
            // The libraries that have no type for them give the text.
            (ColumnKind::Json | ColumnKind::List, Value::String(text)) => {
                serde_json::from_str(&text).unwrap()
            }
            (_, value) => value,
        };
        fields.insert(column.name.to_owned(), value);
    }
    // An event that came by no detour was stored when it happened.
    if fields["recorded_at"].is_null() {
        let occurred = fields["occurred_at"].clone();
        fields.insert("recorded_at".to_owned(), occurred);
    }
    fields
}

/// The columns of an event.
#[must_use]
pub fn event_fields(event: &Event) -> Fields {
    let wire = serde_json::to_value(event).unwrap();
    fields(LOG_COLUMNS.map(|column| wire.get(column.name).cloned().unwrap_or_default()))
}

/// Expands to the columns of a typed row: [`Shown`](crate::stored::Shown) for each.
#[macro_export]
macro_rules! stored_fields {
    ({ $row:ident } $($(#[$doc:meta])* $column:ident: $type:ty,)+) => {{
        use $crate::stored::Shown as _;
        $crate::stored::fields([$($row.$column.shown()),+])
    }};
    ($row:ident) => {
        audit_core::log_columns! {
            stored_fields! { $row },
            boolean = bool, integer = i64, json = _, list = _, optional = Option, small = i16,
            text = String, time = _, uuid = _
        }
    };
}

/// Asserts that typed rows are these events, and that one of them has every column: that of
/// [`full_event`].
pub fn assert_same(rows: &[Fields], events: &[Event]) {
    let events: Vec<_> = events.iter().map(event_fields).collect();
    assert_eq!(rows, events);
    let is_full = |row: &&Fields| !row.values().any(Value::is_null);
    assert_eq!(rows.iter().filter(is_full).count(), 1);
}

/// A statement that stores an event in which no column is empty.
#[must_use]
pub fn full_event(dialect: Dialect) -> String {
    let value = |name: &str, kind: ColumnKind| match (kind, dialect) {
        (ColumnKind::Boolean, Dialect::Postgres) => "true".to_owned(),
        (ColumnKind::Boolean, _) => "1".to_owned(),
        (ColumnKind::Integer, _) => "7".to_owned(),
        (ColumnKind::Json, _) => r#"'{"a": [1, 2.5, null, "\u00e9"]}'"#.replace(
            '\\',
            match dialect {
                Dialect::MySql => "\\\\",
                _ => "\\",
            },
        ),
        (ColumnKind::List, Dialect::Postgres) => "ARRAY['a', 'it''s']".to_owned(),
        (ColumnKind::List, _) => r#"'["a", "it''s"]'"#.to_owned(),
        (ColumnKind::Time, Dialect::MySql) => "'2026-11-24 10:11:12.123456'".to_owned(),
        (ColumnKind::Time, _) => "'2026-11-24T10:11:12.123456Z'".to_owned(),
        (ColumnKind::Uuid, Dialect::Postgres) => "'0123456789abcdef0123456789abcdef'".to_owned(),
        (ColumnKind::Uuid, _) => "X'0123456789abcdef0123456789abcdef'".to_owned(),
        _ => match name {
            "operation" => "'SELECT'",
            "outcome" => "'denied'",
            "actor_kind" => "'service'",
            "assurance" => "'asserted'",
            "severity" => "'high'",
            "data_class" => "'restricted'",
            "source" => "'lane'",
            _ => "'text'",
        }
        .to_owned(),
    };
    let names: Vec<_> = LOG_COLUMNS.iter().map(|column| column.name).collect();
    let values: Vec<_> = LOG_COLUMNS
        .iter()
        .map(|column| value(column.name, column.kind))
        .collect();
    let table = match dialect {
        Dialect::Postgres => "audit.audit_logs",
        _ => "audit_logs",
    };
    format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    )
}
