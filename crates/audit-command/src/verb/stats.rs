//! `audit stats`: the log in numbers.

use audit_core::LogReader;
use audit_sqlx::{AuditDatabase, LogError};
use audit_store::{Count, Grouping, LogQuery, Trail, words};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::Run;
use crate::database::{Database, note_missing_index, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::filters::Filters;
use crate::output::{Format, Output, Progress};
use crate::table::table;

/// The arguments of `audit stats`.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// By what events are counted; by several, one after the other [default: all but action and hour]
    #[arg(long, value_enum, value_name = "GROUP")]
    by: Vec<By>,
    /// The largest groups, this many; all days and hours are counted
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = audit_store::Stats::TOP,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    top: u32,
    #[command(flatten)]
    filters: Filters,
}

/// By what events are counted.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Action,
    Actor,
    Day,
    Hour,
    Operation,
    Outcome,
    Severity,
    Table,
    Tenant,
}

impl By {
    /// The groups of a summary.
    const SUMMARY: [Self; 7] = [
        Self::Day,
        Self::Actor,
        Self::Table,
        Self::Tenant,
        Self::Operation,
        Self::Severity,
        Self::Outcome,
    ];

    fn grouping(self) -> Grouping {
        match self {
            Self::Action => Grouping::Action,
            Self::Actor => Grouping::Actor,
            Self::Day => Grouping::Day,
            Self::Hour => Grouping::Hour,
            Self::Operation => Grouping::Operation,
            Self::Outcome => Grouping::Outcome,
            Self::Severity => Grouping::Severity,
            Self::Table => Grouping::Table,
            Self::Tenant => Grouping::Tenant,
        }
    }
}

/// The wire form of a group.
#[derive(Debug, Serialize)]
struct Group {
    by: By,
    /// Null for the events that have none.
    group: Option<String>,
    events: u64,
}

/// The columns of a table of these.
const COLUMNS: [&str; 3] = ["by", "group", "events"];

impl Run for Stats {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let pool = database.open::<DB>().await?;
        let mut trail = trail(&pool);
        let query = self.filters.query();
        note_missing_index(&mut trail, &query).await?;
        let counted = self.groups(&mut trail, &query);
        let groups = Progress::during("events are counted", counted).await?;
        match output.format {
            Format::Table if groups.is_empty() => {}
            Format::Table => {
                let rows = groups.iter().map(row);
                output.write(&table(output, COLUMNS, rows))?;
            }
            Format::Csv | Format::Json | Format::Ndjson => output.items(&COLUMNS, &groups)?,
        }
        Ok(Exit::of_search(!groups.is_empty()))
    }
}

impl Stats {
    async fn groups<R: LogReader<Error = LogError>>(
        &self,
        trail: &mut Trail<R>,
        query: &LogQuery,
    ) -> Result<Vec<Group>, Fault> {
        let by = match self.by.is_empty() {
            true => &By::SUMMARY[..],
            false => &self.by,
        };
        let mut groups = Vec::new();
        for by in by.iter().copied() {
            let counts = trail.counts(query, by.grouping(), self.top).await?;
            let group = |Count { group, events, .. }| Group { by, group, events };
            groups.extend(counts.into_iter().map(group));
        }
        Ok(groups)
    }
}

fn row(group: &Group) -> [String; 3] {
    let by = group.by.to_possible_value();
    let by = by.as_ref().map_or("", |value| value.get_name());
    let name = group.group.as_deref().unwrap_or("(none)");
    [
        by.to_owned(),
        words::printable(name),
        group.events.to_string(),
    ]
}
