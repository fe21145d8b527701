//! `audit migrate`: the audit tables and triggers.

mod down;
mod print;
mod restore;
mod status;
mod up;

use clap::{Args, Subcommand};

use super::{Answering, run};
use crate::cli::Settings;
use crate::exit::Exit;
use crate::fault::Fault;

/// The arguments of `audit migrate`.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(subcommand)]
    action: Action,
}

/// What is done.
#[derive(Debug, Subcommand)]
enum Action {
    /// Bring the audit tables and triggers to where the rules of `audit.toml` want them
    Up(Answering<up::Up>),
    /// Say what `up` would do; exit code 1 when there is something
    Status(Answering<status::Status>),
    /// Take it all back: the triggers, and the audit tables with every event in them
    Down(down::Down),
    /// Make the audit tables where there are none, with the rows of a backup in them
    Restore(restore::Restore),
    /// Print the audit tables as migrations of sqlx, SeaORM or Diesel
    Print(print::Print),
}

impl Migrate {
    pub(super) async fn run(&self, settings: &Settings) -> Result<Exit, Fault> {
        match &self.action {
            Action::Up(verb) => run(verb, settings).await,
            Action::Status(verb) => run(verb, settings).await,
            Action::Down(verb) => run(verb, settings).await,
            Action::Restore(verb) => run(verb, settings).await,
            Action::Print(verb) => verb.run(settings),
        }
    }
}
