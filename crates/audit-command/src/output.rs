//! Where the answer goes, and in which form.

use std::io::{self, IsTerminal as _, Write as _};
use std::pin::pin;
use std::time::{Duration, Instant};

use audit_core::Json;
use audit_store::export::{Cell, Csv};
use audit_store::words;
use clap::ValueEnum;
use serde::Serialize;

use crate::fault::Fault;
use crate::secret;

/// The width of a table that no terminal shows.
const WIDTH: u16 = 120;
/// How often it is told how far work is.
const BEAT: Duration = Duration::from_secs(1);
/// The narrowest table.
const NARROWEST: u16 = 60;

/// The form of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table with a header, by RFC 4180, for programs; lists and documents are JSON in their cells
    Csv,
    /// One JSON array, one item a line, with the names of the wire form
    Json,
    /// One JSON object a line
    Ndjson,
    /// For people to read
    #[default]
    Table,
}

/// The colours of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Colour {
    Bold,
    Green,
    Red,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Green => "32",
            Self::Red => "31",
        }
    }
}

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// The width of a table, in columns.
    pub(crate) width: u16,
    has_colour: bool,
}

impl Output {
    /// What this process writes to: tables are as wide as the terminal, or as COLUMNS says, and
    /// colours are for a terminal alone, unless NO_COLOR is set.
    pub(crate) fn new(format: Format) -> Self {
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        let terminal = terminal_size::terminal_size().map(|(width, _)| width.0);
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            format,
            width: columns.or(terminal).unwrap_or(WIDTH).max(NARROWEST),
            has_colour: io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb,
        }
    }

    /// The text in a colour, where there are colours.
    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        match self.has_colour {
            true => format!("\u{1b}[{}m{text}\u{1b}[0m", colour.code()),
            false => text.to_owned(),
        }
    }

    /// Writes a text, all of it or an error.
    pub(crate) fn write(self, text: &str) -> Result<(), Fault> {
        write(text.as_bytes())
    }

    /// Writes items in the form that was asked for, when it is one for programs. `columns` are the names of
    /// their fields, for the header of a table that has no row.
    pub(crate) fn items<T: Serialize>(self, columns: &[&str], items: &[T]) -> Result<(), Fault> {
        let mut lines = Items::new(self, columns);
        lines.add(items)?;
        lines.end()
    }
}

/// Items for programs, that come one after the other.
#[derive(Debug)]
pub(crate) struct Items<'c> {
    output: Output,
    is_begun: bool,
    /// The columns of a table, as far as they are known before its rows.
    columns: &'c [&'c str],
    /// The rows of a table, whose further columns are known once all of it is.
    rows: Vec<Vec<(String, Json)>>,
}

impl<'c> Items<'c> {
    /// `columns` are those that a table has, also without rows; none for what is never empty.
    pub(crate) fn new(output: Output, columns: &'c [&'c str]) -> Self {
        Self {
            output,
            is_begun: false,
            columns,
            rows: Vec::new(),
        }
    }

    fn is_array(&self) -> bool {
        self.output.format == Format::Json
    }

    pub(crate) fn add<T: Serialize>(&mut self, items: &[T]) -> Result<(), Fault> {
        let mut text = String::new();
        for item in items {
            let item = serde_json::to_string(item).map_err(Fault::database)?;
            if self.output.format == Format::Csv {
                let item: Json = item.parse().map_err(Fault::database)?;
                self.rows.push(item.fields());
                continue;
            }
            text.push_str(match (self.is_array(), self.is_begun) {
                (false, _) => "",
                (true, false) => "[\n",
                (true, true) => ",\n",
            });
            self.is_begun = true;
            text.push_str(&harmless(&item));
            if !self.is_array() {
                text.push('\n');
            }
        }
        self.output.write(&text)
    }

    pub(crate) fn end(self) -> Result<(), Fault> {
        if self.output.format == Format::Csv {
            return write(&csv(self.columns, &self.rows));
        }
        match (self.is_array(), self.is_begun) {
            (false, _) => Ok(()),
            (true, false) => self.output.write("[]\n"),
            (true, true) => self.output.write("\n]\n"),
        }
    }
}

/// A table of objects: the columns are these, then the names of further fields, as they come.
fn csv(columns: &[&str], rows: &[Vec<(String, Json)>]) -> Vec<u8> {
    let mut columns = columns.to_vec();
    for (name, _) in rows.iter().flatten() {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let csv = Csv::default();
    let mut bytes = Vec::new();
    if columns.is_empty() {
        return bytes;
    }
    csv.write_cells(columns.iter().map(|name| Cell::Plain(name)), &mut bytes);
    for row in rows {
        let value = |column: &&str| {
            let value = row.iter().find(|(name, _)| name == column)?;
            let json = value.1.as_str();
            let text = serde_json::from_str::<String>(json).ok();
            Some((text, json)).filter(|(_, json)| *json != "null")
        };
        let values: Vec<_> = columns.iter().map(value).collect();
        let cells = values.iter().map(|value| match value {
            None => Cell::Empty,
            Some((Some(text), _)) => Cell::Text(text),
            Some((None, json)) => Cell::Plain(json),
        });
        csv.write_cells(cells, &mut bytes);
    }
    bytes
}

/// The same JSON in one line that no terminal takes for a command. What steers a terminal is
/// inside a text, where an escape is the same, but for white space, where a blank is.
fn harmless(json: &str) -> String {
    let mut told = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\t' | '\n' | '\r' => told.push(' '),
            steering if words::is_steering(steering) => {
                told.push_str(&format!("\\u{:04x}", u32::from(steering)));
            }
            other => told.push(other),
        }
    }
    told
}

/// Writes bytes of our own to standard output, all of them or an error.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Fault> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes);
    written.and_then(|()| stdout.flush()).map_err(Fault::Output)
}

/// Says something on standard error. Where that is gone, the exit code still tells.
pub(crate) fn talk(text: &str) {
    let lines: Vec<String> = text.lines().map(words::printable).collect();
    let _ = writeln!(io::stderr(), "{}", secret::hide(&lines.join("\n")));
}

/// What is said of work that goes on, in one line of standard error that is written over; nothing where
/// that is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    is_shown: bool,
    was_told: bool,
    /// When a number was told last.
    counted: Option<Instant>,
}

impl Progress {
    pub(crate) fn begin() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
            ..Self::none()
        }
    }

    /// Of work that nothing is said of.
    pub(crate) fn none() -> Self {
        Self {
            is_shown: false,
            was_told: false,
            counted: None,
        }
    }

    /// Of work whose answer is written while it goes on: on a terminal that is seen anyway.
    pub(crate) fn beside_output() -> Self {
        Self {
            is_shown: io::stderr().is_terminal() && !io::stdout().is_terminal(),
            ..Self::none()
        }
    }

    /// How many there are so far, unless that was just told.
    pub(crate) fn tell_of(&mut self, count: usize, what: &str) {
        if self.is_due() {
            self.tell(&format!("{count} {what} written"));
        }
    }

    /// Whether a number is to be told again; it then is.
    fn is_due(&mut self) -> bool {
        let is_due = self.counted.is_none_or(|told| told.elapsed() >= BEAT);
        if is_due {
            self.counted = Some(Instant::now());
        }
        is_due
    }

    /// How many there were.
    pub(crate) fn end_with(mut self, count: usize, what: &str) {
        self.tell(&format!("{count} {what} written"));
    }

    /// Does work of which nothing is known but for how long it goes on.
    pub(crate) async fn during<T>(what: &str, work: impl Future<Output = T>) -> T {
        let mut progress = Self::begin();
        let begun = Instant::now();
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(BEAT) => {
                    progress.tell(&format!("{what}: {} s", begun.elapsed().as_secs()));
                }
            }
        }
    }

    /// How far the work is.
    pub(crate) fn tell(&mut self, text: &str) {
        if self.is_shown {
            self.was_told = true;
            let _ = write!(io::stderr(), "\r{}", words::printable(text));
        }
    }
}

/// A destination of which is told how much was written to it.
#[derive(Debug)]
pub(crate) struct Counted<W> {
    inner: W,
    bytes: u64,
    progress: Progress,
}

impl<W> Counted<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            bytes: 0,
            progress: Progress::begin(),
        }
    }
}

impl<W> Counted<W> {
    fn tell(&mut self) {
        let text = format!("{} KiB written", self.bytes.div_ceil(1024));
        self.progress.tell(&text);
    }
}

impl<W> Drop for Counted<W> {
    /// What was told last may be long ago.
    fn drop(&mut self) {
        if self.progress.counted.is_some() {
            self.tell();
        }
    }
}

impl<W: io::Write> io::Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        if self.progress.is_due() {
            self.tell();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Drop for Progress {
    /// What comes next begins a line.
    fn drop(&mut self) {
        if self.was_told {
            let _ = writeln!(io::stderr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_objects_has_every_field_and_no_formula() {
        let read = |json: &str| json.parse::<Json>().unwrap().fields();
        let rows = [
            read(r#"{"a":"=1+1","b":null,"n":-5}"#),
            read(r#"{"n":1.10,"c":["x, y"],"a":"say \"hi\"\nthere"}"#),
        ];
        let told = String::from_utf8(csv(&[], &rows)).unwrap();
        let expected = [
            "a,b,n,c",
            "'=1+1,,-5,",
            "\"say \"\"hi\"\"\nthere\",,1.10,\"[\"\"x, y\"\"]\"",
            "",
        ];
        assert_eq!(told, expected.join("\r\n"));
    }

    #[test]
    fn a_table_without_rows_has_its_header() {
        assert_eq!(csv(&["a", "b"], &[]), b"a,b\r\n");
        let rows = [r#"{"b":1,"c":2}"#.parse::<Json>().unwrap().fields()];
        assert_eq!(csv(&["a", "b"], &rows), b"a,b,c\r\n,1,2\r\n");
    }

    #[test]
    fn json_that_is_made_harmless_is_the_same_json() {
        let steering = "{\n\t\"a\u{9b}\": [\"\u{7f}\u{202e}\", 1.10]\r\n}";
        let told = harmless(steering);
        assert_eq!(told, r#"{  "a\u009b": ["\u007f\u202e", 1.10]  }"#);
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&told), read(steering));
    }
}
