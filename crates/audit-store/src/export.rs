//! The log as a file: written as it is read, and read back.

mod cloud_events;
mod csv;
mod document;
mod download;
mod ecs;
mod file;
mod format;
mod ocsf;
mod read;

use std::io::{self, Write};

use audit_core::LogReader;
use audit_core::query::LogQuery;

use crate::error::StoreError;
use crate::page::Reading;
use crate::trail::Trail;
use file::File;

pub use csv::{Cell, Csv, CsvBuilder, CsvError, Delimiter, Quoting};
pub use download::Download;
pub use format::Format;
pub use read::{Exported, ReadError};

/// The events of a query as the bytes of a file; [`Trail::export`] begins it.
#[derive(Debug)]
pub struct Export<'t, R, S> {
    trail: &'t mut Trail<R, S>,
    progress: Progress,
}

/// How far an export is, apart from the trail that it reads: for an export whose every piece is read
/// on another connection, or on another thread, as by [`Download::by`].
#[derive(Debug)]
pub struct Progress {
    reading: Reading,
    file: File,
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
            trail: self,
            progress: Progress::new(query, format),
        }
    }
}

impl<R: LogReader, S: Send> Export<'_, R, S> {
    /// The next bytes; see [`Progress::next`].
    ///
    /// # Errors
    /// As [`Progress::next`].
    ///
    /// # Cancel safety
    /// Bytes that were not waited for are given by the next call.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError<R::Error>> {
        self.progress.next(self.trail).await
    }

    /// Writes the rest of the file, and gives how many events of it that was. It blocks while the
    /// destination does.
    ///
    /// # Errors
    /// [`ExportError::Store`] as [`Self::next`], [`ExportError::Write`] when the destination
    /// fails. What is there then is not a whole file.
    pub async fn write_to(mut self, mut out: impl Write) -> Result<u64, ExportError<R::Error>> {
        let before = self.progress.file.events;
        while let Some(bytes) = self.next().await? {
            out.write_all(&bytes)?;
        }
        out.flush()?;
        Ok(self.progress.file.events - before)
    }
}

impl Progress {
    /// The beginning of an export; spans of time are before this moment.
    #[must_use]
    pub fn new(query: &LogQuery, format: Format) -> Self {
        Self {
            reading: Reading::begin(query),
            file: File::new(format),
        }
    }

    /// The next bytes, never none of them; `None` behind the last ones. Without events a CSV file
    /// has its header, a JSON array is empty, and a file of lines has no bytes. The trail must be of
    /// the same log each time; what it does not reach is not exported.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the query cannot be asked or the database fails; the same bytes can
    /// be asked for again.
    ///
    /// # Cancel safety
    /// Bytes that were not waited for are given by the next call.
    pub async fn next<R: LogReader, S: Send>(
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

#[cfg(test)]
mod tests;
