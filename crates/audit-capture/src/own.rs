//! Tables of ours that are captured like any other, whatever the rules and the operator's switch
//! say.

use audit_core::rules::ResolvedRule;
use audit_core::{Dialect, Enrichment, Severity, schema};

use crate::catalog::{Catalog, Table};

/// A table of ours that is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// What a check writes to, so that it meets triggers of the same kind as everyone's.
    Probe,
    /// What only the operator decides: a change of it is always an event.
    Settings,
}

impl Own {
    pub(crate) fn of(dialect: Dialect, catalog: &Catalog, table: &Table) -> Option<Self> {
        let home = match dialect {
            Dialect::Postgres => Some(crate::postgres::SCHEMA),
            Dialect::MySql => catalog.mysql.log_schema.as_deref(),
            _ => None,
        };
        match table.name.as_str() {
            _ if table.schema.as_deref() != home => None,
            schema::PROBE_TABLE => Some(Self::Probe),
            schema::SETTINGS_TABLE => Some(Self::Settings),
            _ => None,
        }
    }

    pub(crate) fn rule(self) -> ResolvedRule {
        ResolvedRule::plain(match self {
            Self::Probe => Enrichment::new(),
            Self::Settings => Enrichment::new().severity(Severity::High),
        })
    }
}
