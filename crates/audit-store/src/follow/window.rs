//! What became visible since, by looking again at what happened lately.

use std::collections::BTreeSet;

use audit_core::query::{LogQuery, Position};
use audit_core::{Event, LogReader};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::instant;
use crate::error::StoreError;
use crate::trail::{Trail, now};

/// The events that were given of those that happened after a time, before which nothing becomes
/// visible any more.
#[derive(Debug)]
pub(super) struct Window {
    floor: DateTime<Utc>,
    given: BTreeSet<Position>,
    /// Where a look at the window has got to, and what its floor is afterwards.
    look: Option<Look>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    last: Option<Position>,
    next_floor: DateTime<Utc>,
}

/// What one statement found.
#[derive(Debug)]
struct Step {
    fresh: Vec<Position>,
    look: Look,
    is_over: bool,
}

/// The most events whose positions are read at once, and of which events are read at once.
const POSITIONS: u32 = LogQuery::MAX_LIMIT;
const EVENTS: usize = 500;

impl Window {
    pub(super) async fn begin<R: LogReader, S: Send>(
        trail: &mut Trail<R, S>,
        query: &LogQuery,
    ) -> Result<Self, StoreError<R::Error>> {
        query.to_sql(trail.dialect(), now())?;
        let mut window = Self {
            floor: DateTime::from_timestamp(0, 0).unwrap_or_default(),
            given: BTreeSet::new(),
            look: None,
        };
        window.floor = window.next_floor(trail).await?;
        // What is visible already is as good as given.
        loop {
            let step = window.step(trail, query, usize::MAX).await?;
            if window.take(&step) {
                return Ok(window);
            }
        }
    }

    pub(super) async fn poll<R: LogReader, S: Send>(
        &mut self,
        trail: &mut Trail<R, S>,
        query: &LogQuery,
    ) -> Result<Vec<Event>, StoreError<R::Error>> {
        let most = EVENTS.min(query.checked_limit()? as usize);
        loop {
            let step = self.step(trail, query, most).await?;
            let mut events = Vec::new();
            if !step.fresh.is_empty() {
                let ids: Vec<Uuid> = step.fresh.iter().map(|position| position.id).collect();
                let fresh = LogQuery::new().id(ids).limit(POSITIONS).oldest_first();
                events = trail.read(&fresh, now()).await?;
            }
            // INVARIANT: nothing is noted before all of it was waited for.
            if self.take(&step) || !events.is_empty() {
                return Ok(events);
            }
        }
    }

    /// Looks on through the window, as far as `most` fresh events.
    async fn step<R: LogReader, S: Send>(
        &self,
        trail: &mut Trail<R, S>,
        query: &LogQuery,
        most: usize,
    ) -> Result<Step, StoreError<R::Error>> {
        let mut look = match self.look {
            Some(look) => look,
            None => Look {
                last: None,
                next_floor: self.next_floor(trail).await?,
            },
        };
        let mut asked = query.clone().since(self.floor).limit(POSITIONS);
        if let Some(position) = look.last {
            asked = asked.after(position);
        }
        let rows = trail
            .texts(asked.to_positions(trail.dialect(), now()))
            .await?;
        let mut is_over = rows.len() < POSITIONS as usize;
        let mut fresh = Vec::new();
        for row in &rows {
            let position = Position::from_texts(row.iter().map(Option::as_deref))?;
            if !self.given.contains(&position) {
                if fresh.len() == most {
                    is_over = false;
                    break;
                }
                fresh.push(position);
            }
            look.last = Some(position);
        }
        Ok(Step {
            fresh,
            look,
            is_over,
        })
    }

    /// Notes that a step was taken; says whether it came to the end of the log.
    fn take(&mut self, step: &Step) -> bool {
        self.given.extend(&step.fresh);
        self.look = (!step.is_over).then_some(step.look);
        if step.is_over {
            self.floor = self.floor.max(step.look.next_floor);
            let first = Position {
                occurred_at: self.floor,
                id: Uuid::nil(),
            };
            self.given = self.given.split_off(&first);
        }
        step.is_over
    }

    /// The time before which nothing becomes visible any more, by what is visible now: it is asked
    /// for before the events are, so that what commits between the two is not lost.
    async fn next_floor<R: LogReader, S: Send>(
        &self,
        trail: &mut Trail<R, S>,
    ) -> Result<DateTime<Utc>, StoreError<R::Error>> {
        let Some(time) = trail.horizon().await?.time else {
            return Ok(self.floor);
        };
        let settling = TimeDelta::from_std(trail.settling_time()).unwrap_or(TimeDelta::MAX);
        let floor = instant::<R::Error>(&time)?.checked_sub_signed(settling);
        Ok(floor.map_or(self.floor, |floor| floor.max(self.floor)))
    }
}
