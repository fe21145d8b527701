//! How the command ends.

use std::process::ExitCode;

/// How the command ended; the numbers are part of its contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something was found, or done; a check found nothing.
    Success = 0,
    /// Nothing was found; a check found something.
    Nothing = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// The database, or the output, failed.
    Failure = 3,
}

impl Exit {
    /// How a search ends.
    pub(crate) fn of_search(has_found: bool) -> Self {
        match has_found {
            true => Self::Success,
            false => Self::Nothing,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
