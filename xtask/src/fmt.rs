//! `cargo xtask fmt`: the layout of the code.

use anyhow::Result;

use crate::process;
use crate::workspace::cargo;

/// Checks the layout.
///
/// # Errors
///
/// When `cargo fmt` would change a file.
pub fn run() -> Result<()> {
    process::must(cargo().args(["fmt", "--all", "--", "--check"]))
}
