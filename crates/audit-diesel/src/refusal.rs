//! What an error of Diesel says of the database's answer.

use audit_adapter::{Answer, Refusal};
use audit_core::Dialect;
use diesel::result::{DatabaseErrorKind, Error};

/// Stands for this adapter.
#[derive(Debug, Clone, Copy)]
pub struct Adapter;

impl Refusal<Adapter> for Error {
    fn answer(&self) -> Option<Answer<'_>> {
        match self {
            Self::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            ) => None,
            // Diesel keeps the code and the place to itself.
            Self::DatabaseError(_, told) => Some(Answer {
                code: None,
                message: told.message(),
                place: None,
            }),
            _ => None,
        }
    }

    fn dialect(&self) -> Option<Dialect> {
        None
    }
}

/// Whether the open transaction has failed, and takes no statement any more (PostgreSQL).
#[cfg(feature = "executor")]
pub(crate) fn in_failed_transaction(error: &Error) -> bool {
    let answer = error.answer();
    answer.is_some_and(|answer| answer.message.starts_with("current transaction is aborted"))
}
