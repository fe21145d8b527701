//! What the API answers when something cannot be done.

use std::error::Error;
use std::io::Write as _;

use audit_core::query::QueryError;
use serde::Serialize;

use crate::answers::Plan;
use crate::contract::{MOST_LINES, MOST_LISTED};

/// Why a request was not done. An example turns it into an answer of its framework.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A unique key or a foreign key forbids it: 409.
    #[error("another record stands against it")]
    Conflict,
    /// The database failed, or the log: 500.
    #[error("the database failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// The filters of the log make no sense: 400.
    #[error(transparent)]
    Filters(#[from] QueryError),
    /// A list is to be empty or too long: 400.
    #[error("`{0}` is no limit of a list; it is at least 1 and at most {MOST_LISTED}")]
    NoLimit(u32),
    /// A total is no decimal: 400.
    #[error("`{0}` is no total; write a decimal such as `199.90`")]
    NoTotal(String),
    /// No row was there: 404.
    #[error("there is no such record")]
    NotFound,
    /// 409.
    #[error("an invoice has at most {MOST_LINES} lines; nothing was added")]
    TooManyLines,
    /// Nobody reads the trail, or takes changes back, without a token: 401.
    #[error("only those who are known may ask; send a token as `authorization: Bearer ..`")]
    Unauthenticated,
    /// Something stands against an undo: 409, with the plan that tells what.
    #[error("{why}")]
    Undo {
        /// Why nothing was done.
        why: String,
        /// What stands against it.
        plan: Box<Plan>,
    },
}

/// The body of an answer.
#[derive(Debug, Serialize)]
pub struct Body<'r> {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'r Plan>,
}

impl Refusal {
    /// A failure of a library.
    #[must_use]
    pub fn failed(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Box::new(error))
    }

    /// Nothing, when there was a row to change.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there was none.
    pub fn unless(found: bool) -> Result<(), Self> {
        match found {
            true => Ok(()),
            false => Err(Self::NotFound),
        }
    }

    /// The status code of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Conflict | Self::TooManyLines | Self::Undo { .. } => 409,
            Self::Failed(_) => 500,
            Self::Filters(_) | Self::NoLimit(_) | Self::NoTotal(_) => 400,
            Self::NotFound => 404,
            Self::Unauthenticated => 401,
        }
    }

    /// The value of the header `www-authenticate`, which an answer with 401 has.
    #[must_use]
    pub fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated => Some("Bearer"),
            _ => None,
        }
    }

    /// The body of the answer. The causes of a failure are for whoever runs the server, not for its
    /// callers: they go to standard error.
    #[must_use]
    pub fn body(&self) -> Body<'_> {
        if let Self::Failed(_) = self {
            let mut text = self.to_string();
            let mut cause = self.source();
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            // Where stderr is gone, nobody reads it.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
        Body {
            error: self.to_string(),
            plan: match self {
                Self::Undo { plan, .. } => Some(plan),
                _ => None,
            },
        }
    }
}
