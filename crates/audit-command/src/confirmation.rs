//! What destroys is confirmed.

use std::io::{self, IsTerminal as _};

use clap::Args;

use crate::fault::Fault;
use crate::output::talk;

/// How somebody says that they mean it.
#[derive(Debug, Args)]
pub(crate) struct Confirmation {
    /// Do it without a question; a terminal is asked, and without one nothing is done
    #[arg(long)]
    yes: bool,
}

impl Confirmation {
    /// Whether it was not confirmed beforehand.
    pub(crate) fn is_missing(&self) -> bool {
        !self.yes
    }

    /// Says what would happen and waits for these words, unless it was confirmed beforehand.
    pub(crate) fn ask(&self, what: &str, words: &str) -> Result<(), Fault> {
        if self.yes {
            return Ok(());
        }
        let refused = || Fault::Unconfirmed {
            what: what.to_owned(),
        };
        if !io::stdin().is_terminal() {
            return Err(refused());
        }
        talk(&format!("{what}\ntype `{words}` to go on:"));
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line);
        // What cannot be read confirms nothing.
        match read.is_ok() && line.trim() == words {
            true => Ok(()),
            false => Err(refused()),
        }
    }
}
