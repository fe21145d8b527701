//! What foreign keys do to the children of a changed row, found out before it happens: the server
//! fires no trigger for it, and afterwards the children are gone.

use std::collections::BTreeMap;

use audit_core::Audit;

use crate::catalog::{Catalog, Table};
use crate::finding::Finding;

use super::column::Value;
use super::trigger::Row;
use super::{ForeignKeyColumn, name};

/// InnoDB refuses a cascade of more levels.
///
/// # Source
/// <https://dev.mysql.com/doc/refman/8.4/en/create-table-foreign-keys.html>
const DEEPEST: usize = 15;

/// The most steps that one trigger follows; where more would be needed, it refuses the change.
const MOST_STEPS: usize = 64;

/// What happens to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Delete,
    /// The columns that get another value, each with its expression.
    Update(BTreeMap<String, String>),
}

/// A row that a cascade reaches, by its alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    alias: String,
    columns: BTreeMap<String, String>,
}

impl Changed {
    /// The columns that may get another value.
    pub(super) fn columns(&self) -> impl Iterator<Item = &String> {
        self.columns.keys()
    }
}

impl Row for Changed {
    fn column(&self, column: &str) -> String {
        match self.columns.get(column) {
            Some(expression) => expression.clone(),
            None => self.alias.as_str().column(column),
        }
    }
}

/// One table on the way of a cascade.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) table: &'a Table,
    pub(super) change: Change,
    /// The foreign key that leads here.
    link: Vec<&'a ForeignKeyColumn>,
    /// The alias of the step before, or the row of the trigger.
    from: String,
    /// What must have changed in the row before, where its change makes NULL of this one.
    guard: Option<String>,
    /// Its own alias, which no other step of the trigger has.
    pub(super) alias: String,
    pub(super) next: Vec<Self>,
    /// Whether it is one too many to be followed: a change that gets here is refused.
    pub(super) is_too_far: bool,
}

impl Step<'_> {
    /// When the row of an alias is one that the step before takes along.
    fn on(&self, alias: &str) -> String {
        let pairs = self.link.iter().map(|link| {
            let own = alias.column(&link.column);
            let from = self.from.as_str().column(&link.parent_column);
            format!("{own} = {from}")
        });
        let pairs: Vec<String> = pairs.chain(self.guard.clone()).collect();
        pairs.join(" AND ")
    }

    /// Its table by its alias, as a trigger in this database names it.
    fn named(&self, schema: Option<&str>) -> String {
        let own = self.table.schema.as_deref();
        let elsewhere = own.filter(|own| schema != Some(own));
        let table = super::qualified(elsewhere, &self.table.name);
        format!("{table} AS {}", name(&self.alias))
    }

    /// Whether two steps are of one foreign key and do the same: a row is reached by one of them.
    fn is_like(&self, other: &Self) -> bool {
        self.change == other.change
            && self.link.first().map(|link| &link.name) == other.link.first().map(|link| &link.name)
    }
}

/// A step with those that lead to it.
pub(super) type Way<'s, 'a> = Vec<&'s Step<'a>>;

/// Every way to a table, deletions first: what is deleted in one and changed in another is deleted
/// in the end.
pub(super) fn ways_to<'s, 'a>(steps: &'s [Step<'a>], table: &Table) -> Vec<Way<'s, 'a>> {
    fn collect<'s, 'a>(
        steps: &'s [Step<'a>],
        table: &Table,
        way: &[&'s Step<'a>],
        found: &mut Vec<Way<'s, 'a>>,
    ) {
        for step in steps.iter().filter(|step| !step.is_too_far) {
            let mut longer = way.to_vec();
            longer.push(step);
            if std::ptr::eq(step.table, table) {
                found.push(longer.clone());
            }
            collect(&step.next, table, &longer, found);
        }
    }
    let mut found = Vec::new();
    collect(steps, table, &[], &mut found);
    let is_update =
        |way: &Way<'_, '_>| way.last().is_some_and(|step| step.change != Change::Delete);
    found.sort_by_key(is_update);
    found
}

/// When the row of an alias is reached by a way.
pub(super) fn is_reached(way: &[&Step<'_>], alias: &str, schema: Option<&str>) -> String {
    match way.split_last() {
        None => "FALSE".to_owned(),
        Some((last, [])) => last.on(alias),
        // From the row upwards: each table has an index on what it is referred to by.
        Some((last, before)) => {
            let upwards = before.iter().rev();
            let tables: Vec<String> = upwards.map(|step| step.named(schema)).collect();
            let conditions = before.iter().map(|step| step.on(&step.alias));
            let conditions: Vec<String> = conditions.chain([last.on(alias)]).collect();
            format!(
                "EXISTS (SELECT 1 FROM {} WHERE {} LOCK IN SHARE MODE)",
                tables.join(" STRAIGHT_JOIN "),
                conditions.join(" AND ")
            )
        }
    }
}

/// The row of a step as it will be, after everything that the cascade does to it: two foreign keys
/// of one row may lead to rows that go together.
pub(super) fn changed(step: &Step<'_>, ways: &[Way<'_, '_>], schema: Option<&str>) -> Changed {
    let mut columns = match &step.change {
        Change::Delete => BTreeMap::new(),
        Change::Update(columns) => columns.clone(),
    };
    let own: Vec<String> = columns.keys().cloned().collect();
    let mut seen: Vec<&Step<'_>> = vec![step];
    for way in ways {
        let Some(last) = way.last() else { continue };
        let Change::Update(more) = &last.change else {
            continue;
        };
        if seen.iter().any(|seen| seen.is_like(last)) {
            continue;
        }
        seen.push(last);
        let alike = ways
            .iter()
            .filter(|way| way.last().is_some_and(|step| step.is_like(last)));
        let reached: Vec<String> = alike
            .map(|way| is_reached(way, &step.alias, schema))
            .collect();
        let reached = reached.join(" OR ");
        for (column, value) in more.iter().filter(|(column, _)| !own.contains(column)) {
            let kept = columns
                .get(column)
                .cloned()
                .unwrap_or_else(|| step.alias.as_str().column(column));
            columns.insert(column.clone(), format!("IF({reached}, {value}, {kept})"));
        }
    }
    let alias = step.alias.clone();
    Changed { alias, columns }
}

/// A foreign key, put together from its columns.
#[derive(Debug)]
struct Link<'a> {
    child: &'a Table,
    columns: Vec<&'a ForeignKeyColumn>,
}

impl Link<'_> {
    fn rule(&self, change: &Change) -> &str {
        let first = self.columns.first();
        first.map_or("", |column| match change {
            Change::Delete => column.on_delete.as_str(),
            Change::Update(_) => column.on_update.as_str(),
        })
    }

    /// What the change of a parent does to a child, if anything.
    fn effect(&self, change: &Change) -> Option<Change> {
        let nulled = || {
            let columns = self.columns.iter();
            columns
                .map(|link| (link.column.clone(), "NULL".to_owned()))
                .collect()
        };
        let moved: BTreeMap<String, String> = match change {
            Change::Delete => BTreeMap::new(),
            Change::Update(parent) => self
                .columns
                .iter()
                .filter_map(|link| {
                    let value = parent.get(&link.parent_column)?;
                    Some((link.column.clone(), value.clone()))
                })
                .collect(),
        };
        match (self.rule(change), change) {
            ("CASCADE", Change::Delete) => Some(Change::Delete),
            ("SET NULL", Change::Delete) => Some(Change::Update(nulled())),
            (_, Change::Delete) => None,
            (_, Change::Update(_)) if moved.is_empty() => None,
            ("CASCADE", Change::Update(_)) => Some(Change::Update(moved)),
            ("SET NULL", Change::Update(_)) => Some(Change::Update(nulled())),
            _ => None,
        }
    }
}

impl Link<'_> {
    /// `ON UPDATE SET NULL` follows a change of what it refers to, and of nothing else.
    fn guard(
        &self,
        parent: &Table,
        change: &Change,
        from: &str,
        is_mariadb: bool,
    ) -> Option<String> {
        let Change::Update(moved) = change else {
            return None;
        };
        if self.rule(change) != "SET NULL" {
            return None;
        }
        let columns = parent.columns.iter();
        let same: Vec<String> = columns
            .filter(|column| {
                self.columns
                    .iter()
                    .any(|link| link.parent_column == column.name)
            })
            .filter_map(|column| {
                let old = from.column(&column.name);
                Some(Value { column, is_mariadb }.is_same(&old, moved.get(&column.name)?))
            })
            .collect();
        Some(format!("NOT ({})", same.join(" AND ")))
    }
}

/// The foreign keys that refer to a table.
fn links<'a>(catalog: &'a Catalog, parent: &Table) -> Vec<Link<'a>> {
    let mut found: Vec<Link<'a>> = Vec::new();
    for child in &catalog.tables {
        let mut names: Vec<&str> = Vec::new();
        for link in &child.foreign_keys {
            let is_here = link.parent == parent.name
                && parent.schema.as_deref() == Some(link.parent_schema.as_str());
            if is_here && !names.contains(&link.name.as_str()) {
                names.push(&link.name);
            }
        }
        found.extend(names.into_iter().map(|wanted| {
            Link {
                child,
                columns: child
                    .foreign_keys
                    .iter()
                    .filter(|link| link.name == wanted)
                    .collect(),
            }
        }));
    }
    found
}

/// Follows the foreign keys of a table.
pub(super) struct Walk<'a> {
    audit: &'a Audit,
    catalog: &'a Catalog,
    deepest: usize,
    steps: usize,
    findings: Vec<Finding>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(audit: &'a Audit, catalog: &'a Catalog) -> Self {
        Self {
            audit,
            catalog,
            deepest: DEEPEST,
            steps: 0,
            findings: Vec::new(),
        }
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// What a DELETE of a row of this table does to others.
    pub(super) fn delete(&mut self, table: &'a Table) -> Vec<Step<'a>> {
        self.follow(table, &Change::Delete)
    }

    /// What a change of the key of a row of this table does to others.
    pub(super) fn update(&mut self, table: &'a Table) -> Vec<Step<'a>> {
        let columns = referred(self.catalog, table).into_iter();
        let moved = columns.map(|column| (column.to_owned(), "NEW".column(column)));
        self.follow(table, &Change::Update(moved.collect()))
    }

    /// As many levels as the steps of one trigger allow.
    fn follow(&mut self, table: &'a Table, change: &Change) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        for deepest in (1..=DEEPEST).rev() {
            (self.deepest, self.steps) = (deepest, 0);
            steps = self.next(table, change, "OLD", &[table]);
            if self.steps <= MOST_STEPS {
                break;
            }
        }
        steps
    }

    fn next(
        &mut self,
        parent: &Table,
        change: &Change,
        from: &str,
        way: &[&'a Table],
    ) -> Vec<Step<'a>> {
        let links = links(self.catalog, parent);
        let mut steps = Vec::new();
        for link in &links {
            let Some(effect) = link.effect(change) else {
                continue;
            };
            // A cascading update that comes back to a table it has changed is refused by InnoDB.
            let is_update = matches!(change, Change::Update(_));
            if is_update && way.iter().any(|seen| std::ptr::eq(*seen, link.child)) {
                continue;
            }
            if !self.can_follow(link, &effect) {
                continue;
            }
            let is_too_far = way.len() > self.deepest || self.steps > MOST_STEPS;
            if is_too_far && !self.is_audited_from(link.child, &mut Vec::new()) {
                continue;
            }
            self.steps += 1;
            let mut step = Step {
                table: link.child,
                link: link.columns.clone(),
                from: from.to_owned(),
                guard: link.guard(parent, change, from, self.catalog.mysql.is_mariadb),
                alias: format!("audit_{}", self.steps),
                change: effect,
                next: Vec::new(),
                is_too_far,
            };
            if !is_too_far {
                let mut longer = way.to_vec();
                longer.push(link.child);
                step.next = self.next(link.child, &step.change, &step.alias, &longer);
            }
            steps.push(step);
        }
        steps
    }

    /// Whether foreign keys lead from a table to one that is audited, or it is one.
    fn is_audited_from(&self, table: &'a Table, seen: &mut Vec<&'a str>) -> bool {
        if seen.contains(&table.name.as_str()) {
            return false;
        }
        seen.push(&table.name);
        !self.audit.is_excluded(table.schema.as_deref(), &table.name)
            || links(self.catalog, table)
                .iter()
                .any(|link| self.is_audited_from(link.child, seen))
    }

    /// A computed column would have to be computed here again.
    fn can_follow(&mut self, link: &Link<'_>, effect: &Change) -> bool {
        let is_update = matches!(effect, Change::Update(_));
        let computed = link.child.columns.iter().any(|column| column.is_generated);
        let excluded = self
            .audit
            .is_excluded(link.child.schema.as_deref(), &link.child.name);
        if !is_update || !computed || excluded {
            return true;
        }
        self.findings.push(Finding::CascadeUnseen {
            table: link.child.name.clone(),
            foreign_key: link
                .columns
                .first()
                .map(|column| column.name.clone())
                .unwrap_or_default(),
        });
        false
    }
}

/// The columns of a table that foreign keys with an action refer to.
fn referred<'a>(catalog: &'a Catalog, table: &Table) -> Vec<&'a str> {
    let mut columns: Vec<&str> = links(catalog, table)
        .iter()
        .flat_map(|link| link.columns.iter())
        .filter(|link| matches!(link.on_update.as_str(), "CASCADE" | "SET NULL"))
        .map(|link| link.parent_column.as_str())
        .collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Whether the key that foreign keys follow has the same bytes before and after.
pub(super) fn key_is_same(catalog: &Catalog, table: &Table) -> String {
    let is_mariadb = catalog.mysql.is_mariadb;
    let columns = referred(catalog, table);
    let same: Vec<String> = table
        .columns
        .iter()
        .filter(|column| columns.contains(&column.name.as_str()))
        .map(|column| Value { column, is_mariadb }.is_same_in_trigger())
        .collect();
    same.join(" AND ")
}

/// The tables on the way to a step, joined in their order: each has an index on its foreign key.
pub(super) fn joined(way: &[&Step<'_>], schema: Option<&str>) -> String {
    let mut text = String::new();
    for step in way {
        let table = step.named(schema);
        if text.is_empty() {
            text = table;
        } else {
            let on = step.on(&step.alias);
            text.push_str(&format!(" STRAIGHT_JOIN {table} ON {on}"));
        }
    }
    match way.first() {
        Some(first) => format!("{text} WHERE {}", first.on(&first.alias)),
        None => text,
    }
}
