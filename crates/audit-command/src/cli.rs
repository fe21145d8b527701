//! The arguments.

use clap::{Args, Parser};

use crate::database::Database;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::verb::Verb;

/// Reads the audit log of a database, checks it and looks after it.
///
/// Exit codes: 0 something was found or done, 1 nothing was found, a check has findings or an undo has conflicts, 2 the
/// arguments make no sense, 3 the database or the output failed.
#[derive(Debug, Parser)]
#[command(name = "audit", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Settings {
    /// The database: sqlite:FILE, postgres://.. or mysql://..
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    database_url: Option<String>,
}

impl Settings {
    /// The database that was named.
    pub(crate) fn database(&self) -> Result<Database, Fault> {
        let url = self.database_url.as_deref().filter(|url| !url.is_empty());
        url.ok_or(Fault::NoDatabase)?.parse()
    }
}

impl Cli {
    pub(crate) async fn run(self) -> Result<Exit, Fault> {
        self.verb.run(&self.settings).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_fit_together() {
        Cli::command().debug_assert();
    }
}
