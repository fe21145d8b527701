//! `audit as-of`: a record or a table as it was.

use audit_core::query::When;
use audit_core::{Json, LogReader};
use audit_sqlx::AuditDatabase;
use audit_store::{State, StateFilter, StateTest, StoreError, TableAsOf, words};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serde::Serialize;

use super::Run;
use crate::database::{Database, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Colour, Format, Items, Output, Progress, talk};
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
    /// Records of the table that met a condition then, such as 'status = "paid"'; with several, all. Those
    /// of which the log does not tell are listed as well
    #[arg(long = "where", value_name = "CONDITION", conflicts_with = "key")]
    conditions: Vec<String>,
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
        let conditions = self.conditions.iter().map(String::as_str);
        let conditions: Vec<StateFilter> = conditions.map(StateFilter::from).collect();
        let tests = conditions.iter().map(StateFilter::read);
        let tests = tests.collect::<Result<Vec<_>, _>>()?;
        let pool = database.open::<DB>().await?;
        let record = match self.what.record() {
            Ok(record) => record,
            Err(table) => {
                let mut trail = trail(&pool);
                let records = trail.table_as_of(&table, at);
                let records = conditions.into_iter().fold(records, TableAsOf::having);
                return Table { at, output, tests }.print(records).await;
            }
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

/// The records of a table.
struct Table {
    at: DateTime<Utc>,
    output: Output,
    /// The conditions that they met, as far as anybody can tell.
    tests: Vec<StateTest>,
}

impl Table {
    /// Prints each record as it is read.
    async fn print<R: LogReader, S: Send>(
        self,
        mut records: TableAsOf<'_, R, S>,
    ) -> Result<Exit, Fault>
    where
        Fault: From<StoreError<R::Error>>,
    {
        let mut json = Items::new(self.output, &COLUMNS);
        let (mut has_found, mut untold, mut given) = (false, 0, 0);
        // Between the records of a table for people stand notes.
        let mut progress = match self.output.format {
            Format::Table => Progress::none(),
            _ => Progress::beside_output(),
        };
        while let Some((key, was)) = records.next().await? {
            has_found |= matches!(was.state, State::Present(_));
            let is_untold = |test| was.meets(test).is_none();
            untold += usize::from(self.tests.iter().any(is_untold));
            match self.output.format {
                Format::Csv | Format::Json | Format::Ndjson => {
                    json.add(&[Was::new(self.at, &key, &was)])?
                }
                Format::Table => self.print_record(&key, &was)?,
            }
            given += 1;
            progress.tell_of(given, "records");
        }
        progress.end_with(given, "records");
        if self.output.format != Format::Table {
            json.end()?;
        } else if !has_found {
            let at = instant(self.at);
            talk(&match self.tests.is_empty() {
                true => format!("the log knows no record that was there at {at}"),
                false => format!("the log knows no such record that was there at {at}"),
            });
        }
        if untold > 0 {
            talk(&format!(
                "note: records of which nobody can tell whether the condition held: {untold}"
            ));
        }
        talk("note: rows that no event ever touched are not listed");
        Ok(Exit::of_search(has_found))
    }

    fn print_record(&self, key: &str, was: &audit_store::AsOf) -> Result<(), Fault> {
        let key = words::key(key);
        if let State::Present(fields) = &was.state {
            let row = |(field, value): &(String, Json)| {
                let field = words::printable(field);
                format!("  {field} {}\n", words::value(Some(value)))
            };
            let fields: String = fields.iter().map(row).collect();
            let title = self.output.paint(Colour::Bold, &key);
            self.output.write(&format!("{title}\n{fields}"))?;
        }
        for gap in &was.gaps {
            talk(&format!("note: {key}: {gap}"));
        }
        Ok(())
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
