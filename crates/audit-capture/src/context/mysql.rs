//! User variables of the session, one for each slot.

use std::fmt::Write as _;
use std::sync::LazyLock;

use audit_core::query::{Bind, BoundQuery};
use audit_core::stamp::{Slot, Stamp};

/// The variable that says that the context on the connection is that of its last user: triggers
/// take no slot from it.
pub(crate) const STALE: &str = "@audit_stale";

/// The column of assignments, up to the value of the first. One column costs client and server less
/// than each for itself, and what stands in a text that is put together is always evaluated: not so in
/// an expression whose value is known without it, such as `ISNULL(@a := 1)`.
macro_rules! put_first {
    () => {
        ", LENGTH(CONCAT_WS('', @audit_stale := "
    };
}

/// Takes the context off. One variable says that all the others are void, which takes half the
/// time of setting each; the first trigger that would read them forgets them.
pub const CLEAR: &str = "SET @audit_stale = 1, @audit_transaction_id = NULL";

/// Whether a transaction is open, as a number: MariaDB tells, MySQL has no such variable and reads
/// zero.
macro_rules! in_transaction {
    () => {
        "CAST(/*M! @@in_transaction + */ 0 AS SIGNED)"
    };
}

/// The same for a client that does not say whether a transaction is open: MariaDB gives 1 then, else
/// 0. That is the first of its columns; the second is a number that says nothing.
pub const CLEAR_AND_TELL: &str = concat!(
    "SELECT ",
    in_transaction!(),
    put_first!(),
    "1, @audit_transaction_id := NULL))"
);

/// [`stamp`] for a client that may read the answer to another statement for that to this one: its
/// first column is the first bind. The others are those of [`CLEAR_AND_TELL`]. The other binds are the
/// slots in their order, as bytes.
pub static STAMP_AND_ECHO: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::with_capacity(1024);
    text.push_str(concat!("SELECT ?, ", in_transaction!(), put_first!()));
    text.push_str("NULL, @audit_transaction_id := NULL");
    for slot in Slot::ALL {
        text.push_str(", ");
        name(VARIABLE, slot, &mut text);
        text.push_str(" := CONVERT(? USING utf8mb4)");
    }
    text.push_str("))");
    text
});

/// [`stamp`] for a client that prepares it once: binds are the slots in their order, as bytes, so
/// that the character set of the session does not matter.
pub static STAMP_PREPARED: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::with_capacity(1024);
    assign(&mut text, VARIABLE, |_, text| {
        text.push_str("CONVERT(? USING utf8mb4)");
    });
    text.push_str(FRESH);
    text.push_str("NULL");
    text
});

/// What follows the slots in every stamp at checkout, up to the id of the transaction.
const FRESH: &str = ", @audit_stale = NULL, @audit_transaction_id = ";

/// Rolls a transaction of [`begin`] back, and forgets its id.
pub const ROLLBACK: &str = "ROLLBACK; SET @audit_transaction_id = NULL";

/// What the variables of the slots begin with, and those of the kept ones.
const VARIABLE: &str = "@audit_";
const KEPT: &str = "@audit_fallback_";

/// The variable of a slot.
pub(crate) fn variable(slot: Slot) -> String {
    format!("{VARIABLE}{}", slot.name())
}

/// Puts a context on a connection that comes out of a pool, and the id of the transaction that will
/// be opened on it at once.
#[must_use]
pub fn stamp(stamp: &Stamp, transaction: Option<uuid::Uuid>) -> String {
    let mut text = String::with_capacity(1024);
    assign(&mut text, VARIABLE, |slot, text| {
        value(stamp.get(slot), text)
    });
    text.push_str(FRESH);
    match transaction {
        Some(id) => {
            let _ = write!(text, "'{}'", id.simple());
        }
        None => text.push_str("NULL"),
    }
    text
}

/// Keeps the stamp of work that brings no context on a connection, for [`replace`].
#[must_use]
pub fn keep_fallback(fallback: &Stamp) -> String {
    let mut text = String::with_capacity(1024);
    assign(&mut text, KEPT, |slot, text| {
        value(fallback.get(slot), text)
    });
    text
}

/// Gives the connection the key of hashes.
#[must_use]
pub fn keep_key(key: &[u8]) -> BoundQuery {
    let (inner, outer) = crate::mysql::padded_keys(key);
    BoundQuery {
        text: "SET @audit_hash_inner = ?, @audit_hash_outer = ?".to_owned(),
        binds: vec![Bind::Bytes(inner.to_vec()), Bind::Bytes(outer.to_vec())],
    }
}

/// Replaces the context of a connection that the caller holds. `None` stands for what
/// [`keep_fallback`] left, which also fills the service and environment that a stamp leaves open.
#[must_use]
pub fn replace(stamp: Option<&Stamp>) -> String {
    let mut text = String::with_capacity(1024);
    assign(&mut text, VARIABLE, |slot, text| match stamp {
        None => name(KEPT, slot, text),
        Some(stamp) => match (slot, stamp.get(slot)) {
            (Slot::Service | Slot::Environment, None) => name(KEPT, slot, text),
            (_, given) => value(given, text),
        },
    });
    text.push_str(", @audit_stale = NULL");
    text
}

/// Opens a transaction that has an id, in one message.
#[must_use]
pub fn begin(id: uuid::Uuid) -> String {
    begin_by("START TRANSACTION", id)
}

/// The same by statements that open it with options.
#[must_use]
pub fn begin_by(opening: &str, id: uuid::Uuid) -> String {
    let id = id.simple();
    format!("SET @audit_transaction_id = '{id}'; {opening}")
}

/// The same with a context, which stays on the connection.
#[must_use]
pub fn stamp_and_begin_by(opening: &str, given: &Stamp, id: uuid::Uuid) -> String {
    format!("{}; {}", stamp(given, None), begin_by(opening, id))
}

/// A statement of ours with its binds as literals, for a client that is better off without
/// preparing it. Binds of bytes must not be written into a text: it has none.
#[must_use]
pub fn with_literals(query: &BoundQuery) -> String {
    if query.binds.is_empty() {
        return query.text.clone();
    }
    // INVARIANT: a statement of ours has no question mark but its placeholders.
    let mut parts = query.text.split('?');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (bind, part) in query.binds.iter().zip(parts) {
        match bind {
            Bind::Integer(number) => {
                let _ = write!(text, "{number}");
            }
            Bind::Text(given) => value(Some(given), &mut text),
            _ => {}
        }
        text.push_str(part);
    }
    text
}

fn name(prefix: &str, slot: Slot, text: &mut String) {
    text.push_str(prefix);
    text.push_str(slot.name());
}

/// The assignment of a variable for every slot.
fn assign(text: &mut String, prefix: &str, value: impl Fn(Slot, &mut String)) {
    for slot in Slot::ALL {
        text.push_str(if text.is_empty() { "SET " } else { ", " });
        name(prefix, slot, text);
        text.push_str(" = ");
        value(slot, text);
    }
}

/// A value as a literal that reads the same in every `sql_mode` and character set of the session:
/// as it is where it is plain ASCII without quotes and backslashes, else as its bytes in hex.
fn value(value: Option<&str>, text: &mut String) {
    let Some(value) = value else {
        text.push_str("NULL");
        return;
    };
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\');
    if value.bytes().all(is_plain) {
        text.push('\'');
        text.push_str(value);
    } else {
        text.push_str("_utf8mb4 X'");
        for byte in value.bytes() {
            let _ = write!(text, "{byte:02x}");
        }
    }
    text.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> String {
        let mut literal = String::new();
        value(Some(text), &mut literal);
        literal
    }

    #[test]
    fn only_what_reads_the_same_everywhere_stands_as_it_is() {
        assert_eq!(literal(r#"{"a": "b"} -- ; #"#), r#"'{"a": "b"} -- ; #'"#);
        for (odd, hex) in [
            ("o'hara", "6f2768617261"),
            (r"a\", "615c"),
            ("\u{e9}", "c3a9"),
            ("\n", "0a"),
            ("\u{7f}", "7f"),
        ] {
            assert_eq!(literal(odd), format!("_utf8mb4 X'{hex}'"));
        }
    }

    #[test]
    fn binds_stand_where_their_placeholders_were() {
        let query = BoundQuery {
            text: "SELECT ? FROM t WHERE a = ? AND b = 'x'".to_owned(),
            binds: vec![Bind::Integer(-7), Bind::Text("what's '?'".to_owned())],
        };
        assert_eq!(
            with_literals(&query),
            "SELECT -7 FROM t WHERE a = _utf8mb4 X'77686174277320273f27' AND b = 'x'"
        );
    }

    #[test]
    fn every_slot_is_set_or_emptied() {
        let texts = [stamp(&Stamp::new(None, None, None), None), replace(None)];
        for slot in Slot::ALL {
            for text in &texts {
                assert!(text.contains(&format!("{} = ", variable(slot))), "{text}");
            }
        }
    }
}
