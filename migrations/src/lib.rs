#![doc = include_str!("../README.md")]

use audit_core::{Dialect, LogIndex};

/// One step of the audit tables' history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Its number; steps run in this order.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
    /// The statements that take it.
    pub up: &'static str,
    /// The statements that take it back; events are lost.
    pub down: &'static str,
}

macro_rules! step {
    ($version:literal, $dialect:literal, $file:literal) => {
        Step {
            version: $version,
            name: $file,
            up: include_str!(concat!("../", $dialect, "/", $file, ".up.sql")),
            down: include_str!(concat!("../", $dialect, "/", $file, ".down.sql")),
        }
    };
}

/// The steps of a dialect, in the order in which they run.
#[must_use]
pub fn steps(dialect: Dialect) -> &'static [Step] {
    match dialect {
        Dialect::Postgres => &[step!(1, "postgres", "0001_audit_logs")],
        Dialect::MySql => &[step!(1, "mysql", "0001_audit_logs")],
        Dialect::Sqlite => &[step!(1, "sqlite", "0001_audit_logs")],
        _ => &[],
    }
}

macro_rules! index {
    ($dialect:expr, $file:literal) => {
        match $dialect {
            Dialect::Postgres => include_str!(concat!("../postgres/", $file, ".sql")),
            Dialect::MySql => include_str!(concat!("../mysql/", $file, ".sql")),
            _ => include_str!(concat!("../sqlite/", $file, ".sql")),
        }
    };
}

/// The statement that makes an index that not every log needs; running it again does nothing.
/// On a large log it holds up writers while it runs: PostgreSQL users may run it by hand with
/// CONCURRENTLY first.
#[must_use]
pub fn index(dialect: Dialect, index: LogIndex) -> &'static str {
    match index {
        LogIndex::Actor => index!(dialect, "index_actor"),
        LogIndex::Request => index!(dialect, "index_request"),
        LogIndex::Tenant => index!(dialect, "index_tenant"),
        _ => index!(dialect, "index_transaction"),
    }
}
