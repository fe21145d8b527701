//! `audit purge`: removes what the policies of retention let go, after it has shown what would go.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_sqlx::AuditDatabase;
use audit_store::{Purgeable, Purged, words};
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use sqlx::Pool;

use super::Run;
use crate::claim::Claim;
use crate::config::Config;
use crate::confirmation::Confirmation;
use crate::database::{Database, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::operator::Approval;
use crate::output::{Format, Output, Progress, talk};
use crate::table::{seconds, table};

/// What is typed to go on.
const WORD: &str = "purge";

/// The arguments of `audit purge`.
#[derive(Debug, Args)]
pub(crate) struct Purge {
    #[command(flatten)]
    approval: Approval,
    #[command(flatten)]
    confirmation: Confirmation,
    /// One policy alone; what others keep longer stays
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// The most events that one transaction removes
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    batch: u32,
    /// Milliseconds between two transactions, in which others may write
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pause: u64,
}

/// The wire form of what a policy would remove.
#[derive(Debug, Serialize)]
struct Line<'p> {
    policy: &'p str,
    keep: &'p str,
    cutoff: DateTime<Utc>,
    events: u64,
    tables: Vec<Part<'p>>,
    oldest: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
    held: Vec<Part<'p>>,
}

/// The columns of a table of these.
const COLUMNS: [&str; 8] = [
    "policy", "keep", "cutoff", "events", "tables", "oldest", "newest", "held",
];

/// What goes on before a purge.
const COUNTED: &str = "what would go is counted";

/// Some of the events: those of a table, or those that a hold keeps.
#[derive(Debug, Serialize)]
struct Part<'p> {
    name: Option<&'p str>,
    events: u64,
}

/// The wire form of what a policy has removed.
#[derive(Debug, Default, Serialize)]
struct Done {
    policy: String,
    events: u64,
    batches: u64,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

/// The columns of a table of these.
const DONE_COLUMNS: [&str; 5] = ["policy", "events", "batches", "first", "last"];

impl<'p> Line<'p> {
    fn of(purgeable: &'p Purgeable) -> Self {
        let tables = purgeable.tables.iter().map(|count| Part {
            name: count.group.as_deref(),
            events: count.events,
        });
        let held = purgeable.held.iter().map(|held| Part {
            name: Some(&held.hold),
            events: held.events,
        });
        Self {
            policy: &purgeable.policy,
            keep: &purgeable.keep,
            cutoff: purgeable.cutoff,
            events: purgeable.events,
            tables: tables.collect(),
            oldest: purgeable.oldest,
            newest: purgeable.newest,
            held: held.collect(),
        }
    }

    fn row(&self) -> [String; 7] {
        let parts = |parts: &[Part<'_>]| {
            let part = |part: &Part<'_>| {
                let name = part
                    .name
                    .map_or_else(|| "(none)".to_owned(), words::printable);
                format!("{name} {}", part.events)
            };
            parts.iter().map(part).collect::<Vec<_>>().join("\n")
        };
        [
            words::printable(self.policy),
            words::printable(self.keep),
            self.events.to_string(),
            parts(&self.tables),
            self.oldest.map_or_else(String::new, seconds),
            self.newest.map_or_else(String::new, seconds),
            parts(&self.held),
        ]
    }
}

impl Done {
    fn add(&mut self, purged: Purged) {
        self.policy = purged.policy;
        self.events += purged.events;
        self.batches += 1;
        self.first = match (self.first, purged.first) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
        self.last = self.last.max(purged.last);
    }

    fn row(&self) -> [String; 5] {
        [
            words::printable(&self.policy),
            self.events.to_string(),
            self.batches.to_string(),
            self.first.map_or_else(String::new, seconds),
            self.last.map_or_else(String::new, seconds),
        ]
    }
}

impl Run for Purge {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let retention = Config::read()?.retention;
        if retention.is_empty() {
            return Err(Fault::NoRetention);
        }
        let pool = database.attach::<DB>(&Config::rules_or_none()?).await?;
        let mut trail = trail(&pool);
        let purge = match &self.policy {
            Some(policy) => trail.purge_by(&retention, policy).await?,
            None => trail.purge(&retention).await?,
        };
        if !self.approval.is_given() {
            let told = Progress::during(COUNTED, trail.preview(&purge)).await?;
            show(&told, output)?;
            let would_go = told.iter().any(|told| told.events > 0);
            talk("nothing was removed; `--apply --as ID` does it");
            return Ok(Exit::of_search(would_go));
        }
        let claim = Claim::<DB>::of(database).await?;
        if self.confirmation.is_missing() {
            let told = Progress::during(COUNTED, trail.preview(&purge)).await?;
            let events: u64 = told.iter().map(|told| told.events).sum();
            let what = format!("{events} events will be removed, and nothing brings them back");
            self.confirmation.ask(&what, WORD)?;
        }
        self.apply(&pool, &purge, output).await?;
        drop(claim);
        Ok(Exit::Success)
    }
}

fn show(told: &[Purgeable], output: Output) -> Result<(), Fault> {
    let lines: Vec<Line<'_>> = told.iter().map(Line::of).collect();
    match output.format {
        Format::Table => {
            let header = [
                "policy",
                "keeps",
                "would go",
                "of tables",
                "oldest (UTC)",
                "newest (UTC)",
                "held by",
            ];
            output.write(&table(output, header, lines.iter().map(Line::row)))
        }
        Format::Csv | Format::Json | Format::Ndjson => output.items(&COLUMNS, &lines),
    }
}

impl Purge {
    async fn apply<DB: AuditDatabase>(
        &self,
        pool: &Pool<DB>,
        purge: &audit_store::Purge,
        output: Output,
    ) -> Result<(), Fault> {
        let (context, request) = self.approval.context();
        let mut done = BTreeMap::<String, Done>::new();
        let removed = context.scope(self.remove(pool, purge, &mut done)).await;
        // What was removed before something failed is gone.
        let done: Vec<Done> = done.into_values().collect();
        match output.format {
            Format::Table if done.is_empty() => talk("there was nothing to remove"),
            Format::Table => {
                let header = ["policy", "removed", "batches", "first (UTC)", "last (UTC)"];
                output.write(&table(output, header, done.iter().map(Done::row)))?;
            }
            Format::Csv | Format::Json | Format::Ndjson => output.items(&DONE_COLUMNS, &done)?,
        }
        if !done.is_empty() {
            talk(&format!("its events: audit log --request {request}"));
        }
        removed
    }

    async fn remove<DB: AuditDatabase>(
        &self,
        pool: &Pool<DB>,
        purge: &audit_store::Purge,
        done: &mut BTreeMap<String, Done>,
    ) -> Result<(), Fault> {
        let mut trail = trail(pool);
        let mut batches = purge.batches(self.batch);
        let mut progress = Progress::begin();
        let mut removed = 0;
        while let Some(batch) = batches.next(&mut trail).await? {
            if removed > 0 && self.pause > 0 {
                tokio::time::sleep(Duration::from_millis(self.pause)).await;
            }
            let mut transaction = audit_sqlx::begin(pool).await.map_err(Fault::database)?;
            let mut writer = audit_sqlx::writer(&mut *transaction);
            let purged = batch.apply(&mut writer).await.map_err(Fault::database)?;
            transaction.commit().await.map_err(Fault::database)?;
            if purged.events > 0 {
                removed += purged.events;
                done.entry(purged.policy.clone()).or_default().add(purged);
            }
            progress.tell(&format!("{removed} events removed"));
        }
        Ok(())
    }
}
