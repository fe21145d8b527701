//! The proof: rows read in full by a connection of the suite's own, and events replayed on them.

mod replay;

use std::collections::{BTreeMap, HashSet};

use audit_core::{Dialect, Event, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::database::{Raw, TestDatabase};
use crate::world::in_words;

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

/// Does work, and proves by two full reads of all tables, on a connection of its own, that the events
/// which are new in the log tell exactly what changed; gives them, oldest first.
///
/// # Panics
/// Where they do not, with what does not fit.
pub async fn prove(
    database: &TestDatabase,
    log: impl AsyncFn() -> Vec<Event>,
    work: impl Future<Output = ()>,
) -> Vec<Event> {
    let dialect = database.server().dialect();
    let mut raw = database.raw().await;
    let known: HashSet<_> = log().await.into_iter().map(|event| event.id).collect();
    let before = snapshot(&mut raw, dialect).await;
    work.await;
    let after = snapshot(&mut raw, dialect).await;
    let mut events = log().await;
    events.retain(|event| !known.contains(&event.id));
    if let Err(how) = replay(dialect, &before, &events, &after) {
        panic!("{how}\nevents: {}", in_words(&events));
    }
    events
}

/// Reads every row of every table but those of the audit log. A partitioned table is one, with the
/// rows of its partitions; a table that others inherit from has its own alone. Those outside the
/// schema `public` of PostgreSQL are called `schema.table`.
pub async fn snapshot(raw: &mut Raw, dialect: Dialect) -> Snapshot {
    let mut tables = Snapshot::new();
    if let Some(settings) = settings(dialect) {
        raw.run(settings).await;
    }
    for (name, table) in tables_of(raw, dialect).await {
        let rows = table.rows(raw, dialect).await;
        let rows = if table.columns.iter().any(|column| column.key > 0) {
            Rows::Keyed(rows.into_iter().collect())
        } else {
            let mut loose = BTreeMap::new();
            for (_, row) in rows {
                *loose.entry(row).or_default() += 1;
            }
            Rows::Loose(loose)
        };
        tables.insert(name, rows);
    }
    tables
}

/// The settings under which equal values are equal texts.
fn settings(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Postgres => Some(
            "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; \
             SET bytea_output = 'hex'; SET extra_float_digits = 1; SET lc_monetary = 'C'",
        ),
        Dialect::MySql => Some("SET time_zone = '+00:00', NAMES utf8mb4"),
        _ => None,
    }
}

/// A table: how it stands behind FROM, and its columns.
#[derive(Debug)]
struct Table {
    from: String,
    columns: Vec<Column>,
}

/// A column and its place in the key, from 1; 0 outside the key.
#[derive(Debug)]
struct Column {
    name: String,
    kind: String,
    key: usize,
}

async fn tables_of(raw: &mut Raw, dialect: Dialect) -> BTreeMap<String, Table> {
    let sql = match dialect {
        Dialect::Postgres => {
            "SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname, \
               format('%s%I.%I', CASE c.relkind WHEN 'r' THEN 'ONLY ' END, n.nspname, c.relname), \
               a.attname::text, format_type(a.atttypid, NULL), \
               coalesce(array_position(k.conkey, a.attnum), 0)::text \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p' \
             WHERE c.relkind IN ('f', 'p', 'r') AND NOT c.relispartition \
               AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('audit', 'information_schema') \
             ORDER BY 1, a.attnum"
        }
        Dialect::MySql => {
            "SELECT CONVERT(c.table_name USING utf8mb4), \
               CONVERT(CONCAT('`', REPLACE(c.table_name, '`', '``'), '`') USING utf8mb4), \
               CONVERT(c.column_name USING utf8mb4), \
               CONVERT(c.data_type USING utf8mb4), CAST(coalesce(k.ordinal_position, 0) AS CHAR) \
             FROM information_schema.columns c JOIN information_schema.tables t \
               ON t.table_schema = DATABASE() AND t.table_name = c.table_name \
               AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') \
             LEFT JOIN information_schema.key_column_usage k ON k.table_schema = DATABASE() \
               AND k.table_name = c.table_name AND k.column_name = c.column_name \
               AND k.constraint_name = 'PRIMARY' \
             WHERE c.table_schema = DATABASE() AND c.table_name NOT LIKE 'audit\\_%' \
               AND coalesce(c.generation_expression, '') NOT IN ('ROW START', 'ROW END') \
             ORDER BY 1, c.ordinal_position"
        }
        _ => {
            "SELECT t.name, '\"' || replace(t.name, '\"', '\"\"') || '\"', c.name, lower(c.type), \
               CAST(c.pk AS TEXT) FROM pragma_table_list t, pragma_table_xinfo(t.name) c \
             WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
               AND t.name NOT LIKE 'audit\\_%' ESCAPE '\\' \
             ORDER BY t.name, c.cid"
        }
    };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for row in raw.texts(sql).await {
        let mut row = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || row.next().expect("five texts a row");
        let (table, from, name, kind, key) = (next(), next(), next(), next(), next());
        let key = key.parse().expect("the place in the key");
        let columns = Vec::new();
        let table = tables.entry(table).or_insert(Table { from, columns });
        table.columns.push(Column { name, kind, key });
    }
    tables
}

impl Table {
    /// The rows, each with its record id. Columns are read one by one: the capture makes JSON of whole
    /// rows.
    async fn rows(&self, raw: &mut Raw, dialect: Dialect) -> Vec<(String, Row)> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|c| c.key > 0).collect();
        key.sort_unstable_by_key(|column| column.key);
        let texts = key.iter().map(|column| column.text(dialect));
        let values = self.columns.iter().map(|column| column.value(dialect));
        let select: Vec<String> = texts.chain(values).collect();
        let sql = format!("SELECT {} FROM {}", select.join(", "), self.from);
        let mut rows = Vec::new();
        for row in raw.texts(&sql).await {
            let (texts, values) = row.split_at(key.len());
            let values = self.columns.iter().zip(values).map(|(column, value)| {
                let value = match dialect {
                    Dialect::Postgres => value.clone().expect("never null"),
                    Dialect::MySql => value.as_deref().map_or("null".to_owned(), mysql_text),
                    _ => sqlite_text(value.as_deref().expect("typeof is never null")),
                };
                (column.name.clone(), value)
            });
            rows.push((record_id(texts), values.collect()));
        }
        rows
    }
}

impl Column {
    fn quoted(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::MySql => format!("`{}`", self.name.replace('`', "``")),
            _ => format!("\"{}\"", self.name.replace('"', "\"\"")),
        }
    }

    /// The expression that makes a text of a part of the key.
    fn text(&self, dialect: Dialect) -> String {
        let name = self.quoted(dialect);
        match dialect {
            Dialect::Postgres => format!("{name}::text"),
            Dialect::MySql => format!("CONVERT({name} USING utf8mb4)"),
            _ => format!("CAST({name} AS TEXT)"),
        }
    }

    /// The expression that makes a text of a value.
    fn value(&self, dialect: Dialect) -> String {
        let name = self.quoted(dialect);
        match (dialect, self.kind.as_str()) {
            (Dialect::Postgres, _) => format!("coalesce(to_json({name})::text, 'null')"),
            (Dialect::MySql, kind) if is_binary(kind) => format!("HEX({name})"),
            (Dialect::MySql, "float") => format!("CAST(CAST({name} AS DOUBLE) AS CHAR)"),
            (Dialect::MySql, _) => self.text(dialect),
            _ => format!(
                "typeof({name}) || ':' || CASE typeof({name}) WHEN 'integer' THEN {name} \
                 WHEN 'real' THEN printf('%!.17g', {name}) WHEN 'null' THEN '' ELSE hex({name}) END"
            ),
        }
    }
}

/// The record id of a row: the text of a single key, a JSON array of the texts of a composite one.
fn record_id(key: &[Option<String>]) -> String {
    match key {
        [Some(text)] => text.clone(),
        _ => serde_json::to_string(key).unwrap(),
    }
}

fn sqlite_text(value: &str) -> String {
    match value.split_once(':') {
        Some(("real", "Inf")) => real(f64::INFINITY),
        Some(("real", "-Inf")) => real(f64::NEG_INFINITY),
        Some(("real", number)) => real(number.parse().expect("a number")),
        _ => value.to_owned(),
    }
}

/// The bits of a double; SQLite itself does not print the sign of a zero.
fn real(number: f64) -> String {
    let number = if number == 0.0 { 0.0 } else { number };
    format!("real:{:016x}", number.to_bits())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A value of an image of SQLite in the form of `sqlite_text`.
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

/// Whether MariaDB keeps bytes and no text in a column of this type.
fn is_binary(kind: &str) -> bool {
    kind.contains("blob") || kind.contains("binary") || kind == "bit"
}

/// Numbers compare as they are written, JSON as a document, other texts as texts.
fn mysql_text(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => format!("json:{json}"),
        _ => format!("text:{text}"),
    }
}

/// A value of an image of MariaDB in the form of `mysql_text`.
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
