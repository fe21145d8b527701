//! A value of an image as one of Rust, by the type that its column had.

use audit_capture::is_real_on_sqlite;
use audit_core::{Dialect, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::record::is_truncated;

/// A value by the type of its column.
///
/// It serialises to a canonical form of JSON: what every reader of JSON takes for the same value
/// stands as it is, the rest in an object of one name.
///
/// | value | form |
/// |---|---|
/// | `Null`, `Boolean`, `Text`, `List` | as they are |
/// | `Integer`, `Unsigned` | the number up to 2^53, else `{"$integer": ".."}` |
/// | `Real` | the number, or `{"$real": "NaN"}`, `"Infinity"`, `"-Infinity"` |
/// | `Decimal` | `{"$decimal": "1.10"}` |
/// | `Bytes` | `{"$bytes": "<base64>"}` |
/// | `Date`, `Time`, `DateTime`, `Instant` | `{"$date": ".."}` and so on, by ISO 8601 |
/// | `Uuid` | `{"$uuid": ".."}` |
/// | `Json`, `Other` | `{"$json": ..}`, `{"$other": ..}` |
/// | `Truncated`, `Redacted` | `{"$truncated": bytes}`, `{"$redacted": true}` |
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TypedValue {
    /// NULL.
    Null,
    /// `boolean` of PostgreSQL; on SQLite 0 and 1 in a column that is declared so.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number that is too large for [`TypedValue::Integer`].
    Unsigned(u64),
    /// A number of exact decimal digits, as the database writes it; on PostgreSQL also `NaN`,
    /// `Infinity` and `-Infinity`.
    Decimal(String),
    /// A binary floating-point number, to the last bit.
    Real(f64),
    /// A text, or the name of an enum's value.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A day.
    Date(NaiveDate),
    /// A time of day.
    Time(NaiveTime),
    /// A day and time without a time zone.
    DateTime(NaiveDateTime),
    /// An instant.
    Instant(DateTime<Utc>),
    /// A UUID.
    Uuid(Uuid),
    /// A document, as its exact text.
    Json(Json),
    /// An array of PostgreSQL.
    List(Vec<TypedValue>),
    /// What no type here holds, as its exact text in the image: another type, a date before year 1,
    /// an infinite instant, a text that is no UTF-8, or a type that nobody noted.
    Other(Json),
    /// The value was too long to be stored whole.
    Truncated {
        /// How long it was, in bytes.
        bytes: u64,
    },
    /// A redaction hides the column.
    Redacted,
}

impl TypedValue {
    /// The value of a column of this type; none stands for a type that nobody noted.
    pub(super) fn of(dialect: Dialect, type_name: Option<&str>, json: &Json) -> Self {
        if json.as_str() == "null" {
            return Self::Null;
        }
        if is_truncated(json) {
            let told = field(json, "$truncated").and_then(|stand| field(&stand, "len"));
            let bytes = told.and_then(|bytes| bytes.as_str().parse().ok());
            return Self::Truncated {
                bytes: bytes.unwrap_or_default(),
            };
        }
        let value = match (dialect, type_name) {
            (_, None) => None,
            (Dialect::MySql, Some(name)) => of_mysql(name, json),
            (Dialect::Postgres, Some(name)) => of_postgres(name, json),
            (_, Some(name)) => of_sqlite(name, json),
        };
        value.unwrap_or_else(|| Self::Other(json.clone()))
    }
}

fn text(json: &Json) -> Option<String> {
    serde_json::from_str(json.as_str()).ok()
}

fn integer(json: &Json) -> Option<TypedValue> {
    let number = json.as_str();
    let signed = number.parse().map(TypedValue::Integer);
    signed
        .or_else(|_| number.parse().map(TypedValue::Unsigned))
        .ok()
}

/// A number, or the text of one that JSON has no number for.
fn written(json: &Json) -> Option<String> {
    match text(json) {
        Some(text) => matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity").then_some(text),
        None => is_number(json).then(|| json.as_str().to_owned()),
    }
}

fn is_number(json: &Json) -> bool {
    json.as_str()
        .starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

fn real(json: &Json) -> Option<TypedValue> {
    written(json)?.parse().ok().map(TypedValue::Real)
}

/// One of four bytes: the text is the shortest that tells it from the next of its kind.
fn short_real(json: &Json) -> Option<TypedValue> {
    let number: f32 = written(json)?.parse().ok()?;
    Some(TypedValue::Real(f64::from(number)))
}

fn decimal(json: &Json) -> Option<TypedValue> {
    written(json).map(TypedValue::Decimal)
}

fn date(text: &str) -> Option<TypedValue> {
    text.parse().ok().map(TypedValue::Date)
}

fn time(text: &str) -> Option<TypedValue> {
    text.parse().ok().map(TypedValue::Time)
}

fn date_time(text: &str) -> Option<NaiveDateTime> {
    text.replacen(' ', "T", 1).parse().ok()
}

fn instant(text: &str) -> Option<TypedValue> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    Some(TypedValue::Instant(instant.with_timezone(&Utc)))
}

/// A field of an object.
fn field(json: &Json, name: &str) -> Option<Json> {
    let mut fields = json.fields().into_iter();
    fields.find_map(|(field, value)| (field == name).then_some(value))
}

/// The bytes in the object that stands for them.
fn tagged_bytes(json: &Json) -> Option<Vec<u8>> {
    let base64 = text(&field(json, "$bytes")?)?;
    STANDARD.decode(base64).ok()
}

/// A type's name without what stands in parentheses: lengths, precisions.
fn plain(type_name: &str) -> String {
    match (type_name.find('('), type_name.find(')')) {
        (Some(from), Some(to)) if from < to => {
            let (before, after) = (type_name.get(..from), type_name.get(to + 1..));
            format!(
                "{}{}",
                before.unwrap_or_default(),
                after.unwrap_or_default()
            )
        }
        _ => type_name.to_owned(),
    }
}

fn of_postgres(type_name: &str, json: &Json) -> Option<TypedValue> {
    if let Some(element) = type_name.strip_suffix("[]") {
        // However many dimensions an array has, its type has one pair of brackets.
        let items: Vec<Box<RawValue>> = serde_json::from_str(json.as_str()).ok()?;
        let items = items.into_iter().map(Json::from);
        let value = |item: Json| match item.as_str().starts_with('[') && !is_json(element) {
            true => TypedValue::of(Dialect::Postgres, Some(type_name), &item),
            false => TypedValue::of(Dialect::Postgres, Some(element), &item),
        };
        return Some(TypedValue::List(items.map(value).collect()));
    }
    match plain(type_name).as_str() {
        "smallint" | "integer" | "bigint" | "oid" => integer(json),
        "numeric" => decimal(json),
        "real" => short_real(json),
        "double precision" => real(json),
        "boolean" => serde_json::from_str(json.as_str())
            .ok()
            .map(TypedValue::Boolean),
        "text" | "character varying" | "character" | "name" | "\"char\"" | "citext" => {
            text(json).map(TypedValue::Text)
        }
        "bytea" => hex(text(json)?.strip_prefix("\\x")?).map(TypedValue::Bytes),
        "date" => date(&text(json)?),
        "time without time zone" => time(&text(json)?),
        "timestamp without time zone" => date_time(&text(json)?).map(TypedValue::DateTime),
        "timestamp with time zone" => instant(&text(json)?),
        "uuid" => text(json)?.parse().ok().map(TypedValue::Uuid),
        name if is_json(name) => Some(TypedValue::Json(json.clone())),
        _ => None,
    }
}

fn is_json(type_name: &str) -> bool {
    matches!(type_name, "json" | "jsonb")
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars();
    let digits: Vec<u8> = digits
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect()
}

fn of_mysql(type_name: &str, json: &Json) -> Option<TypedValue> {
    let plain = plain(type_name);
    let name = plain.split(' ').next().unwrap_or_default();
    match name {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "bit" => integer(json),
        "decimal" => decimal(json),
        "float" | "double" => real(json),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => {
            text(json).map(TypedValue::Text)
        }
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            tagged_bytes(json).map(TypedValue::Bytes)
        }
        "date" => date(&text(json)?),
        "time" => time(&text(json)?),
        "datetime" => date_time(&text(json)?).map(TypedValue::DateTime),
        // The image holds it in UTC.
        "timestamp" => date_time(&text(json)?).map(|time| TypedValue::Instant(time.and_utc())),
        "uuid" => text(json)?.parse().ok().map(TypedValue::Uuid),
        "json" => Some(TypedValue::Json(json.clone())),
        _ => None,
    }
}

/// SQLite keeps a type with each value, not with a column; what a column is declared as says what an
/// application means by it.
fn of_sqlite(declared: &str, json: &Json) -> Option<TypedValue> {
    let meant = plain(declared).trim().to_ascii_uppercase();
    if is_number(json) {
        return match (meant.as_str(), json.as_str()) {
            ("BOOL" | "BOOLEAN", "0") => Some(TypedValue::Boolean(false)),
            ("BOOL" | "BOOLEAN", "1") => Some(TypedValue::Boolean(true)),
            (_, number) if number.contains(['.', 'e', 'E']) => real(json),
            _ => integer(json),
        };
    }
    if let Some(bytes) = tagged_bytes(json) {
        let uuid = Uuid::from_slice(&bytes).ok().filter(|_| meant == "UUID");
        return Some(uuid.map_or(TypedValue::Bytes(bytes), TypedValue::Uuid));
    }
    let text = text(json)?;
    if is_real_on_sqlite(declared) && matches!(text.as_str(), "Infinity" | "-Infinity") {
        return real(json);
    }
    let value = match meant.as_str() {
        "DATE" => date(&text),
        "TIME" => time(&text),
        "DATETIME" | "TIMESTAMP" => instant(&text.replacen(' ', "T", 1))
            .or_else(|| date_time(&text).map(TypedValue::DateTime)),
        "UUID" => text.parse().ok().map(TypedValue::Uuid),
        "JSON" => text.parse().ok().map(TypedValue::Json),
        _ => None,
    };
    Some(value.unwrap_or(TypedValue::Text(text)))
}

/// The largest whole number that every reader of JSON keeps, which takes numbers for doubles.
const LARGEST: u64 = 1 << 53;

fn one<S: Serializer>(
    serializer: S,
    name: &str,
    value: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, value)?;
    map.end()
}

impl Serialize for TypedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(number) if number.unsigned_abs() <= LARGEST => {
                serializer.serialize_i64(*number)
            }
            Self::Integer(number) => one(serializer, "$integer", &number.to_string()),
            Self::Unsigned(number) => one(serializer, "$integer", &number.to_string()),
            Self::Decimal(number) => one(serializer, "$decimal", number),
            Self::Real(number) if number.is_finite() => serializer.serialize_f64(*number),
            Self::Real(number) if number.is_nan() => one(serializer, "$real", &"NaN"),
            Self::Real(number) if *number > 0.0 => one(serializer, "$real", &"Infinity"),
            Self::Real(_) => one(serializer, "$real", &"-Infinity"),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => one(serializer, "$bytes", &STANDARD.encode(bytes)),
            Self::Date(date) => one(serializer, "$date", &date.to_string()),
            Self::Time(time) => one(serializer, "$time", &time.to_string()),
            Self::DateTime(time) => {
                let text = time.format("%Y-%m-%dT%H:%M:%S%.f").to_string();
                one(serializer, "$datetime", &text)
            }
            Self::Instant(time) => {
                let text = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                one(serializer, "$instant", &text)
            }
            Self::Uuid(uuid) => one(serializer, "$uuid", uuid),
            Self::Json(json) => one(serializer, "$json", json),
            Self::List(values) => serializer.collect_seq(values),
            Self::Other(json) => one(serializer, "$other", json),
            Self::Truncated { bytes } => one(serializer, "$truncated", bytes),
            Self::Redacted => one(serializer, "$redacted", &true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(value: &TypedValue) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn what_json_does_not_keep_is_named() {
        let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
        let time = day.and_hms_milli_opt(1, 2, 3, 450).unwrap();
        let json = |text: &str| text.parse::<Json>().unwrap();
        for (value, text) in [
            (TypedValue::Null, "null"),
            (TypedValue::Integer(1 << 53), "9007199254740992"),
            (
                TypedValue::Integer(-(1 << 53) - 1),
                r#"{"$integer":"-9007199254740993"}"#,
            ),
            (
                TypedValue::Unsigned(u64::MAX),
                r#"{"$integer":"18446744073709551615"}"#,
            ),
            (TypedValue::Real(0.1), "0.1"),
            (TypedValue::Real(f64::NAN), r#"{"$real":"NaN"}"#),
            (
                TypedValue::Real(f64::NEG_INFINITY),
                r#"{"$real":"-Infinity"}"#,
            ),
            (
                TypedValue::Decimal("1.10".to_owned()),
                r#"{"$decimal":"1.10"}"#,
            ),
            (TypedValue::Bytes(vec![0, 255]), r#"{"$bytes":"AP8="}"#),
            (TypedValue::Date(day), r#"{"$date":"2024-02-29"}"#),
            (
                TypedValue::DateTime(time),
                r#"{"$datetime":"2024-02-29T01:02:03.450"}"#,
            ),
            (
                TypedValue::Instant(time.and_utc()),
                r#"{"$instant":"2024-02-29T01:02:03.450Z"}"#,
            ),
            (TypedValue::Json(json("[1.0]")), r#"{"$json":[1.0]}"#),
            (
                TypedValue::List(vec![TypedValue::Boolean(true), TypedValue::Null]),
                "[true,null]",
            ),
        ] {
            assert_eq!(canonical(&value), text);
        }
    }

    #[test]
    fn an_array_is_no_object_of_ours() {
        let json: Json = r#"[["AA=="]]"#.parse().unwrap();
        for name in ["bytea", "text[]", "blob", "BLOB", "jsonb[]"] {
            for dialect in [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite] {
                let value = TypedValue::of(dialect, Some(name), &json);
                let is_ours = matches!(value, TypedValue::Truncated { .. } | TypedValue::Bytes(_));
                assert!(!is_ours, "{value:?}");
            }
        }
    }
}
