//! What PostgreSQL says when an event cannot be written.

use super::{Answer, CaptureError, Detail, Fault};

/// Reads an error by where it happened and by its SQLSTATE, never by its words.
///
/// # Source
/// PostgreSQL's manual, appendix A (error codes) and section 55.8 (fields of an error).
pub(super) fn capture_error(answer: &Answer<'_>) -> Option<CaptureError> {
    let code = answer.code.as_deref().unwrap_or_default();
    let refusals = [
        audit_capture::POSTGRES_DENIED,
        audit_capture::POSTGRES_REFUSED,
    ];
    let ours = refusals.contains(&code) || answer.place.is_some_and(innermost_is_ours);
    if !ours {
        return None;
    }
    let detail = Detail::new(answer.message, is_retryable(code));
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
///
/// Each function has a line with its name, innermost first. The words around the name are in the
/// language of the server, but that of the procedural language is not translated.
fn innermost_is_ours(place: &str) -> bool {
    let mut functions = place.lines().filter(|line| line.contains("PL/pgSQL"));
    functions.next().is_some_and(names_a_function_of_ours)
}

/// Whether `audit.` is the start of a name in the line, and no part of one in quotes.
fn names_a_function_of_ours(line: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.' | '"');
    line.match_indices("audit.").any(|(at, _)| {
        let (before, _) = line.split_at(at);
        before.matches('"').count() % 2 == 0 && !before.ends_with(is_part)
    })
}

/// What somebody else's work caused, or want of room or connections.
fn is_retryable(code: &str) -> bool {
    kind(code).is_contention() || code.starts_with("53")
}

/// What kind of error this is, by its SQLSTATE.
pub(super) fn fault(answer: &Answer<'_>) -> Fault {
    answer.code.as_deref().map_or(Fault::Other, kind)
}

/// Busy are serialization failures, locks that were not to be had, and statements that
/// took too long.
fn kind(code: &str) -> Fault {
    match code {
        "40001" | "55P03" | "57014" => Fault::Busy,
        "40P01" => Fault::Deadlock,
        "42501" => Fault::Denied,
        // Data exceptions, constraints, and what is too large for a limit of the server.
        _ if ["22", "23", "54"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            Fault::Value
        }
        _ => Fault::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_room_and_contention_are_worth_another_try() {
        for code in [
            "53100", "53200", "53300", "40001", "40P01", "55P03", "57014",
        ] {
            assert!(is_retryable(code), "{code}");
        }
        for code in ["42501", "23505", "54000", "58030", "XX000", ""] {
            assert!(!is_retryable(code), "{code}");
        }
    }

    #[test]
    fn a_place_is_read_in_any_language() {
        for ours in [
            "PL/pgSQL function audit.insert_public_t_0() line 3 at RAISE",
            "SQL statement \"INSERT INTO audit.audit_logs\"\nPL/pgSQL function audit.\"insert_\"() line 3",
            "PL/pgSQL-Funktion audit.record(json) Zeile 9 bei RAISE",
            "fonction PL/pgSQL audit.record(json), ligne 9, à RAISE\nPL/pgSQL function own() line 1",
            "PL/pgSQL関数audit.record(json)の9行目 - RAISE",
        ] {
            assert!(innermost_is_ours(ours), "{ours}");
        }
        for other in [
            "",
            "PL/pgSQL function own() line 1 at SQL statement\nPL/pgSQL function audit.x() line 3",
            "PL/pgSQL function \"function audit.x\"() line 1 at RETURN",
            "PL/pgSQL function my_audit.x() line 1 at RETURN",
            "PL/pgSQL function \"my audit\".x() line 1 at RETURN",
            "SQL statement \"SELECT audit.x()\"",
        ] {
            assert!(!innermost_is_ours(other), "{other}");
        }
    }

    #[test]
    fn want_of_room_may_pass_and_is_not_somebody_elses_lock() {
        for (code, expected, retryable) in [
            ("55P03", Fault::Busy, true),
            ("57014", Fault::Busy, true),
            ("40P01", Fault::Deadlock, true),
            ("53100", Fault::Other, true),
            ("42501", Fault::Denied, false),
            ("23514", Fault::Value, false),
        ] {
            assert_eq!(
                (kind(code), is_retryable(code)),
                (expected, retryable),
                "{code}"
            );
        }
    }
}
