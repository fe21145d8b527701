//! The text of one row trigger.

use std::fmt::Write as _;

use audit_core::stamp::Slot;
use audit_core::{Operation, Snapshot, schema};

use crate::catalog::{Catalog, Column, Table};
use crate::context::mysql::STALE;
use crate::event_row::{self, Expressions, RowExpressions, Subject};
use crate::own::Own;
use crate::plan::{Capture, Trigger};
use crate::sql::trigger_name;

use super::column::Value;
use super::event::{self, MySql};
use super::skipped;
use super::{LABEL, LONGEST_NAME, PREFIX, name, probe, qualified, text};

/// What the body of a trigger declares. Every error gets our prefix and keeps its number.
pub(super) const DECLARATIONS: &str = "DECLARE audit_at DATETIME(6); DECLARE audit_us BIGINT; \
     DECLARE audit_error TEXT; DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN \
     GET DIAGNOSTICS CONDITION 1 audit_error = MESSAGE_TEXT; IF LEFT(audit_error, 7) <> 'audit: ' \
     THEN SET audit_error = LEFT(CONCAT('audit: ', audit_error), 128); END IF; \
     RESIGNAL SET MESSAGE_TEXT = audit_error; END; ";

/// What stands for a whole image that the session's `max_allowed_packet` has no room for.
const NO_ROOM: &str = r#"{"$truncated":{"len":null,"head":null}}"#;

/// The trigger that captures one operation on one table; MySQL fires none for TRUNCATE.
pub(crate) fn triggers(capture: &Capture<'_>) -> Vec<Trigger> {
    if capture.operation == Operation::Truncate {
        return Vec::new();
    }
    let mut work = String::new();
    if capture.operation == Operation::Update {
        work.extend(skipped::leave(capture.catalog, capture.table));
    }
    let mut forget = event::forget_stale();
    if capture.denies_missing_context() {
        work.push_str(&std::mem::take(&mut forget));
        work.push_str(&refusal());
    }
    work.push_str(&clock());
    let is_probe = capture.own == Some(Own::Probe);
    if is_probe {
        work.push_str(&probe::choose_id());
    }
    // Only the statement that runs costs anything: what few rows need has one of its own.
    let _ = write!(
        work,
        "IF {} THEN {forget}{}ELSE {}END IF; ",
        exceptions(capture),
        insert(capture, Images::Guarded),
        insert(capture, Images::Ordinary),
    );
    if is_probe {
        work.push_str(&probe::read_back());
    }
    if let Some(condition) = condition(capture) {
        work = format!("IF {condition} THEN {work}END IF; ");
    }
    let own = if is_probe { probe::DECLARATION } else { "" };
    let body = format!("{LABEL} {own}{DECLARATIONS}{work}END");
    let table = capture.table;
    let named = trigger_name(PREFIX, capture.operation, &table.name, LONGEST_NAME);
    let event = format!("AFTER {}", capture.operation);
    vec![trigger(capture.catalog, table, named, &event, &body)]
}

/// Refuses a write without a context.
pub(super) fn refusal() -> String {
    format!(
        "IF {} IS NULL THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {}; END IF; ",
        MySql.slot(Slot::ActorKind),
        text(crate::MISSING_CONTEXT)
    )
}

/// A trigger and the statement that makes it. One after the row fires before the application's
/// own, so that what those do comes later in the log; one before the row fires after them.
pub(super) fn trigger(
    catalog: &Catalog,
    table: &Table,
    named: String,
    event: &str,
    body: &str,
) -> Trigger {
    let schema = table.schema.as_deref();
    let beside = catalog.user_triggers.iter().filter(|other| {
        other.table == table.name && other.schema == table.schema && other.event == event
    });
    let place = if event.starts_with("AFTER") {
        let first = beside.min_by_key(|other| other.order);
        first.map(|other| format!(" PRECEDES {}", name(&other.name)))
    } else {
        let last = beside.max_by_key(|other| other.order);
        last.map(|other| format!(" FOLLOWS {}", name(&other.name)))
    };
    let (trigger, on) = (qualified(schema, &named), qualified(schema, &table.name));
    let rest = format!(
        "TRIGGER {trigger} {event} ON {on} FOR EACH ROW{} {body}",
        place.unwrap_or_default()
    );
    // Nobody may write between the drop of the old trigger and the new one.
    let create = if catalog.mysql.is_mariadb {
        format!("CREATE OR REPLACE {rest}")
    } else {
        format!(
            "LOCK TABLES {on} WRITE; DROP TRIGGER IF EXISTS {trigger}; CREATE {rest}; UNLOCK TABLES"
        )
    };
    Trigger {
        schema: table.schema.clone(),
        table: table.name.clone(),
        name: named,
        create,
        // The catalog shows literals with their escapes undone: neither side keeps any.
        definition: format!("{event} plain utf8mb4 {}", body.replace(['\'', '\\'], "")),
    }
}

/// The table of events as a trigger on this table names it.
pub(super) fn log_table(catalog: &Catalog, table: &Table) -> String {
    // A trigger in the same database names it without, so that a copy of the database writes to
    // its own log.
    let elsewhere = catalog
        .mysql
        .log_schema
        .as_deref()
        .filter(|schema| table.schema.as_deref() != Some(schema));
    qualified(elsewhere, schema::LOG_TABLE)
}

/// How the images of an event are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Images {
    /// For rows that [`exceptions`] lets through: nothing can be too long, and nothing is taken back.
    Ordinary,
    /// With a look at every limit.
    Guarded,
}

fn insert(capture: &Capture<'_>, images: Images) -> String {
    let home = capture.table.schema.as_deref();
    let (names, values) = columns(capture, home, row(capture, images));
    format!(
        "INSERT INTO {} ({names}) VALUES ({values}); ",
        log_table(capture.catalog, capture.table),
    )
}

/// When the images of a row need a look at the limits or there are to be none, the change takes others
/// back, or a context was left behind.
fn exceptions(capture: &Capture<'_>) -> String {
    let limits = capture.audit.limits();
    let rows: &[&dyn Row] = match capture.operation {
        Operation::Insert => &[&"NEW"],
        Operation::Delete => &[&"OLD"],
        _ => &[&"OLD", &"NEW"],
    };
    let mut conditions = vec![
        format!(
            "COALESCE({}, {}, {}) IS NOT NULL",
            STALE,
            MySql.slot(Slot::Suppress),
            MySql.slot(Slot::Reverts)
        ),
        format!(
            "@@max_allowed_packet < {}",
            limits.max_image_bytes.saturating_mul(2)
        ),
    ];
    let plain = || {
        let plain = capture.cells().filter(|cell| cell.redaction.is_none());
        plain.map(|cell| (cell.column.name.as_str(), value_of(capture, cell.column)))
    };
    // A byte becomes six of JSON at most.
    let sure = limits.max_cell_bytes / 6;
    let (longest, fixed) = lengths(capture, limits.max_cell_bytes);
    for row in rows {
        if longest > limits.max_image_bytes as u64 {
            let parts: Vec<String> = plain()
                .filter(|(_, value)| value.has_length())
                .map(|(column, _)| format!("COALESCE(LENGTH({}), 0)", row.column(column)))
                .collect();
            let room = limits.max_image_bytes.saturating_sub(fixed) / 6;
            conditions.push(format!("{} > {}", parts.join(" + "), room.min(sure)));
        } else {
            let long = plain().filter(|(_, value)| value.is_longer_than(limits.max_cell_bytes));
            let long = long.map(|(column, _)| format!("LENGTH({}) > {sure}", row.column(column)));
            conditions.extend(long);
        }
    }
    conditions.join(" OR ")
}

/// The most bytes that an image can have when its cells have their limit, and those of them that
/// do not depend on the lengths of values.
fn lengths(capture: &Capture<'_>, limit: usize) -> (u64, usize) {
    let (mut longest, mut fixed) = (0_u64, 0_usize);
    for cell in capture.cells() {
        let column = cell.column;
        let name = column.name.len().saturating_mul(6).saturating_add(6);
        fixed = fixed.saturating_add(name).saturating_add(80);
        let value = value_of(capture, column).longest(limit);
        longest = longest.saturating_add(value).saturating_add(name as u64);
    }
    (longest, fixed)
}

/// Reads the clock once for the time and the id of an event.
pub(super) fn clock() -> String {
    format!(
        "SET audit_at = {}; SET audit_us = {}; ",
        event::NOW,
        event::microseconds("audit_at")
    )
}

/// The names of the columns of an event and their values, for a trigger in the database `home`.
pub(super) fn columns(
    capture: &Capture<'_>,
    home: Option<&str>,
    row: RowExpressions,
) -> (String, String) {
    let redacted = capture.redacted_fields();
    let subject = Subject::of(capture, &redacted);
    let mut columns = event_row::columns(&MySql, subject, row);
    if capture.table.schema.as_deref() == home {
        // The database as the trigger itself knows it: a copy of it says its own name.
        let named = columns.iter_mut().find(|(name, _)| *name == "table_schema");
        if let Some((_, value)) = named {
            *value = "DATABASE()".to_owned();
        }
    }
    let names: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    (names.join(", "), values.join(", "))
}

/// A row as the expressions see it: each column by its expression.
pub(super) trait Row {
    fn column(&self, column: &str) -> String;
}

/// The rows of a trigger, and a table by its alias.
impl Row for &str {
    fn column(&self, column: &str) -> String {
        format!("{self}.{}", name(column))
    }
}

fn row(capture: &Capture<'_>, images: Images) -> RowExpressions {
    let (old, new) = match capture.operation {
        Operation::Insert => (None, Some(&"NEW" as &dyn Row)),
        Operation::Delete => (Some(&"OLD" as &dyn Row), None),
        _ => (Some(&"OLD" as &dyn Row), Some(&"NEW" as &dyn Row)),
    };
    let is_mariadb = capture.catalog.mysql.is_mariadb;
    let both = old.zip(new);
    let table = capture.table;
    let record = |row: &dyn Row| record_id(table, is_mariadb, row);
    let record_id = new.or(old).map(record).unwrap_or_default();
    RowExpressions {
        occurred_at: "audit_at".to_owned(),
        id: match capture.own {
            Some(Own::Probe) => probe::ID.to_owned(),
            _ => event::id("audit_us"),
        },
        transaction_id: event::transaction(is_mariadb),
        previous_record_id: both.map(|(old, new)| previous_record_id(table, is_mariadb, old, new)),
        record_id,
        before_data: old.map(|row| image(capture, row, both, images)),
        after_data: new.map(|row| image(capture, row, both, images)),
        changed_fields: both.map(|(old, new)| changed_fields(capture, old, new)),
        before_exact: None,
        reverts: matches!(images, Images::Guarded).then(|| MySql.list_slot(Slot::Reverts)),
    }
}

/// The key of a row before it changed, NULL when it has the same bytes.
pub(super) fn previous_record_id(
    table: &Table,
    is_mariadb: bool,
    old: &dyn Row,
    new: &dyn Row,
) -> String {
    let before = record_id(table, is_mariadb, old);
    if table.key.is_empty() {
        return format!("NULLIF({before}, {})", record_id(table, is_mariadb, new));
    }
    let columns = table
        .columns
        .iter()
        .filter(|column| table.key.contains(&column.name));
    let same: Vec<String> = columns
        .map(|column| {
            let value = Value { column, is_mariadb };
            value.is_same(&old.column(&column.name), &new.column(&column.name))
        })
        .collect();
    format!("IF({}, NULL, {before})", same.join(" AND "))
}

/// The key of a row as one text, or a hash of the row when the table has none.
pub(super) fn record_id(table: &Table, is_mariadb: bool, row: &dyn Row) -> String {
    let part = |wanted: &str| {
        let column = table.columns.iter().find(|column| column.name == wanted)?;
        Some(Value { column, is_mariadb }.text(&row.column(wanted)))
    };
    let key: Vec<String> = table.key.iter().filter_map(|column| part(column)).collect();
    match key.as_slice() {
        [] => row_hash(table, is_mariadb, row),
        [single] => single.clone(),
        several => {
            let quoted: Vec<String> = several
                .iter()
                .map(|part| format!("JSON_QUOTE({part})"))
                .collect();
            format!("CONCAT('[', {}, ']')", quoted.join(", ',', "))
        }
    }
}

fn row_hash(table: &Table, is_mariadb: bool, row: &dyn Row) -> String {
    let values = table.columns.iter().map(|column| {
        let value = Value { column, is_mariadb };
        let expression = row.column(&column.name);
        if value.is_long() {
            format!("SHA2({expression}, 256)")
        } else {
            value.json(&expression, None, usize::MAX)
        }
    });
    let values: Vec<String> = values.collect();
    format!(
        "CONCAT('sha256:', SHA2(JSON_ARRAY({}), 256))",
        values.join(", ")
    )
}

/// The image of a row, NULL when the context suppresses images.
pub(super) fn image(
    capture: &Capture<'_>,
    row: &dyn Row,
    both: Option<(&dyn Row, &dyn Row)>,
    images: Images,
) -> String {
    if images == Images::Ordinary {
        return object(capture, row, both, usize::MAX);
    }
    let limits = capture.audit.limits();
    let mut object = object(capture, row, both, limits.max_cell_bytes);
    let (longest, _) = lengths(capture, limits.max_cell_bytes);
    if longest > limits.max_image_bytes as u64 {
        let names = capture.cells().map(|cell| cell.column.name.len() * 6 + 6);
        let room = limits.max_image_bytes.saturating_sub(names.sum());
        let cell = room / capture.cells().count().max(1);
        let shorter = self::object(capture, row, both, cell.min(limits.max_cell_bytes));
        object = format!(
            "IF(COALESCE(LENGTH({object}), {max}) < {max}, {object}, {shorter})",
            max = limits.max_image_bytes
        );
    }
    format!(
        "IF({} IS NULL, COALESCE({object}, {}), NULL)",
        MySql.slot(Slot::Suppress),
        text(NO_ROOM)
    )
}

fn value<'a>(capture: &Capture<'a>, column: &str) -> Option<Value<'a>> {
    let known = capture.table.columns.iter();
    let mut named = known.filter(|known| known.name == column);
    named.next().map(|column| value_of(capture, column))
}

fn value_of<'a>(capture: &Capture<'_>, column: &'a Column) -> Value<'a> {
    let is_mariadb = capture.catalog.mysql.is_mariadb;
    Value { column, is_mariadb }
}

fn object(
    capture: &Capture<'_>,
    row: &dyn Row,
    both: Option<(&dyn Row, &dyn Row)>,
    limit: usize,
) -> String {
    let changed_only = capture.rule.snapshot() == Snapshot::Changed;
    let members = capture.cells().map(|cell| {
        let column = cell.column.name.as_str();
        let value = value_of(capture, cell.column);
        // What is hidden may be written longer than it was.
        let limit = match cell.parts {
            Some(_) => limit.min(capture.audit.limits().max_cell_bytes),
            None => limit,
        };
        let shown = value.shown(&row.column(column), &cell, limit);
        (column, value, shown)
    });
    match both.filter(|_| changed_only) {
        None => {
            let pairs: Vec<String> = members
                .map(|(column, _, json)| format!("{}, {json}", text(column)))
                .collect();
            format!("JSON_OBJECT({})", pairs.join(", "))
        }
        // JSON_OBJECT cannot leave a member out, so the object is put together as a text.
        Some((old, new)) => {
            let pairs: Vec<String> = members
                .map(|(column, value, json)| {
                    let same = value.is_same(&old.column(column), &new.column(column));
                    let key = serde_json::Value::from(column).to_string();
                    format!(
                        "IF({same}, '', CONCAT({}, JSON_EXTRACT(JSON_ARRAY({json}), '$[0]') \
                         COLLATE utf8mb4_bin))",
                        text(&format!(", {key}: "))
                    )
                })
                .collect();
            if pairs.is_empty() {
                return "JSON_OBJECT()".to_owned();
            }
            format!(
                "CONCAT('{{', SUBSTRING(CONCAT({}), 3), '}}')",
                pairs.join(", ")
            )
        }
    }
}

/// The names of the columns whose bytes changed, as a JSON array.
pub(super) fn changed_fields(capture: &Capture<'_>, old: &dyn Row, new: &dyn Row) -> String {
    let (deciding, others) = capture.compared_columns();
    let parts: Vec<String> = deciding
        .iter()
        .chain(&others)
        .filter_map(|column| {
            let column = column.name.as_str();
            let value = value(capture, column)?;
            let same = value.is_same(&old.column(column), &new.column(column));
            let key = serde_json::Value::from(column).to_string();
            Some(format!("IF({same}, '', {})", text(&format!(",{key}"))))
        })
        .collect();
    format!(
        "CONCAT('[', SUBSTRING(CONCAT({}), 2), ']')",
        parts.join(", ")
    )
}

/// When an UPDATE is an event: a deciding column changed, unless the rule asks for every UPDATE,
/// and the row was really written.
fn condition(capture: &Capture<'_>) -> Option<String> {
    if capture.operation != Operation::Update {
        return None;
    }
    let mut conditions = Vec::new();
    if !capture.rule.records_unchanged() {
        let (deciding, _) = capture.compared_columns();
        let same: Vec<String> = deciding
            .iter()
            .filter_map(|column| Some(value(capture, &column.name)?.is_same_in_trigger()))
            .collect();
        if same.is_empty() {
            return Some("FALSE".to_owned());
        }
        conditions.push(format!("NOT ({})", same.join(" AND ")));
    }
    (!conditions.is_empty()).then(|| conditions.join(" AND "))
}
