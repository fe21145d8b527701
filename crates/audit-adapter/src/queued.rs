//! Events of a lane.

use audit_core::QueuedEvent;
use audit_core::lane::WriteError;

use crate::capture_error::Fault;
use crate::session::{Refusal as _, Session};

/// Writes events of a lane by one statement, all or none; one that is there already stays as it is.
///
/// # Errors
/// [`WriteError::Refused`] when the database does not take one of them, on MySQL and MariaDB also when
/// one of several is there already; [`WriteError::Unavailable`] when there is no answer or somebody else is
/// in the way; [`WriteError::Failed`] on any other answer.
///
/// # Cancel safety
/// When the future is dropped the events are there or not; writing them again is no harm.
pub async fn write_queued<S: Session>(
    session: &mut S,
    events: &[QueuedEvent],
) -> Result<(), WriteError<S::Error>> {
    let query = audit_capture::queued_insert(S::DIALECT, events);
    let Err(error) = session.texts(&query).await else {
        return Ok(());
    };
    let Some(answer) = error.answer() else {
        return Err(WriteError::Unavailable(error));
    };
    if events.len() == 1 && Fault::is_duplicate(S::DIALECT, &answer) {
        return Ok(());
    }
    match Fault::of(S::DIALECT, &answer) {
        Fault::Value => Err(WriteError::Refused(error)),
        Fault::Busy | Fault::Deadlock => Err(WriteError::Unavailable(error)),
        Fault::Denied | Fault::Other => Err(WriteError::Failed(error)),
    }
}
