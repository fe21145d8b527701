//! What the command can do: one file a verb.

mod as_of;
mod blame;
mod check;
mod log;
mod show;
mod stats;
mod timeline;

use audit_sqlx::AuditDatabase;
use clap::Subcommand;

use crate::cli::Settings;
use crate::database::{Database, Kind};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::Output;

/// A verb.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List events, newest first, or follow them as they come
    Log(Box<log::Log>),
    /// Show all of one event
    Show(show::Show),
    /// Show what happened to a record, newest first, also under keys that it had before
    Timeline(timeline::Timeline),
    /// Show who each field of a record has its value from
    Blame(blame::Blame),
    /// Show a record as it was
    AsOf(as_of::AsOf),
    /// Count events
    Stats(Box<stats::Stats>),
    /// Say what keeps changes from being recorded; exit code 1 when there is something
    Check(check::Check),
}

/// What a verb does with a database.
trait Run {
    /// Does it.
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault>;
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
            Self::Check(verb) => run(verb, settings).await,
        }
    }
}

async fn run(verb: &impl Run, settings: &Settings) -> Result<Exit, Fault> {
    let (database, output) = (&settings.database()?, settings.output());
    match database.kind() {
        Kind::MySql => verb.run::<sqlx::MySql>(database, output).await,
        Kind::Postgres => verb.run::<sqlx::Postgres>(database, output).await,
        Kind::Sqlite => verb.run::<sqlx::Sqlite>(database, output).await,
    }
}
