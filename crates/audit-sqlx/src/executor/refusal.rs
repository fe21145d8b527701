//! Why a statement of a pool that captures inline did nothing.

use audit_adapter::Answer;
use audit_capture::inline::Uncapturable;
use audit_capture::{MISSING_CONTEXT, POSTGRES_DENIED, POSTGRES_REFUSED};
use audit_core::Dialect;
use sqlx::error::DatabaseError;

/// Why a statement of a pool that captures inline changed nothing: what a
/// `sqlx::Error::Configuration` of it holds, see [`InlineRefusal::of`]. [`CaptureError::of`](crate::CaptureError::of) knows it as well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InlineRefusal {
    /// It did not run: the context is bound behind its own values, which must be as many as its parameters.
    #[error(
        "the statement has {parameters} parameters, and {binds} values are bound; bind one to each"
    )]
    Binds {
        /// How many values are bound.
        binds: usize,
        /// How many it has.
        parameters: usize,
    },
    /// It was undone because its event could not be written.
    #[error("the change was undone because its event could not be written: {0}")]
    Event(#[source] Box<dyn DatabaseError>),
    /// It did not run, because it has no context and `MissingContext::Deny` is set.
    #[error("{}", MISSING_CONTEXT)]
    MissingContext,
    /// It did not run, because what it changes cannot be captured.
    #[error("the statement did not run, because it cannot be recorded: {0}")]
    Uncapturable(#[from] Uncapturable),
}

impl InlineRefusal {
    /// Reads an error of a statement: `None` when it is another.
    #[must_use]
    pub fn of(error: &sqlx::Error) -> Option<&Self> {
        match error {
            sqlx::Error::Configuration(error) => error.downcast_ref(),
            _ => None,
        }
    }

    /// The same as a database would say it.
    pub(crate) fn answer(&self) -> Answer<'_> {
        let (code, message) = match self {
            Self::Event(error) => {
                return Answer {
                    code: error.code(),
                    message: error.message(),
                    // By which errors of the events of triggers are known.
                    place: Some("PL/pgSQL audit.audit_logs"),
                };
            }
            Self::MissingContext => (POSTGRES_DENIED, MISSING_CONTEXT),
            Self::Binds { .. } => (POSTGRES_REFUSED, "the values that are bound do not fit"),
            Self::Uncapturable(_) => (POSTGRES_REFUSED, "the statement cannot be recorded"),
        };
        Answer {
            code: Some(code.into()),
            message,
            place: None,
        }
    }

    /// Whose answer it is.
    pub(crate) const DIALECT: Dialect = Dialect::Postgres;
}

impl From<InlineRefusal> for sqlx::Error {
    fn from(refusal: InlineRefusal) -> Self {
        Self::Configuration(Box::new(refusal))
    }
}
