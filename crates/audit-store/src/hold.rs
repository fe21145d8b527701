//! Placing and releasing legal holds.

use audit_capture::manual_insert;
use audit_core::query::{BoundQuery, QueryError};
use audit_core::retention::{Hold, NewHold, StoredHoldError, holds};
use audit_core::{ManualEvent, ManualEventError, RowWriter, context};
use chrono::Utc;

use crate::exclusive::{self, ExclusionError};

/// A hold was not placed or released; the transaction is to be rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError<E: std::error::Error + 'static> {
    /// The event is not complete.
    #[error(transparent)]
    Event(#[from] ManualEventError),
    /// The transaction could not be kept apart from purges.
    #[error(transparent)]
    Exclusion(#[from] ExclusionError<E>),
    /// There is, or was, a hold of this name.
    #[error("there is a hold `{name}`, or there was one; give this one another name")]
    Exists {
        /// The name.
        name: String,
    },
    /// The hold cannot be placed as it is.
    #[error("the hold `{name}` cannot be placed: {problem}")]
    Invalid {
        /// The name.
        name: String,
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// A hold cannot be read.
    #[error(transparent)]
    Stored(#[from] StoredHoldError),
    /// A text cannot be stored.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The database failed, or refused it.
    #[error(
        "the hold could not be written; roll back, and see that the account may insert and update in `audit_holds`, as its owner may"
    )]
    Refused(#[source] E),
    /// There is no such hold, or it was released before.
    #[error("there is no hold `{name}` that is not released")]
    Unknown {
        /// The name.
        name: String,
    },
}

/// Places a hold, in the caller's transaction, with an event that tells so. It is placed by the actor
/// of the context of this task. It waits for the batch of a purge that is being removed; from the
/// commit on, no purge takes what it selects.
///
/// The connection must be an attached one, or the event does not know who did it.
///
/// # Errors
/// [`HoldError::Invalid`] before anything runs, [`HoldError::Exists`] for a name that is taken, also by
/// a hold that was released, [`HoldError::Exclusion`] and [`HoldError::Refused`] when the account
/// has no right to it or the database fails.
///
/// # Cancel safety
/// None: roll the transaction back when the future is dropped.
pub async fn place<W: RowWriter>(
    hold: &NewHold,
    writer: &mut W,
) -> Result<(), HoldError<W::Error>> {
    let name = || hold.name().to_owned();
    if let Some(problem) = hold.problem() {
        let name = name();
        return Err(HoldError::Invalid { name, problem });
    }
    if find(hold.name(), writer).await?.is_some() {
        return Err(HoldError::Exists { name: name() });
    }
    let statement = hold.place(writer.dialect(), Utc::now(), actor().as_deref())?;
    write(&statement, &hold.placed(), writer).await
}

/// Releases a hold, in the caller's transaction, with an event that tells so and why. What it kept is
/// what the policies say again.
///
/// # Errors
/// [`HoldError::Unknown`] when there is no such hold, or it was released before,
/// [`HoldError::Exclusion`] and [`HoldError::Refused`] when the account has no right to it or the
/// database fails.
///
/// # Cancel safety
/// None: roll the transaction back when the future is dropped.
pub async fn release<W: RowWriter>(
    name: &str,
    reason: &str,
    writer: &mut W,
) -> Result<(), HoldError<W::Error>> {
    let hold = find(name, writer).await?.filter(Hold::is_active);
    let Some(hold) = hold else {
        let name = name.to_owned();
        return Err(HoldError::Unknown { name });
    };
    let statement = Hold::release(name, writer.dialect(), Utc::now(), actor().as_deref())?;
    write(&statement, &hold.released(reason), writer).await
}

/// The hold of a name, once nobody else places or releases one.
async fn find<W: RowWriter>(
    name: &str,
    writer: &mut W,
) -> Result<Option<Hold>, HoldError<W::Error>> {
    exclusive::enter(writer).await?;
    let rows = writer.texts(&holds(writer.dialect(), true)).await;
    let rows = rows.map_err(HoldError::Refused)?;
    let is_it = |row: &&Vec<Option<String>>| row.first().and_then(Option::as_deref) == Some(name);
    let row = rows.iter().find(is_it);
    Ok(row.map(|row| Hold::from_texts(row)).transpose()?)
}

fn actor() -> Option<String> {
    let context = context::current()?;
    context.actor().map(|actor| actor.id().to_owned())
}

async fn write<W: RowWriter>(
    statement: &BoundQuery,
    event: &ManualEvent,
    writer: &mut W,
) -> Result<(), HoldError<W::Error>> {
    let event = manual_insert(writer.dialect(), &event.to_texts()?);
    for statement in [statement, &event] {
        let written = writer.texts(statement).await;
        written.map_err(HoldError::Refused)?;
    }
    Ok(())
}
