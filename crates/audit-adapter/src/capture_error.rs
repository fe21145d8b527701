//! Telling an error of capture from the application's own.

mod message;
mod mysql;
mod postgres;
mod sqlite;

use std::fmt;

use audit_core::Dialect;

use crate::session::{Answer, Refusal};

/// Why an event could not be written. The change that it belongs to was undone with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureError {
    /// `audit_logs` is missing or has another shape.
    LogMissing(Detail),
    /// A write without a context, where the rules refuse one.
    MissingContext(Detail),
    /// The trigger does not fit the table any more.
    StaleTrigger(Detail),
    /// The database refused the event for another reason: no room, a lock, a right.
    Refused(Detail),
    /// The database was full, locked, or ended a deadlock, and does not say whether it was at the log:
    /// nobody can tell the event from the change. On SQLite both are in one file; MariaDB names no
    /// table whose lock was waited for; Diesel does not hand on where PostgreSQL was.
    Unclear(Detail),
}

/// What the database said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    message: String,
    retryable: bool,
}

impl Detail {
    fn new(message: &str, retryable: bool) -> Self {
        Self {
            message: message.to_owned(),
            retryable,
        }
    }

    /// The database's own words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl CaptureError {
    /// Reads an error of a statement: `None` when it has nothing to do with capture.
    ///
    /// [`CaptureError::Unclear`] is given for every statement that such a failure can be of, those
    /// that read or write no audited table among them: [`CaptureError::is_certain`] tells it from the
    /// others.
    #[must_use]
    pub fn of<Adapter, E: Refusal<Adapter>>(error: &E) -> Option<Self> {
        let answer = error.answer()?;
        if answer.code.is_none() {
            return message::capture_error(answer.message);
        }
        match error.dialect() {
            Some(dialect) => Self::in_answer(dialect, &answer),
            None => [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite]
                .into_iter()
                .find_map(|dialect| Self::in_answer(dialect, &answer)),
        }
    }

    /// Reads what a database said.
    pub(crate) fn in_answer(dialect: Dialect, answer: &Answer<'_>) -> Option<Self> {
        match dialect {
            _ if answer.code.is_none() => message::capture_error(answer.message),
            Dialect::MySql => mysql::capture_error(answer),
            Dialect::Postgres => postgres::capture_error(answer),
            _ => sqlite::capture_error(answer),
        }
    }

    fn detail(&self) -> &Detail {
        match self {
            Self::LogMissing(detail)
            | Self::MissingContext(detail)
            | Self::StaleTrigger(detail)
            | Self::Refused(detail)
            | Self::Unclear(detail) => detail,
        }
    }

    /// Whether the event is what could not be written. It is not known of [`CaptureError::Unclear`]
    /// alone, which an application meets in its own rush as well: it is no reason to wake anyone.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Unclear(_))
    }

    /// Whether the same statement may succeed later without anyone doing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.detail().retryable
    }

    /// Whether the event was recorded: never, and neither was the change made.
    #[must_use]
    pub fn was_recorded(&self) -> bool {
        false
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::LogMissing(_) => {
                "the change was undone because the audit log is missing or has another shape; run \
                 `migrate`"
            }
            Self::MissingContext(_) => {
                "the change was refused because it has no audit context; run it inside one"
            }
            Self::StaleTrigger(_) => {
                "the change was undone because the table was altered after its audit trigger was \
                 made; run `migrate`"
            }
            Self::Refused(_) => "the change was undone because its event could not be written",
            Self::Unclear(_) => {
                "the statement was undone because the database was full or locked, perhaps at the \
                 audit log; the database does not say"
            }
        };
        write!(formatter, "{what}: {}", self.detail().message)
    }
}

impl std::error::Error for CaptureError {}

/// What kind of refusal an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Somebody else's lock, or a wait that was cut short.
    Busy,
    /// Two transactions waited for each other, and this one was taken back.
    Deadlock,
    /// The account has no right to it.
    Denied,
    /// Another one.
    Other,
    /// A value that it does not take.
    Value,
}

impl Fault {
    pub(crate) fn of(dialect: Dialect, answer: &Answer<'_>) -> Self {
        match dialect {
            _ if answer.code.is_none() => message::fault(answer.message),
            Dialect::MySql => mysql::fault(answer),
            Dialect::Postgres => postgres::fault(answer),
            _ => sqlite::fault(answer),
        }
    }

    /// Whether a row of the same key is there already, where a statement cannot overlook that.
    pub(crate) fn is_duplicate(dialect: Dialect, answer: &Answer<'_>) -> bool {
        dialect == Dialect::MySql && mysql::is_duplicate(answer)
    }

    /// Whether it is due to what somebody else does, and passes with it.
    pub(crate) fn is_contention(self) -> bool {
        matches!(self, Self::Busy | Self::Deadlock)
    }
}
