//! `audit as-of`: a record or a table as it was.

use audit_core::query::{LogQuery, When};
use audit_core::{Json, LogReader};
use audit_sqlx::AuditDatabase;
use audit_store::{State, StoreError, Trail, words};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serde::Serialize;

use super::Run;
use crate::database::{Database, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Colour, Format, Items, Output, talk};
use crate::record::{Record, TableOrRecord};
use crate::table::table;

/// The arguments of `audit as-of`.
#[derive(Debug, Args)]
pub(crate) struct AsOf {
    /// When: `90m` before now, `monday`, `2026-01-31` (its beginning, in UTC),
    /// `2026-01-31T09:00:00Z`
    time: String,
    #[command(flatten)]
    what: TableOrRecord,
}

/// The wire form of a record as it was.
#[derive(Debug, Serialize)]
struct Was<'a> {
    at: String,
    record_id: &'a str,
    #[serde(flatten)]
    was: &'a audit_store::AsOf,
}

/// The columns of a table of these.
const COLUMNS: [&str; 5] = ["at", "record_id", "state", "fields", "gaps"];

impl<'a> Was<'a> {
    fn new(at: DateTime<Utc>, record_id: &'a str, was: &'a audit_store::AsOf) -> Self {
        Self {
            at: instant(at),
            record_id,
            was,
        }
    }
}

impl Run for AsOf {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let at = When::from(&self.time).instant(Utc::now())?;
        let pool = database.open::<DB>().await?;
        let record = match self.what.record() {
            Ok(record) => record,
            Err(table) => return whole_table(&mut trail(&pool), &table, at, output).await,
        };
        let was = trail(&pool).as_of(&record.table(), record.id(), at).await?;
        match output.format {
            Format::Table => print(output, &record, at, &was)?,
            Format::Csv | Format::Json | Format::Ndjson => {
                output.items(&COLUMNS, &[Was::new(at, &record.id(), &was)])?
            }
        }
        Ok(Exit::of_search(matches!(was.state, State::Present(_))))
    }
}

/// The fields; what else there is to say, and what the log does not tell, on standard error.
fn print(
    output: Output,
    record: &Record,
    at: DateTime<Utc>,
    was: &audit_store::AsOf,
) -> Result<(), Fault> {
    match &was.state {
        State::Present(fields) => {
            let row = |(field, value): &(String, Json)| {
                [words::printable(field), words::value(Some(value))]
            };
            let rows = fields.iter().map(row);
            output.write(&table(output, ["field", "value"], rows))?;
        }
        State::Absent => talk(&format!("there was no such record at {}", instant(at))),
        _ => talk(&record.unknown()),
    }
    for gap in &was.gaps {
        talk(&format!("note: {gap}"));
    }
    Ok(())
}

/// Every record of a table, as it is read.
async fn whole_table<R: LogReader>(
    trail: &mut Trail<R>,
    of: &LogQuery,
    at: DateTime<Utc>,
    output: Output,
) -> Result<Exit, Fault>
where
    Fault: From<StoreError<R::Error>>,
{
    let mut json = Items::new(output, &COLUMNS);
    let mut records = trail.table_as_of(of, at);
    let mut has_found = false;
    while let Some((key, was)) = records.next().await? {
        has_found |= matches!(was.state, State::Present(_));
        match (&was.state, output.format) {
            (_, Format::Csv | Format::Json | Format::Ndjson) => {
                json.add(&[Was::new(at, &key, &was)])?
            }
            (State::Present(fields), Format::Table) => {
                let row = |(field, value): &(String, Json)| {
                    format!(
                        "  {} {}\n",
                        words::printable(field),
                        words::value(Some(value))
                    )
                };
                let fields: String = fields.iter().map(row).collect();
                let key = output.paint(Colour::Bold, &words::key(&key));
                output.write(&format!("{key}\n{fields}"))?;
            }
            (_, Format::Table) => {}
        }
        if output.format == Format::Table {
            for gap in &was.gaps {
                let key = words::key(&key);
                talk(&format!("note: {key}: {gap}"));
            }
        }
    }
    if output.format != Format::Table {
        json.end()?;
    } else if !has_found {
        talk(&format!(
            "the log knows no record that was there at {}",
            instant(at)
        ));
    }
    talk("note: rows that no event ever touched are not listed");
    Ok(Exit::of_search(has_found))
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
