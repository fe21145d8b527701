//! A file as it is written.

use audit_core::Event;
use serde::Serialize;

use super::format::Format;
use super::{cloud_events, ecs, ocsf};

/// Where a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    Middle,
    End,
}

/// A file as it is written.
#[derive(Debug)]
pub(super) struct File {
    format: Format,
    place: Place,
    pub(super) events: u64,
}

impl File {
    pub(super) fn new(format: Format) -> Self {
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

    pub(super) fn write(&mut self, events: &[Event], out: &mut Vec<u8>) {
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

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
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
