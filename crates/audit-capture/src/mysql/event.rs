//! The expressions of an event that do not depend on the table.

use audit_core::Dialect;
use audit_core::stamp::Slot;

use crate::context::mysql::{STALE, variable};
use crate::event_row::Expressions;

use super::text;

/// The expressions of MySQL and MariaDB.
pub(super) struct MySql;

impl Expressions for MySql {
    fn dialect(&self) -> Dialect {
        Dialect::MySql
    }

    fn slot(&self, slot: Slot) -> String {
        variable(slot)
    }

    fn json_slot(&self, slot: Slot) -> String {
        self.slot(slot)
    }

    fn account(&self) -> Option<&'static str> {
        Some("USER()")
    }

    fn list(&self, entries: &[String]) -> String {
        text(&serde_json::Value::from(entries).to_string())
    }
}

/// Forgets a context that was left behind, before the first event that would have it.
pub(super) fn forget_stale() -> String {
    // One statement for all: the server keeps some kilobytes for each that a trigger could run, in
    // every open instance of the table.
    let slots: Vec<String> = Slot::ALL.into_iter().map(variable).collect();
    let nothing = vec!["NULL"; slots.len() + 1];
    format!(
        "IF {STALE} IS NOT NULL THEN SELECT {} INTO {}, {STALE}; END IF; ",
        nothing.join(", "),
        slots.join(", ")
    )
}

/// The expressions of a statement of the application, which cannot forget a stale context first.
pub(super) struct Statement;

impl Expressions for Statement {
    fn dialect(&self) -> Dialect {
        MySql.dialect()
    }

    fn slot(&self, slot: Slot) -> String {
        format!("IF({STALE} IS NULL, {}, NULL)", MySql.slot(slot))
    }

    fn json_slot(&self, slot: Slot) -> String {
        self.slot(slot)
    }

    fn account(&self) -> Option<&'static str> {
        MySql.account()
    }

    fn list(&self, entries: &[String]) -> String {
        MySql.list(entries)
    }
}

/// The clock in UTC at this moment, not at the start of the statement, which may have waited for
/// a lock since. `SYSDATE` reads in the time zone of the session; the difference of the two
/// clocks of the statement is that zone's.
pub(super) const NOW: &str =
    "SYSDATE(6) - INTERVAL TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) SECOND";

/// The microseconds of a time in UTC since 1970.
pub(super) fn microseconds(time: &str) -> String {
    format!("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {time})")
}

/// A UUIDv7 of the time that these microseconds are: what follows them is a counter of the
/// server, so that two events of one microsecond keep their order, and the connection. The counter
/// starts with the second in which the server did, of which 14 bits are kept.
///
/// # Source
/// RFC 9562, section 5.7; `UUID_SHORT` in the manual of MariaDB.
pub(super) fn id(microseconds: &str) -> String {
    format!(
        "UNHEX(CONCAT('0', HEX(({microseconds} DIV 1000 << 16) | 0x7000 | \
         ({microseconds} MOD 1000 << 2)), HEX(0x8000000000000000 | \
         (UUID_SHORT() & 0x3FFFFFFFFF) << 24 | CONNECTION_ID() & 0xFFFFFF)))"
    )
}

/// The transaction: outside one, a text of the statement's own; inside one, what our `begin` left,
/// which is NULL under anyone else's BEGIN. MySQL cannot tell whether one is open.
pub(super) fn transaction(is_mariadb: bool) -> String {
    if !is_mariadb {
        return "@audit_transaction_id".to_owned();
    }
    let statement = microseconds("UTC_TIMESTAMP(6)");
    format!(
        "IF(@@in_transaction, @audit_transaction_id, CONCAT(CONNECTION_ID(), '-', {statement}))"
    )
}
