//! Taking changes back: first a plan, then its application.

use std::collections::{HashMap, HashSet};

use audit_capture::Restorable;
use audit_core::query::{BoundQuery, LogQuery, Position};
use audit_core::{Dialect, Event, Json, LogReader, Operation, RowWriter, context};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::record::FieldChange;
use crate::trail::{Everything, Trail};

mod net;
mod order;
mod told;

use net::{Fields, Net, TableName};
use order::Action;

/// Why a value cannot be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unknown {
    /// A redaction hides it, or a part of it.
    Redacted,
    /// It was too long to be stored whole.
    Truncated,
    /// The column is younger than the image: the row gets the default.
    Younger,
    /// The table does not have the column any more.
    Gone,
}

/// A value that cannot be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// The column; of a part that is hidden, the column, a colon and its path.
    pub field: String,
    /// Why.
    pub why: Unknown,
}

impl Missing {
    fn new(field: &str, why: Unknown) -> Self {
        Self {
            field: field.to_owned(),
            why,
        }
    }

    fn redacted(field: &str) -> Self {
        Self::new(field, Unknown::Redacted)
    }

    fn truncated(field: &str) -> Self {
        Self::new(field, Unknown::Truncated)
    }
}

/// What somebody else did to a record since.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Conflict {
    /// A field has another value than the events left.
    Changed {
        /// The column.
        field: String,
        /// The value that the events left.
        expected: Json,
        /// The value that it has.
        found: Json,
    },
    /// A field was changed between two of the events, by one that is not taken back.
    Between {
        /// The column.
        field: String,
        /// The value that the first of the two left.
        expected: Json,
        /// The value that the second found.
        found: Json,
    },
    /// The record was inserted or deleted between two of the events.
    CameOrWent,
    /// The record is not there any more.
    Gone,
    /// There is a record again.
    Exists,
    /// Rows that are not taken back refer to the record, and it would go.
    Referenced {
        /// Their table.
        table: String,
        /// How many they are.
        rows: u64,
    },
}

/// Why nothing can take an event back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It emptied a table, and the log does not hold the rows.
    Truncated,
    /// It has no image: images were suppressed.
    NoImage,
    /// The table has no primary key to find the row by.
    NoKey,
    /// The table is not there any more, or cannot be read.
    NoTable,
}

/// An event that nothing can take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obstacle {
    /// The event.
    pub event: Uuid,
    /// Why.
    pub why: Why,
}

/// What is to happen to one record.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UndoStep {
    /// INSERT, UPDATE or DELETE.
    pub operation: Operation,
    /// The schema of the table; `None` on SQLite.
    pub table_schema: Option<String>,
    /// The table.
    pub table_name: String,
    /// The key that the record has, or had last.
    pub record_id: String,
    /// The ids of the events that this takes back, oldest first.
    pub reverts: Vec<Uuid>,
    /// The fields that are set, and to what; of a DELETE, those that go.
    pub changes: Vec<FieldChange>,
    /// What stands against it.
    pub conflicts: Vec<Conflict>,
    /// The values that cannot be put back.
    pub missing: Vec<Missing>,
    /// The columns that the database computes, and that are not set for that reason.
    pub computed: Vec<String>,
    key: Fields,
    now: Option<Fields>,
    then: Option<Fields>,
}

/// What to do with a record that has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnConflict {
    /// Nothing is applied.
    #[default]
    Refuse,
    /// The record stays as it is.
    Skip,
    /// Fields get their old values, whatever they have. A record that came or went is still refused.
    Overwrite,
}

/// What would be done to take changes back. Nothing is done before [`UndoPlan::apply`].
#[derive(Debug, Clone)]
#[must_use = "a plan does nothing until it is applied"]
pub struct UndoPlan {
    steps: Vec<UndoStep>,
    /// What is done, in its order, to steps by their places.
    actions: Vec<Action>,
    obstacles: Vec<Obstacle>,
    tables: HashMap<TableName, Restorable>,
    on_conflict: OnConflict,
    leaves_missing: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Undone {
    /// How many records were changed.
    pub records: usize,
    /// How many stayed as they are, by [`OnConflict::Skip`].
    pub skipped: usize,
    /// Fields that have another value than they were given: a trigger of the application, or the
    /// database, had a say. By table, record and column.
    pub differing: Vec<(String, String, String)>,
}

/// Changes were not taken back; the transaction is to be rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError<E: std::error::Error + 'static> {
    /// Events cannot be taken back.
    #[error("{count} of the events cannot be taken back; leave them out of the selection")]
    Obstacles {
        /// How many.
        count: usize,
    },
    /// Records have changed since.
    #[error(
        "{count} records have changed since; look at the plan, and skip or overwrite what has changed"
    )]
    Conflicts {
        /// How many.
        count: usize,
    },
    /// Values cannot be put back.
    #[error(
        "values of {count} records cannot be put back; look at the plan, and leave them or narrow it"
    )]
    Missing {
        /// How many records.
        count: usize,
    },
    /// A record has changed since the plan was made.
    #[error(
        "record `{record_id}` of `{table_name}` has changed since the plan was made; make another"
    )]
    Stale {
        /// The table.
        table_name: String,
        /// The record.
        record_id: String,
    },
    /// The database failed, or refused a change.
    #[error(
        "record `{record_id}` of `{table_name}` could not be put back; roll the transaction back"
    )]
    Refused {
        /// The table.
        table_name: String,
        /// The record.
        record_id: String,
        /// What it said.
        #[source]
        source: E,
    },
}

impl<R: LogReader> Trail<R, Everything> {
    /// The most events that one plan takes back.
    pub const MOST_UNDONE: usize = 100_000;

    /// What it would take to take back the events of a query: of one event, of a transaction, of a
    /// request, of an actor in some time. Reads the log, the catalog and the rows, and changes nothing.
    ///
    /// The limit and the order of the query do not matter. Events that changed no row are passed over.
    /// To redo, take back the events of the undo.
    ///
    /// On SQLite the trail must be read through a connection of an attached pool.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails, [`StoreError::TooManyEvents`] above
    /// [`Trail::MOST_UNDONE`].
    pub async fn plan_undo(&mut self, query: &LogQuery) -> Result<UndoPlan, StoreError<R::Error>> {
        let mut events = self.all_of(query).await?;
        events.sort_by_key(Event::position);
        let (nets, obstacles) = net::of(&events);
        self.plan(nets, obstacles).await
    }

    /// What it would take to take back every change of a row after a position: to roll a database of
    /// tests back to an event.
    ///
    /// # Errors
    /// As [`Trail::plan_undo`].
    pub async fn plan_return_to(
        &mut self,
        position: Position,
    ) -> Result<UndoPlan, StoreError<R::Error>> {
        let later = LogQuery::new().oldest_first().after(position);
        self.plan_undo(&later).await
    }

    async fn all_of(&mut self, query: &LogQuery) -> Result<Vec<Event>, StoreError<R::Error>> {
        let mut events = Vec::new();
        let mut pages = self.pages(query);
        while let Some(page) = pages.next().await? {
            events.extend(page);
            if events.len() > Self::MOST_UNDONE {
                return Err(StoreError::TooManyEvents {
                    maximum: Self::MOST_UNDONE,
                });
            }
        }
        Ok(events)
    }

    async fn plan(
        &mut self,
        nets: Vec<Net>,
        mut obstacles: Vec<Obstacle>,
    ) -> Result<UndoPlan, StoreError<R::Error>> {
        let tables = self.tables_of(&nets).await?;
        let mut able = Vec::with_capacity(nets.len());
        for net in nets {
            let why = match tables.get(&net.table) {
                None => Why::NoTable,
                Some(table) if table.key.is_empty() => Why::NoKey,
                Some(_) => {
                    able.push(net);
                    continue;
                }
            };
            let blocked = net
                .events
                .iter()
                .map(|event| Obstacle { event: *event, why });
            obstacles.extend(blocked);
        }
        let mut actions = order::of(&able, &tables);
        let mut steps = Vec::with_capacity(able.len());
        let mut places = vec![0; able.len()];
        for action in &actions {
            let (Action::Whole(place) | Action::WithoutLinks(place)) = *action else {
                continue;
            };
            let Some(net) = able.get(place) else { continue };
            let Some(table) = tables.get(&net.table) else {
                continue;
            };
            let mut step = UndoStep::of(net, table);
            let read = table.read(self.dialect(), &step.key, &step.expected(), false);
            let rows = self.texts(Ok(read)).await?;
            step.compare(rows.first());
            if let Some(index) = places.get_mut(place) {
                *index = steps.len();
            }
            steps.push(step);
        }
        for action in &mut actions {
            *action = action.at(|place| places.get(place).copied().unwrap_or(place));
        }
        if self.dialect() == Dialect::MySql {
            actions = letting_go_of_themselves(actions, &steps, &tables);
        }
        self.find_references(&mut steps, &tables).await?;
        Ok(UndoPlan {
            steps,
            actions,
            obstacles,
            tables,
            on_conflict: OnConflict::Refuse,
            leaves_missing: false,
        })
    }

    async fn tables_of(
        &mut self,
        nets: &[Net],
    ) -> Result<HashMap<TableName, Restorable>, StoreError<R::Error>> {
        let mut tables = HashMap::new();
        let dialect = self.dialect();
        for net in nets {
            if tables.contains_key(&net.table) {
                continue;
            }
            let (schema, name) = &net.table;
            let query = Restorable::query(dialect, schema.as_deref(), name);
            let rows = self.texts(Ok(query)).await?;
            if let Some(Some(text)) = rows.first().and_then(|row| row.first()) {
                let table = Restorable::parse(schema.as_deref(), name, text)?;
                tables.insert(net.table.clone(), table);
            }
        }
        Ok(tables)
    }

    /// Finds the rows that refer to what is to go, and are not to go themselves.
    async fn find_references(
        &mut self,
        steps: &mut [UndoStep],
        tables: &HashMap<TableName, Restorable>,
    ) -> Result<(), StoreError<R::Error>> {
        let dialect = self.dialect();
        let mut found = Vec::new();
        for (place, step) in steps.iter().enumerate() {
            let now = match (&step.now, &step.then) {
                (Some(now), None) => now,
                _ => continue,
            };
            let Some(table) = tables.get(&step.table()) else {
                continue;
            };
            for reference in &table.referred_by {
                let Some(query) = table.count_referring(dialect, reference, now) else {
                    continue;
                };
                let rows = self.texts(Ok(query)).await?;
                let count = rows.first().and_then(|row| row.first()).cloned().flatten();
                let count: u64 = count.and_then(|text| text.parse().ok()).unwrap_or(0);
                let values = values(reference.referred(&table.key, now));
                let goes = |other: &&UndoStep| {
                    other.table_name.eq_ignore_ascii_case(&reference.table)
                        && other.refers_no_more(reference, &values)
                };
                let going = steps.iter().filter(goes).count() as u64;
                if count > going {
                    let conflict = Conflict::Referenced {
                        table: reference.table.clone(),
                        rows: count - going,
                    };
                    found.push((place, conflict));
                }
            }
        }
        for (place, conflict) in found {
            if let Some(step) = steps.get_mut(place) {
                step.conflicts.push(conflict);
            }
        }
        Ok(())
    }
}

/// MySQL and MariaDB refuse to delete a row that refers to itself.
fn letting_go_of_themselves(
    actions: Vec<Action>,
    steps: &[UndoStep],
    tables: &HashMap<TableName, Restorable>,
) -> Vec<Action> {
    let refers_to_itself = |step: &UndoStep| {
        let table = tables.get(&step.table());
        table.into_iter().any(|table| {
            let own = table
                .referred_by
                .iter()
                .filter(|one| one.table == table.name);
            let now = step.now.as_ref().filter(|_| step.then.is_none());
            now.is_some_and(|now| {
                let mut own = own.filter(|one| one.schema == table.schema);
                own.any(|one| {
                    let referred = values(one.referred(&table.key, now));
                    referred.is_some() && values(one.referring(now)) == referred
                })
            })
        })
    };
    let both = actions.into_iter().flat_map(|action| {
        let first = match action {
            Action::Whole(place) if steps.get(place).is_some_and(refers_to_itself) => {
                Some(Action::Unlink(place))
            }
            _ => None,
        };
        first.into_iter().chain([action])
    });
    both.collect()
}

fn values(fields: Option<Fields>) -> Option<Vec<Json>> {
    fields.map(|fields| fields.into_iter().map(|(_, value)| value).collect())
}

fn find<'f>(fields: &'f Fields, field: &str) -> Option<&'f Json> {
    fields
        .iter()
        .find(|(name, _)| name == field)
        .map(|(_, value)| value)
}

/// The key of a record: as an image holds it, else as the texts of its `record_id`.
fn key_of(table: &Restorable, image: Option<&Fields>, record_id: &str) -> Fields {
    let texts: Vec<Value> = match table.key.as_slice() {
        [_] => vec![Value::from(record_id)],
        _ => serde_json::from_str(record_id).unwrap_or_default(),
    };
    let part = |(place, column): (usize, &String)| {
        let told = image.and_then(|image| find(image, column)).cloned();
        let text = || {
            texts
                .get(place)
                .map(Value::to_string)
                .and_then(|text| text.parse().ok())
        };
        Some((column.clone(), told.or_else(text)?))
    };
    table.key.iter().enumerate().filter_map(part).collect()
}

impl UndoStep {
    fn of(net: &Net, table: &Restorable) -> Self {
        let computed = |field: &String| {
            table
                .column(field)
                .is_some_and(|column| column.is_generated)
        };
        let is_there = |field: &String| table.column(field).is_some();
        let mut missing = net.missing.clone();
        let known = |fields: &Fields| -> Fields {
            let settable = |(field, _): &&(String, Json)| is_there(field) && !computed(field);
            fields.iter().filter(settable).cloned().collect()
        };
        let gone = net
            .was
            .iter()
            .flatten()
            .filter(|(field, _)| !is_there(field));
        missing.extend(gone.map(|(field, _)| Missing::new(field, Unknown::Gone)));
        let operation = match (&net.left, &net.was) {
            (None, _) => Operation::Insert,
            (Some(_), None) => Operation::Delete,
            (Some(_), Some(_)) => Operation::Update,
        };
        if operation == Operation::Insert {
            let told = |field: &str| {
                net.was.iter().flatten().any(|(name, _)| name == field)
                    || net
                        .missing
                        .iter()
                        .any(|missing| crate::record::hides(&missing.field, field))
            };
            let younger = table
                .columns
                .iter()
                .filter(|column| !column.is_generated && !told(&column.name));
            missing.extend(younger.map(|column| Missing::new(&column.name, Unknown::Younger)));
        }
        let touched = net
            .was
            .iter()
            .chain(&net.left)
            .flatten()
            .map(|(field, _)| field);
        let mut computed: Vec<String> = touched.filter(|field| computed(field)).cloned().collect();
        computed.sort_unstable();
        computed.dedup();
        let now = net.left.as_ref().map(known);
        let image = net.left.as_ref().or(net.was.as_ref());
        Self {
            operation,
            table_schema: net.table.0.clone(),
            table_name: net.table.1.clone(),
            record_id: net.record_id.clone(),
            reverts: net.events.clone(),
            changes: Vec::new(),
            conflicts: net.conflicts.clone(),
            missing,
            computed,
            key: key_of(table, image, &net.record_id),
            now,
            then: net.was.as_ref().map(known),
        }
    }

    fn table(&self) -> TableName {
        (self.table_schema.clone(), self.table_name.clone())
    }

    /// The fields that must be as the events left them: all of what is to go, else those to be set.
    fn expected(&self) -> Fields {
        let Some(now) = &self.now else {
            return Fields::new();
        };
        let is_set = |field: &str| {
            self.then
                .as_ref()
                .is_none_or(|then| find(then, field).is_some())
        };
        now.iter()
            .filter(|(field, _)| is_set(field))
            .cloned()
            .collect()
    }

    /// Looks at the row as it is: its image, and what was expected as the database writes it.
    fn compare(&mut self, row: Option<&Vec<Option<String>>>) {
        let found = row.and_then(|row| image_of(row.first()));
        let conflict = match (&self.now, &found) {
            (None, Some(_)) => Some(Conflict::Exists),
            (Some(_), None) => Some(Conflict::Gone),
            _ => None,
        };
        self.conflicts.extend(conflict);
        let expected = row.and_then(|row| image_of(row.get(1))).unwrap_or_default();
        for (field, _) in self.expected() {
            let told = find(&expected, &field);
            let found = found.as_ref().and_then(|found| find(found, &field));
            if let (Some(expected), Some(found)) = (told, found)
                && expected != found
            {
                self.conflicts.push(Conflict::Changed {
                    field,
                    expected: expected.clone(),
                    found: found.clone(),
                });
            }
        }
        let is_set = |field: &str| {
            self.then
                .as_ref()
                .is_none_or(|then| find(then, field).is_some())
        };
        let before = found.unwrap_or_default();
        let fields = match &self.then {
            Some(then) => then,
            None => &before,
        };
        let change = |(field, _): &(String, Json)| FieldChange {
            field: field.clone(),
            before: find(&before, field).cloned(),
            after: self
                .then
                .as_ref()
                .and_then(|then| find(then, field))
                .cloned(),
            is_redacted: false,
        };
        self.changes = fields
            .iter()
            .filter(|(field, _)| is_set(field))
            .map(change)
            .collect();
    }

    /// Whether this takes away a row that refers to these values, or makes it refer to others.
    fn refers_no_more(
        &self,
        reference: &audit_capture::Reference,
        referred: &Option<Vec<Json>>,
    ) -> bool {
        let refers = |fields: &Option<Fields>| {
            let fields = fields.as_deref().unwrap_or_default();
            values(reference.referring(fields)) == *referred
        };
        self.now.is_some() && refers(&self.now) && !(self.then.is_some() && refers(&self.then))
    }

    /// Whether the record is there, or not, as it must be for this step.
    fn can_be_forced(&self) -> bool {
        !self.conflicts.iter().any(|conflict| {
            matches!(
                conflict,
                Conflict::CameOrWent
                    | Conflict::Exists
                    | Conflict::Gone
                    | Conflict::Referenced { .. }
            )
        })
    }
}

fn image_of(text: Option<&Option<String>>) -> Option<Fields> {
    let image: Json = text?.as_ref()?.parse().ok()?;
    Some(image.fields())
}

impl UndoPlan {
    /// What is to be done, in its order.
    #[must_use]
    pub fn steps(&self) -> &[UndoStep] {
        &self.steps
    }

    /// The events that nothing can take back.
    #[must_use]
    pub fn obstacles(&self) -> &[Obstacle] {
        &self.obstacles
    }

    /// Whether nothing stands against it: no event that cannot be taken back, no record that has
    /// changed since, no value that is missing.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        let is_clear = |step: &UndoStep| step.conflicts.is_empty() && step.missing.is_empty();
        self.obstacles.is_empty() && self.steps.iter().all(is_clear)
    }

    /// What to do with records that have changed since.
    pub fn on_conflict(mut self, choice: OnConflict) -> Self {
        self.on_conflict = choice;
        self
    }

    /// Applies it though values are missing: their columns stay as they are, and those of a row that
    /// is inserted get their defaults.
    pub fn leaving_missing(mut self) -> Self {
        self.leaves_missing = true;
        self
    }

    /// Applies it to what can be taken back, though other events cannot.
    pub fn without_obstacles(mut self) -> Self {
        self.obstacles.clear();
        self
    }

    fn checked<E: std::error::Error>(&self) -> Result<Vec<&UndoStep>, UndoError<E>> {
        if !self.obstacles.is_empty() {
            return Err(UndoError::Obstacles {
                count: self.obstacles.len(),
            });
        }
        let stands = |step: &&UndoStep| match self.on_conflict {
            OnConflict::Skip => false,
            OnConflict::Overwrite => !step.can_be_forced(),
            OnConflict::Refuse => !step.conflicts.is_empty(),
        };
        let count = self.steps.iter().filter(stands).count();
        if count > 0 {
            return Err(UndoError::Conflicts { count });
        }
        let is_skipped =
            |step: &&UndoStep| self.on_conflict == OnConflict::Skip && !step.conflicts.is_empty();
        let steps: Vec<&UndoStep> = self.steps.iter().filter(|step| !is_skipped(step)).collect();
        let lacks = |step: &&&UndoStep| !step.missing.is_empty();
        let count = steps.iter().filter(lacks).count();
        if count > 0 && !self.leaves_missing {
            return Err(UndoError::Missing { count });
        }
        Ok(steps)
    }

    /// Does it, in the caller's transaction: each row is locked, looked at once more, and changed. The
    /// changes are events of their own, by the context of this task, that name in `reverts` those that
    /// they take back.
    ///
    /// The transaction must come from an attached connection, or nothing records the changes.
    ///
    /// # Errors
    /// Before anything is changed: [`UndoError::Obstacles`], [`UndoError::Conflicts`] and
    /// [`UndoError::Missing`], unless the plan was told what to do with them. [`UndoError::Stale`] and
    /// [`UndoError::Refused`] leave the transaction to be rolled back.
    ///
    /// # Cancel safety
    /// None: roll the transaction back when the future is dropped.
    pub async fn apply<W: RowWriter>(&self, writer: &mut W) -> Result<Undone, UndoError<W::Error>> {
        let steps = self.checked()?;
        let mut undone = Undone {
            records: steps.len(),
            skipped: self.steps.len() - steps.len(),
            differing: Vec::new(),
        };
        let who = context::current().unwrap_or_default();
        let mut touched = HashSet::new();
        for action in &self.actions {
            let Some(step) = self.steps.get(action.place()) else {
                continue;
            };
            if !steps.iter().any(|one| std::ptr::eq(*one, step)) {
                continue;
            }
            let context = who.clone().with_reverts(&step.reverts);
            let stamped = context.scope(async { writer.stamp().await }).await;
            stamped.map_err(|source| step.refused(source))?;
            let is_first = touched.insert(action.place());
            let differing = self.act(*action, step, is_first, writer).await?;
            undone.differing.extend(differing);
        }
        if let Some(step) = steps.last() {
            let stamped = writer.stamp().await;
            stamped.map_err(|source| step.refused(source))?;
        }
        Ok(undone)
    }

    async fn act<W: RowWriter>(
        &self,
        action: Action,
        step: &UndoStep,
        is_first: bool,
        writer: &mut W,
    ) -> Result<Vec<(String, String, String)>, UndoError<W::Error>> {
        let Some(table) = self.tables.get(&step.table()) else {
            return Ok(Vec::new());
        };
        let dialect = writer.dialect();
        if is_first {
            let read = table.read(dialect, &step.key, &step.expected(), true);
            let rows = writer.texts(&read).await;
            let rows = rows.map_err(|source| step.refused(source))?;
            if !step.is_as_planned(rows.first()) {
                return Err(UndoError::Stale {
                    table_name: step.table_name.clone(),
                    record_id: step.record_id.clone(),
                });
            }
        }
        if let Some(write) = step.statement(action, table, dialect) {
            let written = writer.texts(&write).await;
            written.map_err(|source| step.refused(source))?;
        }
        if matches!(action, Action::Unlink(_) | Action::WithoutLinks(_)) {
            return Ok(Vec::new());
        }
        let key = step.key_then(table);
        let wanted = step.then.clone().unwrap_or_default();
        let read = table.read(dialect, &key, &wanted, false);
        let rows = writer.texts(&read).await;
        let rows = rows.map_err(|source| step.refused(source))?;
        Ok(step.differing(rows.first()))
    }
}

/// Fields over others.
fn overlaid(fields: &Fields, under: &Fields) -> Fields {
    let rest = under
        .iter()
        .filter(|(field, _)| find(fields, field).is_none());
    fields.iter().chain(rest).cloned().collect()
}

impl UndoStep {
    fn refused<E: std::error::Error>(&self, source: E) -> UndoError<E> {
        UndoError::Refused {
            table_name: self.table_name.clone(),
            record_id: self.record_id.clone(),
            source,
        }
    }

    /// Whether the row is as the plan has seen it, as far as the plan looked.
    fn is_as_planned(&self, row: Option<&Vec<Option<String>>>) -> bool {
        let mut again = self.clone();
        again.conflicts.clear();
        again.compare(row);
        let seen = self.conflicts.iter().filter(|conflict| {
            !matches!(
                conflict,
                Conflict::Between { .. } | Conflict::CameOrWent | Conflict::Referenced { .. }
            )
        });
        again.conflicts.iter().eq(seen) && again.changes == self.changes
    }

    fn statement(
        &self,
        action: Action,
        table: &Restorable,
        dialect: Dialect,
    ) -> Option<BoundQuery> {
        let is_link = |field: &String| {
            let mut columns = table
                .references
                .iter()
                .flat_map(|reference| &reference.columns);
            columns.any(|column| column == field) && !table.key.contains(field)
        };
        let of_links = |fields: &Fields, links: bool| -> Fields {
            let fields = fields.iter().filter(|(field, _)| is_link(field) == links);
            fields.cloned().collect()
        };
        let update = |key: &Fields, fields: Fields| {
            // Every field that the events changed may be missing.
            (!fields.is_empty()).then(|| table.update(dialect, key, &fields))
        };
        match (action, &self.now, &self.then) {
            (Action::Unlink(_), Some(now), _) => {
                let null: Json = "null".parse().ok()?;
                let fields = of_links(now, true).into_iter();
                update(
                    &self.key,
                    fields.map(|(field, _)| (field, null.clone())).collect(),
                )
            }
            (Action::WithoutLinks(_), None, Some(then)) => {
                Some(table.insert(dialect, &of_links(then, false)))
            }
            (Action::Link(_), None, Some(then)) => {
                update(&self.key_then(table), of_links(then, true))
            }
            (Action::Whole(_), Some(_), None) => Some(table.delete(dialect, &self.key)),
            (Action::Whole(_), None, Some(then)) => Some(table.insert(dialect, then)),
            (Action::Whole(_), Some(_), Some(then)) => update(&self.key, then.clone()),
            _ => None,
        }
    }

    /// The key that the record has when all is done.
    fn key_then(&self, table: &Restorable) -> Fields {
        match &self.then {
            Some(then) => key_of(table, Some(&overlaid(then, &self.key)), &self.record_id),
            None => self.key.clone(),
        }
    }

    fn differing(&self, row: Option<&Vec<Option<String>>>) -> Vec<(String, String, String)> {
        let is = row.and_then(|row| image_of(row.first()));
        let wanted = row.and_then(|row| image_of(row.get(1))).unwrap_or_default();
        let named = |field: &str| {
            (
                self.table_name.clone(),
                self.record_id.clone(),
                field.to_owned(),
            )
        };
        match (&self.then, is) {
            (None, None) => Vec::new(),
            (None, Some(is)) => is.iter().map(|(field, _)| named(field)).collect(),
            (Some(then), None) => then.iter().map(|(field, _)| named(field)).collect(),
            (Some(then), Some(is)) => {
                let differs =
                    |(field, _): &&(String, Json)| find(&is, field) != find(&wanted, field);
                then.iter()
                    .filter(differs)
                    .map(|(field, _)| named(field))
                    .collect()
            }
        }
    }
}
