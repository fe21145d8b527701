//! CSV as it is written.

use audit_core::Event;
use audit_core::schema::{Column, ColumnKind, LOG_COLUMNS};

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Delimiter {
    /// `,`
    #[default]
    Comma,
    /// `|`
    Pipe,
    /// `;`, which spreadsheets expect where the comma is in numbers.
    Semicolon,
    /// A tabulator.
    Tab,
}

impl Delimiter {
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Pipe => b'|',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// Which cells are in quotes. One that has no value never is, and an empty text always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Quoting {
    /// All.
    All,
    /// Those that need it.
    #[default]
    Necessary,
}

/// A table by RFC 4180: lines end with CR and LF, the first one has the names of the columns.
///
/// Instants, lists and documents have the text of the wire form. A cell without a value is empty,
/// an empty text is `""`, as PostgreSQL's `COPY` has it.
///
/// A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tabulator or a line break as a
/// formula. A text that begins with one of these, with the wide form of one, or with an apostrophe
/// gets an apostrophe in front, unless [`CsvBuilder::formula_guard`] turns that off;
/// [`Format::read`](crate::export::Format::read) takes it away again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    columns: Vec<usize>,
    pub(super) delimiter: Delimiter,
    quoting: Quoting,
    has_mark: bool,
    pub(super) is_guarded: bool,
}

/// A cell of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'c> {
    /// It has no value.
    Empty,
    /// What no user gives, such as a number or a document.
    Plain(&'c str),
    /// A text that users give, which is guarded.
    Text(&'c str),
}

/// The settings of a [`Csv`]; [`Csv::builder`] begins them.
#[derive(Debug, Clone)]
#[must_use = "call `build`"]
pub struct CsvBuilder {
    columns: Option<Vec<String>>,
    csv: Csv,
}

/// The settings of a CSV file cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// There is no column.
    #[error("a table has no columns; name at least one")]
    NoColumn,
    /// A column is named twice.
    #[error("the column `{name}` is named twice; name each once")]
    RepeatedColumn {
        /// The name.
        name: String,
    },
    /// Events have no such column.
    #[error("events have no column `{name}`; the columns are those of `audit_logs`")]
    UnknownColumn {
        /// The name.
        name: String,
    },
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            columns: (0..LOG_COLUMNS.len()).collect(),
            delimiter: Delimiter::default(),
            quoting: Quoting::default(),
            has_mark: false,
            is_guarded: true,
        }
    }
}

impl Csv {
    /// Begins the settings: every column, commas, quotes where they are needed, no byte order mark,
    /// guarded against formulas.
    pub fn builder() -> CsvBuilder {
        CsvBuilder {
            columns: None,
            csv: Self::default(),
        }
    }

    /// Writes the line of the names of the columns, behind the byte order mark.
    pub fn write_header(&self, out: &mut Vec<u8>) {
        if self.has_mark {
            out.extend_from_slice(BYTE_ORDER_MARK);
        }
        let names = self.columns.iter().filter_map(|at| LOG_COLUMNS.get(*at));
        self.write_line(names.map(|column| Some(column.name.to_owned())), out);
    }

    /// Writes the line of an event.
    pub fn write_row(&self, event: &Event, out: &mut Vec<u8>) {
        let texts = event.to_texts();
        let cells = self.columns.iter().map(|at| {
            let text = texts.get(*at).and_then(Option::as_deref);
            match (text, LOG_COLUMNS.get(*at).is_some_and(is_text)) {
                (None, _) => Cell::Empty,
                (Some(text), true) => Cell::Text(text),
                (Some(text), false) => Cell::Plain(text),
            }
        });
        self.write_cells(cells, out);
    }

    /// Writes a line of any other table; the columns of the settings do not matter.
    pub fn write_cells<'c>(&self, cells: impl IntoIterator<Item = Cell<'c>>, out: &mut Vec<u8>) {
        let cells = cells.into_iter().map(|cell| match cell {
            Cell::Empty => None,
            Cell::Text(text) if self.is_guarded && is_formula(text) => Some(format!("'{text}")),
            Cell::Plain(text) | Cell::Text(text) => Some(text.to_owned()),
        });
        self.write_line(cells, out);
    }

    fn write_line(&self, cells: impl Iterator<Item = Option<String>>, out: &mut Vec<u8>) {
        let delimiter = self.delimiter.byte();
        for (at, cell) in cells.enumerate() {
            if at > 0 {
                out.push(delimiter);
            }
            let Some(cell) = cell else {
                continue;
            };
            let special = |byte: u8| matches!(byte, b'"' | b'\r' | b'\n') || byte == delimiter;
            let is_quoted = self.quoting == Quoting::All
                || cell.trim() != cell
                || cell.is_empty()
                || cell.bytes().any(special);
            if is_quoted {
                out.push(b'"');
                out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
                out.push(b'"');
            } else {
                out.extend_from_slice(cell.as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// How UTF-8 is told from other encodings by programs that expect others.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Whether a column holds texts that users give; the text of any other kind is no formula.
pub(super) fn is_text(column: &Column) -> bool {
    column.kind == ColumnKind::Text
}

/// Whether a spreadsheet would run a text, or take the apostrophe at its front for a guard.
fn is_formula(text: &str) -> bool {
    let beginnings = [
        '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '\'',
    ];
    text.starts_with(beginnings)
}

impl CsvBuilder {
    /// The columns, in this order.
    pub fn columns<C: Into<String>>(mut self, names: impl IntoIterator<Item = C>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// What stands between two cells.
    pub fn delimiter(mut self, delimiter: Delimiter) -> Self {
        self.csv.delimiter = delimiter;
        self
    }

    /// Which cells are in quotes.
    pub fn quoting(mut self, quoting: Quoting) -> Self {
        self.csv.quoting = quoting;
        self
    }

    /// Whether the file begins with U+FEFF, by which some spreadsheets know UTF-8.
    pub fn byte_order_mark(mut self, is_there: bool) -> Self {
        self.csv.has_mark = is_there;
        self
    }

    /// Whether texts that a spreadsheet would run get an apostrophe in front; see [`Csv`].
    pub fn formula_guard(mut self, is_on: bool) -> Self {
        self.csv.is_guarded = is_on;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`CsvError`] when a column is unknown or named twice, or there is none.
    pub fn build(self) -> Result<Csv, CsvError> {
        let Some(names) = self.columns else {
            return Ok(self.csv);
        };
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            match column(&name) {
                None => return Err(CsvError::UnknownColumn { name }),
                Some(at) if columns.contains(&at) => {
                    return Err(CsvError::RepeatedColumn { name });
                }
                Some(at) => columns.push(at),
            }
        }
        if columns.is_empty() {
            return Err(CsvError::NoColumn);
        }
        Ok(Csv {
            columns,
            ..self.csv
        })
    }
}

/// The place of a column among all.
pub(super) fn column(name: &str) -> Option<usize> {
    LOG_COLUMNS.iter().position(|column| column.name == name)
}
