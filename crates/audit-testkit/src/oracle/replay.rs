//! Events replayed on the rows before.

use std::collections::BTreeMap;

use audit_core::{Dialect, Event, Operation};

use super::{Row, Rows, Snapshot, image};

/// The columns of which something is hidden: a part is listed as `column:$path`.
fn hidden_columns(event: &Event) -> impl Iterator<Item = String> {
    let fields = event.redacted_fields.iter().flatten();
    fields.map(|field| match field.split_once(":$") {
        Some((column, _)) => column.to_owned(),
        None => field.clone(),
    })
}

/// Compares the columns that an image has with the row; a redacted or excluded column is absent.
fn differs(row: &Row, image: &Row, hidden: &[String]) -> Option<String> {
    for (name, value) in image {
        if hidden.contains(name) {
            continue;
        }
        match row.get(name) {
            Some(stored) if stored == value => {}
            stored => return Some(format!("{name} is {stored:?} and the image says {value:?}")),
        }
    }
    row.keys()
        .find(|name| !image.contains_key(*name) && !hidden.contains(name))
        .map(|name| format!("{name} is not in the image"))
}

/// Replays events on the rows before; the result must be the rows after.
///
/// # Errors
/// What does not fit, in words.
pub fn replay(
    dialect: Dialect,
    before: &Snapshot,
    events: &[Event],
    after: &Snapshot,
) -> Result<(), String> {
    let mut state = before.clone();
    let (mut hashes, mut aside) = (Hashes::default(), Aside::new());
    for event in events {
        let Some(table) = place(dialect, event) else {
            continue;
        };
        let rows = state
            .entry(table.clone())
            .or_insert_with(|| Rows::Keyed(BTreeMap::new()));
        let step = Step {
            dialect,
            event,
            table: &table,
        };
        step.play(rows, &mut hashes, &mut aside)
            .map_err(|how| format!("{} {table} {:?}: {how}", event.operation, event.record_id))?;
    }
    if let Some((_, table, record)) = aside.keys().next() {
        return Err(format!("{table} {record}: {TAKEN}"));
    }
    compare(&state, events, after)
}

/// The name that the snapshot has for the table of an event.
fn place(dialect: Dialect, event: &Event) -> Option<String> {
    let table = event.table_name.as_ref()?;
    let schema = event.table_schema.as_deref();
    let schema = schema.filter(|name| dialect == Dialect::Postgres && *name != "public");
    Some(schema.map_or_else(|| table.clone(), |schema| format!("{schema}.{table}")))
}

/// Rows whose key another row has taken, by transaction, table and record id, until their own event
/// takes them to another: a statement may let keys change places.
type Aside = BTreeMap<(Option<String>, String, String), Row>;

const TAKEN: &str = "the row was there already";

/// The record ids of rows without a key: the same one for the same row, and for no other.
#[derive(Debug, Default)]
struct Hashes {
    by_row: BTreeMap<(String, Row), String>,
    by_hash: BTreeMap<(String, String), Row>,
}

impl Hashes {
    fn add(&mut self, table: &str, row: &Row, hash: &str) -> Result<(), String> {
        let table = table.to_owned();
        let known = self.by_row.entry((table.clone(), row.clone()));
        let of_row = known.or_insert_with(|| hash.to_owned());
        let of_hash = self.by_hash.entry((table, hash.to_owned()));
        if of_row != hash || of_hash.or_insert_with(|| row.clone()) != row {
            return Err(format!("{hash} does not stand for {row:?} alone"));
        }
        Ok(())
    }
}

/// One event to replay.
struct Step<'a> {
    dialect: Dialect,
    event: &'a Event,
    table: &'a str,
}

impl Step<'_> {
    fn play(&self, rows: &mut Rows, hashes: &mut Hashes, aside: &mut Aside) -> Result<(), String> {
        match self.event.operation {
            Operation::Truncate => {
                match rows {
                    Rows::Keyed(rows) => rows.clear(),
                    Rows::Loose(rows) => rows.clear(),
                }
                return Ok(());
            }
            Operation::Insert | Operation::Update | Operation::Delete => {}
            _ => return Ok(()),
        }
        let record = self.event.record_id.as_ref().ok_or("no record id")?;
        if self.event.before_data.is_none() && self.event.operation != Operation::Insert {
            return Err("no image before".to_owned());
        }
        if self.event.after_data.is_none() && self.event.operation != Operation::Delete {
            return Err("no image after".to_owned());
        }
        match rows {
            Rows::Keyed(rows) => self.play_keyed(rows, record, aside),
            Rows::Loose(rows) => self.play_loose(rows, record, hashes),
        }
    }

    fn hidden(&self) -> Vec<String> {
        hidden_columns(self.event).collect()
    }

    /// A record of this table in the transaction of the event.
    fn here(&self, record: &str) -> (Option<String>, String, String) {
        let transaction = self.event.transaction_id.clone();
        (transaction, self.table.to_owned(), record.to_owned())
    }

    fn play_keyed(
        &self,
        rows: &mut BTreeMap<String, Row>,
        record: &String,
        aside: &mut Aside,
    ) -> Result<(), String> {
        let hidden = self.hidden();
        let mut hidden_values = Row::new();
        if let Some(json) = &self.event.before_data {
            let old = self.event.previous_record_id.as_ref().unwrap_or(record);
            let row = aside.remove(&self.here(old)).or_else(|| rows.remove(old));
            let row = row.ok_or("there was no such row")?;
            if let Some(how) = differs(&row, &image(self.dialect, json), &hidden) {
                return Err(format!("before, {how}"));
            }
            hidden_values.extend(row.into_iter().filter(|(name, _)| hidden.contains(name)));
        }
        if let Some(json) = &self.event.after_data {
            let mut row = image(self.dialect, json);
            row.retain(|name, _| !hidden.contains(name));
            row.extend(hidden_values);
            if let Some(taken) = rows.insert(record.clone(), row) {
                let moves = self.event.previous_record_id.is_some();
                if !moves || aside.insert(self.here(record), taken).is_some() {
                    return Err(TAKEN.to_owned());
                }
            }
        }
        Ok(())
    }

    fn play_loose(
        &self,
        rows: &mut BTreeMap<Row, usize>,
        record: &String,
        hashes: &mut Hashes,
    ) -> Result<(), String> {
        let hidden = self.hidden();
        let mut known = |row: &Row, id: &String| match hidden.as_slice() {
            [] => hashes.add(self.table, row, id),
            _ => Ok(()),
        };
        let mut hidden_values = Row::new();
        if let Some(json) = &self.event.before_data {
            let old = image(self.dialect, json);
            let found = rows
                .keys()
                .find(|row| differs(row, &old, &hidden).is_none());
            let row = found.ok_or("there was no such row")?.clone();
            let id = self.event.previous_record_id.as_ref().unwrap_or(record);
            known(&row, id)?;
            if let Some(count) = rows.get_mut(&row) {
                *count -= 1;
                if *count == 0 {
                    rows.remove(&row);
                }
            }
            hidden_values.extend(row.into_iter().filter(|(name, _)| hidden.contains(name)));
        }
        if let Some(json) = &self.event.after_data {
            let mut row = image(self.dialect, json);
            row.retain(|name, _| !hidden.contains(name));
            row.extend(hidden_values);
            known(&row, record)?;
            *rows.entry(row).or_default() += 1;
        }
        Ok(())
    }
}

fn compare(state: &Snapshot, events: &[Event], after: &Snapshot) -> Result<(), String> {
    let hidden: Vec<String> = events.iter().flat_map(hidden_columns).collect();
    for (table, rows) in after {
        match (rows, state.get(table)) {
            (Rows::Keyed(rows), Some(Rows::Keyed(replayed))) => {
                compare_keyed(table, rows, replayed, &hidden)?;
            }
            (Rows::Keyed(rows), _) => compare_keyed(table, rows, &BTreeMap::new(), &hidden)?,
            (Rows::Loose(rows), Some(Rows::Loose(replayed))) if rows == replayed => {}
            (Rows::Loose(rows), replayed) if !rows.is_empty() || replayed.is_some() => {
                return Err(format!(
                    "{table}: {rows:?} is there, and the events tell of {replayed:?}"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn compare_keyed(
    table: &str,
    rows: &BTreeMap<String, Row>,
    replayed: &BTreeMap<String, Row>,
    hidden: &[String],
) -> Result<(), String> {
    for (record, row) in rows {
        let replayed = replayed
            .get(record)
            .ok_or_else(|| format!("{table} {record}: a row that no event tells of"))?;
        if let Some(how) = differs(row, replayed, hidden) {
            return Err(format!("{table} {record}: in the end, {how}"));
        }
    }
    match replayed.keys().find(|record| !rows.contains_key(*record)) {
        Some(record) => Err(format!("{table} {record}: gone, and no event tells of it")),
        None => Ok(()),
    }
}
