//! An export as it is read back.

mod bytes;
mod rows;
mod values;

use std::io::{self, BufRead};

use audit_core::schema::LOG_COLUMNS;
use audit_core::{Event, EventError, WireError};

use super::csv::{Csv, column, is_text};
use super::{Format, cloud_events, ecs, ocsf};
pub(super) use rows::Rows;
use values::Values;

/// An export cannot be read.
///
/// Events are counted from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A cell does not hold what its column does, or a column that every event has is not there.
    #[error("column `{}` of event {event} cannot be read; export that column as well", source.column())]
    Cell {
        /// The event.
        event: u64,
        /// Why.
        source: EventError,
    },
    /// The file is not of this format.
    #[error("event {event} does not follow the format; read the file as what it was exported as")]
    Format {
        /// The event.
        event: u64,
    },
    /// A row has more or fewer cells than the header.
    #[error(
        "event {event} has {cells} cells and the header {columns}; the file was cut or changed"
    )]
    Length {
        /// The event.
        event: u64,
        /// The cells.
        cells: usize,
        /// The columns.
        columns: usize,
    },
    /// The source failed.
    #[error("the export could not be read")]
    Read(#[from] io::Error),
    /// The header has a column that events do not have, or one twice.
    #[error("events have no column `{name}`, or it is there twice; read the file as what it is")]
    UnknownColumn {
        /// The name.
        name: String,
    },
    /// A JSON text is not the wire form of an event.
    #[error("event {event} cannot be read")]
    Wire {
        /// The event.
        event: u64,
        /// Why.
        source: WireError,
    },
}

/// The events of an export, one after another; [`Format::read`] begins it. Behind the first error
/// there is nothing.
#[derive(Debug)]
pub struct Exported<I> {
    parts: Parts<I>,
    events: u64,
    is_over: bool,
}

#[derive(Debug)]
enum Parts<I> {
    Table {
        rows: Rows<I>,
        /// The place of each column among all; `None` before the header was read.
        columns: Option<Vec<usize>>,
        is_guarded: bool,
    },
    Values {
        values: Values<I>,
        /// From what one value is to the wire form in it; `None` where there is none.
        wire: fn(String) -> Option<String>,
    },
}

/// What part of a file does not follow its format.
#[derive(Debug)]
pub(super) enum PartError {
    Malformed,
    Read(io::Error),
}

impl From<io::Error> for PartError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl PartError {
    fn at(self, event: u64) -> ReadError {
        match self {
            Self::Malformed => ReadError::Format { event },
            Self::Read(error) => ReadError::Read(error),
        }
    }
}

impl Format {
    /// Reads an export of this format back, one event in memory.
    ///
    /// Of a [`Csv`] the delimiter and the guard count; the columns are those of the file, which has
    /// to have all that no event is without.
    pub fn read<I: BufRead>(&self, input: I) -> Exported<I> {
        let parts = match self {
            Self::Csv(Csv {
                delimiter,
                is_guarded,
                ..
            }) => Parts::Table {
                rows: Rows::new(input, delimiter.byte()),
                columns: None,
                is_guarded: *is_guarded,
            },
            Self::Json => Parts::Values {
                values: Values::array(input),
                wire: Some,
            },
            Self::CloudEvents => lines(input, |text| cloud_events::wire(&text)),
            Self::Ecs => lines(input, |text| ecs::wire(&text)),
            Self::Ndjson => lines(input, Some),
            Self::Ocsf => lines(input, |text| ocsf::wire(&text)),
        };
        Exported {
            parts,
            events: 0,
            is_over: false,
        }
    }
}

impl<I: BufRead> Exported<I> {
    fn read(&mut self) -> Result<Option<Event>, ReadError> {
        let number = self.events + 1;
        let event = match &mut self.parts {
            Parts::Values { values, wire } => {
                let Some(text) = values.next().map_err(|error| error.at(number))? else {
                    return Ok(None);
                };
                let text = wire(text).ok_or(ReadError::Format { event: number })?;
                Event::from_wire(&text).map_err(|source| ReadError::Wire {
                    event: number,
                    source,
                })?
            }
            Parts::Table {
                rows,
                columns,
                is_guarded,
            } => {
                let columns = match columns {
                    Some(columns) => columns,
                    None => columns.insert(header(rows)?),
                };
                let Some(cells) = rows.next().map_err(|error| error.at(number))? else {
                    return Ok(None);
                };
                event(number, &cells, columns, *is_guarded)?
            }
        };
        self.events = number;
        Ok(Some(event))
    }
}

impl<I: BufRead> Iterator for Exported<I> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let event = self.read().transpose();
        self.is_over = !matches!(event, Some(Ok(_)));
        event
    }
}

/// The objects of lines, with the wire form that is in each of them.
fn lines<I: BufRead>(input: I, wire: fn(String) -> Option<String>) -> Parts<I> {
    Parts::Values {
        values: Values::lines(input),
        wire,
    }
}

/// The places of the columns that a table has.
fn header<I: BufRead>(rows: &mut Rows<I>) -> Result<Vec<usize>, ReadError> {
    let cells = rows.next().map_err(|error| error.at(1))?;
    let mut columns = Vec::new();
    for name in cells.ok_or(ReadError::Format { event: 1 })? {
        let name = name.unwrap_or_default();
        match column(&name) {
            Some(at) if !columns.contains(&at) => columns.push(at),
            _ => return Err(ReadError::UnknownColumn { name }),
        }
    }
    Ok(columns)
}

/// The event of a row.
fn event(
    number: u64,
    cells: &[Option<String>],
    columns: &[usize],
    is_guarded: bool,
) -> Result<Event, ReadError> {
    if cells.len() != columns.len() {
        return Err(ReadError::Length {
            event: number,
            cells: cells.len(),
            columns: columns.len(),
        });
    }
    let mut texts = vec![None; LOG_COLUMNS.len()];
    for (at, cell) in columns.iter().zip(cells) {
        let is_text = is_guarded && LOG_COLUMNS.get(*at).is_some_and(is_text);
        if let Some(text) = texts.get_mut(*at) {
            let cell = cell.as_deref();
            *text = cell.map(|cell| cell.strip_prefix('\'').filter(|_| is_text).unwrap_or(cell));
        }
    }
    Event::from_texts(texts).map_err(|source| ReadError::Cell {
        event: number,
        source,
    })
}
