//! The program: arguments in, exit code out.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match quickstart::run(&quickstart::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Where stderr is gone, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "quickstart: {error:#}");
            ExitCode::FAILURE
        }
    }
}
