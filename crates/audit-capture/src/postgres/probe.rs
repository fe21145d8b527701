//! The probe: one call of a function, because an application's role has no right on the log.

use audit_core::Dialect;
use audit_core::query::{Bind, BoundQuery, column_texts};

use crate::probe::{AFTER, BEFORE};

/// The SQLSTATE with which the probe takes back what it wrote; no caller sees it.
const TAKEN_BACK: &str = "AU003";

pub(crate) fn probe(token: &str) -> Vec<BoundQuery> {
    vec![BoundQuery {
        text: "SELECT audit.probe($1)".to_owned(),
        binds: vec![Bind::Text(token.to_owned())],
    }]
}

/// The body of `audit.probe`.
pub(super) fn probe_body() -> String {
    let columns: Vec<String> = column_texts(Dialect::Postgres).collect();
    include_str!("probe.sql")
        .replace("@BEFORE@", BEFORE)
        .replace("@AFTER@", AFTER)
        .replace("@COLUMNS@", &columns.join(", "))
        .replace("@TAKEN_BACK@", TAKEN_BACK)
}
