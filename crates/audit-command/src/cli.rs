//! The arguments.

use clap::{Args, Parser};

use crate::config::Config;
use crate::database::Database;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::verb::Verb;

/// Reads the audit log of a database, checks it and looks after it.
///
/// Exit codes: 0 something was found or done, 1 nothing was found or to do, a check has findings or something stands
/// against a change, 2 the
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
    /// The database: sqlite:FILE, postgres://.. or mysql://.. [env: AUDIT_DATABASE_URL, DATABASE_URL]
    /// [file: `database_url` of audit.toml]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

impl Settings {
    /// The database that was named, by the argument before the environment before the file.
    pub(crate) fn database(&self) -> Result<Database, Fault> {
        let environment = || {
            let names = ["AUDIT_DATABASE_URL", "DATABASE_URL"].into_iter();
            let mut urls = names.filter_map(|name| std::env::var(name).ok());
            urls.find(|url| !url.is_empty())
        };
        let argument = self.database_url.clone().filter(|url| !url.is_empty());
        let url = match argument.or_else(environment) {
            Some(url) => Some(url),
            None => Config::read()?.database_url,
        };
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
