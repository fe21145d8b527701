//! Telling an error of capture from the application's own.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

use crate::CaptureError;
use crate::error::Detail;

/// How the server names a function of ours when it tells where an error happened.
const OURS: &str = "function audit.";

/// Reads an error by where it happened and by its SQLSTATE, never by its words.
///
/// # Source
/// PostgreSQL's manual, appendix A (error codes) and section 55.8 (fields of an error).
pub(super) fn of(error: &dyn DatabaseError) -> Option<CaptureError> {
    let error = error.try_downcast_ref::<PgDatabaseError>()?;
    let code = error.code();
    let refusals = [
        audit_capture::POSTGRES_DENIED,
        audit_capture::POSTGRES_REFUSED,
    ];
    let ours = refusals.contains(&code) || error.r#where().is_some_and(innermost_is_ours);
    if !ours {
        return None;
    }
    let detail = Detail::new(error.message(), is_retryable(code));
    Some(match code {
        _ if code == audit_capture::POSTGRES_DENIED => CaptureError::MissingContext(detail),
        // No such table, column or schema; a column of another type or one that must be set.
        "42P01" | "42703" | "3F000" | "42804" | "23502" => CaptureError::LogMissing(detail),
        // No such function: the helper that reads altered tables.
        "42883" => CaptureError::StaleTrigger(detail),
        _ => CaptureError::Refused(detail),
    })
}

/// Whether the innermost function is ours: a function of the application may stand further out,
/// as the one that made the change, but what it calls itself is its own affair.
fn innermost_is_ours(place: &str) -> bool {
    let functions = place.lines().filter(|line| line.contains("function "));
    functions
        .map(|line| line.contains(OURS))
        .next()
        .unwrap_or(false)
}

/// Serialization failures, deadlocks, locks that were not to be had, statements that took too
/// long, and want of room or connections.
fn is_retryable(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03" | "57014") || code.starts_with("53")
}
