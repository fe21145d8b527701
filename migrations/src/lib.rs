#![doc = include_str!("../README.md")]

use audit_core::Dialect;

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
