//! The arguments.

use clap::{Parser, Subcommand, ValueEnum};

use crate::place::DatabaseUrl;

/// The port of a server that is there to stay.
const PORT: u16 = 3000;

/// A small JSON API whose every change is in the audit log.
///
/// Without `--demo` it serves until Ctrl-C and prints lines to try it with.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Play a story from another process over HTTP, then print and check the trail it left
    #[arg(long)]
    pub(crate) demo: bool,
    /// How the demo prints the trail
    #[arg(long, value_enum, requires = "demo")]
    format: Option<Format>,
    /// The port on 127.0.0.1; 0 takes any free one [default: 3000; with --demo any free one]
    #[arg(long)]
    port: Option<u16>,
    /// An empty database to work in: sqlite://, postgres:// or mysql:// [default: a new SQLite file]
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env = true)]
    pub(crate) database_url: Option<DatabaseUrl>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the program starts itself as.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play the story against a server; the tokens are read from standard input
    #[command(hide = true)]
    Play {
        /// Where the server is
        url: String,
    },
}

/// How a trail is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One event a line, with the names of the wire form
    Ndjson,
    /// For people to read, 120 columns wide
    #[default]
    Table,
}

impl Cli {
    pub(crate) fn format(&self) -> Format {
        self.format.unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.demo { 0 } else { PORT })
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

    #[test]
    fn a_demo_takes_any_free_port_and_a_server_a_known_one() {
        let port = |arguments: &[&str]| Cli::parse_from(arguments).port();
        assert_eq!(port(&["quickstart"]), 3000);
        assert_eq!(port(&["quickstart", "--demo"]), 0);
        assert_eq!(port(&["quickstart", "--port", "0"]), 0);
        assert_eq!(port(&["quickstart", "--demo", "--port", "8080"]), 8080);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            ["quickstart", "--format", "table"],
            ["quickstart", "--database-url", "oracle://x"],
            ["quickstart", "--database-url", "sqlite::memory:"],
            ["quickstart", "--port", "65536"],
        ] {
            assert!(Cli::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
    }
}
