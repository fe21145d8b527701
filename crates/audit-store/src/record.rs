//! One record through time.

use std::collections::{BTreeMap, BTreeSet};

use audit_core::query::{LogQuery, Position};
use audit_core::{Event, Json, LogReader, Operation};

use serde::Serialize;

use crate::as_of::has_every_column;
use crate::continuity::{Backwards, Break};
use crate::error::StoreError;
use crate::trail::{Trail, now};

/// One field that differs between the images of an event, as the exact text of its values.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FieldChange {
    /// The column.
    pub field: String,
    /// Its value before; `None` where the image before does not have it.
    pub before: Option<Json>,
    /// Its value after; `None` where the image after does not have it.
    pub after: Option<Json>,
    /// Whether a redaction hides it, or a part of it: the values are not those of the row.
    pub is_redacted: bool,
}

impl FieldChange {
    /// The fields that an event changed, by name: those whose values differ, and those that it
    /// says were changed though what hides them is the same. None for events without images.
    #[must_use]
    pub fn of(event: &Event) -> Vec<Self> {
        let fields = |image: &Option<Json>| -> BTreeMap<String, Json> {
            let fields = image.as_ref().map(Json::fields);
            fields.unwrap_or_default().into_iter().collect()
        };
        let (mut before, mut after) = (fields(&event.before_data), fields(&event.after_data));
        let told = event.changed_fields.clone().unwrap_or_default();
        let mut names: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
        names.extend(told.iter().cloned());
        names.sort_unstable();
        names.dedup();
        let hidden = event.redacted_fields.as_deref().unwrap_or_default();
        let change = |field: String| {
            let (before, after) = (before.remove(&field), after.remove(&field));
            let is_change = before != after || told.contains(&field);
            is_change.then(|| Self {
                is_redacted: hidden.iter().any(|name| hides(name, &field)),
                field,
                before,
                after,
            })
        };
        names.into_iter().filter_map(change).collect()
    }
}

/// Whether an entry of `redacted_fields` is of a column: its name, or its name, a colon and a path.
pub(crate) fn hides(entry: &str, column: &str) -> bool {
    let rest = entry.strip_prefix(column);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(":$"))
}

/// Whether a value stands in for one that was too long.
pub(crate) fn is_truncated(value: &Json) -> bool {
    let fields = value.fields();
    fields.first().is_some_and(|(name, _)| name == "$truncated")
}

/// The fields of an image; none where there is no image, or it was too long as a whole.
pub(crate) fn fields_of(image: Option<&Json>) -> Vec<(String, Json)> {
    let image = image.filter(|image| !is_truncated(image));
    image.map(Json::fields).unwrap_or_default()
}

/// One event of a record, and what it changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Turn {
    /// The event.
    pub event: Event,
    /// The fields that it changed, by name.
    pub changes: Vec<FieldChange>,
}

impl Turn {
    fn of(event: Event) -> Self {
        Self {
            changes: FieldChange::of(&event),
            event,
        }
    }
}

/// Who a value of a field is from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Blame {
    /// The column.
    pub field: String,
    /// Its value now, or when the record was deleted; a stand-in where it is redacted, `None` where the
    /// event that changed it does not tell it: images were suppressed, or a redaction leaves it out.
    pub value: Option<Json>,
    /// The event that gave it this value; `None` where that was before the log began, or without an
    /// event within reach: one that came later found another value than the events before it left.
    pub event: Option<Event>,
}

/// Who the fields of a record are from, as far as its events were looked at, newest first.
#[derive(Debug, Default)]
struct Blames {
    fields: BTreeMap<String, Blame>,
    /// Whether the fields are all there are: an image that holds every column was seen.
    are_all_known: bool,
    events: Backwards,
    /// The fields that somebody changed without an event, after those that were not looked at yet.
    lost: BTreeSet<String>,
    /// Whether the record came without an event: those that were not looked at yet are of another.
    is_over: bool,
}

impl Blames {
    fn look_at(&mut self, turn: &Turn) {
        let event = &turn.event;
        for found in self.events.look_at(event) {
            match found {
                Break::Changed { field, .. } => {
                    self.lost.insert(field);
                }
                Break::CameOrWent => self.is_over = true,
            }
        }
        if self.is_over {
            return;
        }
        let is_newest = self.fields.is_empty();
        let is_delete = event.operation == Operation::Delete;
        let image = if is_delete {
            &event.before_data
        } else {
            &event.after_data
        };
        if !self.are_all_known {
            let image = fields_of(image.as_ref());
            // An image of the changed columns alone tells nothing of the others.
            self.are_all_known = has_every_column(event, image.len());
            for (field, value) in image {
                self.tell(field, Some(value));
            }
        }
        // What a deleted record had last is from an event before.
        if is_delete && is_newest {
            return;
        }
        for change in &turn.changes {
            // What changed without a value has none, whatever an event before it tells.
            if !is_delete && !self.are_all_known {
                self.tell(change.field.clone(), None);
            }
            let blame = self.fields.get_mut(&change.field);
            if let Some(blame) = blame.filter(|blame| !self.lost.contains(&blame.field)) {
                blame.event.get_or_insert_with(|| event.clone());
            }
        }
        // What was before an INSERT was another row.
        self.is_over = event.operation == Operation::Insert;
    }

    /// Takes the value of a field, where none that is newer is known.
    fn tell(&mut self, field: String, value: Option<Json>) {
        self.fields.entry(field.clone()).or_insert(Blame {
            field,
            value,
            event: None,
        });
    }

    fn are_complete(&self) -> bool {
        let is_known = |blame: &Blame| blame.event.is_some() || self.lost.contains(&blame.field);
        self.is_over || self.are_all_known && self.fields.values().all(is_known)
    }
}

/// The events of one record, newest first, over changes of its key; [`Trail::timeline`] begins it.
///
/// The record is the one that has the key, or had it last. Where its key changed, the events under
/// the old key that came before are its own as well. A record that was deleted and inserted again
/// under the same key is one record.
#[derive(Debug)]
pub struct Timeline<'t, R, S> {
    trail: &'t mut Trail<R, S>,
    table: LogQuery,
    /// The key that the events still to be read have; `None` behind the oldest one.
    key: Option<String>,
    before: Option<Position>,
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// The events of a record of a table, newest first, in pages of the length that
    /// [`LogQuery::DEFAULT_LIMIT`] says. `table` narrows to the table, by
    /// [`LogQuery::table`] and, where several schemas have one of its name, [`LogQuery::schema`].
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails.
    pub async fn timeline(
        &mut self,
        table: &LogQuery,
        record: impl Into<String>,
    ) -> Result<Timeline<'_, R, S>, StoreError<R::Error>> {
        let table = self.within(table);
        let newest_first = newest_first(&table);
        let mut key = record.into();
        // The record may have gone on to another key, and from there to a third one.
        let newest = newest_first.clone().record(key.as_str()).limit(1);
        let mut next = self.read(&newest, now()).await?.pop();
        while let Some(event) = next.filter(|event| left(event, &key)) {
            key = event.record_id.clone().unwrap_or_default();
            let further = newest_first.clone().reversed().after(event.position());
            let further = further
                .record(key.as_str())
                .previous_record(key.as_str())
                .limit(1);
            next = self.read(&further, now()).await?.pop();
        }
        Ok(Timeline {
            trail: self,
            table,
            key: Some(key),
            before: None,
        })
    }

    /// Who each field of a record has its present value from, by field; empty for a record that
    /// the log does not know, or knows no field of. A field has its value from the newest event that
    /// changed it, unless a later one found another value there.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails.
    pub async fn blame(
        &mut self,
        table: &LogQuery,
        record: impl Into<String>,
    ) -> Result<Vec<Blame>, StoreError<R::Error>> {
        let mut timeline = self.timeline(table, record).await?;
        let mut blames = Blames::default();
        while let Some(turns) = timeline.next().await? {
            for turn in turns {
                blames.look_at(&turn);
            }
            if blames.are_complete() {
                break;
            }
        }
        Ok(blames.fields.into_values().collect())
    }

    /// The newest event that changed a field of a record; `None` where the log knows of none. The
    /// INSERT of the record and its DELETE are such events. Whether the field changed since without an
    /// event is for [`Trail::blame`] to say.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails.
    pub async fn last_change(
        &mut self,
        table: &LogQuery,
        record: impl Into<String>,
        field: &str,
    ) -> Result<Option<Turn>, StoreError<R::Error>> {
        let mut timeline = self.timeline(table, record).await?;
        while let Some(turns) = timeline.next().await? {
            let changed = |turn: &Turn| turn.changes.iter().any(|change| change.field == field);
            if let Some(turn) = turns.into_iter().find(changed) {
                return Ok(Some(turn));
            }
        }
        Ok(None)
    }
}

pub(crate) fn newest_first(query: &LogQuery) -> LogQuery {
    match query.is_oldest_first() {
        true => query.clone().reversed(),
        false => query.clone(),
    }
}

/// Whether the record left this key in an event.
pub(crate) fn left(event: &Event, key: &str) -> bool {
    event.previous_record_id.as_deref() == Some(key) && event.record_id.as_deref() != Some(key)
}

/// Whether the record came to this key in an event, and from which one.
pub(crate) fn came_from<'e>(event: &'e Event, key: &str) -> Option<&'e str> {
    let previous = event.previous_record_id.as_deref()?;
    (event.record_id.as_deref() == Some(key) && previous != key).then_some(previous)
}

impl<'t, R: LogReader, S: Send> Timeline<'t, R, S> {
    /// The events of a key before a position, and those of the keys that it had before.
    pub(crate) fn starting(
        trail: &'t mut Trail<R, S>,
        table: LogQuery,
        key: String,
        before: Position,
    ) -> Self {
        Self {
            trail,
            table,
            key: Some(key),
            before: Some(before),
        }
    }

    /// The next events and what they changed, newest first; `None` behind the oldest one.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails; the call can be repeated.
    ///
    /// # Cancel safety
    /// Events that were not waited for are read by the next call.
    pub async fn next(&mut self) -> Result<Option<Vec<Turn>>, StoreError<R::Error>> {
        let Some(key) = self.key.clone() else {
            return Ok(None);
        };
        let mut query = newest_first(&self.table).record(key.as_str());
        if let Some(position) = self.before {
            query = query.after(position);
        }
        let limit = query.checked_limit()? as usize;
        let events = self.trail.read(&query, now()).await?;
        let is_last = events.len() < limit;
        let mut turns = Vec::new();
        for event in events {
            // An older record had the key and went on with another.
            if left(&event, &key) {
                self.key = None;
                break;
            }
            self.before = Some(event.position());
            let previous = came_from(&event, &key).map(str::to_owned);
            turns.push(Turn::of(event));
            if previous.is_some() {
                self.key = previous;
                return Ok(Some(turns));
            }
        }
        if is_last {
            self.key = None;
        }
        Ok(Some(turns).filter(|turns| !turns.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_column_that_is_hidden_in_whole_or_in_part_says_so() {
        let event = r#"{"id": "0199e1a2-7b00-7000-8000-000000000001",
            "occurred_at": "2026-01-31T09:00:00.000000Z", "recorded_at": "2026-01-31T09:00:00.000000Z",
            "schema_version": 1, "operation": "UPDATE", "outcome": "success", "table_name": "users",
            "record_id": "1", "actor_kind": "user", "source": "trigger",
            "before_data": {"id": 1, "card": {"no": "***", "to": 1}, "card2": 1, "key": "***"},
            "after_data": {"id": 1, "card": {"no": "***", "to": 2}, "card2": 2, "key": "***"},
            "changed_fields": ["card", "card2", "key"],
            "redacted_fields": ["card:$['no']", "key"]}"#;
        let changes = FieldChange::of(&Event::from_wire(event).unwrap());
        let told: Vec<_> = changes
            .iter()
            .map(|change| (change.field.as_str(), change.is_redacted))
            .collect();
        assert_eq!(told, [("card", true), ("card2", false), ("key", true)]);
    }
}
