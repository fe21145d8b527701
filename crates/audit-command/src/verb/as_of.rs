//! `audit as-of`: a record as it was.

use audit_core::Json;
use audit_core::query::When;
use audit_sqlx::AuditDatabase;
use audit_store::{Gap, State, words};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serde::{Serialize, Serializer};

use super::Run;
use crate::database::{Database, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Format, Output, talk};
use crate::record::Record;
use crate::table::table;

/// The arguments of `audit as-of`.
#[derive(Debug, Args)]
pub(crate) struct AsOf {
    /// When: `90m` before now, `monday`, `2026-01-31` (its beginning, in UTC),
    /// `2026-01-31T09:00:00Z`
    time: String,
    #[command(flatten)]
    record: Record,
}

/// The wire form of a record as it was.
#[derive(Debug, Serialize)]
struct Was<'a> {
    at: String,
    /// `absent`, `present` or `unknown`.
    state: &'static str,
    /// The fields, where it was present.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "object")]
    fields: Option<&'a [(String, Json)]>,
    /// What the log does not tell.
    gaps: Vec<String>,
}

fn object<S: Serializer>(
    fields: &Option<&[(String, Json)]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let fields = fields.iter().copied().flatten();
    serializer.collect_map(fields.map(|(field, value)| (field, value)))
}

impl Run for AsOf {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let at = When::from(&self.time).instant(Utc::now())?;
        let pool = database.open::<DB>().await?;
        let (table, id) = (self.record.table(), self.record.id());
        let was = trail(&pool).as_of(&table, id, at).await?;
        let gaps: Vec<String> = was.gaps.iter().map(in_words).collect();
        match output.format {
            Format::Table => self.print(output, at, &was.state, &gaps)?,
            Format::Json | Format::Ndjson => {
                let (state, fields) = match &was.state {
                    State::Absent => ("absent", None),
                    State::Present(fields) => ("present", Some(fields.as_slice())),
                    _ => ("unknown", None),
                };
                let at = instant(at);
                output.json(&[Was {
                    at,
                    state,
                    fields,
                    gaps,
                }])?;
            }
        }
        Ok(Exit::of_search(matches!(was.state, State::Present(_))))
    }
}

impl AsOf {
    /// The fields; what else there is to say, and what the log does not tell, on standard error.
    fn print(
        &self,
        output: Output,
        at: DateTime<Utc>,
        state: &State,
        gaps: &[String],
    ) -> Result<(), Fault> {
        match state {
            State::Present(fields) => {
                let row = |(field, value): &(String, Json)| {
                    [words::printable(field), words::value(Some(value))]
                };
                let rows = fields.iter().map(row);
                output.write(&table(output, ["field", "value"], rows))?;
            }
            State::Absent => talk(&format!("there was no such record at {}", instant(at))),
            _ => talk(&self.record.unknown()),
        }
        for gap in gaps {
            talk(&format!("note: {gap}"));
        }
        Ok(())
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn in_words(gap: &Gap) -> String {
    match gap {
        Gap::BeforeFirstEvent => {
            "the log begins later; this is what its first event of the record found".to_owned()
        }
        Gap::Incomplete => "the events hold changed columns alone; others are missing".to_owned(),
        Gap::NoEvent => "the log has no event of the record".to_owned(),
        Gap::Redacted { field } => format!("`{field}` is hidden, or a part of it"),
        Gap::Truncated { field } => format!("`{field}` was too long to be stored whole"),
        _ => "the log does not tell all of it".to_owned(),
    }
}
