//! The probe: an account may write to its table without a right on the log, so the triggers of
//! that table give back what they find there, with the rights that they run with.

use audit_core::query::{BoundQuery, column_texts};
use audit_core::{Dialect, schema};

use super::event;
use crate::probe::writes;

/// The variable of the session in which the triggers leave what they find.
const FOUND: &str = "@audit_probed";

pub(crate) fn probe(token: &str) -> Vec<BoundQuery> {
    let mut statements = vec![BoundQuery::plain(format!("SET {FOUND} = NULL"))];
    statements.extend(writes(Dialect::MySql, schema::PROBE_TABLE, token));
    statements.push(BoundQuery::plain(format!("SELECT {FOUND}")));
    statements
}

/// The variable of a trigger with the id of its event.
pub(super) const ID: &str = "audit_id";

/// What declares it.
pub(super) const DECLARATION: &str = "DECLARE audit_id BINARY(16); ";

/// Chooses the id of the event, by which it is read back.
pub(super) fn choose_id() -> String {
    format!("SET {ID} = {}; ", event::id("audit_us"))
}

/// What a trigger of the probe's table does at its end: it reads the event that it wrote.
///
/// What a trigger reads is locked, and so are the gaps beside it: only the whole of the primary key
/// leads to the one event, past which nobody waits.
///
/// # Source
/// <https://mariadb.com/kb/en/innodb-lock-modes/>
pub(super) fn read_back() -> String {
    let columns: Vec<String> = column_texts(Dialect::MySql).collect();
    format!(
        "SET {FOUND} = CONCAT_WS(' ', {FOUND}, (SELECT JSON_ARRAY({}) FROM {} \
         WHERE occurred_at = audit_at AND id = {ID})); ",
        columns.join(", "),
        schema::LOG_TABLE,
    )
}

/// The statement that shows whether the log is a temporary table of the session: no catalog lists
/// those. It fails where the account has no right on the log, and then there is none.
pub(crate) fn definition_of_log() -> BoundQuery {
    BoundQuery::plain(format!("SHOW CREATE TABLE {}", schema::LOG_TABLE))
}
