//! The command line of `cargo xtask`.
#![expect(clippy::print_stderr, reason = "its output is for the terminal")]

use std::process::ExitCode;

use clap::Parser;
use xtask::db::Db;
use xtask::{process, stop};

/// Developer commands of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Private database servers for work by hand
    #[command(subcommand)]
    Db(Db),
}

fn main() -> ExitCode {
    let command = Command::parse();
    let run = || {
        process::listen()?;
        match command {
            Command::Db(db) => db.run(),
        }
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            stop::exit_code(&error)
        }
    }
}
