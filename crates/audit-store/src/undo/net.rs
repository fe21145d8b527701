//! What events did to each record, all in all.

use std::collections::HashMap;

use audit_core::{Event, Json, Operation};
use uuid::Uuid;

use super::{Conflict, Missing, Obstacle, Why};
use crate::continuity::{Break, breaks, found_by, left_by};
use crate::record::{FieldChange, hides, is_truncated};

pub(super) use crate::continuity::Fields;

/// A table, by schema and name.
pub(super) type TableName = (Option<String>, String);

/// What the events of a selection did to one record.
#[derive(Debug, Clone)]
pub(super) struct Net {
    pub(super) table: TableName,
    /// The key that the newest of the events left.
    pub(super) record_id: String,
    /// The key that the oldest of the events found.
    pub(super) came_from: String,
    /// What the newest of the events left; `None` where it deleted the record.
    pub(super) left: Option<Fields>,
    /// What there was before the oldest one, as far as the events changed it; `None` where it
    /// inserted the record.
    pub(super) was: Option<Fields>,
    /// What the events that tell of these fields say of the columns then, by field: those of
    /// `was` that hold `null`.
    pub(super) nulls: Vec<(String, Option<String>)>,
    pub(super) events: Vec<Uuid>,
    /// Fields that somebody else changed between two of the events.
    pub(super) conflicts: Vec<Conflict>,
    pub(super) missing: Vec<Missing>,
    /// What redactions hide of the record, as its events say it.
    pub(super) hidden: Vec<String>,
}

/// Puts events, oldest first, together: what they did to each record, in the order of the last event
/// of each, and the events that nothing can take back.
pub(super) fn of(events: &[Event]) -> (Vec<Net>, Vec<Obstacle>) {
    let mut nets: Vec<Net> = Vec::new();
    let mut known: HashMap<(TableName, String), usize> = HashMap::new();
    let mut obstacles = Vec::new();
    let mut last_event = Vec::new();
    for (place, event) in events.iter().enumerate() {
        let step = match Step::of(event) {
            Ok(Some(step)) => step,
            Ok(None) => continue,
            Err(why) => {
                obstacles.push(Obstacle {
                    event: event.id,
                    why,
                });
                continue;
            }
        };
        let found = known.remove(&(step.table.clone(), step.came_from.clone()));
        let index = found.unwrap_or(nets.len());
        match nets.get_mut(index) {
            Some(net) => net.go_on(&step),
            None => nets.push(Net::begin(&step)),
        }
        known.insert((step.table, step.record_id), index);
        last_event.resize(nets.len(), 0);
        if let Some(last) = last_event.get_mut(index) {
            *last = place;
        }
    }
    let mut ordered: Vec<(usize, Net)> = last_event.into_iter().zip(nets).collect();
    ordered.sort_by_key(|(last, _)| *last);
    let nets = ordered.into_iter().map(|(_, net)| net);
    (nets.filter(Net::is_change).collect(), obstacles)
}

/// One event, as far as it is a change of a row.
struct Step<'e> {
    event: &'e Event,
    table: TableName,
    record_id: String,
    /// The key that the record had before.
    came_from: String,
    before: Option<Fields>,
    /// The columns that it changed; all of them where the row came or went.
    changed: Option<Vec<String>>,
}

impl<'e> Step<'e> {
    /// `None` for an event that changed no row.
    fn of(event: &'e Event) -> Result<Option<Self>, Why> {
        match event.operation {
            Operation::Insert | Operation::Update | Operation::Delete => {}
            Operation::Truncate => return Err(Why::Truncated),
            _ => return Ok(None),
        }
        let (Some(table), Some(record_id)) = (&event.table_name, &event.record_id) else {
            return Ok(None);
        };
        let needs_before = event.operation != Operation::Insert;
        let needs_after = event.operation != Operation::Delete;
        // One that was too long as a whole is none.
        let lacks =
            |image: &Option<Json>, is_needed| is_needed && image.as_ref().is_none_or(is_truncated);
        if lacks(&event.before_data, needs_before) || lacks(&event.after_data, needs_after) {
            return Err(Why::NoImage);
        }
        let fields = |image: &Option<Json>| image.as_ref().map(Json::fields);
        let is_update = event.operation == Operation::Update;
        let changed = || {
            let changes = FieldChange::of(event).into_iter();
            changes.map(|change| change.field).collect()
        };
        Ok(Some(Self {
            event,
            table: (event.table_schema.clone(), table.clone()),
            record_id: record_id.clone(),
            came_from: event
                .previous_record_id
                .as_ref()
                .unwrap_or(record_id)
                .clone(),
            before: fields(&event.before_data).filter(|_| needs_before),
            changed: is_update.then(changed),
        }))
    }

    /// What redactions hide of its images.
    fn hidden(&self) -> &'e [String] {
        self.event.redacted_fields.as_deref().unwrap_or_default()
    }

    /// What was there before, as far as this event changed it, and what of it nobody can tell.
    fn undone(&self) -> (Option<Fields>, Vec<Missing>) {
        let Some(before) = &self.before else {
            return (None, Vec::new());
        };
        let hidden = self.hidden();
        let touches = |field: &str| match &self.changed {
            Some(changed) => changed.iter().any(|name| name == field),
            None => true,
        };
        let mut known = Vec::new();
        let mut missing = Vec::new();
        for (field, value) in before.iter().filter(|(field, _)| touches(field)) {
            if hidden.iter().any(|entry| hides(entry, field)) {
                missing.push(Missing::redacted(field));
            } else if is_truncated(value) {
                missing.push(Missing::truncated(field));
            } else {
                known.push((field.clone(), value.clone()));
            }
        }
        // What a redaction leaves out is in no image.
        let left_out = hidden.iter().filter(|entry| {
            let is_told = before.iter().any(|(field, _)| hides(entry, field));
            !is_told && touches(entry)
        });
        missing.extend(left_out.map(|entry| Missing::redacted(entry)));
        (Some(known), missing)
    }
}

impl Net {
    fn begin(step: &Step<'_>) -> Self {
        let (was, missing) = step.undone();
        Self {
            table: step.table.clone(),
            record_id: step.record_id.clone(),
            came_from: step.came_from.clone(),
            left: left_by(step.event, None),
            nulls: step.nulls(was.iter().flatten()),
            was,
            events: vec![step.event.id],
            conflicts: Vec::new(),
            missing,
            hidden: step.hidden().to_vec(),
        }
    }

    /// One more event of the record.
    fn go_on(&mut self, step: &Step<'_>) {
        let (was, missing) = step.undone();
        // What the record had before its oldest event is known already; nothing, where that has
        // inserted it.
        if let (Some(known), Some(was)) = (&mut self.was, was) {
            let is_new = |field: &String| !known.iter().any(|(name, _)| name == field);
            let further: Fields = was.into_iter().filter(|(field, _)| is_new(field)).collect();
            self.nulls.extend(step.nulls(&further));
            known.extend(further);
            let is_untold = |missing: &Missing| is_new_missing(known, &self.missing, missing);
            let further: Vec<Missing> = missing.into_iter().filter(is_untold).collect();
            self.missing.extend(further);
        }
        let found = found_by(step.event, None);
        let breaks = breaks(self.left.as_ref(), found.as_ref());
        self.conflicts
            .extend(breaks.into_iter().map(Conflict::from));
        self.left = left_by(step.event, self.left.take());
        self.record_id.clone_from(&step.record_id);
        self.hidden.extend_from_slice(step.hidden());
        self.events.push(step.event.id);
    }

    fn is_change(&self) -> bool {
        self.left.is_some() || self.was.is_some()
    }
}

impl From<Break> for Conflict {
    fn from(found: Break) -> Self {
        match found {
            Break::Changed {
                field,
                expected,
                found,
            } => Self::Between {
                field,
                expected,
                found,
            },
            Break::CameOrWent => Self::CameOrWent,
        }
    }
}

fn is_new_missing(known: &Fields, told: &[Missing], missing: &Missing) -> bool {
    let field = &missing.field;
    !known.iter().any(|(name, _)| name == field) && !told.iter().any(|other| other.field == *field)
}

impl Step<'_> {
    /// Those of some fields that hold `null`, with the columns that the event followed.
    fn nulls<'f>(
        &self,
        fields: impl IntoIterator<Item = &'f (String, Json)>,
    ) -> Vec<(String, Option<String>)> {
        let nulls = fields
            .into_iter()
            .filter(|(_, value)| value.as_str() == "null");
        nulls
            .map(|(field, _)| (field.clone(), self.event.schema_fingerprint.clone()))
            .collect()
    }
}
