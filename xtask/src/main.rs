//! The command line of `cargo xtask`.
#![expect(clippy::print_stderr, reason = "its output is for the terminal")]

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use xtask::bench::Bench;
use xtask::ci::Ci;
use xtask::clippy::Clippy;
use xtask::db::Db;
use xtask::doc::Doc;
use xtask::stop::Stop;
use xtask::test::Test;
use xtask::{deny, features, files, fmt, layers, process, stop};

/// Developer commands of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Run the tests against private database servers, which are stopped afterwards
    Test(Test),
    /// Measure what the audit log costs, on private database servers
    Bench(Bench),
    /// Private database servers for work by hand
    #[command(subcommand)]
    Db(Db),
    /// Run fmt, clippy, layers, deny, test, doc and files
    Ci(Ci),
    /// Check the layout of the code
    Fmt,
    /// Check for warnings
    Clippy(Clippy),
    /// Check that crates build with each of their features alone
    Features,
    /// Check which crate depends on which
    Layers,
    /// Check the licences and sources of dependencies
    Deny,
    /// Build the documentation
    Doc(Doc),
    /// Check the shape of the repository's files
    Files,
}

fn run(command: &Command) -> Result<()> {
    process::listen()?;
    match command {
        Command::Test(test) => test.run(),
        Command::Bench(bench) => bench.run(),
        Command::Db(db) => db.run(),
        Command::Ci(ci) => ci.run(),
        Command::Fmt => fmt::run(),
        Command::Clippy(clippy) => clippy.run(),
        Command::Features => features::run(),
        Command::Layers => layers::run(),
        Command::Deny => deny::run(),
        Command::Doc(doc) => doc.run(),
        Command::Files => files::run(),
    }
}

fn main() -> ExitCode {
    match run(&Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match error.downcast_ref::<Stop>() {
                Some(stop) => eprintln!("error: {stop}"),
                None => eprintln!("error: {error:#}"),
            }
            stop::exit_code(&error)
        }
    }
}
