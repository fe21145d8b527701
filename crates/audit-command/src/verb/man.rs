//! `audit man`: the manual.

use clap::{Args, CommandFactory as _};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::write;

/// The arguments of `audit man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// A verb, such as `log` or `migrate up` [default: the command itself]
    verb: Vec<String>,
}

impl Man {
    pub(super) fn run(&self) -> Result<Exit, Fault> {
        let mut command = Cli::command();
        command.build();
        for name in &self.verb {
            let verb = command.find_subcommand(name);
            let unknown = || Fault::NoVerb { name: name.clone() };
            command = verb.ok_or_else(unknown)?.clone();
        }
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut page);
        rendered.map_err(Fault::Output)?;
        write(&page)?;
        Ok(Exit::Success)
    }
}
