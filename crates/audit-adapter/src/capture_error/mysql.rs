//! What MySQL and MariaDB say when an event cannot be written.

use super::{Answer, CaptureError, Detail, Fault};

/// Error numbers of the server that say something about capture.
///
/// # Source
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>,
/// <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>.
mod number {
    pub(super) const BAD_FIELD: u16 = 1054;
    pub(super) const BAD_NULL: u16 = 1048;
    pub(super) const CHECK_FAILED: u16 = 4025;
    pub(super) const COLUMN_DENIED: u16 = 1143;
    pub(super) const DATA_TOO_LONG: u16 = 1406;
    pub(super) const DATABASE_DENIED: u16 = 1044;
    pub(super) const DEADLOCK: u16 = 1213;
    pub(super) const DUPLICATE: u16 = 1062;
    pub(super) const INCORRECT_VALUE: u16 = 1292;
    pub(super) const INCORRECT_VALUE_FOR_FIELD: u16 = 1366;
    pub(super) const LOCK_WAIT: u16 = 1205;
    pub(super) const PACKET_TOO_LARGE: u16 = 1153;
    pub(super) const PRIVILEGE_DENIED: u16 = 1227;
    pub(super) const ROUTINE_DENIED: u16 = 1370;
    pub(super) const TABLE_DENIED: u16 = 1142;
    pub(super) const NO_SUCH_TABLE: u16 = 1146;
}

fn number(answer: &Answer<'_>) -> Option<u16> {
    answer.code.as_deref()?.parse().ok()
}

pub(super) fn fault(answer: &Answer<'_>) -> Fault {
    match number(answer) {
        Some(number::DEADLOCK) => Fault::Deadlock,
        Some(number::LOCK_WAIT) => Fault::Busy,
        Some(
            number::COLUMN_DENIED
            | number::DATABASE_DENIED
            | number::PRIVILEGE_DENIED
            | number::ROUTINE_DENIED
            | number::TABLE_DENIED,
        ) => Fault::Denied,
        Some(
            number::BAD_NULL
            | number::CHECK_FAILED
            | number::DATA_TOO_LONG
            | number::DUPLICATE
            | number::INCORRECT_VALUE
            | number::INCORRECT_VALUE_FOR_FIELD
            | number::PACKET_TOO_LARGE,
        ) => Fault::Value,
        _ => Fault::Other,
    }
}

/// Whether a row of this key is there already.
pub(super) fn is_duplicate(answer: &Answer<'_>) -> bool {
    // The only key of ours that says what is the same.
    number(answer) == Some(number::DUPLICATE) && answer.message.contains("PRIMARY")
}

pub(super) fn capture_error(answer: &Answer<'_>) -> Option<CaptureError> {
    let message = answer.message;
    // Some errors come up before the trigger runs, where it can give none of them its prefix.
    let is_ours = message.starts_with(audit_capture::ERROR_PREFIX);
    let names_row = message.ends_with("in 'NEW'") || message.ends_with("in 'OLD'");
    let detail = Detail::new(message, fault(answer).is_contention());
    match number(answer) {
        _ if message == audit_capture::MISSING_CONTEXT => {
            Some(CaptureError::MissingContext(detail))
        }
        Some(number::BAD_FIELD) if names_row => Some(CaptureError::StaleTrigger(detail)),
        Some(number::BAD_FIELD) if is_ours => Some(CaptureError::LogMissing(detail)),
        Some(number::NO_SUCH_TABLE) if message.contains("audit_logs") => {
            Some(CaptureError::LogMissing(detail))
        }
        _ if is_ours || message.contains("audit_logs") => Some(CaptureError::Refused(detail)),
        // No handler of a trigger sees these, so that none can give them its prefix.
        Some(number::DEADLOCK | number::LOCK_WAIT) => Some(CaptureError::Unclear(detail)),
        _ => None,
    }
}
