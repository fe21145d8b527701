//! `audit hold`: what no purge takes.

use audit_core::query::{QueryError, When};
use audit_core::retention::{Hold as Stored, NewHold, Selection};
use audit_core::{DataClass, Severity};
use audit_sqlx::AuditDatabase;
use audit_store::words;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Run;
use crate::config::Config;
use crate::database::{Database, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::operator::operator;
use crate::output::{Format, Output, talk};
use crate::table::{seconds, table};

/// The arguments of `audit hold`.
#[derive(Debug, Args)]
pub(crate) struct Hold {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Keep events, those that are still to come among them, from every purge
    Add(Box<Add>),
    /// List the holds, the oldest first
    List(List),
    /// Leave the events of a hold to the policies again
    Release(Release),
}

/// The arguments of `audit hold add`.
#[derive(Debug, Args)]
struct Add {
    /// Its name, such as the number of a case; it is never used again
    name: String,
    #[command(flatten)]
    author: Author,
    /// Keep all events there are and will be
    #[arg(long)]
    everything: bool,
    #[command(flatten)]
    selection: Selected,
}

/// Who does it, and why.
#[derive(Debug, Args)]
struct Author {
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who does it: the id of the actor of its event
    #[arg(long = "as", value_name = "ID")]
    actor_id: String,
}

/// Which events. Of a flag that is given several times any value will do; all flags must hold.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which events")]
struct Selected {
    /// Of a table, by name or as schema.table, with `*` for any characters
    #[arg(long, value_name = "NAME")]
    table: Vec<String>,
    /// Of a record, under its present or its previous id
    #[arg(long, value_name = "ID")]
    record: Vec<String>,
    /// Of an actor
    #[arg(long, value_name = "ID")]
    actor: Vec<String>,
    /// Of a tenant
    #[arg(long, value_name = "ID")]
    tenant: Vec<String>,
    /// Of a severity: low, medium, high, critical
    #[arg(long, value_name = "WORD")]
    severity: Vec<Severity>,
    /// Of a class of data: public, internal, confidential, restricted
    #[arg(long, value_name = "WORD")]
    data_class: Vec<DataClass>,
    /// Evidence for a regime
    #[arg(long, value_name = "NAME")]
    compliance: Vec<String>,
    /// At or after a time: `90d`, `3mo`, `1y`, `2026-01-31`, `2026-01-31T09:00:00Z`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before a time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// The arguments of `audit hold list`.
#[derive(Debug, Args)]
struct List {
    /// Those that were released as well
    #[arg(long)]
    all: bool,
}

/// The arguments of `audit hold release`.
#[derive(Debug, Args)]
struct Release {
    /// The name of the hold
    name: String,
    #[command(flatten)]
    author: Author,
}

/// The wire form of a hold.
#[derive(Debug, Serialize)]
struct Line<'h> {
    name: &'h str,
    selection: &'h Selection,
    reason: &'h str,
    placed_at: DateTime<Utc>,
    placed_by: Option<&'h str>,
    released_at: Option<DateTime<Utc>>,
    released_by: Option<&'h str>,
}

/// The columns of a table of these.
const COLUMNS: [&str; 7] = [
    "name",
    "selection",
    "reason",
    "placed_at",
    "placed_by",
    "released_at",
    "released_by",
];

impl Selected {
    fn selection(&self) -> Result<Selection, QueryError> {
        let now = Utc::now();
        let instant = |text: &Option<String>| {
            let instant = text.as_ref().map(|text| When::from(text).instant(now));
            instant.transpose()
        };
        let mut selection = Selection::new()
            .table(self.table.clone())
            .record(self.record.clone())
            .actor(self.actor.clone())
            .tenant(self.tenant.clone())
            .severity(self.severity.clone())
            .data_class(self.data_class.clone())
            .compliance(self.compliance.clone());
        if let Some(since) = instant(&self.since)? {
            selection = selection.since(since);
        }
        if let Some(until) = instant(&self.until)? {
            selection = selection.until(until);
        }
        Ok(selection)
    }
}

impl Run for Hold {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        match &self.what {
            What::Add(add) => add.run::<DB>(database).await,
            What::List(list) => list.run::<DB>(database, output).await,
            What::Release(release) => release.run::<DB>(database).await,
        }
    }
}

impl Add {
    async fn run<DB: AuditDatabase>(&self, database: &Database) -> Result<Exit, Fault> {
        let selection = self.selection.selection()?;
        if selection.is_everything() != self.everything {
            return Err(Fault::HoldOfEverything);
        }
        let hold = NewHold::new(&self.name, &self.author.reason).select(selection.clone());
        let pool = database.attach::<DB>(&Config::rules_or_none()?).await?;
        let (context, _) = operator(&self.author.actor_id);
        let placed = async {
            let mut transaction = audit_sqlx::begin(&pool).await.map_err(Fault::database)?;
            let mut writer = audit_sqlx::writer(&mut *transaction);
            audit_store::place(&hold, &mut writer).await?;
            transaction.commit().await.map_err(Fault::database)
        };
        context.scope(placed).await?;
        talk(&format!("the hold `{}` keeps {selection}", self.name));
        Ok(Exit::Success)
    }
}

impl Release {
    async fn run<DB: AuditDatabase>(&self, database: &Database) -> Result<Exit, Fault> {
        let pool = database.attach::<DB>(&Config::rules_or_none()?).await?;
        let (context, _) = operator(&self.author.actor_id);
        let released = async {
            let mut transaction = audit_sqlx::begin(&pool).await.map_err(Fault::database)?;
            let mut writer = audit_sqlx::writer(&mut *transaction);
            audit_store::release(&self.name, &self.author.reason, &mut writer).await?;
            transaction.commit().await.map_err(Fault::database)
        };
        context.scope(released).await?;
        talk(&format!("the hold `{}` is released", self.name));
        Ok(Exit::Success)
    }
}

impl List {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let pool = database.open::<DB>().await?;
        let mut holds = trail(&pool).holds().await?;
        holds.retain(|hold| self.all || hold.is_active());
        match output.format {
            Format::Table if holds.is_empty() => talk("there are no holds"),
            Format::Table => {
                let header = ["hold", "keeps", "reason", "placed (UTC)", "released (UTC)"];
                output.write(&table(output, header, holds.iter().map(row)))?;
            }
            Format::Csv | Format::Json | Format::Ndjson => {
                let lines: Vec<Line<'_>> = holds.iter().map(Line::of).collect();
                output.items(&COLUMNS, &lines)?;
            }
        }
        Ok(Exit::of_search(!holds.is_empty()))
    }
}

impl<'h> Line<'h> {
    fn of(hold: &'h Stored) -> Self {
        Self {
            name: &hold.name,
            selection: &hold.selection,
            reason: &hold.reason,
            placed_at: hold.placed_at,
            placed_by: hold.placed_by.as_deref(),
            released_at: hold.released_at,
            released_by: hold.released_by.as_deref(),
        }
    }
}

fn row(hold: &Stored) -> [String; 5] {
    let when = |time: Option<DateTime<Utc>>, by: &Option<String>| {
        let time = time.map(seconds);
        let by = by
            .as_deref()
            .map(|by| format!("by {}", words::printable(by)));
        time.into_iter().chain(by).collect::<Vec<_>>().join("\n")
    };
    [
        words::printable(&hold.name),
        words::printable(&hold.selection.to_string()),
        words::printable(&hold.reason),
        when(Some(hold.placed_at), &hold.placed_by),
        when(hold.released_at, &hold.released_by),
    ]
}
