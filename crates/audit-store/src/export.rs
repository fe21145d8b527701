//! The log as a file: written as it is read, and read back.

mod cloud_events;
mod csv;
mod document;
mod ecs;
mod ocsf;
mod read;

use std::io::{self, Write};

use audit_core::query::LogQuery;
use audit_core::{Event, LogReader};
use serde::Serialize;

use crate::error::StoreError;
use crate::page::Reading;
use crate::trail::Trail;

pub use csv::{Csv, CsvBuilder, CsvError, Delimiter, Quoting};
pub use read::{Exported, ReadError};

/// The form of a file, in UTF-8; [`Format::read`] gives the events back as they were.
///
/// JSON has one event a line. A line break between two parts of a document of the log is a space
/// there, which JSON takes for the same; a table keeps it. The forms of others have the event in the
/// wire form as well, so that nothing of it is lost where they have no field, or a coarser one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// An envelope of CloudEvents 1.0 a line, in the JSON event format.
    ///
    /// | attribute | of the event |
    /// |---|---|
    /// | `id` | `id` |
    /// | `source` | `/` and `service`, then `/audit_logs` |
    /// | `type` | `com.github.audit-rs.audit.` and `operation` in small letters |
    /// | `subject` | `table_schema`, `table_name` and `record_id`, with `/` between them |
    /// | `time` | `occurred_at` |
    /// | `data` | all of it, in the wire form |
    ///
    /// # Source
    /// <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>
    CloudEvents,
    /// A table with a header, by RFC 4180.
    Csv(Csv),
    /// A document of the Elastic Common Schema 9.4 a line.
    ///
    /// | field | of the event |
    /// |---|---|
    /// | `@timestamp`, `event.created` | `occurred_at`, `recorded_at` |
    /// | `event.id`, `event.reason`, `message` | `id`, `reason`, `label` |
    /// | `event.kind`, `event.category` | `event`, `database` |
    /// | `event.type` | `access` of SELECT, `info` of CUSTOM, `change` of the others |
    /// | `event.action` | `action`, or `operation` in small letters |
    /// | `event.outcome` | `outcome`; `failure` also where it was denied |
    /// | `event.severity` | `severity`, from 1 for low to 4 for critical |
    /// | `event.duration` | `duration_us`, in nanoseconds |
    /// | `error.code`, `error.message` | `error_code`, `error_message` |
    /// | `user.id`, `user.full_name`, `user.roles` | `actor_id`, `actor_name`, `roles` of the context |
    /// | `organization.id` | `tenant_id` |
    /// | `service.name`, `service.environment` | `service`, `environment` |
    /// | `http.request.id`, `http.request.method` | `request_id`, `method` of the context |
    /// | `client.ip`, `source.ip` | `client_ip`, `peer_ip` of the context, where they are addresses |
    /// | `trace.id`, `span.id`, `user_agent.original` | `trace_id`, `span_id`, `user_agent` of the context |
    /// | `audit` | all of it, in the wire form |
    ///
    /// The columns of all tables are fields of `audit.before_data` and `audit.after_data`: map these
    /// two as `flattened`, or an index gets a field for each.
    ///
    /// # Source
    /// <https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html>
    Ecs,
    /// One JSON array.
    Json,
    /// One JSON text a line, and nothing around them.
    Ndjson,
    /// An event of the Open Cybersecurity Schema Framework 1.8 a line, of the class Entity
    /// Management (3004): it is the one that has a record before and after, and why it was changed.
    ///
    /// | attribute | of the event |
    /// |---|---|
    /// | `activity_id` | `operation`: Create of INSERT, Read of SELECT, Update, Delete also of TRUNCATE; else Other |
    /// | `activity_name` | that word; of Other `action`, or `operation` in small letters |
    /// | `time`, `metadata.logged_time` | `occurred_at`, `recorded_at`, in milliseconds since 1970 |
    /// | `metadata.original_time`, `metadata.uid` | `occurred_at`, `id` |
    /// | `metadata.correlation_uid`, `http_request.uid` | `request_id` |
    /// | `metadata.event_code`, `.tenant_uid`, `.labels` | `action`, `tenant_id`, `compliance` |
    /// | `severity_id` | `severity`, from 2 for low to 5 for critical; 0 without |
    /// | `status_id` | `outcome`; Failure also where it was denied |
    /// | `status_code`, `status_detail` | `error_code`, `reason_code` or `error_message` |
    /// | `comment`, `message` | `reason`, `label` |
    /// | `duration` | `duration_us`, in milliseconds |
    /// | `actor.user.uid`, `.name`, `.type_id` | `actor_id`, `actor_name`, `actor_kind` |
    /// | `actor.app_name` | `service` |
    /// | `entity.uid`, `entity_result.uid` | `previous_record_id` or `record_id`, `record_id` |
    /// | `entity.name`, `.type` | `table_name`; without one the name is that of the activity |
    /// | `entity.data`, `entity_result.data` | `before_data`, `after_data` |
    /// | `http_request.http_method`, `.user_agent` | `method` of the context where it is one of HTTP, `user_agent` |
    /// | `src_endpoint.ip` | `client_ip` of the context, where it is an address |
    /// | `unmapped` | all but the images, in the wire form |
    ///
    /// # Source
    /// <https://schema.ocsf.io/1.8.0/classes/entity_management>
    Ocsf,
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
                Format::CloudEvents | Format::Ecs | Format::Ndjson | Format::Ocsf => {}
            }
        }
    }

    fn write(&mut self, events: &[Event], out: &mut Vec<u8>) {
        self.begin(out);
        for event in events {
            match &self.format {
                Format::CloudEvents => write_line(&cloud_events::document(event), out),
                Format::Csv(csv) => csv.write_row(event, out),
                Format::Ecs => write_line(&ecs::document(event), out),
                Format::Json => {
                    out.extend_from_slice(if self.events == 0 { b"\n" } else { b",\n" });
                    out.extend(line(event));
                }
                Format::Ndjson => write_line(event, out),
                Format::Ocsf => {
                    write_line(&ocsf::document(event, &ocsf::without_images(event)), out);
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

fn write_line(value: &impl Serialize, out: &mut Vec<u8>) {
    out.extend(line(value));
    out.push(b'\n');
}

/// JSON on one line: within a text of it a line break is escaped, so one that is there is between
/// two parts.
fn line(value: &impl Serialize) -> Vec<u8> {
    // INVARIANT: every field of an event has a JSON form.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    for byte in &mut line {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    line
}

#[cfg(test)]
mod tests;
