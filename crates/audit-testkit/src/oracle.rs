//! The proof: rows read in full by a connection of the suite's own, and events replayed on them.

mod replay;

use std::collections::BTreeMap;

use audit_core::{Dialect, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::database::Raw;

pub use self::replay::replay;

/// A row: its columns, each in a form in which equal values are equal texts.
pub type Row = BTreeMap<String, String>;

/// The rows of tables, by table.
pub type Snapshot = BTreeMap<String, Rows>;

/// The rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// Of one with a key: by record id.
    Keyed(BTreeMap<String, Row>),
    /// Of one without: each as often as it is there.
    Loose(BTreeMap<Row, usize>),
}

/// Reads every row of every table but those of the audit log.
pub async fn snapshot(raw: &mut Raw, dialect: Dialect) -> Snapshot {
    let mut tables = Snapshot::new();
    for (table, columns) in tables_of(raw, dialect).await {
        let rows = match dialect {
            Dialect::Postgres => postgres_rows(raw, &table, &columns).await,
            Dialect::MySql => mysql_rows(raw, &table, &columns).await,
            _ => sqlite_rows(raw, &table, &columns).await,
        };
        let rows = if columns.iter().any(|column| column.key > 0) {
            Rows::Keyed(rows.into_iter().collect())
        } else {
            let mut loose = BTreeMap::new();
            for (_, row) in rows {
                *loose.entry(row).or_default() += 1;
            }
            Rows::Loose(loose)
        };
        tables.insert(table, rows);
    }
    tables
}

/// A column and its place in the key, from 1; 0 outside the key.
#[derive(Debug)]
struct Column {
    name: String,
    kind: String,
    key: usize,
}

async fn tables_of(raw: &mut Raw, dialect: Dialect) -> BTreeMap<String, Vec<Column>> {
    let sql = match dialect {
        Dialect::Postgres => {
            "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL), \
               coalesce(array_position(k.conkey, a.attnum), 0)::text \
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
               AND NOT a.attisdropped \
             LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p' \
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition \
               AND c.relnamespace = 'public'::regnamespace ORDER BY 1, a.attnum"
        }
        Dialect::MySql => {
            "SELECT CONVERT(c.table_name USING utf8mb4), CONVERT(c.column_name USING utf8mb4), \
               CONVERT(c.data_type USING utf8mb4), CAST(coalesce(k.ordinal_position, 0) AS CHAR) \
             FROM information_schema.columns c JOIN information_schema.tables t \
               ON t.table_schema = DATABASE() AND t.table_name = c.table_name \
               AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') \
             LEFT JOIN information_schema.key_column_usage k ON k.table_schema = DATABASE() \
               AND k.table_name = c.table_name AND k.column_name = c.column_name \
               AND k.constraint_name = 'PRIMARY' \
             WHERE c.table_schema = DATABASE() \
               AND coalesce(c.generation_expression, '') NOT IN ('ROW START', 'ROW END') \
             ORDER BY 1, c.ordinal_position"
        }
        _ => {
            "SELECT t.name, c.name, lower(c.type), CAST(c.pk AS TEXT) \
             FROM pragma_table_list t, pragma_table_xinfo(t.name) c \
             WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY t.name, c.cid"
        }
    };
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for row in raw.texts(sql).await {
        let mut row = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || row.next().expect("four texts a row");
        let (table, name, kind, key) = (next(), next(), next(), next());
        if !table.starts_with("audit_") {
            let key = key.parse().expect("the place in the key");
            tables
                .entry(table)
                .or_default()
                .push(Column { name, kind, key });
        }
    }
    tables
}

/// The expression of a column as text where it is in the key, and NULL where it is not.
fn key_text(column: &Column, expression: String) -> String {
    if column.key > 0 {
        expression
    } else {
        "NULL".to_owned()
    }
}

/// The record id of a row: the text of a single key, a JSON array of the texts of a composite one.
fn record_id(columns: &[Column], texts: &[Option<String>]) -> String {
    let mut key: Vec<(usize, &Option<String>)> = columns
        .iter()
        .zip(texts)
        .filter(|(column, _)| column.key > 0)
        .map(|(column, text)| (column.key, text))
        .collect();
    key.sort_unstable();
    match key.as_slice() {
        [(_, Some(text))] => text.clone(),
        _ => serde_json::to_string(&key.iter().map(|(_, text)| text).collect::<Vec<_>>()).unwrap(),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn sqlite_rows(raw: &mut Raw, table: &str, columns: &[Column]) -> Vec<(String, Row)> {
    let text =
        |column: &Column| key_text(column, format!("CAST({} AS TEXT)", quoted(&column.name)));
    let texts: Vec<String> = columns.iter().map(text).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            let name = quoted(&column.name);
            format!(
                "typeof({name}) || ':' || CASE typeof({name}) WHEN 'integer' THEN {name} \
                 WHEN 'real' THEN printf('%!.17g', {name}) WHEN 'null' THEN '' ELSE hex({name}) END"
            )
        })
        .collect();
    let sql = format!(
        "SELECT {}, {} FROM {}",
        texts.join(", "),
        values.join(", "),
        quoted(table)
    );
    let mut rows = Vec::new();
    for row in raw.texts(&sql).await {
        let (texts, values) = row.split_at(columns.len());
        let values = columns.iter().zip(values).map(|(column, value)| {
            let value = value.clone().expect("typeof is never null");
            let value = match value.split_once(':') {
                Some(("real", "Inf")) => real(f64::INFINITY),
                Some(("real", "-Inf")) => real(f64::NEG_INFINITY),
                Some(("real", number)) => real(number.parse().expect("a number")),
                _ => value,
            };
            (column.name.clone(), value)
        });
        rows.push((record_id(columns, texts), values.collect()));
    }
    rows
}

/// The bits of a double; SQLite itself does not print the sign of a zero.
fn real(number: f64) -> String {
    let number = if number == 0.0 { 0.0 } else { number };
    format!("real:{:016x}", number.to_bits())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A value of an image of SQLite in the form of `sqlite_rows`.
fn sqlite_value(json: &RawValue) -> String {
    match serde_json::from_str(json.get()).expect("JSON") {
        Value::Null => "null:".to_owned(),
        Value::Number(_) if json.get().contains(['.', 'e', 'E']) => {
            real(json.get().parse().expect("a number"))
        }
        Value::Number(_) => format!("integer:{}", json.get()),
        Value::String(text) if text == "Infinity" => real(f64::INFINITY),
        Value::String(text) if text == "-Infinity" => real(f64::NEG_INFINITY),
        Value::String(text) => format!("text:{}", hex(text.as_bytes())),
        Value::Object(tagged) => {
            let (kind, value) = tagged.iter().next().expect("a tagged value");
            let bytes = STANDARD
                .decode(value.as_str().expect("base64"))
                .expect("base64");
            match kind.as_str() {
                "$bytes" => format!("blob:{}", hex(&bytes)),
                _ => format!("text:{}", hex(&bytes)),
            }
        }
        other => panic!("{other} is no value of SQLite"),
    }
}

async fn postgres_rows(raw: &mut Raw, table: &str, columns: &[Column]) -> Vec<(String, Row)> {
    let text = |column: &Column| key_text(column, format!("t.{}::text", quoted(&column.name)));
    let texts: Vec<String> = columns.iter().map(text).collect();
    // Columns one by one: the capture makes JSON of whole rows.
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            format!(
                "coalesce(to_json(t.{})::text, 'null')",
                quoted(&column.name)
            )
        })
        .collect();
    let sql = format!(
        "SELECT {}, {} FROM {} t",
        texts.join(", "),
        values.join(", "),
        quoted(table)
    );
    raw.run(
        "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; \
         SET bytea_output = 'hex'; SET extra_float_digits = 1; SET lc_monetary = 'C'",
    )
    .await;
    let mut rows = Vec::new();
    for row in raw.texts(&sql).await {
        let (texts, values) = row.split_at(columns.len());
        let values = columns
            .iter()
            .zip(values)
            .map(|(column, value)| (column.name.clone(), value.clone().expect("never null")));
        rows.push((record_id(columns, texts), values.collect()));
    }
    rows
}

/// Whether MariaDB keeps bytes and no text in a column of this type.
fn is_binary(kind: &str) -> bool {
    kind.contains("blob") || kind.contains("binary") || kind == "bit"
}

async fn mysql_rows(raw: &mut Raw, table: &str, columns: &[Column]) -> Vec<(String, Row)> {
    let name = |column: &Column| format!("`{}`", column.name.replace('`', "``"));
    let text = |column: &Column| format!("CONVERT({} USING utf8mb4)", name(column));
    let texts: Vec<String> = columns
        .iter()
        .map(|column| key_text(column, text(column)))
        .collect();
    let values: Vec<String> = columns
        .iter()
        .map(|column| match column.kind.as_str() {
            kind if is_binary(kind) => format!("HEX({})", name(column)),
            "float" => format!("CAST(CAST({} AS DOUBLE) AS CHAR)", name(column)),
            _ => text(column),
        })
        .collect();
    let sql = format!(
        "SELECT {}, {} FROM `{}`",
        texts.join(", "),
        values.join(", "),
        table.replace('`', "``")
    );
    raw.run("SET time_zone = '+00:00', NAMES utf8mb4").await;
    let mut rows = Vec::new();
    for row in raw.texts(&sql).await {
        let (texts, values) = row.split_at(columns.len());
        let values = columns.iter().zip(values).map(|(column, value)| {
            (
                column.name.clone(),
                value
                    .clone()
                    .map_or("null".to_owned(), |text| mysql_text(&text)),
            )
        });
        rows.push((record_id(columns, texts), values.collect()));
    }
    rows
}

/// Numbers compare as they are written, JSON as a document, other texts as texts.
fn mysql_text(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => format!("json:{json}"),
        _ => format!("text:{text}"),
    }
}

/// A value of an image of MariaDB in the form of `mysql_rows`.
fn mysql_value(json: &RawValue) -> String {
    match serde_json::from_str(json.get()).expect("JSON") {
        Value::Null => "null".to_owned(),
        Value::String(text) => mysql_text(&text),
        Value::Object(tagged) if tagged.contains_key("$bytes") => {
            let bytes = STANDARD.decode(tagged["$bytes"].as_str().expect("base64"));
            format!("text:{}", hex(&bytes.expect("base64")))
        }
        _ => mysql_text(json.get()),
    }
}

/// An image as a row of the snapshot.
fn image(dialect: Dialect, json: &Json) -> Row {
    let fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(json.as_str()).expect("an image is an object");
    let value = |json: Box<RawValue>| match dialect {
        Dialect::Postgres => json.get().to_owned(),
        Dialect::MySql => mysql_value(&json),
        _ => sqlite_value(&json),
    };
    fields
        .into_iter()
        .map(|(name, json)| (name, value(json)))
        .collect()
}
