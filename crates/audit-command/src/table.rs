//! Tables that fit the terminal.

use chrono::{DateTime, Utc};
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

use crate::output::{Colour, Output};

/// One line, below the header.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table whose columns are as wide as what is in them, and wrapped where that is too wide.
pub(crate) fn table<const N: usize>(
    output: Output,
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = new(output);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    finish(output, &mut table, true)
}

/// Rows of columns with these widths, the same for every part of a table that comes in parts; the
/// header is on the first one.
pub(crate) fn part(
    output: Output,
    columns: &[(&'static str, u16)],
    rows: impl IntoIterator<Item = Vec<String>>,
    is_first: bool,
) -> String {
    let mut table = new(output);
    if is_first {
        table.set_header(columns.iter().map(|(name, _)| *name));
    }
    for row in rows {
        table.add_row(row);
    }
    let widths = columns
        .iter()
        .map(|(_, width)| ColumnConstraint::Absolute(Width::Fixed(*width)));
    table.set_constraints(widths);
    finish(output, &mut table, is_first)
}

/// A time as a column tells it, whose header names the time zone: to the second.
pub(crate) fn seconds(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn new(output: Output) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(output.width);
    table
}

fn finish(output: Output, table: &mut Table, has_header: bool) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    let text = table.trim_fmt();
    match text.split_once('\n') {
        Some((header, rows)) if has_header => {
            format!("{}\n{rows}\n", output.paint(Colour::Bold, header))
        }
        _ => text + "\n",
    }
}
