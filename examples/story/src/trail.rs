//! A trail in words.

use audit_core::Event;
use audit_store::words;
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

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
            words::who(event),
            words::what(event),
            words::record(event),
            changes(event),
            request(event),
        ]);
    }
    table.trim_fmt()
}

/// Method and route; a long route is broken between its parts.
fn request(event: &Event) -> String {
    let width = COLUMNS.last().map_or(0, |(_, width)| usize::from(*width));
    let mut text = String::new();
    let mut line = 0;
    for part in words::request(event).split_inclusive('/') {
        if line + part.len() > width {
            text = text + "\n" + INDENT;
            line = INDENT.len();
        }
        text.push_str(part);
        line += part.len();
    }
    text
}

fn changes(event: &Event) -> String {
    let parts = words::changes(event, LONGEST_VALUE);
    words::shorten(&parts.join(", "), LONGEST_CHANGES)
}
