//! Capture without triggers on PostgreSQL: a statement of the application is rewritten to one that
//! does the same, gives the same back, and writes the events of the rows that it changes.
//!
//! Nothing here talks to a database. [`Planner`] says what is to run for a text; what cannot be
//! captured is said before anything has run.

mod cache;
mod entry;
mod obstacle;
pub(crate) mod returning;
pub(crate) mod shape;
pub(crate) mod statement;
mod token;
mod uncapturable;

use std::sync::Arc;

use audit_core::query::BoundQuery;
use audit_core::rules::ResolvedRule;
use audit_core::{Audit, Dialect, MissingContext, Operation};
use serde_json::json;

use crate::catalog::{Catalog, Table};
use crate::plan::Capture;
use crate::postgres::{RETURNS_OLD, SCHEMA, Splice, splice};
use crate::shape::TableSchema;

use returning::outputs;
use shape::{Conflict, Name, Shape, Verb, Write};
use statement::{Statement, bounds_transactions, normalised, statements};

pub use cache::PlanCache;
pub use uncapturable::Uncapturable;

/// What decides how statements are rewritten: the rules, and the tables as they were when the
/// catalog was read.
///
/// # Examples
/// ```
/// use audit_capture::Catalog;
/// use audit_capture::inline::{Inline, PlanCache, Planner};
/// use audit_core::Audit;
///
/// let audit = Audit::builder().build().unwrap();
/// // In truth the text that the database gives to the statements of `Catalog::queries`.
/// let catalog = Catalog::parse(r#"{"tables": []}"#).unwrap();
/// let plans = PlanCache::new(Planner::new(&audit, catalog), 1000);
///
/// assert_eq!(*plans.plan("SELECT 1").unwrap(), Inline::AsIs);
/// let refused = plans.plan("CALL tidy_up()").unwrap_err();
/// assert!(refused.to_string().contains("`CALL` runs statements"));
/// ```
#[derive(Debug, Clone)]
pub struct Planner {
    audit: Audit,
    catalog: Catalog,
    on_uncapturable: OnUncapturable,
}

/// What becomes of a statement that cannot be captured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnUncapturable {
    /// It runs, and nothing tells of it.
    Allow,
    /// It does not run.
    #[default]
    Deny,
    /// It runs, and an event tells that it did.
    Record,
}

/// What is to run for a text. Whoever runs it has to know of each: one more would break him on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inline {
    /// The text as it is: it changes no row that is recorded.
    AsIs,
    /// Another statement in its place.
    Spliced(Spliced),
    /// The text as it is, although what it changes is not captured: the policy lets it run.
    Uncaptured {
        /// Why it cannot be captured.
        reason: Uncapturable,
        /// What writes the event that tells so, in the transaction of the statement and under the
        /// context of the connection; none under [`OnUncapturable::Allow`].
        event: Option<BoundQuery>,
    },
}

/// A statement that takes the place of the application's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spliced {
    text: Arc<str>,
    parameters: usize,
    events_from: usize,
    needs_key: bool,
    needs_context: bool,
    rows: Rows,
}

/// What comes back of a statement. The number of rows in its command tag is that of the rows that
/// the application's statement would have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Those that the application asked for.
    Given,
    /// No rows.
    None,
    /// Rows without columns, one for each row that was changed. The application asked for none, so
    /// that they are to be dropped.
    Uncalled,
}

impl Spliced {
    /// The text. Behind the binds of the application it takes the joined stamp of the context as a
    /// text (`Stamp::joined`), and then, if [`Spliced::needs_key`], the key of hashes in the form of
    /// [`postgres_key`](crate::postgres_key), or an empty text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// How many binds the application's statement takes: those of the event follow them.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Whether what stands at this place, a number of bytes, is of the events and nothing of the
    /// application's.
    #[must_use]
    pub fn is_of_events(&self, place: usize) -> bool {
        place >= self.events_from
    }

    /// Whether it takes the key of hashes.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// Whether the settings refuse it without a context; whoever runs it has to.
    #[must_use]
    pub fn needs_context(&self) -> bool {
        self.needs_context
    }

    /// What comes back.
    #[must_use]
    pub fn rows(&self) -> Rows {
        self.rows
    }
}

/// The action of an event that tells of a statement that was not captured.
const UNCAPTURED: &str = "statement.uncaptured";

fn uncaptured_event(reason: &Uncapturable, text: &str) -> BoundQuery {
    let metadata = json!({ "uncapturable": reason.to_string(), "statement": normalised(text) });
    let texts = [
        ("action", UNCAPTURED.to_owned()),
        ("metadata", metadata.to_string()),
    ];
    crate::manual_insert(Dialect::Postgres, &texts)
}

impl Planner {
    /// Lays the rules over a catalog of PostgreSQL, with what the operator has turned off.
    #[must_use]
    pub fn new(audit: &Audit, catalog: Catalog) -> Self {
        Self {
            audit: audit.with_switch(catalog.switch.clone()),
            catalog,
            on_uncapturable: OnUncapturable::default(),
        }
    }

    /// What becomes of statements that cannot be captured; `Deny` unless it is set.
    #[must_use]
    pub fn on_uncapturable(mut self, policy: OnUncapturable) -> Self {
        self.on_uncapturable = policy;
        self
    }

    /// The tables by which it plans.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What is to run for a text.
    ///
    /// # Errors
    /// Why it cannot be captured: under [`OnUncapturable::Deny`], and under [`OnUncapturable::Record`] where
    /// the text ends transactions, as the event would not be in the same one. Nothing has run.
    pub fn plan(&self, text: &str) -> Result<Inline, Uncapturable> {
        let planned = self.plan_text(text);
        let event = match (&planned, self.on_uncapturable) {
            (Ok(_), _) | (Err(_), OnUncapturable::Deny) => return planned,
            (Err(_), OnUncapturable::Allow) => None,
            (Err(_), OnUncapturable::Record) if bounds_transactions(text) => return planned,
            (Err(reason), OnUncapturable::Record) => Some(uncaptured_event(reason, text)),
        };
        planned.or_else(|reason| Ok(Inline::Uncaptured { reason, event }))
    }

    fn plan_text(&self, text: &str) -> Result<Inline, Uncapturable> {
        let statements = statements(text)?;
        if let [statement] = statements.as_slice() {
            return self.plan_one(statement);
        }
        let is_quiet = |statement| self.plan_one(statement) == Ok(Inline::AsIs);
        if statements.iter().all(is_quiet) {
            Ok(Inline::AsIs)
        } else {
            Err(Uncapturable::Several)
        }
    }

    fn plan_one(&self, statement: &Statement<'_>) -> Result<Inline, Uncapturable> {
        let shape = statement.shape()?;
        self.refuse_calls(statement)?;
        match shape {
            Shape::Quiet => Ok(Inline::AsIs),
            Shape::Other(verb, names) => self.plan_other(verb, &names),
            Shape::Write(write) => self.plan_write(statement, &write),
        }
    }

    /// The statements that let a role capture inline: it writes the log, and can neither read,
    /// change nor remove what is in it.
    #[must_use]
    pub fn grants(role: &str) -> Vec<String> {
        crate::postgres::inline_grants(role)
    }

    fn refuse_calls(&self, statement: &Statement<'_>) -> Result<(), Uncapturable> {
        let known = &self.catalog.postgres.volatile_functions;
        match statement.calls().find(|called| known.contains(called)) {
            Some(function) => Err(Uncapturable::Function { function }),
            None => Ok(()),
        }
    }

    /// The table of a name; none for one of ours, and for one that is not audited and whose changes
    /// change nothing else.
    fn table(&self, name: &Name) -> Result<Option<&Table>, Uncapturable> {
        let is_named = |table: &&Table| {
            table.name == name.table && (name.schema.is_none() || name.schema == table.schema)
        };
        let mut tables = self.catalog.tables.iter().filter(is_named);
        if let (Some(table), None) = (tables.next(), tables.next()) {
            return Ok(Some(table));
        }
        match &name.schema {
            Some(schema) if schema == SCHEMA || self.is_alone(schema, &name.table) => Ok(None),
            _ => Err(Uncapturable::UnknownTable {
                table: name.table.clone(),
            }),
        }
    }

    fn rule(&self, table: &Table, operation: Operation) -> Option<ResolvedRule> {
        let schema = table.schema.as_deref();
        // Those of ours have triggers of their own.
        if schema == Some(SCHEMA) || self.audit.is_excluded(schema, &table.name) {
            return None;
        }
        self.audit.rule(schema, &table.name, operation)
    }

    /// Whether any change of a table is recorded.
    fn is_recorded(&self, table: &Table) -> bool {
        let mut operations = [Operation::Insert, Operation::Update, Operation::Delete].into_iter();
        operations.any(|operation| self.rule(table, operation).is_some())
    }

    fn plan_other(&self, verb: &str, names: &[Name]) -> Result<Inline, Uncapturable> {
        for name in names {
            let Some(table) = self.table(name)? else {
                continue;
            };
            let is_recorded = match verb {
                "COPY" => self.rule(table, Operation::Insert).is_some(),
                "TRUNCATE" => self.rule(table, Operation::Truncate).is_some(),
                _ => self.is_recorded(table),
            };
            if is_recorded {
                return Err(Uncapturable::Silent {
                    verb: verb.to_owned(),
                    table: name.table.clone(),
                });
            }
            self.refuse_others(table)?;
            if verb == "MERGE" {
                self.refuse_cascade(table, |_| true)?;
            }
        }
        Ok(Inline::AsIs)
    }

    fn plan_write(&self, statement: &Statement<'_>, write: &Write) -> Result<Inline, Uncapturable> {
        let Some(table) = self.table(&write.name)? else {
            return Ok(Inline::AsIs);
        };
        self.refuse_others(table)?;
        self.refuse_cascades(statement, write, table)?;
        let operations: &[Operation] = match (write.verb, write.conflict) {
            (Verb::Delete, _) => &[Operation::Delete],
            (Verb::Insert, Conflict::Update) => &[Operation::Insert, Operation::Update],
            (Verb::Insert, _) => &[Operation::Insert],
            (Verb::Update, _) => &[Operation::Update],
        };
        let rules: Vec<(Operation, ResolvedRule)> = operations
            .iter()
            .filter_map(|operation| Some((*operation, self.rule(table, *operation)?)))
            .collect();
        if rules.is_empty() {
            return Ok(Inline::AsIs);
        }
        Self::refuse_table(table)?;
        self.refuse_recorded(table, operations)?;
        self.refuse_unpaired(statement, write, table)?;
        let both_rows = self.returns_old()
            && (write.verb == Verb::Update || write.conflict == Conflict::Update);
        let outputs = outputs(statement, write, both_rows)?;
        let schema = TableSchema::of(table);
        let captures: Vec<Capture<'_>> = rules
            .iter()
            .map(|(operation, rule)| Capture {
                dialect: Dialect::Postgres,
                audit: &self.audit,
                catalog: &self.catalog,
                table,
                own: None,
                operation: *operation,
                rule,
                fingerprint: &schema.fingerprint,
            })
            .collect();
        let spliced = splice(&Splice {
            statement,
            write,
            outputs: &outputs,
            captures: &captures,
        });
        let spliced = spliced.ok_or(Uncapturable::Unreadable)?;
        Ok(Inline::Spliced(Spliced {
            text: spliced.text.into(),
            parameters: statement.parameters(),
            events_from: spliced.events_from,
            needs_key: spliced.needs_key,
            needs_context: *self.audit.on_missing_context() == MissingContext::Deny,
            rows: match (outputs.is_empty(), spliced.counts_by_rows) {
                (false, _) => Rows::Given,
                (true, false) => Rows::None,
                (true, true) => Rows::Uncalled,
            },
        }))
    }

    fn returns_old(&self) -> bool {
        self.catalog.postgres.version >= RETURNS_OLD
    }
}

#[cfg(test)]
mod tests;
