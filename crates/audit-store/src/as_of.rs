//! One record as it was.

use std::collections::BTreeSet;

use audit_core::query::{LogQuery, Position, StateTest};
use audit_core::{Event, Json, LogReader, Operation};
use chrono::{DateTime, Utc};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use uuid::Uuid;

use crate::continuity::{Backwards, Break, Fields, breaks, found_by};
use crate::error::StoreError;
use crate::gap::Gap;
use crate::record::{Timeline, came_from, fields_of, hides, is_truncated, left, newest_first};
use crate::trail::{Trail, now};
use crate::typed::{ColumnChange, Shapes};

/// What a record was.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// There was no record under the key.
    Absent,
    /// It had these fields, by name, with the exact text of their values; those of [`Gap`]s are not
    /// the values of the row.
    Present(Vec<(String, Json)>),
    /// Nobody can tell.
    Unknown,
}

/// The fields of a record as one object.
struct Object<'f>(&'f [(String, Json)]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(field, value)| (field, value)))
    }
}

/// A record as it was, and what is not known of it. The wire form has `state`, which is `absent`,
/// `present` or `unknown`, the object `fields` where it was present, and `gaps` in words.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AsOf {
    /// What it was.
    pub state: State,
    /// What the log does not tell, in no order.
    pub gaps: Vec<Gap>,
}

impl Serialize for AsOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (state, fields) = match &self.state {
            State::Absent => ("absent", None),
            State::Present(fields) => ("present", Some(Object(fields))),
            State::Unknown => ("unknown", None),
        };
        let mut wire = serializer.serialize_struct("AsOf", 3)?;
        wire.serialize_field("state", state)?;
        match &fields {
            Some(fields) => wire.serialize_field("fields", fields)?,
            None => wire.skip_field("fields")?,
        }
        let gaps: Vec<String> = self.gaps.iter().map(ToString::to_string).collect();
        wire.serialize_field("gaps", &gaps)?;
        wire.end()
    }
}

impl AsOf {
    fn new(state: State, gaps: Vec<Gap>) -> Self {
        Self { state, gaps }
    }

    /// A state that came from images, each with the event that it is of.
    fn present(fields: Vec<(String, Json, &Event)>, mut gaps: Vec<Gap>, newest: &Event) -> Self {
        let hidden = newest.redacted_fields.iter().flatten();
        // What a redaction leaves out is in no image.
        let left_out = hidden.filter(|entry| !fields.iter().any(|(field, ..)| hides(entry, field)));
        for entry in left_out {
            let gap = Gap::Redacted {
                field: entry.clone(),
            };
            if !gaps.contains(&gap) {
                gaps.push(gap);
            }
        }
        for (field, value, event) in &fields {
            let field = field.clone();
            let mut hidden = event.redacted_fields.iter().flatten();
            if hidden.any(|entry| hides(entry, &field)) {
                gaps.push(Gap::Redacted { field });
            } else if is_truncated(value) {
                gaps.push(Gap::Truncated { field });
            }
        }
        fields_by_name(fields, gaps)
    }
}

impl AsOf {
    /// Whether a condition held; `None` where nobody can tell, because the state is not known, or a [`Gap`]
    /// is of the column or of the record as a whole. A record that was not there meets no condition, and
    /// neither does one that had no such column.
    #[must_use]
    pub fn meets(&self, condition: &StateTest) -> Option<bool> {
        let fields = match &self.state {
            State::Absent => &[][..],
            State::Present(fields) => fields,
            State::Unknown => return None,
        };
        let column = condition.column();
        let value = fields.iter().find(|(field, _)| field == column);
        let hides = |gap: &Gap| gap.hides(column, value.is_some());
        if self.gaps.iter().any(hides) {
            return None;
        }
        Some(value.is_some_and(|(_, value)| condition.holds(value)))
    }

    /// Adds what became of columns where the fields do not show it.
    fn note(&mut self, changes: Vec<ColumnChange>) {
        let State::Present(fields) = &self.state else {
            return;
        };
        let find = |name: &String| fields.iter().find(|(field, _)| field == name);
        let has = |name: &String| find(name).is_some();
        let is_null = |name: &String| find(name).is_some_and(|(_, value)| value.as_str() == "null");
        let is_hidden = |change: &ColumnChange| match change {
            ColumnChange::Added { field } => !has(field),
            ColumnChange::Dropped { field } | ColumnChange::Retyped { field, .. } => has(field),
            ColumnChange::Renamed { from, .. } => has(from),
            // What stood there for NULL is in no event.
            ColumnChange::Required { field } => is_null(field),
            ColumnChange::Optional { .. } => false,
        };
        let changes = changes.into_iter().filter(is_hidden);
        self.gaps
            .extend(changes.map(|change| Gap::Columns { change }));
    }

    /// Adds where events do not meet.
    fn note_breaks(&mut self, breaks: Vec<Break>) {
        for gap in breaks.into_iter().map(Gap::from) {
            if !self.gaps.contains(&gap) {
                self.gaps.push(gap);
            }
        }
    }
}

/// Whether a change of columns made a field differ, and nobody else.
fn alters(change: &ColumnChange, found: &Break) -> bool {
    matches!(found, Break::Changed { field, .. } if change.alters(field))
}

fn fields_by_name(fields: Vec<(String, Json, &Event)>, gaps: Vec<Gap>) -> AsOf {
    let mut fields: Vec<(String, Json)> = fields
        .into_iter()
        .map(|(field, value, _)| (field, value))
        .collect();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    AsOf::new(State::Present(fields), gaps)
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// What was under a key of a table at an instant, as far as events tell; those of that very
    /// microsecond are part of it. `table` is as for [`Trail::timeline`].
    ///
    /// What was never in the log is not made up: see [`Gap`]. What changed without an event is seen as
    /// far as the next event of the record within reach tells what it found.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails.
    pub async fn as_of(
        &mut self,
        table: &LogQuery,
        record: impl Into<String>,
        at: DateTime<Utc>,
    ) -> Result<AsOf, StoreError<R::Error>> {
        let last = Position {
            occurred_at: at,
            id: Uuid::max(),
        };
        self.as_of_position(table, record.into(), last, &mut None)
            .await
    }

    /// What was under a key of a table when an event had happened.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails.
    pub async fn as_of_event(
        &mut self,
        table: &LogQuery,
        record: impl Into<String>,
        event: &Event,
    ) -> Result<AsOf, StoreError<R::Error>> {
        let position = event.position();
        self.as_of_position(table, record.into(), position, &mut None)
            .await
    }

    /// `shapes` keeps what was read of the table, for the next record of it.
    pub(crate) async fn as_of_position(
        &mut self,
        table: &LogQuery,
        key: String,
        last: Position,
        shapes: &mut Option<Shapes>,
    ) -> Result<AsOf, StoreError<R::Error>> {
        let rows = [Operation::Delete, Operation::Insert, Operation::Update];
        let table = newest_first(&self.within(table));
        let of_key = table.clone().operation(rows).record(key.as_str()).limit(1);
        // The first place behind the last one.
        let next = Position {
            id: Uuid::from_u128(last.id.as_u128().saturating_add(1)),
            ..last
        };
        let newest = self.read(&of_key.clone().after(next), now()).await?.pop();
        let following = self.read(&of_key.reversed().after(last), now()).await?;
        let following = following.into_iter().next();
        let Some(newest) = newest else {
            return Ok(before_first(following.as_ref(), &key));
        };
        let is_gone = newest.operation == Operation::Delete || left(&newest, &key);
        let Emptied { truncated, in_part } = self.emptied(&table, newest.position()).await?;
        // What comes behind a TRUNCATE found what that left.
        let following = following.filter(|event| {
            truncated.is_none_or(|truncated| truncated <= last || truncated > event.position())
        });
        let found = following.as_ref().map(|event| found_under(event, &key));
        // Whoever found it later says that it was in none of them.
        let may_be_gone = !matches!(found, Some(Some(_)));
        if is_gone || truncated.is_some_and(|truncated| truncated <= last) {
            let mut was = AsOf::new(State::Absent, Vec::new());
            was.note_breaks(found.map_or_else(Vec::new, |found| breaks(None, found.as_ref())));
            return Ok(was);
        }
        let timeline = Timeline::starting(self, table.operation(rows), key, next);
        let Joined {
            mut was,
            mut breaks,
            oldest,
        } = state_of(timeline, found).await?;
        let name = newest.table_name.as_deref().unwrap_or_default();
        let shapes = match shapes {
            Some(shapes) if shapes.table() == name => shapes,
            other => other.insert(self.shapes(name).await?),
        };
        was.note(shapes.since(&newest, last.occurred_at));
        if !breaks.is_empty() {
            let until = following.as_ref().unwrap_or(&newest).occurred_at;
            let changes = shapes.since(oldest.as_ref().unwrap_or(&newest), until);
            breaks.retain(|found| !changes.iter().any(|change| alters(change, found)));
        }
        was.note_breaks(breaks);
        if may_be_gone && in_part.is_some_and(|in_part| in_part <= last) {
            was.gaps.push(Gap::EmptiedInPart);
        }
        Ok(was)
    }

    /// When a table was emptied for the first time behind an event.
    async fn emptied(
        &mut self,
        table: &LogQuery,
        behind: Position,
    ) -> Result<Emptied, StoreError<R::Error>> {
        let mut emptied = Emptied::default();
        let query = table.clone().whole_table().operation(Operation::Truncate);
        // Mostly there is none, or the first is of the whole table.
        let query = query.reversed().limit(10);
        let mut behind = behind;
        while emptied.truncated.is_none() {
            let events = self.read(&query.clone().after(behind), now()).await?;
            let Some(last) = events.last() else {
                break;
            };
            behind = last.position();
            let is_whole = |event: &&Event| event.before_exact != Some(false);
            emptied.truncated = events.iter().find(is_whole).map(Event::position);
            let in_part = events.iter().find(|event| !is_whole(event));
            emptied.in_part = emptied.in_part.or(in_part.map(Event::position));
        }
        Ok(emptied)
    }
}

/// When a table was emptied.
#[derive(Debug, Default)]
struct Emptied {
    /// As a whole.
    truncated: Option<Position>,
    /// In one of its partitions.
    in_part: Option<Position>,
}

/// The state before the first event of a key.
fn before_first(first: Option<&Event>, key: &str) -> AsOf {
    let Some(first) = first else {
        return AsOf::new(State::Unknown, vec![Gap::NoEvent]);
    };
    if first.operation == Operation::Insert || came_from(first, key).is_some() {
        return AsOf::new(State::Absent, Vec::new());
    }
    let fields = fields_of(first.before_data.as_ref()).into_iter();
    let fields: Vec<_> = fields.map(|(field, value)| (field, value, first)).collect();
    let mut gaps = vec![Gap::BeforeFirstEvent];
    if !has_every_column(first, fields.len()) {
        gaps.push(Gap::Incomplete);
    }
    AsOf::present(fields, gaps, first)
}

/// What an event found under a key, which it or the record that it is of may have left or come to.
fn found_under(event: &Event, key: &str) -> Option<Fields> {
    match came_from(event, key) {
        Some(_) => None,
        None => found_by(event, None),
    }
}

/// A state that several events tell.
struct Joined {
    was: AsOf,
    /// Where they, and the one behind them, do not meet.
    breaks: Vec<Break>,
    oldest: Option<Event>,
}

/// Puts the newest images together until one of them has every column. `found` is what the event behind
/// them found.
async fn state_of<R: LogReader, S: Send>(
    mut timeline: Timeline<'_, R, S>,
    found: Option<Option<Fields>>,
) -> Result<Joined, StoreError<R::Error>> {
    let mut events = Vec::new();
    let mut breaks = Vec::new();
    let mut backwards = Backwards::behind(found);
    let mut is_complete = false;
    'events: while let Some(turns) = timeline.next().await? {
        for turn in turns {
            breaks.extend(backwards.look_at(&turn.event));
            // Before a DELETE it was another row.
            if turn.event.operation == Operation::Delete {
                break 'events;
            }
            let fields = fields_of(turn.event.after_data.as_ref());
            is_complete = has_every_column(&turn.event, fields.len());
            // So it was before an INSERT, also one that tells nothing of the row.
            let is_first = turn.event.operation == Operation::Insert;
            events.push(turn.event);
            if is_complete || is_first {
                break 'events;
            }
        }
    }
    let (fields, mut gaps) = joined(&events);
    if !is_complete {
        gaps.insert(0, Gap::Incomplete);
    }
    let was = match events.first() {
        Some(newest) => AsOf::present(fields, gaps, newest),
        None => AsOf::new(State::Unknown, vec![Gap::NoEvent]),
    };
    Ok(Joined {
        was,
        breaks,
        oldest: events.pop(),
    })
}

/// The newest value of each field that images tell, and the fields that an event behind those changed
/// without telling to what.
fn joined(events: &[Event]) -> (Vec<(String, Json, &Event)>, Vec<Gap>) {
    let mut fields: Vec<(String, Json, &Event)> = Vec::new();
    let mut untold: BTreeSet<&String> = BTreeSet::new();
    let mut gaps = Vec::new();
    for event in events {
        let is_known = |fields: &[(String, Json, &Event)], field: &String| {
            fields.iter().any(|(known, ..)| known == field)
        };
        for (field, value) in fields_of(event.after_data.as_ref()) {
            if !is_known(&fields, &field) && !untold.contains(&field) {
                fields.push((field, value, event));
            }
        }
        for field in event.changed_fields.iter().flatten() {
            if !is_known(&fields, field) && untold.insert(field) {
                let mut hidden = event.redacted_fields.iter().flatten();
                let field = field.clone();
                gaps.push(match hidden.any(|entry| hides(entry, &field)) {
                    true => Gap::Redacted { field },
                    false => Gap::NoImage { field },
                });
            }
        }
    }
    (fields, gaps)
}

/// Whether an image of this many fields is known to have every column: it has others than the
/// changed ones, or is of an INSERT or DELETE.
pub(crate) fn has_every_column(event: &Event, fields: usize) -> bool {
    let changed = event.changed_fields.as_ref().map_or(0, Vec::len);
    fields > 0 && (event.operation != Operation::Update || fields > changed)
}
