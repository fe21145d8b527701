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
        LogIndex::Action => index!(dialect, "index_action"),
        LogIndex::Actor => index!(dialect, "index_actor"),
        LogIndex::Request => index!(dialect, "index_request"),
        LogIndex::Tenant => index!(dialect, "index_tenant"),
        _ => index!(dialect, "index_transaction"),
    }
}

/// An index that every log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DefaultIndex {
    /// Its name.
    pub name: &'static str,
    /// What it leads to, in words.
    pub leads_to: &'static str,
    /// The statement of a step that makes it; running it again does nothing.
    pub statement: &'static str,
}

/// The indexes and what they lead to.
const DEFAULT_INDEXES: [(&str, &str); 2] = [
    ("audit_logs_record", "the events of a record"),
    (
        "audit_logs_previous",
        "the events of a record under keys that it had before",
    ),
];

/// The indexes that every log of a dialect has beside its primary key.
pub fn default_indexes(dialect: Dialect) -> impl Iterator<Item = DefaultIndex> {
    let statements = steps(dialect)
        .iter()
        .flat_map(|step| step.up.split_inclusive(';'))
        .filter_map(|text| {
            Some(
                text.get(text.find("CREATE INDEX ")?..)?
                    .trim_end_matches(';'),
            )
        });
    statements.filter_map(|statement| {
        let is_named = |name: &str| statement.split_whitespace().any(|word| word == name);
        let (name, leads_to) = DEFAULT_INDEXES
            .into_iter()
            .find(|(name, _)| is_named(name))?;
        Some(DefaultIndex {
            name,
            leads_to,
            statement,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_the_statement_of_every_default_index() {
        for dialect in [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite] {
            let found: Vec<DefaultIndex> = default_indexes(dialect).collect();
            let names: Vec<&str> = found.iter().map(|index| index.name).collect();
            assert_eq!(names, DEFAULT_INDEXES.map(|(name, _)| name), "{dialect:?}");
            for index in found {
                let begin = format!("CREATE INDEX IF NOT EXISTS {}\n", index.name);
                assert!(index.statement.starts_with(&begin), "{}", index.statement);
                assert!(!index.statement.contains(';'), "{}", index.statement);
            }
        }
    }
}
