//! What SQLite says when an event cannot be written.

use super::{Answer, CaptureError, Detail, Fault};

/// Result codes that say something about capture.
///
/// # Source
/// <https://www.sqlite.org/rescode.html>
mod code {
    pub(super) const AUTH: u32 = 23;
    pub(super) const BUSY: u32 = 5;
    pub(super) const CONSTRAINT: u32 = 19;
    pub(super) const FULL: u32 = 13;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const MISMATCH: u32 = 20;
    pub(super) const READONLY: u32 = 8;
    pub(super) const TOOBIG: u32 = 18;
}

/// The primary code, which is the last byte of an extended one.
fn primary(answer: &Answer<'_>) -> Option<u32> {
    let code = answer.code.as_deref()?.parse::<u32>().ok()?;
    Some(code & 0xff)
}

pub(super) fn fault(answer: &Answer<'_>) -> Fault {
    match primary(answer) {
        Some(code::BUSY | code::LOCKED) => Fault::Busy,
        // Refused by an authorizer, or the file may only be read.
        Some(code::AUTH | code::READONLY) => Fault::Denied,
        Some(code::CONSTRAINT | code::MISMATCH | code::TOOBIG) => Fault::Value,
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
        // Connections that share a cache lock tables, and say which.
        return Some(match fault(answer).is_contention() {
            true => CaptureError::Refused(Detail::new(message, true)),
            false => CaptureError::LogMissing(detail()),
        });
    }
    let names_row =
        message.contains("no such column: NEW.") || message.contains("no such column: OLD.");
    if names_row || message.contains("error in trigger audit_") {
        return Some(CaptureError::StaleTrigger(detail()));
    }
    // The file as a whole, and the log with it. Room may come, as a lock passes.
    let is_of_file = matches!(primary(answer), Some(code::BUSY | code::FULL));
    is_of_file.then(|| CaptureError::Unclear(Detail::new(message, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: u32, message: &str) -> Option<(String, bool)> {
        let answer = Answer {
            code: Some(code.to_string().into()),
            message,
            place: None,
        };
        let error = capture_error(&answer)?;
        let name = format!("{error:?}");
        let (name, _) = name.split_once('(')?;
        Some((name.to_owned(), error.is_retryable()))
    }

    #[test]
    fn a_file_that_is_full_or_locked_leaves_open_whose_it_was() {
        let unclear = Some(("Unclear".to_owned(), true));
        // Also BUSY_SNAPSHOT, by its primary code.
        for code in [5, 13, 517] {
            assert_eq!(read(code, "database is locked"), unclear, "{code}");
        }
        assert_eq!(read(6, "database table is locked: users"), None);
        let refused = Some(("Refused".to_owned(), true));
        assert_eq!(read(262, "database table is locked: audit_logs"), refused);
        let missing = Some(("LogMissing".to_owned(), false));
        assert_eq!(read(1, "no such table: main.audit_logs"), missing);
        assert_eq!(read(2067, "UNIQUE constraint failed: users.id"), None);
    }
}
