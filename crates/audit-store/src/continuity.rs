//! Whether the events of a record meet: each finds what the one before it left.

use audit_core::{Event, Json, Operation};

use crate::record::{fields_of, hides, is_truncated};

/// Fields in their order, each with the exact text of its value.
pub(crate) type Fields = Vec<(String, Json)>;

/// An event did not find what the one before it left: something happened in between.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Break {
    /// A field has another value.
    Changed {
        field: String,
        expected: Json,
        found: Json,
    },
    /// There was a record and now is none, or the other way round.
    CameOrWent,
}

/// Compares what an event left with what a later one found, as far as both tell; `None` is no record.
pub(crate) fn breaks(left: Option<&Fields>, found: Option<&Fields>) -> Vec<Break> {
    let (left, found) = match (left, found) {
        (Some(left), Some(found)) => (left, found),
        (None, None) => return Vec::new(),
        _ => return vec![Break::CameOrWent],
    };
    let differing = left.iter().filter_map(|(field, expected)| {
        let (_, found) = found.iter().find(|(name, _)| name == field)?;
        (found != expected).then(|| Break::Changed {
            field: field.clone(),
            expected: expected.clone(),
            found: found.clone(),
        })
    });
    differing.collect()
}

/// What an event left, as the row has it, over what events before it left.
pub(crate) fn left_by(event: &Event, older: Option<Fields>) -> Option<Fields> {
    let is_there = event.operation != Operation::Delete;
    is_there.then(|| told(event, event.after_data.as_ref(), older))
}

/// What an event found, as the row had it, over what events behind it found.
pub(crate) fn found_by(event: &Event, newer: Option<Fields>) -> Option<Fields> {
    let was_there = event.operation != Operation::Insert;
    was_there.then(|| told(event, event.before_data.as_ref(), newer))
}

/// The fields of an image that are as the row has them, and of others those that the event did not touch.
fn told(event: &Event, image: Option<&Json>, others: Option<Fields>) -> Fields {
    // An event without images may tell what it changed, but not the values; others found or left the row
    // whole, so that nothing is known of it.
    if image.is_none() && event.operation != Operation::Update {
        return Fields::new();
    }
    let image = fields_of(image);
    let hidden = event.redacted_fields.as_deref().unwrap_or_default();
    let is_hidden = |field: &str| hidden.iter().any(|entry| hides(entry, field));
    let changed = event.changed_fields.as_deref().unwrap_or_default();
    let is_touched = |field: &String| {
        image.iter().any(|(name, _)| name == field) || changed.contains(field) || is_hidden(field)
    };
    let mut others = others.unwrap_or_default();
    others.retain(|(field, _)| !is_touched(field));
    let is_whole = |(field, value): &(String, Json)| !is_hidden(field) && !is_truncated(value);
    let mut fields: Fields = image.into_iter().filter(is_whole).collect();
    fields.extend(others);
    fields
}

/// The events of one record, looked at from the newest to the oldest.
#[derive(Debug, Default)]
pub(crate) struct Backwards {
    /// What the event that was looked at last found; nothing to compare with before there was one.
    found: Option<Option<Fields>>,
}

impl Backwards {
    /// Begins behind an event that found this.
    pub(crate) fn behind(found: Option<Option<Fields>>) -> Self {
        Self { found }
    }

    /// Where the event and those behind it do not meet.
    pub(crate) fn look_at(&mut self, event: &Event) -> Vec<Break> {
        let found = self.found.take();
        let left = left_by(event, None);
        let breaks = found
            .as_ref()
            .map(|found| breaks(left.as_ref(), found.as_ref()));
        self.found = Some(found_by(event, found.flatten()));
        breaks.unwrap_or_default()
    }
}
