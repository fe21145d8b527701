//! Why a command ends early, and with which exit code.

use std::process::ExitCode;

/// A reason that has its own exit code; every other error ends with 1.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// A program is not on this machine and may not be installed by us: exit code 3.
    #[error("{what}\ntype this and try again:\n    {line}")]
    Missing {
        /// What is missing, and for which database.
        what: String,
        /// The line to type.
        line: String,
    },
    /// A signal arrived: exit code 128 and the signal's number.
    #[error("stopped by signal {0}")]
    Signal(usize),
}

impl Stop {
    /// The code to leave with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Missing { .. } => 3,
            Self::Signal(number) => u8::try_from(number.saturating_add(128)).unwrap_or(u8::MAX),
        }
    }
}

/// The exit code of an error: that of the [`Stop`] in its chain, else 1.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    error
        .downcast_ref::<Stop>()
        .map_or(ExitCode::FAILURE, |stop| ExitCode::from(stop.exit_code()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn codes() {
        let missing = Stop::Missing {
            what: "x".into(),
            line: "y".into(),
        };
        assert_eq!(missing.exit_code(), 3);
        assert_eq!(Stop::Signal(2).exit_code(), 130);
        assert_eq!(Stop::Signal(15).exit_code(), 143);
    }

    #[test]
    fn a_reason_is_found_under_its_context() {
        let error: anyhow::Result<()> = Err(Stop::Signal(2).into());
        let error = error.context("while it started").expect_err("is an error");
        assert_eq!(exit_code(&error), ExitCode::from(130));
        assert_eq!(exit_code(&anyhow::anyhow!("other")), ExitCode::FAILURE);
    }
}
