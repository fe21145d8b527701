//! The triggers that record what cascades do. The one before the row writes the children's images
//! to a temporary table; the one after the row makes events of them, because a row before which a
//! trigger fired may still be refused (`DELETE IGNORE`).

use std::fmt::Write as _;

use audit_core::rules::ResolvedRule;
use audit_core::stamp::Slot;
use audit_core::{Audit, Dialect, MissingContext, Operation};

use crate::catalog::{Catalog, Table};
use crate::event_row::{Expressions, RowExpressions};
use crate::finding::Finding;
use crate::plan::{Capture, Trigger};
use crate::shape::TableSchema;
use crate::sql::{short_hash, trigger_name};

use super::cascade::{self, Change, Changed, Step, Walk, Way};
use super::column::Value;
use super::event::{self, MySql};
use super::skipped;
use super::trigger::{self, DECLARATIONS, Images, Row};
use super::{LABEL, LONGEST_NAME, text};

/// What a cascade that goes on beyond the last step says.
const TOO_FAR: &str =
    "audit: this change cascades further than it can be recorded; change the children first";

/// Where images wait for the row of the trigger to be changed.
const CREATE: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS audit_pending (origin VARCHAR(16), \
     part VARCHAR(16), digest BINARY(32), operation VARCHAR(16), record_id TEXT, previous_record_id \
     TEXT, before_data LONGTEXT, after_data LONGTEXT, changed_fields LONGTEXT, PRIMARY KEY \
     (origin, part, digest)) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; ";

/// The triggers for the cascades of every table, and what they cannot see.
pub(super) fn triggers(audit: &Audit, catalog: &Catalog) -> (Vec<Trigger>, Vec<Finding>) {
    let mut walk = Walk::new(audit, catalog);
    let mut triggers = Vec::new();
    for table in &catalog.tables {
        for operation in [Operation::Delete, Operation::Update] {
            let steps = match operation {
                Operation::Delete => walk.delete(table),
                _ => walk.update(table),
            };
            let writer = Writer {
                audit,
                catalog,
                table,
                operation,
                steps: &steps,
            };
            if steps.iter().any(|step| writer.reaches(step)) {
                triggers.extend(writer.triggers());
            }
        }
    }
    (triggers, walk.into_findings())
}

/// Writes the triggers of one table and operation.
struct Writer<'s, 'a> {
    audit: &'a Audit,
    catalog: &'a Catalog,
    table: &'a Table,
    operation: Operation,
    steps: &'s [Step<'a>],
}

fn operation_of(step: &Step<'_>) -> Operation {
    match step.change {
        Change::Delete => Operation::Delete,
        Change::Update(_) => Operation::Update,
    }
}

impl<'a> Writer<'_, 'a> {
    /// The database that the triggers are in.
    fn home(&self) -> Option<&'a str> {
        self.table.schema.as_deref()
    }

    fn ways_to(&self, step: &Step<'_>) -> Vec<Way<'_, 'a>> {
        cascade::ways_to(self.steps, step.table)
    }

    fn rule(&self, step: &Step<'_>) -> Option<ResolvedRule> {
        let schema = step.table.schema.as_deref();
        let rule = self
            .audit
            .rule(schema, &step.table.name, operation_of(step))?;
        let after = cascade::changed(step, &self.ways_to(step), self.home());
        self.recorded_change(step, &rule, &after).map(|_| rule)
    }

    /// When the change of a child is an event: always for a deletion.
    fn recorded_change(
        &self,
        step: &Step<'_>,
        rule: &ResolvedRule,
        after: &Changed,
    ) -> Option<String> {
        if step.change == Change::Delete || rule.records_unchanged() {
            return Some("TRUE".to_owned());
        }
        let is_mariadb = self.catalog.mysql.is_mariadb;
        let differs: Vec<String> = step
            .table
            .columns
            .iter()
            .filter(|column| {
                use audit_core::rules::ResolvedColumn::{Excluded, Ignored};
                let how = rule.column(&column.name);
                !matches!(how, Excluded | Ignored(_))
                    && after.columns().any(|name| *name == column.name)
            })
            .map(|column| {
                let old = step.alias.as_str().column(&column.name);
                let new = after.column(&column.name);
                format!("NOT ({})", Value { column, is_mariadb }.is_same(&old, &new))
            })
            .collect();
        (!differs.is_empty()).then(|| format!("({})", differs.join(" OR ")))
    }

    /// The rows of a step that are noted elsewhere: the row of the trigger itself, what another way
    /// deletes, and, where no key tells that it is the same row, what an earlier way has noted.
    fn noted_elsewhere(&self, step: &Step<'_>, ways: &[Way<'_, 'a>]) -> Vec<String> {
        let row = step.alias.as_str();
        let mut conditions = Vec::new();
        if self.operation == Operation::Delete && std::ptr::eq(step.table, self.table) {
            conditions.push(self.is_row_of_trigger(row));
        }
        for way in ways {
            let Some(last) = way.last() else { continue };
            if std::ptr::eq(*last, step) {
                break;
            }
            let is_deleted = last.change == Change::Delete && step.change != Change::Delete;
            if is_deleted || step.table.key.is_empty() {
                conditions.push(cascade::is_reached(way, row, self.home()));
            }
        }
        conditions
    }

    fn is_row_of_trigger(&self, row: &str) -> String {
        let is_mariadb = self.catalog.mysql.is_mariadb;
        let key = &self.table.key;
        let told_by = self.table.columns.iter();
        let same: Vec<String> = told_by
            .filter(|column| key.is_empty() || key.contains(&column.name))
            .map(|column| {
                let (row, old) = (row.column(&column.name), "OLD".column(&column.name));
                Value { column, is_mariadb }.is_same(&row, &old)
            })
            .collect();
        same.join(" AND ")
    }

    /// Whether there is anything to record at a step or beyond it.
    fn reaches(&self, step: &Step<'_>) -> bool {
        step.is_too_far
            || self.rule(step).is_some()
            || step.next.iter().any(|next| self.reaches(next))
    }

    fn origin(&self) -> String {
        short_hash(&format!("{}.{}", self.known_as(self.table), self.operation))
    }

    /// The name of a table, with its database where that is not the log's: a copy of a database
    /// has the same triggers.
    fn known_as(&self, table: &Table) -> String {
        let home = &self.catalog.mysql.log_schema;
        let elsewhere = table.schema.as_ref().filter(|_| table.schema != *home);
        match elsewhere {
            Some(schema) => format!("{schema}.{}", table.name),
            None => table.name.clone(),
        }
    }

    fn triggers(&self) -> [Trigger; 2] {
        let origin = self.origin();
        let flag = format!("@audit_cascade_{origin}");
        let mut body = format!("{LABEL} {DECLARATIONS}SET {flag} = NULL; ");
        let mut conditions = vec!["@@foreign_key_checks".to_owned()];
        if self.operation == Operation::Update {
            let same = cascade::key_is_same(self.catalog, self.table);
            conditions.push(format!("NOT ({same})"));
        }
        let reached = self.steps.iter().filter(|step| self.reaches(step));
        let found: Vec<String> = reached
            .map(|step| {
                let rows = cascade::joined(&[step], self.home());
                format!("EXISTS (SELECT 1 FROM {rows} LOCK IN SHARE MODE)")
            })
            .collect();
        conditions.push(format!("({})", found.join(" OR ")));
        let _ = write!(
            body,
            "IF {} THEN SET {flag} = 1; {forget}{CREATE}DELETE FROM audit_pending WHERE origin = '{origin}'; ",
            conditions.join(" AND "),
            forget = event::forget_stale(),
        );
        for step in self.steps {
            self.stage(&mut body, &origin, &[step]);
        }
        body.push_str("END IF; END");
        let before = self.trigger("audit_before_", "BEFORE", &body);
        let after = self.trigger("audit_after_", "AFTER", &self.write(&origin, &flag));
        [after, before]
    }

    fn trigger(&self, prefix: &str, timing: &str, body: &str) -> Trigger {
        let named = trigger_name(prefix, self.operation, &self.table.name, LONGEST_NAME);
        let event = format!("{timing} {}", self.operation);
        trigger::trigger(self.catalog, self.table, named, &event, body)
    }

    /// Notes the rows of the last step of a way, and goes on where there were any.
    fn stage(&self, body: &mut String, origin: &str, way: &[&Step<'a>]) {
        let Some(step) = way.last() else { return };
        if !self.reaches(step) {
            return;
        }
        let rows = cascade::joined(way, self.home());
        if step.is_too_far {
            let refuse = text(TOO_FAR);
            let _ = write!(
                body,
                "IF EXISTS (SELECT 1 FROM {rows} LOCK IN SHARE MODE) THEN SIGNAL SQLSTATE '45000' \
                 SET MESSAGE_TEXT = {refuse}; END IF; "
            );
            return;
        }
        let rule = self.rule(step);
        if let Some(rule) = &rule {
            self.insert(body, origin, step, rule, &rows);
        }
        let mut further = String::new();
        for next in &step.next {
            let mut longer = way.to_vec();
            longer.push(next);
            self.stage(&mut further, origin, &longer);
        }
        if further.is_empty() {
            return;
        }
        // Without new rows here there are none beyond, unless this step is not recorded whole.
        if rule.is_some() && step.change == Change::Delete {
            let _ = write!(body, "IF ROW_COUNT() > 0 THEN {further}END IF; ");
        } else {
            body.push_str(&further);
        }
    }

    fn insert(
        &self,
        body: &mut String,
        origin: &str,
        step: &Step<'_>,
        rule: &ResolvedRule,
        rows: &str,
    ) {
        let schema = TableSchema::of(step.table);
        let capture = self.capture(step, rule, &schema.fingerprint);
        let is_mariadb = self.catalog.mysql.is_mariadb;
        let ways = self.ways_to(step);
        let (old, new) = (
            step.alias.as_str(),
            cascade::changed(step, &ways, self.home()),
        );
        let mut conditions = vec![
            self.recorded_change(step, rule, &new)
                .unwrap_or_else(|| "FALSE".to_owned()),
        ];
        let elsewhere = self.noted_elsewhere(step, &ways).into_iter();
        conditions.extend(elsewhere.map(|condition| format!("({condition}) IS NOT TRUE")));
        let both: Option<(&dyn Row, &dyn Row)> = match step.change {
            Change::Delete => None,
            Change::Update(_) => Some((&old, &new)),
        };
        let id = |row: &dyn Row| trigger::record_id(step.table, is_mariadb, row);
        let record = both.map_or_else(|| id(&old), |(_, new)| id(new));
        let or_null = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
        // A row without a key is not told from one like it, so it is never taken for the same.
        let digest = if step.table.key.is_empty() {
            "RANDOM_BYTES(32)".to_owned()
        } else {
            format!("UNHEX(SHA2({}, 256))", id(&old))
        };
        // Not FOR UPDATE: the server takes that for a write, which is refused where the statement
        // itself uses the table.
        let _ = write!(
            body,
            "INSERT IGNORE INTO audit_pending SELECT '{origin}', '{part}', {digest}, '{operation}', \
             {record}, {previous}, {before}, {after}, {changed} FROM {rows} AND {condition} \
             LOCK IN SHARE MODE; ",
            part = self.part(step.table),
            operation = capture.operation,
            previous = or_null(both.map(|(old, new)| {
                trigger::previous_record_id(step.table, is_mariadb, old, new)
            })),
            before = trigger::image(&capture, &old, both, Images::Guarded),
            after =
                or_null(both.map(|(_, new)| trigger::image(&capture, new, both, Images::Guarded))),
            changed = or_null(both.map(|(old, new)| trigger::changed_fields(&capture, old, new))),
            condition = conditions.join(" AND "),
        );
    }

    /// What rows of a table are told by in the temporary table.
    fn part(&self, table: &Table) -> String {
        short_hash(&self.known_as(table))
    }

    fn capture<'c>(
        &'c self,
        step: &Step<'c>,
        rule: &'c ResolvedRule,
        fingerprint: &'c str,
    ) -> Capture<'c> {
        Capture {
            dialect: Dialect::MySql,
            audit: self.audit,
            catalog: self.catalog,
            table: step.table,
            own: None,
            operation: operation_of(step),
            rule,
            fingerprint,
        }
    }

    /// The trigger that makes events of what was noted.
    fn write(&self, origin: &str, flag: &str) -> String {
        let mut work = String::new();
        if self.operation == Operation::Update {
            work.extend(skipped::leave(self.catalog, self.table));
        }
        work.push_str(CREATE);
        if *self.audit.on_missing_context() == MissingContext::Deny {
            let _ = write!(
                work,
                "IF EXISTS (SELECT 1 FROM audit_pending WHERE origin = '{origin}') THEN {}END IF; ",
                trigger::refusal()
            );
        }
        work.push_str(&trigger::clock());
        let mut done = Vec::new();
        self.write_steps(&mut work, origin, self.steps, &mut done);
        format!(
            "{LABEL} {DECLARATIONS}IF {flag} = 1 THEN {work}DELETE FROM audit_pending WHERE origin = '{origin}'; SET {flag} = NULL; \
             END IF; END"
        )
    }

    fn write_steps(
        &self,
        work: &mut String,
        origin: &str,
        steps: &[Step<'a>],
        done: &mut Vec<(String, Operation)>,
    ) {
        for step in steps {
            let part = self.part(step.table);
            let operation = operation_of(step);
            if let Some(rule) = self.rule(step)
                && !done.contains(&(part.clone(), operation))
            {
                done.push((part.clone(), operation));
                let schema = TableSchema::of(step.table);
                let capture = self.capture(step, &rule, &schema.fingerprint);
                let is_update = operation == Operation::Update;
                let noted = |column: &str| is_update.then(|| column.to_owned());
                let row = RowExpressions {
                    occurred_at: "audit_at".to_owned(),
                    id: event::id("audit_us"),
                    transaction_id: event::transaction(self.catalog.mysql.is_mariadb),
                    record_id: "record_id".to_owned(),
                    previous_record_id: noted("previous_record_id"),
                    before_data: Some("before_data".to_owned()),
                    after_data: noted("after_data"),
                    changed_fields: noted("changed_fields"),
                    before_exact: None,
                    reverts: Some(MySql.list_slot(Slot::Reverts)),
                };
                let home = self.table.schema.as_deref();
                let (names, values) = trigger::columns(&capture, home, row);
                let _ = write!(
                    work,
                    "INSERT INTO {} ({names}) SELECT {values} FROM audit_pending WHERE origin = '{origin}' \
                     AND part = '{part}' AND audit_pending.operation = '{operation}'; ",
                    trigger::log_table(self.catalog, self.table),
                );
            }
            self.write_steps(work, origin, &step.next, done);
        }
    }
}
