//! What SQLite says when an event cannot be written.

use super::{Answer, CaptureError, Detail, Fault};

/// # Source
/// <https://www.sqlite.org/rescode.html>; the last byte is the primary code.
pub(super) fn fault(answer: &Answer<'_>) -> Fault {
    let code = answer
        .code
        .as_deref()
        .and_then(|code| code.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(5 | 6) => Fault::Busy,
        // Refused by an authorizer, or the file may only be read.
        Some(8 | 23) => Fault::Denied,
        // Too big, against a constraint, of another type.
        Some(18..=20) => Fault::Value,
        _ => Fault::Other,
    }
}

pub(super) fn capture_error(answer: &Answer<'_>) -> Option<CaptureError> {
    let message = answer.message;
    let detail = || Detail::new(message, false);
    if message == audit_capture::MISSING_CONTEXT {
        return Some(CaptureError::MissingContext(detail()));
    }
    if message.starts_with(audit_capture::ERROR_PREFIX) {
        return Some(CaptureError::Refused(detail()));
    }
    if message.contains("audit_logs") {
        return Some(CaptureError::LogMissing(detail()));
    }
    let names_row =
        message.contains("no such column: NEW.") || message.contains("no such column: OLD.");
    if names_row || message.contains("error in trigger audit_") {
        return Some(CaptureError::StaleTrigger(detail()));
    }
    None
}
