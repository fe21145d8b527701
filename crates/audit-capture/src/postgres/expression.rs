//! Expressions over the columns of a row.

use audit_core::stamp::Slot;
use audit_core::{Dialect, Redaction};

use crate::catalog::{Column, Table};
use crate::event_row::Expressions;
use crate::plan::{Capture, Cell, undivided};

use super::built_in::{BuiltIn, Comparison};
use super::{name, text};

/// The id of an event as a UUIDv7: milliseconds of its time, the microseconds in the 12 bits after
/// the version, then the position of the write-ahead log, which grows with every event, and the
/// server process, which tells apart two that read the same position. Nothing random, so that a
/// program that seeds `random()` is not disturbed. Put together from bytes where that spares the
/// server arithmetic with numerics.
///
/// # Source
/// RFC 9562, sections 5.7 and 6.2 (method 3).
pub(super) fn event_id(micros: &str) -> String {
    format!(
        "encode(int8send(({micros} / 1000 << 16) | 28672 | ({micros} % 1000 << 2)) \
         || E'\\\\x80'::bytea \
         || substr(pg_lsn_send(pg_current_wal_insert_lsn()), 5) \
         || substr(int4send(pg_backend_pid()), 2), 'hex')::uuid"
    )
}

/// The microseconds since 1970 of an instant. A double holds them exactly until the year 2255.
pub(super) fn micros(time: &str) -> String {
    format!("(date_part('epoch', {time}) * 1000000)::bigint")
}

/// The expressions of PostgreSQL.
pub(super) struct Postgres;

impl Expressions for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn slot(&self, slot: Slot) -> String {
        format!("v_context[{}]", slot.number())
    }

    fn json_slot(&self, slot: Slot) -> String {
        format!("v_context[{}]::json", slot.number())
    }

    fn list_slot(&self, slot: Slot) -> String {
        let list = self.slot(slot);
        format!(
            "CASE WHEN {list} IS NOT NULL THEN ARRAY(SELECT json_array_elements_text({list}::json)) END"
        )
    }

    fn account(&self) -> Option<&'static str> {
        Some("session_user::text")
    }

    fn list(&self, entries: &[String]) -> String {
        text_array(entries)
    }
}

fn text_array(entries: &[String]) -> String {
    let entries: Vec<String> = entries.iter().map(|entry| text(entry)).collect();
    format!("ARRAY[{}]::text[]", entries.join(", "))
}

/// A row of the table, as the function of a trigger names it: `old`, `new`, or a table of a query;
/// or as a statement has it, in a column of its type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    capture: &'a Capture<'a>,
    place: &'a str,
    /// Whether settings that decide how values are written are as a function of ours fixes them.
    is_fixed: bool,
}

impl<'a> Row<'a> {
    /// In a function of ours.
    pub(super) fn in_function(capture: &'a Capture<'a>, place: &'a str) -> Self {
        Self {
            capture,
            place,
            is_fixed: true,
        }
    }

    /// In a statement of the application: the column that holds it.
    pub(super) fn in_statement(capture: &'a Capture<'a>, place: &'a str) -> Self {
        Self {
            capture,
            place,
            is_fixed: false,
        }
    }

    /// JSON made of a value or row by a function, where the values are of such columns.
    fn json(&self, function: &str, columns: &[Column], value: &str) -> String {
        let made = format!("{function}({value})");
        if self.is_fixed || !columns.iter().any(depends_on_settings) {
            return made;
        }
        let shown = format!("audit.shown({value})");
        match settings_are_ours(columns) {
            // To set them and take them back costs twice what the image does.
            Some(condition) => format!("CASE WHEN {condition} THEN {made} ELSE {shown} END"),
            None => shown,
        }
    }

    fn table(&self) -> &Table {
        self.capture.table
    }

    fn column(&self, column: &str) -> String {
        if self.is_fixed {
            format!("{}.{}", self.place, name(column))
        } else {
            format!("({}).{}", self.place, name(column))
        }
    }

    /// The row as it is. A name alone would mean a column of that name, where there is one.
    fn whole(&self) -> String {
        let columns = &self.table().columns;
        match self.place {
            row if row == "old" || row == "new" || !self.is_fixed => {
                self.json("row_to_json", columns, row)
            }
            alias => self.json("row_to_json", columns, &format!("{alias}.*")),
        }
    }

    /// The text of a value. Types that somebody made are written by their output function, because
    /// a cast could run their code.
    fn plain(&self, column: &Column) -> String {
        let value = self.column(&column.name);
        if !self.is_fixed && depends_on_settings(column) {
            return format!("audit.plain({value}, {})", column.custom_type);
        }
        if column.custom_type {
            format!("CASE WHEN {value} IS DISTINCT FROM NULL THEN concat({value}) END")
        } else {
            format!("{value}::text")
        }
    }

    /// The key as one text, or a hash of the row when the table has none.
    pub(super) fn record_id(&self) -> String {
        let table = self.table();
        let find = |name: &String| table.columns.iter().find(|column| column.name == *name);
        let key: Vec<String> = table
            .key
            .iter()
            .filter_map(find)
            .map(|column| self.plain(column))
            .collect();
        match key.as_slice() {
            [] => format!(
                "'sha256:' || encode(sha256(convert_to({}::text, 'UTF8')), 'hex')",
                self.whole()
            ),
            [only] => only.clone(),
            several => format!("array_to_json(ARRAY[{}])::text", several.join(", ")),
        }
    }

    /// The image of the row.
    pub(super) fn image(&self) -> String {
        if shows_whole_rows(self.capture) {
            return self.whole();
        }
        let with_key = self.selected(true);
        if !hashes(self.capture) {
            return with_key;
        }
        let without_key = self.selected(false);
        format!("CASE WHEN v_key IS NULL THEN {without_key} ELSE {with_key} END")
    }

    fn selected(&self, has_key: bool) -> String {
        let cells = self.capture.cells().filter_map(|cell| {
            let value = self.cell(&cell, has_key)?;
            Some(format!("{value} AS {}", name(&cell.column.name)))
        });
        let cells: Vec<String> = cells.collect();
        format!(
            "(SELECT {} FROM (SELECT {}) AS \"!image\")",
            self.json("row_to_json", &self.table().columns, "\"!image\".*"),
            cells.join(", ")
        )
    }

    /// The image of what changed, by the names in `v_changed`.
    pub(super) fn changed_image(&self) -> String {
        let cells = self.capture.cells().map(|shown| {
            let column = shown.column.name.as_str();
            let cell = |has_key| {
                self.cell(&shown, has_key).map(|value| {
                    let key = text(&format!("{}:", serde_json::Value::from(column)));
                    let column = std::slice::from_ref(shown.column);
                    let cell = self.json("to_json", column, &value);
                    format!("{key} || coalesce(({cell})::text, 'null')")
                })
            };
            let shown = cell(true).unwrap_or_default();
            let listed = format!("{} = ANY (v_changed)", text(column));
            match cell(false) {
                Some(_) => format!("CASE WHEN {listed} THEN {shown} END"),
                None => format!("CASE WHEN {listed} AND v_key IS NOT NULL THEN {shown} END"),
            }
        });
        let cells: Vec<String> = cells.collect();
        format!(
            "('{{' || array_to_string(array_remove(ARRAY[{}]::text[], NULL), ',') || '}}')::json",
            cells.join(", ")
        )
    }

    /// A value as the images show it; `None` for a hash without a key.
    fn cell(&self, cell: &Cell<'_>, has_key: bool) -> Option<String> {
        let mut value = self.column(&cell.column.name);
        let mut plain = self.plain(cell.column);
        if let Some(parts) = &cell.parts {
            let key = if needs_key(self.capture) {
                "v_key"
            } else {
                "NULL"
            };
            value = format!(
                "audit.hidden({plain}, {}, {}, {key})",
                text(&parts.to_json().to_string()),
                text(&undivided(parts).to_word()),
            );
            plain = format!("{value}::text");
        }
        Some(match cell.redaction {
            Some(Redaction::Mask) => {
                let mask = text(Redaction::MASK);
                format!("CASE WHEN {value} IS DISTINCT FROM NULL THEN {mask} END")
            }
            Some(Redaction::Truncate(length)) => {
                let ellipsis = text(Redaction::ELLIPSIS);
                format!(
                    "CASE WHEN char_length({plain}) > {length} THEN left({plain}, {length}) || \
                     {ellipsis} ELSE {plain} END"
                )
            }
            // RFC 2104; the key on the connection is already padded and masked, inner half first.
            Some(Redaction::Hash) if has_key => format!(
                "{} || encode(sha256(substr(v_key, 65, 64) || sha256(substr(v_key, 1, 64) || \
                 convert_to({plain}, 'UTF8'))), 'hex')",
                text(Redaction::HASH_PREFIX)
            ),
            Some(Redaction::Hash) => return None,
            _ => value,
        })
    }

    /// The columns that the expressions read by name.
    pub(super) fn named_columns(&self) -> Vec<&str> {
        let columns = self
            .table()
            .columns
            .iter()
            .map(|column| column.name.as_str());
        if shows_whole_rows(self.capture) {
            let is_key = |column: &&str| self.table().key.iter().any(|key| key == column);
            columns.filter(is_key).collect()
        } else {
            columns.collect()
        }
    }
}

/// Whether the text of a column's values depends on the settings of a session.
pub(super) fn depends_on_settings(column: &Column) -> bool {
    BuiltIn::of(column).is_none_or(|known| !known.settings.is_empty())
}

/// Whether a session writes the values of columns as our functions do; `None` where that is not known of
/// the types of all of them.
fn settings_are_ours(columns: &[Column]) -> Option<String> {
    let known: Option<Vec<BuiltIn>> = columns.iter().map(BuiltIn::of).collect();
    let mut settings: Vec<&str> = known?
        .iter()
        .flat_map(|known| known.settings)
        .copied()
        .collect();
    settings.sort_unstable();
    settings.dedup();
    let conditions: Option<Vec<String>> = settings
        .into_iter()
        .map(|setting| {
            let value = match setting {
                "TimeZone" => "= 'UTC'",
                "DateStyle" => "LIKE 'ISO%'",
                "bytea_output" => "= 'hex'",
                // Each of them writes the shortest text that gives the number back.
                "extra_float_digits" => "IN ('1', '2', '3')",
                _ => return None,
            };
            Some(format!("current_setting('{setting}') {value}"))
        })
        .collect();
    conditions.map(|conditions| conditions.join(" AND "))
}

/// Whether the images are the rows as they are. A column that the server computes on reading is
/// NULL in the row that a trigger sees, so such a row is not.
pub(super) fn shows_whole_rows(capture: &Capture<'_>) -> bool {
    capture.rule.keeps_every_column() && !capture.table.has_virtual_columns
}

/// Whether a column is shown as a hash.
fn hashes(capture: &Capture<'_>) -> bool {
    let mut cells = capture.cells();
    cells.any(|cell| cell.redaction == Some(Redaction::Hash))
}

/// Whether the images may hold a hash.
pub(super) fn needs_key(capture: &Capture<'_>) -> bool {
    let has_key = capture.audit.hash_key().is_some();
    hashes(capture) || has_key && capture.cells().any(|cell| cell.parts.is_some())
}

/// The names of those columns whose bytes differ between two rows.
pub(super) fn changed(columns: &[&Column], old: &str, new: &str) -> String {
    let cases: Vec<String> = columns
        .iter()
        .map(|column| {
            format!(
                "CASE WHEN {} THEN {} END",
                differs(column, old, new),
                text(&column.name)
            )
        })
        .collect();
    format!("array_remove(ARRAY[{}]::text[], NULL)", cases.join(", "))
}

/// Whether the bytes of a column differ.
///
/// To make a row of one value, which is what the server can compare by its bytes, costs several times
/// as much as to compare two values of a type of which equal values are the same bytes. What stands
/// beside the comparison holds it to the type: the server folds it away when it plans, but cannot
/// read it of another type, so that a column that was given one is left to `audit.drifted`. It can
/// of the array of the type, whose equal values are the same bytes as well.
fn differs(column: &Column, old: &str, new: &str) -> String {
    let name = name(&column.name);
    let known = BuiltIn::of(column);
    let compared = match known.as_ref().map(|known| known.comparison) {
        Some(Comparison::Equality) => format!("{old}.{name} IS DISTINCT FROM {new}.{name}"),
        Some(Comparison::Text) => {
            format!("{old}.{name} COLLATE \"C\" IS DISTINCT FROM {new}.{name} COLLATE \"C\"")
        }
        Some(Comparison::Row) | None => {
            format!("row({old}.{name})::record OPERATOR(pg_catalog.*<>) row({new}.{name})::record")
        }
    };
    match known {
        Some(known) => {
            let type_name = known.name;
            format!("(true OR ARRAY[{old}.{name}] = NULL::{type_name}[]) AND {compared}")
        }
        None => compared,
    }
}
