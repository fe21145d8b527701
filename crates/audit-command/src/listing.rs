//! Events that come page after page.

use audit_core::Event;
use audit_store::export::Csv;
use audit_store::words;

use crate::fault::Fault;
use crate::output::{self, Format, Items, Output};
use crate::table::{self, seconds};

/// The longest value that a row shows whole, in characters; `show` has all of it.
const LONGEST_VALUE: usize = 48;
/// From this width on there is a column for the request.
const WITH_REQUEST: u16 = 110;
/// A column and its width, and that on a terminal where the wide ones leave the changes no space.
type Column = (&'static str, u16, u16);
/// Space for an instant, a name, an operation, an id.
const TIME: Column = ("time (UTC)", 19, 10);
const WHO: Column = ("who", 12, 8);
const WHAT: Column = ("what", 9, 9);
const RECORD: Column = ("record", 18, 10);
const REQUEST: Column = ("request", 22, 22);
const ID: Column = ("id", 36, 36);
/// The narrowest space for changes.
const CHANGES: u16 = 12;

/// What a table of events shows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Columns {
    /// The ids of the events.
    pub(crate) has_ids: bool,
    /// Each record; not where all rows are of one.
    pub(crate) has_records: bool,
}

/// Events in the form that was asked for, written as they come.
#[derive(Debug)]
pub(crate) struct Listing {
    output: Output,
    columns: Columns,
    lines: Items<'static>,
    is_first: bool,
    count: usize,
}

impl Listing {
    pub(crate) fn new(output: Output, columns: Columns) -> Self {
        Self {
            output,
            columns,
            lines: Items::new(output, &[]),
            is_first: true,
            count: 0,
        }
    }

    /// Writes some more.
    pub(crate) fn add(&mut self, events: &[Event]) -> Result<(), Fault> {
        self.count += events.len();
        match self.output.format {
            Format::Csv => return self.add_rows(events),
            Format::Json | Format::Ndjson => return self.lines.add(events),
            Format::Table => {}
        }
        if events.is_empty() {
            return Ok(());
        }
        let columns = self.layout();
        let rows = events.iter().map(|event| self.row(event));
        let text = table::part(self.output, &columns, rows, self.is_first);
        self.is_first = false;
        self.output.write(&text)
    }

    /// Writes some more as rows of an export, which has every column.
    fn add_rows(&mut self, events: &[Event]) -> Result<(), Fault> {
        let csv = Csv::default();
        let mut bytes = Vec::new();
        if std::mem::take(&mut self.is_first) {
            csv.write_header(&mut bytes);
        }
        for event in events {
            csv.write_row(event, &mut bytes);
        }
        output::write(&bytes)
    }

    /// How many events it has so far.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Ends it; how many events it had.
    pub(crate) fn end(mut self) -> Result<usize, Fault> {
        if self.output.format == Format::Csv {
            // A table of nothing has a header.
            self.add_rows(&[])?;
        }
        self.lines.end()?;
        Ok(self.count)
    }

    fn has_requests(&self) -> bool {
        self.output.width >= WITH_REQUEST
    }

    /// The columns; what the others leave is for the changes.
    fn layout(&self) -> Vec<(&'static str, u16)> {
        let mut columns = vec![TIME, WHO, WHAT];
        columns.extend(self.columns.has_records.then_some(RECORD));
        let place = columns.len();
        columns.extend(self.has_requests().then_some(REQUEST));
        columns.extend(self.columns.has_ids.then_some(ID));
        let space = |columns: &[(&str, u16)]| {
            let taken: u16 = columns.iter().map(|(_, width)| width + 1).sum();
            self.output.width.saturating_sub(taken)
        };
        let with = |width: fn(Column) -> u16| -> Vec<(&'static str, u16)> {
            let columns = columns.iter();
            columns.map(|column| (column.0, width(*column))).collect()
        };
        let mut columns = with(|(_, wide, _)| wide);
        if space(&columns) < CHANGES {
            columns = with(|(.., narrow)| narrow);
        }
        let rest = space(&columns).max(CHANGES);
        columns.insert(place, ("changes", rest));
        columns
    }

    fn row(&self, event: &Event) -> Vec<String> {
        let mut row = vec![
            seconds(event.occurred_at),
            words::who(event),
            words::what(event),
        ];
        row.extend(self.columns.has_records.then(|| words::record(event)));
        row.push(words::changes(event, LONGEST_VALUE).join("\n"));
        row.extend(self.has_requests().then(|| words::request(event)));
        row.extend(self.columns.has_ids.then(|| event.id.to_string()));
        row
    }
}
