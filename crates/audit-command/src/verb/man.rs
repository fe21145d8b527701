//! `audit man`: the manual.

use clap::{Args, CommandFactory as _};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::write;

/// The arguments of `audit man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// A verb [default: the command itself]
    verb: Option<String>,
}

impl Man {
    pub(super) fn run(&self) -> Result<Exit, Fault> {
        let mut command = Cli::command();
        command.build();
        let command = match &self.verb {
            None => command,
            Some(name) => {
                let verb = command.find_subcommand(name);
                let unknown = || Fault::NoVerb { name: name.clone() };
                verb.ok_or_else(unknown)?.clone()
            }
        };
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut page);
        rendered.map_err(Fault::Output)?;
        write(&page)?;
        Ok(Exit::Success)
    }
}
