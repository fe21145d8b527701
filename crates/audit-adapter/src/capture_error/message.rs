//! What a database says when an event cannot be written, where the library keeps the error code to
//! itself: only the words are left, as the server writes them in English.
//!
//! What is not named in the words cannot be told: a lock on the log that was waited for in vain says
//! nothing of the log, and so may be anybody's.

use super::{CaptureError, Detail, Fault};

/// The name of the log, in the words of any database.
const LOG: &str = audit_core::schema::LOG_TABLE;

/// Which error of capture a message is. The database need not be known.
pub(super) fn capture_error(message: &str) -> Option<CaptureError> {
    let detail = || Detail::new(message, fault(message).is_contention());
    if message == audit_capture::MISSING_CONTEXT {
        return Some(CaptureError::MissingContext(detail()));
    }
    if names_row(message) || names_trigger(message) {
        return Some(CaptureError::StaleTrigger(detail()));
    }
    let is_ours = message.starts_with(audit_capture::ERROR_PREFIX);
    if (is_ours && message.contains("Unknown column"))
        || (message.contains(LOG) && says_missing(message))
        || message.contains(r#"schema "audit" does not exist"#)
    {
        return Some(CaptureError::LogMissing(detail()));
    }
    if is_ours || message.contains(LOG) {
        return Some(CaptureError::Refused(detail()));
    }
    names_nothing(message).then(|| CaptureError::Unclear(Detail::new(message, true)))
}

/// Whether a database that is full or locked keeps to itself at which table.
fn names_nothing(message: &str) -> bool {
    [
        "database is locked",
        "database or disk is full",
        "canceling statement due to lock timeout",
        "deadlock detected",
        "could not extend file",
        "Lock wait timeout exceeded",
        "Deadlock found",
    ]
    .iter()
    .any(|words| message.starts_with(words))
}

/// Whether a trigger reads a column that its table does not have.
fn names_row(message: &str) -> bool {
    let mysql = message.ends_with("in 'NEW'") || message.ends_with("in 'OLD'");
    mysql
        || ["NEW.", "OLD."]
            .iter()
            .any(|row| message.contains(&format!("no such column: {row}")))
}

/// Whether a trigger, or what it calls, is at odds with its table.
fn names_trigger(message: &str) -> bool {
    message.contains("error in trigger audit_")
        || (message.starts_with("function audit.") && message.ends_with("does not exist"))
}

/// Whether a table or column is missing, or has another type than it should.
fn says_missing(message: &str) -> bool {
    [
        "no such table",
        "no column named",
        "does not exist",
        "doesn't exist",
        "is of type",
        "violates not-null constraint",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// What kind of refusal a message is.
pub(super) fn fault(message: &str) -> Fault {
    let says = |phrases: &[&str]| phrases.iter().any(|words| message.contains(words));
    if says(&[
        "is locked",
        "Lock wait timeout exceeded",
        "could not obtain lock",
        "could not serialize access",
        "canceling statement due to",
    ]) {
        Fault::Busy
    } else if says(&["Deadlock found", "deadlock detected"]) {
        Fault::Deadlock
    } else if says(&["permission denied", "command denied"]) {
        Fault::Denied
    } else {
        Fault::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of the error.
    fn kind(message: &str) -> Option<String> {
        let name = format!("{:?}", capture_error(message)?);
        name.split('(').next().map(str::to_owned)
    }

    #[test]
    fn words_that_name_the_log_are_told_apart() {
        for (expected, messages) in [
            (
                Some("LogMissing"),
                &[
                    r#"relation "audit.audit_logs" does not exist"#,
                    r#"column "label" of relation "audit_logs" does not exist"#,
                    r#"null value in column "required" of relation "audit_logs" violates not-null constraint"#,
                    r#"schema "audit" does not exist"#,
                    "no such table: main.audit_logs",
                    "table audit_logs has no column named label",
                    "audit: Table 'app.audit_logs' doesn't exist",
                    "audit: Unknown column 'label' in 'field list'",
                ][..],
            ),
            (Some("MissingContext"), &[audit_capture::MISSING_CONTEXT]),
            (
                Some("StaleTrigger"),
                &[
                    "no such column: NEW.age",
                    "error in trigger audit_update_users: no such column: NEW.age",
                    "Unknown column 'age' in 'NEW'",
                    "audit: Unknown column 'age' in 'OLD'",
                    "function audit.fresh(oid) does not exist",
                ],
            ),
            (
                Some("Refused"),
                &[
                    "permission denied for table audit_logs",
                    r#"new row for relation "audit_logs" violates check constraint "no_room""#,
                    "audit: Data too long for column 'label' at row 1",
                ],
            ),
            (
                Some("Unclear"),
                &[
                    "canceling statement due to lock timeout",
                    "could not extend file \"base/5/16390\": No space left on device",
                    "database is locked",
                    "database or disk is full",
                    "deadlock detected",
                    "Deadlock found when trying to get lock; try restarting transaction",
                    "Lock wait timeout exceeded; try restarting transaction",
                ],
            ),
            (
                None,
                &[
                    "",
                    "canceling statement due to statement timeout",
                    r#"could not obtain lock on row in relation "users""#,
                    "database table is locked: users",
                    "no such table: users",
                    r#"relation "users" does not exist"#,
                    "Unknown column 'age' in 'field list'",
                    "function own(integer) does not exist",
                ],
            ),
        ] {
            for message in messages {
                assert_eq!(kind(message).as_deref(), expected, "{message}");
            }
        }
    }

    #[test]
    fn somebody_elses_lock_is_worth_another_try() {
        let locked = capture_error("audit: Lock wait timeout exceeded; try restarting transaction");
        assert!(locked.is_some_and(|error| error.is_retryable()));
        assert_eq!(fault("database is locked"), Fault::Busy);
        for deadlock in [
            "Deadlock found when trying to get lock; try restarting transaction",
            "deadlock detected",
        ] {
            assert_eq!(fault(deadlock), Fault::Deadlock);
        }
        assert_eq!(fault("permission denied for schema audit"), Fault::Denied);
        assert_eq!(fault("UNIQUE constraint failed: users.id"), Fault::Other);
    }
}
