//! `cargo xtask doc`: the documentation, with warnings as errors.

use anyhow::Result;

use crate::process;
use crate::test::packages;
use crate::workspace::cargo;

/// What is built.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Doc {
    /// Only this package; may be given more than once
    #[arg(short, long, value_name = "NAME")]
    package: Vec<String>,
}

impl Doc {
    /// Builds the documentation of our crates.
    ///
    /// # Errors
    ///
    /// When there is a warning, such as a broken link.
    pub fn run(&self) -> Result<()> {
        let mut command = cargo();
        command
            .args(["doc", "--no-deps", "--lib", "--bins", "--examples"])
            .env("RUSTDOCFLAGS", "--deny warnings");
        packages(&mut command, &self.package);
        process::must(&mut command)
    }
}
