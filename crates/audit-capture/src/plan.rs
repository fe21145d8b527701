//! The rules laid over a catalog: which triggers are wanted, and what cannot be captured.

mod compare;

use audit_core::rules::{Parts, ResolvedColumn, ResolvedRule};
use audit_core::schema::AUDIT_TABLES;
use audit_core::{Audit, Dialect, MissingContext, Operation, Redaction, Switch, schema};

use crate::catalog::{Catalog, Column, InstalledTrigger, Table, TableKind, UserTrigger};
use crate::finding::Finding;
use crate::own::Own;
use crate::shape::TableSchema;

pub use compare::{TriggerState, TriggerStatus};

/// A trigger that the rules ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trigger {
    /// The schema of its table; absent on SQLite.
    pub schema: Option<String>,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The statements that create it.
    pub create: String,
    /// Its definition as the database will keep it.
    pub definition: String,
}

/// What is to be in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    triggers: Vec<Trigger>,
    schemas: Vec<TableSchema>,
    findings: Vec<Finding>,
    installed: Vec<InstalledTrigger>,
    foreign: Vec<UserTrigger>,
    prepare: Vec<String>,
    compile: Vec<String>,
    can_probe: bool,
    is_inline: bool,
}

/// A table, its rule for one operation, and what the triggers of a dialect need to know of both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capture<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) audit: &'a Audit,
    pub(crate) catalog: &'a Catalog,
    pub(crate) table: &'a Table,
    pub(crate) own: Option<Own>,
    pub(crate) operation: Operation,
    pub(crate) rule: &'a ResolvedRule,
    pub(crate) fingerprint: &'a str,
}

/// A column as the images show it.
#[derive(Debug, Clone)]
pub(crate) struct Cell<'a> {
    pub(crate) column: &'a Column,
    /// What is hidden in its documents.
    pub(crate) parts: Option<Parts>,
    /// How it is hidden as a whole, its parts before.
    pub(crate) redaction: Option<Redaction>,
}

/// What hides a value that cannot be taken apart: a trigger cannot leave a column out of one row
/// alone.
pub(crate) fn undivided(parts: &Parts) -> Redaction {
    let strongest = parts.strongest().unwrap_or(Redaction::Mask);
    match strongest {
        Redaction::Drop => Redaction::Mask,
        other => other,
    }
}

impl<'a> Capture<'a> {
    /// Whether a write without a context is refused. The operator's is not: he has no pool.
    pub(crate) fn denies_missing_context(&self) -> bool {
        *self.audit.on_missing_context() == MissingContext::Deny && self.own != Some(Own::Settings)
    }

    /// The cells of the images; dropped ones are left out.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell<'a>> {
        let cells = self.table.columns.iter().map(|column| self.cell(column));
        cells.flatten()
    }

    fn cell(&self, column: &'a Column) -> Option<Cell<'a>> {
        let redaction = match self.rule.column(&column.name) {
            ResolvedColumn::Excluded => return None,
            ResolvedColumn::Redacted(how) => Some(how),
            ResolvedColumn::Ignored(how) => how,
            _ => None,
        };
        let parts = self.parts(column);
        let (parts, redaction) = if self.is_undivided(column) {
            let whole = parts.as_ref().and_then(Parts::strongest);
            let both = redaction.into_iter().chain(whole);
            (None, both.reduce(Redaction::stronger))
        } else {
            (parts, redaction)
        };
        let redaction = redaction.map(|how| self.effective(how));
        (redaction != Some(Redaction::Drop)).then_some(Cell {
            column,
            parts,
            redaction,
        })
    }

    fn parts(&self, column: &Column) -> Option<Parts> {
        let mut paths = self.rule.paths(&column.name).peekable();
        paths.peek()?;
        Some(Parts::new(
            paths.map(|(path, how)| (path, self.effective(how))),
        ))
    }

    /// Whether rules hide parts of a column that cannot be taken apart.
    fn is_undivided(&self, column: &Column) -> bool {
        let can_follow = |path| match self.dialect {
            Dialect::MySql => crate::mysql::can_follow(column, path, self.catalog),
            Dialect::Postgres => crate::postgres::has_documents(column),
            _ => crate::sqlite::has_documents(column),
        };
        let mut paths = self.rule.paths(&column.name);
        paths.any(|(path, _)| !can_follow(path))
    }

    /// A hash without a key would be guessed in seconds, so what it is for is left out instead.
    fn effective(&self, redaction: Redaction) -> Redaction {
        match redaction {
            Redaction::Hash if self.audit.hash_key().is_none() => Redaction::Drop,
            other => other,
        }
    }

    /// What is redacted: columns, and parts of columns.
    pub(crate) fn redacted_fields(&self) -> Vec<String> {
        let mut fields = Vec::new();
        for column in &self.table.columns {
            let name = &column.name;
            let is_redacted = matches!(
                self.rule.column(name),
                ResolvedColumn::Redacted(_) | ResolvedColumn::Ignored(Some(_))
            );
            let is_undivided = self.is_undivided(column);
            if is_redacted || is_undivided {
                fields.push(name.clone());
            }
            if !is_undivided {
                let paths = self.rule.paths(name);
                fields.extend(paths.map(|(path, _)| format!("{name}:{path}")));
            }
        }
        fields
    }

    /// The columns whose change makes an UPDATE an event, and those that are only compared.
    pub(crate) fn compared_columns(&self) -> (Vec<&Column>, Vec<&Column>) {
        let rule = |column: &&Column| self.rule.column(&column.name);
        let columns = self.table.columns.iter();
        columns
            .filter(|column| rule(column) != ResolvedColumn::Excluded)
            .partition(|column| !matches!(rule(column), ResolvedColumn::Ignored(_)))
    }
}

impl Plan {
    /// Lays the rules over a catalog.
    #[must_use]
    pub fn new(audit: &Audit, catalog: &Catalog, dialect: Dialect) -> Self {
        Self::lay(audit, catalog, dialect, false)
    }

    /// The same where statements write their own events ([`inline`](crate::inline)): no triggers on tables of
    /// the application (PostgreSQL).
    #[must_use]
    pub fn inline(audit: &Audit, catalog: &Catalog) -> Self {
        Self::lay(audit, catalog, Dialect::Postgres, true)
    }

    fn lay(audit: &Audit, catalog: &Catalog, dialect: Dialect, is_inline: bool) -> Self {
        let mut plan = Self {
            installed: catalog.triggers.clone(),
            foreign: catalog.user_triggers.clone(),
            is_inline,
            ..Self::default()
        };
        let own = |table: &Table| Own::of(dialect, catalog, table);
        let probe = catalog
            .tables
            .iter()
            .find(|table| own(table) == Some(Own::Probe));
        plan.can_probe = probe.is_some();
        if !catalog.has_log {
            if !catalog.was_migrated {
                // MySQL shows an account nothing of what it has no right on.
                plan.findings.push(match (dialect, probe) {
                    (Dialect::MySql, Some(_)) => Finding::CatalogHidden,
                    _ => Finding::NotMigrated,
                });
                plan.can_probe &= dialect == Dialect::MySql;
                return plan;
            }
            plan.findings.push(Finding::LogMissing);
            plan.can_probe = false;
        } else if probe.is_none() {
            plan.findings.push(Finding::ProbeDenied {
                reason: format!("there is no table `{}`", schema::PROBE_TABLE),
            });
        }
        let audit = &audit.with_switch(catalog.switch.clone());
        for table in &catalog.tables {
            let own = own(table);
            let is_ours = dialect != Dialect::Postgres
                && (AUDIT_TABLES.contains(&&*table.name)
                    || crate::partition::is_of_log(&table.name));
            let is_left_out = is_ours || audit.is_excluded(table.schema.as_deref(), &table.name);
            if own.is_some() || !is_left_out {
                plan.add_table(audit, catalog, table, own, dialect);
            }
        }
        plan.find_misfits(audit, catalog);
        match dialect {
            Dialect::MySql => crate::mysql::complete(&mut plan, audit, catalog),
            Dialect::Postgres => crate::postgres::complete(&mut plan, catalog),
            _ => crate::sqlite::complete(&mut plan, catalog),
        }
        plan.findings.sort();
        plan.findings.dedup();
        plan
    }

    /// A plan that wants nothing, for [`Plan::uninstall`].
    #[must_use]
    pub fn of_installed(catalog: &Catalog) -> Self {
        Self {
            installed: catalog.triggers.clone(),
            ..Self::default()
        }
    }

    fn add_table(
        &mut self,
        audit: &Audit,
        catalog: &Catalog,
        table: &Table,
        own: Option<Own>,
        dialect: Dialect,
    ) {
        if table.kind == TableKind::Virtual {
            self.findings.push(Finding::VirtualTable {
                table: table.name.clone(),
            });
            return;
        }
        if dialect == Dialect::Sqlite && table.columns.len() > crate::sqlite::MOST_COLUMNS {
            let (table, most) = (table.name.clone(), crate::sqlite::MOST_COLUMNS);
            self.findings.push(Finding::TooManyColumns { table, most });
            return;
        }
        let schema = TableSchema::of(table);
        let before = self.triggers.len();
        for operation in [
            Operation::Insert,
            Operation::Update,
            Operation::Delete,
            Operation::Truncate,
        ] {
            let rule = match own {
                Some(own) => Some(own.rule()),
                None => audit.rule(table.schema.as_deref(), &table.name, operation),
            };
            let Some(rule) = rule else { continue };
            for column in rule.named_columns() {
                if !table.columns.iter().any(|known| known.name == column) {
                    let (table, column) = (table.name.clone(), column.to_owned());
                    self.findings.push(Finding::UnknownColumn { table, column });
                }
            }
            let fingerprint = &schema.fingerprint;
            let capture = Capture {
                dialect,
                audit,
                catalog,
                table,
                own,
                operation,
                rule: &rule,
                fingerprint,
            };
            for column in &table.columns {
                if capture.is_undivided(column) {
                    let (table, column) = (table.name.clone(), column.name.clone());
                    self.findings
                        .push(Finding::ColumnUndivided { table, column });
                }
            }
            self.triggers.extend(match dialect {
                Dialect::MySql => crate::mysql::triggers(&capture),
                Dialect::Postgres => crate::postgres::triggers(&capture),
                _ => crate::sqlite::triggers(&capture),
            });
        }
        if self.triggers.len() > before {
            if table.key.is_empty() {
                self.findings.push(Finding::NoKey {
                    table: table.name.clone(),
                });
            }
            // What the probe writes is always taken back: no event needs its shape.
            if own != Some(Own::Probe) {
                self.schemas.push(schema);
            }
            if self.is_inline && own.is_none() {
                self.triggers.truncate(before);
            }
        }
    }

    /// Says what the operator has turned off.
    fn find_switched_off(&mut self, switch: &Switch, tables: &[(Option<&str>, &str)]) {
        if switch.is_all_off() {
            self.findings.push(Finding::CaptureOff { table: None });
        }
        let unused: Vec<&str> = switch.unused(tables).collect();
        self.findings.extend(switch.tables().map(|named| {
            let table = named.to_owned();
            if unused.contains(&named) {
                Finding::UnusedSetting { table }
            } else {
                Finding::CaptureOff { table: Some(table) }
            }
        }));
    }

    fn find_misfits(&mut self, audit: &Audit, catalog: &Catalog) {
        if let Some(end) = &catalog.months_end {
            self.findings
                .push(Finding::MonthsRunOut { end: end.clone() });
        }
        if catalog.change_unfinished {
            self.findings.push(Finding::PartitionsUnfinished);
        }
        let logs_binds = catalog.postgres.logs_binds || catalog.mysql.logs_binds;
        if audit.hash_key().is_some() && logs_binds {
            self.findings.push(Finding::KeyInServerLog);
        }
        let names: Vec<(Option<&str>, &str)> = catalog
            .tables
            .iter()
            .map(|table| (table.schema.as_deref(), table.name.as_str()))
            .collect();
        self.find_switched_off(&catalog.switch, &names);
        let unused = audit.unused_patterns(&names);
        self.findings
            .extend(unused.map(|pattern| Finding::UnusedPattern {
                pattern: pattern.to_owned(),
            }));
    }

    pub(crate) fn add_trigger(&mut self, trigger: Trigger) {
        self.triggers.push(trigger);
    }

    pub(crate) fn installed_mut(&mut self) -> &mut [InstalledTrigger] {
        &mut self.installed
    }

    pub(crate) fn add_finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds a statement that runs before the triggers are made.
    pub(crate) fn add_preparation(&mut self, statement: String) {
        self.prepare.push(statement);
    }

    /// Adds a statement that `migrate` runs where the triggers are put on each connection.
    pub(crate) fn add_compilation(&mut self, statement: String) {
        self.compile.push(statement);
    }

    /// The statements that make every connection install its triggers anew, once the operator's
    /// switch has changed; only where they are put on each connection (SQLite).
    #[must_use]
    pub fn compile(&self) -> &[String] {
        &self.compile
    }

    /// Whether there is what a [`Probe`](crate::Probe) writes to.
    #[must_use]
    pub fn can_probe(&self) -> bool {
        self.can_probe
    }

    pub(crate) fn forbid_probe(&mut self) {
        self.can_probe = false;
    }

    /// The triggers that are wanted.
    #[must_use]
    pub fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    /// Whether a trigger is wanted on a table.
    pub(crate) fn has_trigger_on(&self, schema: Option<&str>, table: &str) -> bool {
        let mut triggers = self.triggers.iter();
        triggers.any(|ours| ours.table == table && ours.schema.as_deref() == schema)
    }

    /// The schemas of the audited tables.
    #[must_use]
    pub fn schemas(&self) -> &[TableSchema] {
        &self.schemas
    }

    /// What cannot be captured or does not fit, whatever is installed.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

#[cfg(test)]
mod tests;
