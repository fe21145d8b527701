//! What is measured.

use clap::ValueEnum;
use serde::Serialize;

/// One call of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Op {
    /// One row.
    Insert,
    /// One row by key.
    Update,
    /// One row by key.
    Delete,
    /// Ten updates by key in one transaction.
    Tx10,
    /// One statement that changes 1,000 rows.
    Update1000,
    /// One statement that adds 1,000 rows.
    Insert1000,
    /// One row by key, read.
    Select,
    /// One row by key in a table that is not audited.
    Unaudited,
}

impl Op {
    /// Every operation, in the order of the table.
    pub(crate) const ALL: [Self; 8] = [
        Self::Insert,
        Self::Update,
        Self::Delete,
        Self::Tx10,
        Self::Update1000,
        Self::Insert1000,
        Self::Select,
        Self::Unaudited,
    ];

    /// The name in options and in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Tx10 => "tx10",
            Self::Update1000 => "update1000",
            Self::Insert1000 => "insert1000",
            Self::Select => "select",
            Self::Unaudited => "unaudited",
        }
    }

    /// The events that one call leaves.
    pub(crate) fn events(self) -> u64 {
        match self {
            Self::Insert | Self::Update | Self::Delete => 1,
            Self::Tx10 => 10,
            Self::Update1000 | Self::Insert1000 => 1000,
            Self::Select | Self::Unaudited => 0,
        }
    }

    /// Whether one statement touches 1,000 rows.
    pub(crate) fn is_bulk(self) -> bool {
        self.events() == 1000
    }

    /// Whether it leaves another set of rows than it found.
    pub(crate) fn moves_rows(self) -> bool {
        matches!(self, Self::Insert | Self::Delete | Self::Insert1000)
    }
}
