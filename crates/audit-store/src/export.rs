//! The log as a file: written as it is read, and read back.

mod csv;
mod read;

use std::io::{self, Write};

use audit_core::query::LogQuery;
use audit_core::{Event, LogReader};

use crate::error::StoreError;
use crate::page::Reading;
use crate::trail::Trail;

pub use csv::{Csv, CsvBuilder, CsvError, Delimiter, Quoting};
pub use read::{Exported, ReadError};

/// The form of a file, in UTF-8; [`Format::read`] gives the events back as they were.
///
/// JSON has one event a line, in the wire form. A line break between two parts of a document of the
/// log is a space there, which JSON takes for the same; a table keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A table with a header, by RFC 4180.
    Csv(Csv),
    /// One JSON array.
    Json,
    /// One JSON text a line, and nothing around them.
    Ndjson,
}

/// The events of a query as the bytes of a file; [`Trail::export`] begins it.
#[derive(Debug)]
pub struct Export<'t, R, S> {
    trail: &'t mut Trail<R, S>,
    writing: Writing,
}

/// An export was not written to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError<E: std::error::Error + 'static> {
    /// The trail could not be read.
    #[error(transparent)]
    Store(#[from] StoreError<E>),
    /// The destination took no more.
    #[error("the export could not be written")]
    Write(#[from] io::Error),
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// The events of a query as the bytes of a file: [`Export::next`] gives them piece by piece,
    /// and no more than one page is in memory. The limit of the query is the length of a page, and
    /// cuts nothing off; see [`Trail::pages`].
    pub fn export(&mut self, query: &LogQuery, format: Format) -> Export<'_, R, S> {
        Export {
            writing: Writing::begin(self, query, format),
            trail: self,
        }
    }
}

impl<R: LogReader, S: Send> Export<'_, R, S> {
    /// The next bytes, never none of them; `None` behind the last ones. Without events a CSV file
    /// has its header, a JSON array is empty, and a file of lines has no bytes.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the query cannot be asked or the database fails; the same bytes can
    /// be asked for again.
    ///
    /// # Cancel safety
    /// Bytes that were not waited for are given by the next call.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError<R::Error>> {
        self.writing.next(self.trail).await
    }

    /// Writes the rest of the file, and gives how many events of it that was. It blocks while the
    /// destination does.
    ///
    /// # Errors
    /// [`ExportError::Store`] as [`Self::next`], [`ExportError::Write`] when the destination
    /// fails. What is there then is not a whole file.
    pub async fn write_to(mut self, mut out: impl Write) -> Result<u64, ExportError<R::Error>> {
        let before = self.writing.file.events;
        while let Some(bytes) = self.next().await? {
            out.write_all(&bytes)?;
        }
        out.flush()?;
        Ok(self.writing.file.events - before)
    }
}

/// How far an export is.
#[derive(Debug)]
struct Writing {
    reading: Reading,
    file: File,
}

impl Writing {
    fn begin<R, S>(trail: &Trail<R, S>, query: &LogQuery, format: Format) -> Self {
        Self {
            reading: Reading::begin(trail, query),
            file: File::new(format),
        }
    }

    async fn next<R: LogReader, S: Send>(
        &mut self,
        trail: &mut Trail<R, S>,
    ) -> Result<Option<Vec<u8>>, StoreError<R::Error>> {
        let page = self.reading.next(trail).await?;
        let mut bytes = Vec::new();
        match page {
            Some(events) => self.file.write(&events, &mut bytes),
            None => self.file.finish(&mut bytes),
        }
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

/// Where a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    Middle,
    End,
}

/// A file as it is written.
#[derive(Debug)]
struct File {
    format: Format,
    place: Place,
    events: u64,
}

impl File {
    fn new(format: Format) -> Self {
        Self {
            format,
            place: Place::Begin,
            events: 0,
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.place == Place::Begin {
            self.place = Place::Middle;
            match &self.format {
                Format::Csv(csv) => csv.write_header(out),
                Format::Json => out.push(b'['),
                Format::Ndjson => {}
            }
        }
    }

    fn write(&mut self, events: &[Event], out: &mut Vec<u8>) {
        self.begin(out);
        for event in events {
            match &self.format {
                Format::Csv(csv) => csv.write_row(event, out),
                Format::Json => {
                    out.extend_from_slice(if self.events == 0 { b"\n" } else { b",\n" });
                    out.extend(line(event));
                }
                Format::Ndjson => {
                    out.extend(line(event));
                    out.push(b'\n');
                }
            }
            self.events += 1;
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        if self.place == Place::Middle && self.format == Format::Json {
            out.extend_from_slice(if self.events == 0 { b"]\n" } else { b"\n]\n" });
        }
        self.place = Place::End;
    }
}

/// The wire form on one line: within a text of JSON a line break is escaped, so one that is there
/// is between two parts.
fn line(event: &Event) -> Vec<u8> {
    // INVARIANT: every field of an event has a JSON form.
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    for byte in &mut line {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    line
}

#[cfg(test)]
mod tests;
