//! A trail in words.

use std::collections::BTreeMap;

use audit_core::{Event, Json, Operation};
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};
use serde_json::Value;

/// The width of the table, in columns of a terminal.
const WIDTH: u16 = 120;
/// The space that a wrapped route leaves to its method.
const INDENT: &str = "  ";
/// Its columns, each with its width; one space is between them.
const COLUMNS: [(&str, u16); 6] = [
    ("time (UTC)", 12),
    ("who", 9),
    ("what", 8),
    ("record", 18),
    ("changes", 40),
    ("request", 28),
];
/// One line, below the header.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
/// The longest value that is shown whole, in characters.
const LONGEST_VALUE: usize = 22;
/// The longest list of changes, in characters: three lines of its column.
const LONGEST_CHANGES: usize = 110;

/// One event a line, in the wire form.
///
/// # Errors
/// When an event has no wire form.
pub(crate) fn ndjson(events: &[Event]) -> serde_json::Result<String> {
    let lines = events.iter().map(serde_json::to_string);
    lines.map(|line| line.map(|line| line + "\n")).collect()
}

/// A table for people, at most 120 columns wide.
pub(crate) fn table(events: &[Event]) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(COLUMNS.map(|(name, _)| name));
    let widths = COLUMNS.map(|(_, width)| ColumnConstraint::Absolute(Width::Fixed(width)));
    table.set_constraints(widths);
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    for event in events {
        table.add_row([
            event.occurred_at.format("%H:%M:%S%.3f").to_string(),
            who(event),
            what(event),
            record(event),
            changes(event),
            request(event),
        ]);
    }
    table.trim_fmt()
}

fn who(event: &Event) -> String {
    match &event.actor_id {
        Some(id) => id.clone(),
        None => event.actor_kind.to_string(),
    }
}

fn what(event: &Event) -> String {
    match (&event.operation, &event.action) {
        (Operation::Custom, Some(action)) => action.clone(),
        (operation, _) => operation.to_string(),
    }
}

fn record(event: &Event) -> String {
    let table = event.table_name.as_deref().unwrap_or_default();
    let id = event.record_id.as_deref().unwrap_or_default();
    let key: Vec<String> = serde_json::from_str(id).unwrap_or_else(|_| vec![id.to_owned()]);
    format!("{table} {}", key.join("/"))
}

/// Method and route; a long route is broken between its parts.
fn request(event: &Event) -> String {
    let facts = event.context.as_ref().map(Json::to_object);
    let facts = facts.unwrap_or_default();
    let fact = |name| facts.get(name).and_then(Value::as_str).unwrap_or_default();
    let width = COLUMNS.last().map_or(0, |(_, width)| usize::from(*width));
    let mut text = fact("method").to_owned() + " ";
    let mut line = text.len();
    for part in fact("route").split_inclusive('/') {
        if line + part.len() > width {
            text = text + "\n" + INDENT;
            line = INDENT.len();
        }
        text.push_str(part);
        line += part.len();
    }
    text
}

/// The columns of an image, each with the exact text of its JSON: no digit of a decimal is lost.
type Image = BTreeMap<String, Json>;

fn image(json: Option<&Json>) -> Image {
    json.map(Json::fields).into_iter().flatten().collect()
}

/// The values of the new row, of the gone one, or what became of each changed column.
fn changes(event: &Event) -> String {
    let before = image(event.before_data.as_ref());
    let after = image(event.after_data.as_ref());
    let hidden = event.redacted_fields.as_deref().unwrap_or_default();
    let is_hidden = |field: &&String| hidden.contains(field);
    let mut parts: Vec<String> = match &event.changed_fields {
        Some(changed) => changed
            .iter()
            .filter(|field| !hidden.contains(field))
            .map(|field| {
                format!(
                    "{field}: {} → {}",
                    value(&before, field),
                    value(&after, field)
                )
            })
            .collect(),
        None => {
            let row = if after.is_empty() { &before } else { &after };
            let fields = row.keys().filter(|field| !hidden.contains(field));
            fields
                .map(|field| format!("{field}: {}", value(row, field)))
                .collect()
        }
    };
    let touched = event.changed_fields.as_deref().unwrap_or(hidden);
    let secrets = touched.iter().filter(is_hidden);
    parts.extend(secrets.map(|field| format!("{field}: (hidden)")));
    parts.extend(event.label.iter().cloned());
    parts.extend(event.reason.iter().map(|reason| format!("“{reason}”")));
    shorten(&parts.join(", "), LONGEST_CHANGES)
}

fn value(row: &Image, field: &str) -> String {
    let json = row.get(field).map_or("absent", Json::as_str);
    let text = serde_json::from_str(json).unwrap_or_else(|_| json.to_owned());
    shorten(&text, LONGEST_VALUE)
}

fn shorten(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let head: String = text.chars().take(longest.saturating_sub(1)).collect();
    head + "…"
}
