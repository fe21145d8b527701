//! A setting of the session, the slots joined to one text.

use audit_core::query::{Bind, BoundQuery};
use audit_core::stamp::Stamp;

/// Takes the context off.
pub const CLEAR: &str = "SET audit.context = ''";

/// The start of a statement that sets the context, up to its text, and that fails where a transaction
/// is open that an earlier message has opened: a setting of that name cannot be. For a client that does
/// not say whether one is open. It must be sent as one message that is not prepared: only there a
/// transaction of its own has begun in the microsecond in which the statement has.
///
/// A text that is cast to a number would fail as well, and costs the server more.
macro_rules! set_outside_a_transaction {
    () => {
        "SELECT pg_catalog.set_config(CASE WHEN pg_catalog.now() OPERATOR(pg_catalog.=) \
         pg_catalog.statement_timestamp() THEN 'audit.context' \
         ELSE 'a transaction was left open on this connection' END, "
    };
}

/// Tells whether no earlier message has opened a transaction. It must be sent as one message that is not
/// prepared.
pub const IS_OUTSIDE_A_TRANSACTION: &str =
    "SELECT pg_catalog.now() OPERATOR(pg_catalog.=) pg_catalog.statement_timestamp()";

/// Takes the context off, and fails inside a transaction that an earlier message has opened. It must
/// be sent as one message that is not prepared.
pub const CLEAR_OUTSIDE_A_TRANSACTION: &str = concat!(set_outside_a_transaction!(), "'', false)");

/// Expands to the statement that replaces the context, for as long as the session or the transaction
/// lives.
macro_rules! replace {
    ($is_local:literal) => {
        concat!(
            "SELECT pg_catalog.set_config('audit.context', CASE \
             WHEN $1 = '' THEN coalesce(pg_catalog.current_setting('audit.fallback', true), '') \
             ELSE pg_catalog.array_to_string(ARRAY(\
                 SELECT coalesce(given.slots[slot], \
                     CASE WHEN slot IN (16, 17) THEN fallback.slots[slot] END, '') \
                 FROM pg_catalog.string_to_array($1, E'\\x1f', '') AS given (slots), \
                 pg_catalog.string_to_array(\
                     pg_catalog.current_setting('audit.fallback', true), E'\\x1f', '') \
                     AS fallback (slots), \
                 pg_catalog.generate_series(1, 18) AS slot ORDER BY slot), E'\\x1f') \
             END, ",
            $is_local,
            ")"
        )
    };
}

/// Replaces the context of a connection that the caller holds; bind: the joined stamp. The empty
/// text stands for what [`keep_fallback`] left, which also fills the service and environment that a
/// stamp leaves open.
pub const REPLACE: &str = replace!("false");

/// The same until the open transaction ends, when the context before it is back.
pub const REPLACE_LOCAL: &str = replace!("true");

/// Keeps the stamp of work that brings no context on a connection, for [`REPLACE`], and the key of
/// hashes.
#[must_use]
pub fn keep_fallback(fallback: &Stamp, key: Option<&[u8]>) -> BoundQuery {
    let key = key.map(crate::postgres::postgres_key).unwrap_or_default();
    BoundQuery {
        text: "SELECT pg_catalog.set_config('audit.fallback', $1, false), \
               pg_catalog.set_config('audit.key', pg_catalog.convert_from($2, 'UTF8'), false)"
            .to_owned(),
        binds: vec![
            Bind::Text(fallback.joined().to_owned()),
            Bind::Bytes(key.into_bytes()),
        ],
    }
}

/// Adds a text as a literal that reads the same whatever the settings of the session.
fn push_literal(text: &str, statement: &mut String) {
    statement.push_str("E'");
    // Looking for one character after the other is much faster than looking at each.
    if ['\'', '\\', '\0']
        .iter()
        .any(|special| text.contains(*special))
    {
        for character in text.chars() {
            match character {
                '\'' => statement.push_str("''"),
                '\\' => statement.push_str("\\\\"),
                // A stamp holds none; one would end the message.
                '\0' => statement.push('\u{fffd}'),
                other => statement.push(other),
            }
        }
    } else {
        statement.push_str(text);
    }
    statement.push('\'');
}

/// The statement that begins like this and ends with a stamp.
fn with_stamp(start: &str, stamp: &Stamp) -> String {
    let joined = stamp.joined();
    let mut statement = String::with_capacity(start.len() + joined.len() + 16);
    statement.push_str(start);
    push_literal(joined, &mut statement);
    statement
}

/// Whether a context that was put on a connection is sure to be there after this statement, also when
/// it was put on within a transaction: then it goes with what is rolled back. Of a text that may hold
/// several statements, or one that ends a transaction or resets a session, it is not.
#[must_use]
pub fn outlives(statement: &str) -> bool {
    let words = [
        "DELETE", "INSERT", "MERGE", "SELECT", "TABLE", "UPDATE", "VALUES", "WITH",
    ];
    let statement = statement.trim_ascii();
    let first = statement.split(|c: char| !c.is_ascii_alphabetic()).next();
    let is_one = !statement.trim_end_matches(';').contains(';');
    is_one && first.is_some_and(|first| words.iter().any(|word| word.eq_ignore_ascii_case(first)))
}

/// Puts a context on a connection that comes out of a pool.
#[must_use]
pub fn stamp(stamp: &Stamp) -> String {
    with_stamp("SET audit.context = ", stamp)
}

/// Gives an open transaction a context that ends with it.
#[must_use]
pub fn set_local(stamp: &Stamp) -> String {
    with_stamp("SET LOCAL audit.context = ", stamp)
}

/// Puts a context on a connection that comes out of a pool, and fails inside a transaction that an
/// earlier message has opened. It must be sent as one message that is not prepared.
#[must_use]
pub fn stamp_outside_a_transaction(stamp: &Stamp) -> String {
    let mut statement = with_stamp(set_outside_a_transaction!(), stamp);
    statement.push_str(", false)");
    statement
}

/// Opens a transaction and gives it the context, in one message.
#[must_use]
pub fn begin(stamp: &Stamp) -> String {
    begin_by("BEGIN", stamp)
}

/// The same by a statement that opens it with options.
#[must_use]
pub fn begin_by(opening: &str, stamp: &Stamp) -> String {
    // No query, before which alone a transaction takes another isolation level.
    with_stamp(&format!("{opening}; SET LOCAL audit.context = "), stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_outlives_one_statement_on_rows_alone() {
        for statement in [
            "SELECT 1",
            "  insert INTO t VALUES (1);\n",
            "With a AS (SELECT 1) DELETE FROM t",
            "update(t) SET a = 1",
            "VALUES (1)",
            "TABLE t",
        ] {
            assert!(outlives(statement), "{statement}");
        }
        for statement in [
            "",
            "ROLLBACK TO SAVEPOINT s",
            "RESET ALL",
            "DISCARD ALL",
            "CALL p()",
            "DO $$ BEGIN COMMIT; END $$",
            "SELECT 1; ROLLBACK",
            "-- SELECT\nROLLBACK",
            "/* SELECT */ ABORT",
            "SELECTED",
            "EXECUTE s",
        ] {
            assert!(!outlives(statement), "{statement}");
        }
    }

    #[test]
    fn what_would_end_a_literal_is_doubled() {
        for (text, literal) in [
            ("", "E''"),
            ("plain \u{e9} \u{1f}", "E'plain \u{e9} \u{1f}'"),
            ("o'hara", "E'o''hara'"),
            ("''", "E''''''"),
            ("a\\'; --\\", "E'a\\\\''; --\\\\'"),
            ("\0x\0", "E'\u{fffd}x\u{fffd}'"),
        ] {
            let mut statement = String::new();
            push_literal(text, &mut statement);
            assert_eq!(statement, literal);
        }
    }
}
