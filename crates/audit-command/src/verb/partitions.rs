//! `audit partitions`: the log in monthly partitions.

use audit_sqlx::AuditDatabase;
use audit_store::partitions::{Change, LogPartitions, Partition, Partitions, Step};
use audit_store::retention::Retention;
use audit_store::words;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Answering, Run, run};
use crate::cli::Settings;
use crate::config::Config;
use crate::confirmation::Confirmation;
use crate::database::Database;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::operator::Approval;
use crate::output::{Format, Output, Progress, talk};
use crate::script;
use crate::table::table;

/// What `audit partitions` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum PartitionsVerb {
    /// List the partitions, oldest first
    List(Answering<List>),
    /// Make the log a table of partitions, while others write
    Convert(Answering<Convert>),
    /// Make the months that are not there yet; run it once a month
    Create(Answering<Create>),
    /// Take a partition out of the log and keep it as a table of its own
    Detach(Answering<Detach>),
    /// Drop a partition and all events in it
    Drop(Answering<Drop>),
}

/// The arguments of `audit partitions list`.
#[derive(Debug, Args)]
pub(crate) struct List {}

/// The arguments of `audit partitions convert`.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    #[command(flatten)]
    ahead: Ahead,
}

/// The arguments of `audit partitions create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    ahead: Ahead,
}

/// The arguments of `audit partitions detach`.
#[derive(Debug, Args)]
pub(crate) struct Detach {
    #[command(flatten)]
    removal: Removal,
}

/// The arguments of `audit partitions drop`.
#[derive(Debug, Args)]
pub(crate) struct Drop {
    #[command(flatten)]
    removal: Removal,
}

#[derive(Debug, Args)]
struct Ahead {
    /// Do it; without this flag the statements are only shown
    #[arg(long)]
    apply: bool,
    /// How many months are to be there after the present one, at most 120
    #[arg(long, value_name = "N", default_value_t = 3)]
    months_ahead: u32,
}

#[derive(Debug, Args)]
struct Removal {
    /// The partition, as `audit partitions list` names it
    partition: String,
    #[command(flatten)]
    approval: Approval,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Take it away though policies of retention in `audit.toml` keep some of its events
    #[arg(long)]
    despite_retention: bool,
}

/// The wire form of a partition.
#[derive(Debug, Serialize)]
struct Line<'p> {
    name: &'p str,
    starts_at: Option<String>,
    ends_at: Option<String>,
    /// An estimate.
    events: u64,
    bytes: u64,
}

/// The columns of a table of these.
const COLUMNS: [&str; 5] = ["name", "starts_at", "ends_at", "events", "bytes"];

/// The wire form of a statement.
#[derive(Debug, Serialize)]
struct Statement<'s> {
    what: &'s str,
    statement: &'s str,
}

/// The columns of a table of these.
const STATEMENT_COLUMNS: [&str; 2] = ["what", "statement"];

impl PartitionsVerb {
    pub(super) async fn run(&self, settings: &Settings) -> Result<Exit, Fault> {
        match self {
            Self::List(verb) => run(verb, settings).await,
            Self::Convert(verb) => run(verb, settings).await,
            Self::Create(verb) => run(verb, settings).await,
            Self::Detach(verb) => run(verb, settings).await,
            Self::Drop(verb) => run(verb, settings).await,
        }
    }
}

impl Run for List {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let pool = database.open::<DB>().await?;
        let mut connection = pool.acquire().await.map_err(Fault::database)?;
        let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
        let log = partitions.look().await.map_err(Fault::partitions)?;
        print_log(&log, output)?;
        Ok(Exit::of_search(!log.partitions.is_empty()))
    }
}

fn print_log(log: &LogPartitions, output: Output) -> Result<(), Fault> {
    let line = |partition: &Partition| {
        [
            words::printable(&partition.name),
            partition
                .starts_at
                .map_or_else(|| "all before".to_owned(), day),
            partition
                .ends_at
                .map_or_else(|| "all after".to_owned(), day),
            partition.rows.to_string(),
            partition.bytes.to_string(),
        ]
    };
    match output.format {
        Format::Table if log.partitions.is_empty() => {
            talk("the log has no partitions; `audit partitions convert` shows how it gets them");
        }
        Format::Table => {
            let header = ["partition", "from", "until", "events, about", "bytes"];
            output.write(&table(output, header, log.partitions.iter().map(line)))?;
        }
        Format::Csv | Format::Json | Format::Ndjson => {
            let time = |time: DateTime<Utc>| time.to_rfc3339();
            let lines = log.partitions.iter().map(|partition| Line {
                name: &partition.name,
                starts_at: partition.starts_at.map(time),
                ends_at: partition.ends_at.map(time),
                events: partition.rows,
                bytes: partition.bytes,
            });
            output.items(&COLUMNS, &lines.collect::<Vec<_>>())?;
        }
    }
    if log.is_unfinished {
        talk("note: a change was begun and not ended; repeat it");
    }
    Ok(())
}

fn day(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d").to_string()
}

impl Run for Convert {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let months_ahead = self.ahead.months_ahead;
        self.ahead
            .run::<DB>(database, output, &Change::Convert { months_ahead })
            .await
    }
}

impl Run for Create {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let months_ahead = self.ahead.months_ahead;
        self.ahead
            .run::<DB>(database, output, &Change::Create { months_ahead })
            .await
    }
}

impl Run for Detach {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let partition = self.removal.partition.clone();
        self.removal
            .run::<DB>(database, output, &Change::Detach { partition })
            .await
    }
}

impl Run for Drop {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let partition = self.removal.partition.clone();
        self.removal
            .run::<DB>(database, output, &Change::Drop { partition })
            .await
    }
}

impl Ahead {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
        change: &Change,
    ) -> Result<Exit, Fault> {
        // Nothing leaves, so no policy is asked.
        let nothing = Retention::default();
        changed::<DB>(database, output, change, nothing, self.apply).await
    }
}

impl Removal {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
        change: &Change,
    ) -> Result<Exit, Fault> {
        let (context, _) = self.approval.context();
        let is_applied = self.approval.is_given();
        if is_applied {
            let what = format!("the events of `{}` will leave the log", self.partition);
            self.confirmation.ask(&what, "let them go")?;
        }
        let retention = match self.despite_retention {
            true => Retention::default(),
            false => Config::read()?.retention,
        };
        let done = changed::<DB>(database, output, change, retention, is_applied);
        context.scope(done).await
    }
}

/// Shows the statements of a change, or makes it and shows those that ran.
async fn changed<DB: AuditDatabase>(
    database: &Database,
    output: Output,
    change: &Change,
    retention: Retention,
    is_applied: bool,
) -> Result<Exit, Fault> {
    let pool = database.open::<DB>().await?;
    let mut connection = pool.acquire().await.map_err(Fault::database)?;
    let partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
    let mut partitions = partitions.keeping(retention);
    if !is_applied {
        let steps = partitions.plan(change).await.map_err(Fault::partitions)?;
        print(&steps, output)?;
        if !steps.is_empty() {
            talk("nothing was changed; `--apply` does it");
        }
        return Ok(Exit::of_search(!steps.is_empty()));
    }
    let work = partitions.apply(change);
    let done = Progress::during("the partitions change", work).await;
    let done = done.map_err(Fault::partitions)?;
    print(&done.steps, output)?;
    if let Some(events) = done.events {
        talk(&format!("{events} events left the log"));
    }
    Ok(Exit::of_search(!done.steps.is_empty()))
}

/// Prints statements as a script.
fn print(steps: &[Step], output: Output) -> Result<(), Fault> {
    match output.format {
        Format::Table if steps.is_empty() => talk("there is nothing to do"),
        Format::Table => output.write(&script::of_steps(steps))?,
        Format::Csv | Format::Json | Format::Ndjson => {
            let statements = steps.iter().map(|step| Statement {
                what: &step.what,
                statement: &step.statement,
            });
            output.items(&STATEMENT_COLUMNS, &statements.collect::<Vec<_>>())?;
        }
    }
    Ok(())
}
