//! From events to a plan.

use std::collections::HashMap;

use audit_capture::{Reference, Restorable};
use audit_core::query::{LogQuery, Position};
use audit_core::{Dialect, Event, Json, LogReader};

use super::net::{self, Net, TableName};
use super::order::{self, Action, Behind, Order};
use super::step::{has_key, values};
use super::{Conflict, Obstacle, OnConflict, UndoPlan, UndoStep, Why};
use crate::error::StoreError;
use crate::trail::{Everything, Trail};
use crate::typed::Shapes;

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
                Some(table) if !has_key(&net, table) => Why::NoKey,
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
        let mut order = order::of(&able, &tables, false);
        let defers = Restorable::defer_references(self.dialect()).map(|defers| {
            let later = order::of(&able, &tables, true);
            (defers, std::mem::replace(&mut order, later).circles)
        });
        let Order {
            mut actions,
            circles,
            behind,
        } = order;
        let shapes = self.shapes_of(&able).await?;
        let holders = order::holders(&able);
        let mut steps = Vec::with_capacity(able.len());
        let mut places = vec![0; able.len()];
        for action in &actions {
            let (Action::Whole(place) | Action::WithoutLinks(place)) = *action else {
                continue;
            };
            let Some(net) = able.get(place) else { continue };
            let (Some(table), Some(shapes)) = (tables.get(&net.table), shapes.get(&net.table.1))
            else {
                continue;
            };
            let mut step = UndoStep::of(net, table, shapes);
            // It comes back to the key that it had at first.
            step.is_key_taken =
                step.now.is_none() && holders.contains_key(&(&net.table, net.came_from.as_str()));
            let read = table.read(self.dialect(), &step.key, &step.expected(), false);
            let rows = self.texts(Ok(read)).await?;
            step.compare(rows.first());
            if circles.contains(&place) {
                step.conflicts.push(Conflict::Circle);
            }
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
        hold_back(&mut steps, &behind, &places, &tables);
        let defers = defers.map(|(defers, circles)| {
            let needing = circles.iter().filter_map(|place| places.get(*place));
            (defers, needing.copied().collect())
        });
        Ok(UndoPlan {
            steps,
            actions,
            defers,
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

    /// The columns over time of the tables, by name.
    async fn shapes_of(
        &mut self,
        nets: &[Net],
    ) -> Result<HashMap<String, Shapes>, StoreError<R::Error>> {
        let mut shapes = HashMap::new();
        for Net {
            table: (_, name), ..
        } in nets
        {
            if !shapes.contains_key(name) {
                shapes.insert(name.clone(), self.shapes(name).await?);
            }
        }
        Ok(shapes)
    }

    /// Finds the rows that refer to what is to go, and are not to go themselves.
    async fn find_references(
        &mut self,
        steps: &mut [UndoStep],
        tables: &HashMap<TableName, Restorable>,
    ) -> Result<(), StoreError<R::Error>> {
        let dialect = self.dialect();
        let mut letting_go = LettingGo::default();
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
                let values = values(reference.referred(&table.key, now)).unwrap_or_default();
                let going = letting_go.of(reference, &values, steps);
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

/// Finds the records that would come or go behind others that stay as they are: what they refer to is not
/// there, or what refers to them is. `places` are those of the steps.
fn hold_back(
    steps: &mut [UndoStep],
    behind: &[Behind],
    places: &[usize],
    tables: &HashMap<TableName, Restorable>,
) {
    let at = |place: usize| places.get(place).copied().unwrap_or(place);
    let mut followers: HashMap<usize, Vec<usize>> = HashMap::new();
    for (place, firsts) in behind.iter().enumerate() {
        for first in firsts.keys() {
            followers.entry(at(*first)).or_default().push(at(place));
        }
    }
    let in_the_way = steps.iter().enumerate();
    let mut in_the_way: Vec<usize> = in_the_way
        .filter(|(_, step)| step.is_in_the_way())
        .map(|(place, _)| place)
        .collect();
    while let Some(first) = in_the_way.pop() {
        let Some(conflict) = steps.get(first).map(UndoStep::held_back_by) else {
            continue;
        };
        for place in followers.remove(&first).unwrap_or_default() {
            if steps
                .get(first)
                .zip(steps.get(place))
                .is_some_and(|(first, step)| is_held_by(step, first, tables))
                && let Some(step) = steps.get_mut(place)
                && step.conflicts.is_empty()
            {
                step.conflicts.push(conflict.clone());
                in_the_way.push(place);
            }
        }
    }
}

/// Whether a record waits for one before it; not for one to let go of it that somebody else has made let go.
fn is_held_by(step: &UndoStep, first: &UndoStep, tables: &HashMap<TableName, Restorable>) -> bool {
    let (Some(now), Some(_), Some(table)) = (&step.now, &first.now, tables.get(&step.table()))
    else {
        return true;
    };
    let mut references = table.referred_by.iter();
    references.any(|reference| {
        let referred = values(reference.referred(&table.key, now));
        referred.is_some() && first.is_of(reference) && first.let_go(reference) == referred
    })
}

/// How many rows let go of a row by a foreign key; the steps are looked at once for each key.
#[derive(Debug, Default)]
struct LettingGo<'t>(HashMap<Link<'t>, HashMap<Vec<String>, u64>>);

/// A foreign key: the table that refers, and by which columns.
type Link<'t> = (Option<&'t str>, &'t str, &'t [String]);

impl<'t> LettingGo<'t> {
    /// How many of the steps refer to these values by a foreign key, and will not.
    fn of(&mut self, reference: &'t Reference, values: &[Json], steps: &[UndoStep]) -> u64 {
        let Reference {
            schema,
            table,
            columns,
            ..
        } = reference;
        let counts = self
            .0
            .entry((schema.as_deref(), table, columns))
            .or_insert_with(|| {
                let mut counts = HashMap::new();
                for values in steps
                    .iter()
                    .filter(|step| step.is_of(reference))
                    .filter_map(|step| step.let_go(reference))
                {
                    *counts.entry(texts(&values)).or_insert(0) += 1;
                }
                counts
            });
        counts.get(&texts(values)).copied().unwrap_or(0)
    }
}

/// The exact texts of values.
fn texts(values: &[Json]) -> Vec<String> {
    values
        .iter()
        .map(|value| value.as_str().to_owned())
        .collect()
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
