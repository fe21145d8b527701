//! The probe: an account may write to its table without a right on the log, so the triggers of
//! that table give back what they find there, with the rights that they run with.

use audit_core::query::{BoundQuery, column_texts};
use audit_core::{Dialect, Operation, schema};

use crate::probe::writes;

/// The variable of the session in which the triggers leave what they find.
const FOUND: &str = "@audit_probed";

pub(crate) fn probe(token: &str) -> Vec<BoundQuery> {
    let mut statements = vec![BoundQuery::plain(format!("SET {FOUND} = NULL"))];
    statements.extend(writes(Dialect::MySql, schema::PROBE_TABLE, token));
    statements.push(BoundQuery::plain(format!("SELECT {FOUND}")));
    statements
}

/// What a trigger of the probe's table does at its end: it reads the newest event of the record,
/// as a reader of the log would.
pub(super) fn read_back(operation: Operation) -> String {
    let row = if operation == Operation::Delete {
        "OLD"
    } else {
        "NEW"
    };
    let columns: Vec<String> = column_texts(Dialect::MySql).collect();
    format!(
        "SET {FOUND} = CONCAT_WS(' ', {FOUND}, (SELECT JSON_ARRAY({}) FROM {} WHERE table_name = \
         '{}' AND record_id = {row}.id ORDER BY occurred_at DESC, id DESC LIMIT 1)); ",
        columns.join(", "),
        schema::LOG_TABLE,
        schema::PROBE_TABLE,
    )
}

/// The statement that shows whether the log is a temporary table of the session: no catalog lists
/// those. It fails where the account has no right on the log, and then there is none.
pub(crate) fn definition_of_log() -> BoundQuery {
    BoundQuery::plain(format!("SHOW CREATE TABLE {}", schema::LOG_TABLE))
}
