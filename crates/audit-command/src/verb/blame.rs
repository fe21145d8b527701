//! `audit blame`: who each field is from.

use audit_core::{Event, Json};
use audit_sqlx::AuditDatabase;
use audit_store::words;
use clap::Args;
use serde::Serialize;

use super::Run;
use crate::database::{Database, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Format, Output, talk};
use crate::record::Record;
use crate::table::{seconds, table};

/// The longest value that a row shows whole, in characters.
const LONGEST_VALUE: usize = 60;

/// The arguments of `audit blame`.
#[derive(Debug, Args)]
pub(crate) struct Blame {
    #[command(flatten)]
    record: Record,
}

/// The wire form of who a field is from.
#[derive(Debug, Serialize)]
struct Line<'b> {
    field: &'b str,
    /// Left out where the event does not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'b Json>,
    /// The event that gave it this value; null where that was before the log began, or without one.
    event: Option<&'b Event>,
}

/// The columns of a table of these.
const COLUMNS: [&str; 3] = ["field", "value", "event"];

impl Run for Blame {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let pool = database.open::<DB>().await?;
        let record = &self.record;
        let blames = trail(&pool).blame(&record.table(), record.id()).await?;
        if blames.is_empty() {
            talk(&record.unknown());
        }
        match output.format {
            Format::Table if blames.is_empty() => {}
            Format::Table => {
                let header = ["field", "value", "who", "what", "time (UTC)", "request"];
                output.write(&table(output, header, blames.iter().map(row)))?;
            }
            Format::Csv | Format::Json | Format::Ndjson => {
                let lines: Vec<Line<'_>> = blames
                    .iter()
                    .map(|blame| Line {
                        field: &blame.field,
                        value: blame.value.as_ref(),
                        event: blame.event.as_ref(),
                    })
                    .collect();
                output.items(&COLUMNS, &lines)?;
            }
        }
        Ok(Exit::of_search(!blames.is_empty()))
    }
}

fn row(blame: &audit_store::Blame) -> [String; 6] {
    let value = match &blame.value {
        None => "(not told)".to_owned(),
        told => words::value(told.as_ref()),
    };
    let of_event = |told: fn(&Event) -> String| blame.event.as_ref().map(told);
    [
        words::printable(&blame.field),
        words::shorten(&value, LONGEST_VALUE),
        of_event(words::who).unwrap_or_else(|| "(no event)".to_owned()),
        of_event(words::what).unwrap_or_default(),
        of_event(|event| seconds(event.occurred_at)).unwrap_or_default(),
        of_event(words::request).unwrap_or_default(),
    ]
}
