//! The triggers that are wanted against those that are installed.

use audit_core::Dialect;

use super::{Plan, Trigger};
use crate::catalog::InstalledTrigger;
use crate::finding::Finding;

/// How a trigger stands to the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TriggerState {
    /// It is not the one that the rules ask for.
    Changed,
    /// It is the application's, on an audited table; the audit log leaves it alone.
    Foreign,
    /// It is the one that the rules ask for.
    Installed,
    /// It is the audit log's, and no rule asks for it.
    LeftOver,
    /// The rules ask for it, and it is not there.
    Missing,
}

/// A trigger of an audited table, and how it stands to the rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct TriggerStatus {
    /// The schema of its table; absent on SQLite.
    pub schema: Option<String>,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: TriggerState,
}

/// Whether an installed trigger has the place of a wanted one.
fn is_same(wanted: &Trigger, found: &InstalledTrigger) -> bool {
    wanted.name == found.name && wanted.table == found.table && wanted.schema == found.schema
}

impl Plan {
    /// How each trigger of the audited tables stands to the rules, by table and name.
    #[must_use]
    pub fn trigger_states(&self) -> Vec<TriggerStatus> {
        let status = |schema: &Option<String>, table: &str, name: &str, state| TriggerStatus {
            schema: schema.clone(),
            table: table.to_owned(),
            name: name.to_owned(),
            state,
        };
        let wanted = self.triggers.iter().map(|wanted| {
            let found = self.found(wanted);
            let state = match found.map(|found| found.definition == wanted.definition) {
                None => TriggerState::Missing,
                Some(false) => TriggerState::Changed,
                Some(true) => TriggerState::Installed,
            };
            status(&wanted.schema, &wanted.table, &wanted.name, state)
        });
        let left_over = self
            .installed
            .iter()
            .filter(|found| self.wanted(found).is_none())
            .map(|found| {
                let state = TriggerState::LeftOver;
                status(&found.schema, &found.table, &found.name, state)
            });
        let is_audited = |schema: &Option<String>, table: &str| {
            let mut wanted = self.triggers.iter();
            wanted.any(|wanted| wanted.table == table && wanted.schema == *schema)
        };
        let foreign = self
            .foreign
            .iter()
            .filter(|other| is_audited(&other.schema, &other.table))
            .map(|other| {
                let state = TriggerState::Foreign;
                status(&other.schema, &other.table, &other.name, state)
            });
        let mut states: Vec<TriggerStatus> = wanted.chain(left_over).chain(foreign).collect();
        states.sort();
        states
    }

    /// How the installed triggers differ from the wanted ones.
    #[must_use]
    pub fn drift(&self) -> Vec<Finding> {
        let states = self.trigger_states().into_iter();
        let mut findings: Vec<Finding> = states
            .filter_map(|status| {
                let (table, trigger) = (status.table, status.name);
                match status.state {
                    TriggerState::Changed => Some(Finding::TriggerDiffers { table, trigger }),
                    TriggerState::LeftOver => Some(Finding::TriggerLeftOver { table, trigger }),
                    TriggerState::Missing => Some(Finding::TriggerMissing { table, trigger }),
                    TriggerState::Foreign | TriggerState::Installed => None,
                }
            })
            .collect();
        findings.sort();
        findings
    }

    /// The statements that make the installed triggers the wanted ones, in order. What is right
    /// already is left alone.
    #[must_use]
    pub fn install(&self, dialect: Dialect) -> Vec<String> {
        let removed = self.installed.iter().filter(|found| {
            let wanted = self.wanted(found);
            let stays = wanted.is_some_and(|wanted| wanted.definition == found.definition);
            // Where a trigger is replaced in one step, it is not dropped first.
            let is_replaced = dialect == Dialect::MySql && wanted.is_some();
            !stays && !is_replaced
        });
        let mut statements: Vec<String> =
            removed.map(|found| drop_trigger(dialect, found)).collect();
        statements.extend(self.prepare.iter().cloned());
        let added = self.triggers.iter().filter(|wanted| {
            let found = self.found(wanted);
            found.is_none_or(|found| found.definition != wanted.definition)
        });
        statements.extend(added.map(|wanted| wanted.create.clone()));
        statements
    }

    /// The statements that remove every installed trigger, and the functions that nothing but one
    /// calls.
    #[must_use]
    pub fn uninstall(&self, dialect: Dialect) -> Vec<String> {
        let dropped = self.installed.iter();
        let mut statements: Vec<String> =
            dropped.map(|found| drop_trigger(dialect, found)).collect();
        if dialect == Dialect::Postgres && !statements.is_empty() {
            statements.push(crate::postgres::DROP_UNUSED.to_owned());
        }
        statements
    }

    fn found(&self, wanted: &Trigger) -> Option<&InstalledTrigger> {
        self.installed.iter().find(|found| is_same(wanted, found))
    }

    fn wanted(&self, found: &InstalledTrigger) -> Option<&Trigger> {
        self.triggers.iter().find(|wanted| is_same(wanted, found))
    }
}

fn drop_trigger(dialect: Dialect, found: &InstalledTrigger) -> String {
    match dialect {
        Dialect::MySql => crate::mysql::drop_trigger(found),
        Dialect::Postgres => crate::postgres::drop_trigger(found),
        _ => crate::sqlite::drop_trigger(found),
    }
}
