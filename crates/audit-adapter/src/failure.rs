//! Events of statements that the database did not run.

use audit_core::{Dialect, EventQueue, ManualEvent, Outcome};

use crate::capture_error::{CaptureError, Fault};
use crate::session::{Answer, Refusal};

/// Does work, and where it fails records that in a queue such as a lane: an event with the outcome
/// `failure`, or `denied` where a right was missing, the `error_code` of the database and one of these as
/// `reason_code`:
///
/// | `reason_code` | the statement |
/// |---|---|
/// | `audit_refused` | was undone because its event could not be written |
/// | `database_denied` | needs a right that the account does not have |
/// | `database_failed` | did not get an answer of the database |
/// | `database_refused` | was refused by the database |
/// | `missing_context` | was refused because it had no audit context |
///
/// The event is written on a connection of its own: what work rolls back leaves it. It holds no message of
/// the database, which may tell values.
///
/// # Errors
/// That of the work, as it was.
///
/// # Cancel safety
/// As the work. An event that waits for room when the future is dropped is lost.
pub async fn record_failure<Adapter, T, E: Refusal<Adapter>>(
    queue: &(impl EventQueue + ?Sized),
    event: ManualEvent,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let done = work.await;
    if let Err(error) = &done {
        queue.send(failure(event, error)).await;
    }
    done
}

/// The event of work that failed with an error.
fn failure<Adapter, E: Refusal<Adapter>>(event: ManualEvent, error: &E) -> ManualEvent {
    let Some(answer) = error.answer() else {
        let event = event.outcome(Outcome::Failure);
        return event.reason_code("database_failed");
    };
    let (outcome, reason_code) = match CaptureError::of(error).filter(CaptureError::is_certain) {
        Some(CaptureError::MissingContext(_)) => (Outcome::Denied, "missing_context"),
        Some(_) => (Outcome::Failure, "audit_refused"),
        None if is_denied(error.dialect(), &answer) => (Outcome::Denied, "database_denied"),
        None => (Outcome::Failure, "database_refused"),
    };
    let event = event.outcome(outcome).reason_code(reason_code);
    match answer.code {
        Some(code) => event.error_code(code),
        None => event,
    }
}

fn is_denied(dialect: Option<Dialect>, answer: &Answer<'_>) -> bool {
    let is_one = |dialect: &Dialect| Fault::of(*dialect, answer) == Fault::Denied;
    match dialect {
        Some(dialect) => is_one(&dialect),
        None => Dialect::ALL.iter().any(is_one),
    }
}
