#![doc = include_str!("../README.md")]

mod claim;
mod cli;
mod config;
mod confirmation;
mod database;
mod destination;
mod exit;
mod fault;
mod filters;
mod listing;
mod operator;
mod output;
mod parts;
mod record;
mod rules;
mod script;
mod secret;
mod table;
mod tool;
mod verb;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::fault::Fault;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return refused(&said).into(),
    };
    match run(cli) {
        Ok(exit) => exit.into(),
        // Whoever reads has read enough.
        Err(fault) if fault.is_closed_pipe() => Exit::Success.into(),
        Err(fault) => {
            output::talk(&format!("audit: {}", fault.in_words()));
            fault.exit().into()
        }
    }
}

/// Help and version go to stdout, what is wrong with the arguments to stderr.
fn refused(said: &clap::Error) -> Exit {
    if said.use_stderr() {
        output::talk(said.to_string().trim_end());
        return Exit::Usage;
    }
    // A reader that is gone has read enough.
    let _ = said.print();
    Exit::Success
}

fn run(cli: Cli) -> Result<Exit, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Fault::Output)?;
    runtime.block_on(cli.run())
}
