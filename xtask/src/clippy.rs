//! `cargo xtask clippy`: the compiler's warnings and clippy's, as errors.

use anyhow::Result;

use crate::process;
use crate::test::packages;
use crate::workspace::cargo;

/// What is checked.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Clippy {
    /// Only this package; may be given more than once
    #[arg(short, long, value_name = "NAME")]
    package: Vec<String>,
}

impl Clippy {
    /// Checks all targets.
    ///
    /// # Errors
    ///
    /// When there is a warning.
    pub fn run(&self) -> Result<()> {
        let mut command = cargo();
        command.args(["clippy", "--all-targets"]);
        packages(&mut command, &self.package);
        process::must(command.args(["--", "--deny", "warnings"]))
    }
}
