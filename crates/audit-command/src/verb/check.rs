//! `audit check`: whether changes are recorded.

use audit_sqlx::AuditDatabase;
use audit_store::words;
use clap::Args;
use serde::Serialize;

use super::Run;
use crate::config::Config;
use crate::database::Database;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Format, Output, Progress};

/// The arguments of `audit check`.
#[derive(Debug, Args)]
pub(crate) struct Check {}

/// The wire form of a finding.
#[derive(Debug, Serialize)]
struct Line {
    /// Whether changes may go unrecorded.
    is_gap: bool,
    finding: String,
}

/// The columns of a table of these.
const COLUMNS: [&str; 2] = ["is_gap", "finding"];

impl Run for Check {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let audit = Config::rules_or_none()?;
        let pool = database.attach::<DB>(&audit).await?;
        let report = Progress::during("capture is checked", audit_sqlx::check(&pool)).await;
        let report = report.map_err(Fault::database)?;
        let line = |finding: &audit_sqlx::Finding| Line {
            is_gap: finding.is_gap(),
            finding: finding.to_string(),
        };
        let lines: Vec<Line> = report.findings().iter().map(line).collect();
        match output.format {
            Format::Table => {
                for line in &lines {
                    let word = if line.is_gap { "gap" } else { "note" };
                    output.write(&format!("{word}: {}\n", words::printable(&line.finding)))?;
                }
            }
            Format::Csv | Format::Json | Format::Ndjson => output.items(&COLUMNS, &lines)?,
        }
        Ok(match lines.is_empty() {
            true => Exit::Success,
            false => Exit::Nothing,
        })
    }
}
