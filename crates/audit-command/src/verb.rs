//! What the command can do: one file a verb.

mod as_of;
mod blame;
mod check;
mod completions;
mod export;
mod hold;
mod init;
mod log;
mod man;
mod migrate;
mod optimize;
mod partitions;
mod purge;
mod show;
mod stats;
mod timeline;
mod triggers;
mod undo;

use std::io::{self, IsTerminal as _};

use audit_sqlx::AuditDatabase;
use clap::{Args, Subcommand};

use crate::cli::Settings;
use crate::database::{Database, Kind};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Format, Output};

/// A verb.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List events, newest first, or follow them as they come
    Log(Box<Answering<log::Log>>),
    /// Show all of one event
    Show(Answering<show::Show>),
    /// Show what happened to a record, newest first, also under keys that it had before
    Timeline(Answering<timeline::Timeline>),
    /// Show who each field of a record has its value from
    Blame(Answering<blame::Blame>),
    /// Show a record, or a table, as it was
    AsOf(Answering<as_of::AsOf>),
    /// Count events
    Stats(Box<Answering<stats::Stats>>),
    /// Write events to a file, all that the filters leave
    Export(Box<export::Export>),
    /// Take changes back; without `--apply` it only shows what that would do
    Undo(Box<Answering<undo::Undo>>),
    /// Keep the log in monthly partitions (PostgreSQL, MariaDB)
    #[command(subcommand)]
    Partitions(partitions::PartitionsVerb),
    /// Remove what the policies of retention let go; without `--apply` it only shows what would go
    Purge(Answering<purge::Purge>),
    /// Keep events from every purge
    Hold(Answering<hold::Hold>),
    /// Say what keeps changes from being recorded; exit code 1 when there is something
    Check(Answering<check::Check>),
    /// Say what the log takes on the disk, and what keeps the database from finding events fast; exit code
    /// 1 when there is something
    Optimize(Answering<optimize::Optimize>),
    /// Make the audit tables and triggers, say what is to do, take them back, or print them
    Migrate(migrate::Migrate),
    /// Print, install, compare or drop the triggers that the rules make
    Triggers(triggers::Triggers),
    /// Write `audit.toml`, in which settings are read from the working folder
    Init(init::Init),
    /// Print what completes the command line in a shell
    Completions(completions::Completions),
    /// Print the manual of the command or of a verb, as a page of `man`
    Man(man::Man),
}

/// A verb, and the form of what it answers.
#[derive(Debug, Args)]
pub(crate) struct Answering<V: Args> {
    #[command(flatten)]
    verb: V,
    /// How the answer is printed
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        help_heading = "Settings"
    )]
    format: Format,
}

/// What a verb with an answer does with a database.
trait Run {
    /// Does it.
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault>;
}

/// What a verb does with a database.
trait OnDatabase {
    /// Does it.
    async fn on<DB: AuditDatabase>(&self, database: &Database) -> Result<Exit, Fault>;
}

impl<V: Run + Args> OnDatabase for Answering<V> {
    async fn on<DB: AuditDatabase>(&self, database: &Database) -> Result<Exit, Fault> {
        if self.format == Format::Csv && io::stdout().is_terminal() {
            return Err(Fault::CsvOnTerminal);
        }
        let output = Output::new(self.format);
        self.verb.run::<DB>(database, output).await
    }
}

impl Verb {
    pub(crate) async fn run(&self, settings: &Settings) -> Result<Exit, Fault> {
        match self {
            Self::Log(verb) => run(&**verb, settings).await,
            Self::Show(verb) => run(verb, settings).await,
            Self::Timeline(verb) => run(verb, settings).await,
            Self::Blame(verb) => run(verb, settings).await,
            Self::AsOf(verb) => run(verb, settings).await,
            Self::Stats(verb) => run(&**verb, settings).await,
            Self::Export(verb) => run(&**verb, settings).await,
            Self::Undo(verb) => run(&**verb, settings).await,
            Self::Partitions(verb) => verb.run(settings).await,
            Self::Purge(verb) => run(verb, settings).await,
            Self::Hold(verb) => run(verb, settings).await,
            Self::Check(verb) => run(verb, settings).await,
            Self::Optimize(verb) => run(verb, settings).await,
            Self::Migrate(verb) => verb.run(settings).await,
            Self::Triggers(verb) => verb.run(settings).await,
            Self::Init(verb) => verb.run(),
            Self::Completions(verb) => verb.run(),
            Self::Man(verb) => verb.run(),
        }
    }
}

async fn run(verb: &impl OnDatabase, settings: &Settings) -> Result<Exit, Fault> {
    let database = &settings.database()?;
    match database.kind() {
        Kind::MySql => verb.on::<sqlx::MySql>(database).await,
        Kind::Postgres => verb.on::<sqlx::Postgres>(database).await,
        Kind::Sqlite => verb.on::<sqlx::Sqlite>(database).await,
    }
}
