//! A table as it was.

use std::collections::{BTreeSet, VecDeque};

use audit_core::LogReader;
use audit_core::query::{Keys, LogQuery, Position, StateFilter};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::as_of::{AsOf, State};
use crate::error::StoreError;
use crate::trail::{Trail, now};
use crate::typed::Shapes;

/// How many keys are asked for at once.
const KEYS: u32 = 1_000;

/// The records of a table as they were, by key; [`Trail::table_as_of`] begins it.
#[derive(Debug)]
pub struct TableAsOf<'t, R, S> {
    trail: &'t mut Trail<R, S>,
    table: LogQuery,
    last: Position,
    keys: VecDeque<String>,
    /// The last key that was asked for; `None` before the first one.
    behind: Option<String>,
    is_last_page: bool,
    shapes: Option<Shapes>,
    conditions: Vec<StateFilter>,
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// The records of a table at an instant, one after the other, as far as events tell: see
    /// [`Trail::as_of`]. `table` is as for [`Trail::timeline`]; a filter that is not of tables, schemas or
    /// tenants is refused by [`TableAsOf::next`], because the state of a record takes all of its events.
    ///
    /// A row that no event ever touched is not in the log, and is not given: it is now as it was
    /// then.
    pub fn table_as_of(&mut self, table: &LogQuery, at: DateTime<Utc>) -> TableAsOf<'_, R, S> {
        let last = Position {
            occurred_at: at,
            id: Uuid::max(),
        };
        TableAsOf {
            table: self.within(table),
            trail: self,
            last,
            keys: VecDeque::new(),
            behind: None,
            is_last_page: false,
            shapes: None,
            conditions: Vec::new(),
        }
    }
}

impl<R, S> TableAsOf<'_, R, S> {
    /// Narrows to records that met a condition then, such as `status = "paid"`; of several conditions to
    /// those that met all. Records of which nobody can tell, because a [`Gap`](crate::Gap) is of the column
    /// or of the record, are given as well: [`AsOf::meets`] says which they are.
    ///
    /// A record is put together before its state can be looked at, so this takes as many statements as the
    /// whole table does.
    #[must_use]
    pub fn having(mut self, condition: impl Into<StateFilter>) -> Self {
        self.conditions.push(condition.into());
        self
    }
}

impl<R: LogReader, S: Send> TableAsOf<'_, R, S> {
    /// The next record and its key, in the order of the bytes of keys; `None` behind the last one.
    /// Records that were not there are passed over; those of which nobody can tell are given,
    /// and those of which there is a [`Gap`](crate::Gap).
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails; the call can be repeated. Also when the query of the
    /// table, or the trail, has a filter that is not of tables, schemas or tenants, and where a condition
    /// cannot be read.
    ///
    /// # Cancel safety
    /// A record that was not waited for is given by the next call.
    pub async fn next(&mut self) -> Result<Option<(String, AsOf)>, StoreError<R::Error>> {
        let conditions = self.conditions.iter().map(StateFilter::read);
        let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
        loop {
            let Some(key) = self.keys.front().cloned() else {
                if self.is_last_page {
                    return Ok(None);
                }
                self.read_keys().await?;
                continue;
            };
            let (last, shapes) = (self.last, &mut self.shapes);
            let was = self
                .trail
                .as_of_position(&self.table, key.clone(), last, shapes);
            let was = was.await?;
            self.keys.pop_front();
            let is_told = was.state != State::Absent || !was.gaps.is_empty();
            let fails = |condition| was.meets(condition) == Some(false);
            if is_told && !conditions.iter().any(fails) {
                return Ok(Some((key, was)));
            }
        }
    }

    /// The keys that come next: those that records have, and those that they gave up.
    async fn read_keys(&mut self) -> Result<(), StoreError<R::Error>> {
        self.table.check_of_tables()?;
        let mut keys = BTreeSet::new();
        let mut end = None;
        for kind in [Keys::Left, Keys::GivenUp] {
            let dialect = self.trail.dialect();
            let query = self
                .table
                .to_keys(dialect, now(), kind, self.behind.as_deref(), KEYS);
            let rows = self.trail.texts(query).await?;
            let found: Vec<String> = rows.into_iter().flatten().flatten().collect();
            if found.len() >= KEYS as usize {
                // Behind the last one there may be more of this kind.
                let last = found.last().cloned();
                end = match (end, last) {
                    (Some(end), Some(last)) => Some(std::cmp::min(end, last)),
                    (end, last) => end.or(last),
                };
            }
            keys.extend(found);
        }
        let is_within = |key: &String| end.as_ref().is_none_or(|end| key <= end);
        self.keys = keys.into_iter().filter(is_within).collect();
        self.is_last_page = end.is_none();
        self.behind = self.keys.back().cloned().or(self.behind.take());
        Ok(())
    }
}
