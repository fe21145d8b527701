//! The program: arguments in, exit code out.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Command};
use crate::{Application, Kind, Place, client, demo, serve};

/// One run of an example.
#[derive(Debug)]
pub struct Program {
    pub(crate) name: &'static str,
    pub(crate) cli: Cli,
    pub(crate) place: Place,
}

/// Runs an example: parses its arguments and plays the client, or calls `with` to choose the
/// application for the database and to [`run`](Program::run) it.
///
/// Arguments that make no sense end the process here, as `--help` does.
pub fn main(name: &'static str, with: impl AsyncFnOnce(Program) -> Result<ExitCode>) -> ExitCode {
    let matches = Cli::command().name(name).get_matches();
    let run = || {
        let cli = Cli::from_arg_matches(&matches)?;
        if let Some(Command::Play { url }) = &cli.command {
            return client::play(name, url);
        }
        let place = Place::new(name, cli.database_url.as_ref())?;
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(with(Program { name, cli, place }))
    };
    run().unwrap_or_else(|error: anyhow::Error| {
        // Where stderr is gone, the exit code still says it.
        let _ = writeln!(std::io::stderr(), "{name}: {error:#}");
        ExitCode::FAILURE
    })
}

impl Program {
    /// The kind of database that the arguments name.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.place.kind()
    }

    /// Plays the demo on an application, or serves it until Ctrl-C, as the arguments say.
    ///
    /// # Errors
    /// When the database or the port cannot be used, or the story cannot be played; the text says
    /// what to do.
    pub async fn run<A: Application>(self) -> Result<ExitCode> {
        if !self.cli.demo {
            return serve::run::<A>(&self).await;
        }
        // Whatever the demo holds goes with its future: the server, the client, the file.
        tokio::select! {
            ended = demo::run::<A>(&self) => ended,
            _ = tokio::signal::ctrl_c() => bail!("the demo was interrupted"),
        }
    }
}
