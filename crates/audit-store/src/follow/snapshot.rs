//! What became visible between two snapshots of PostgreSQL.

use std::collections::VecDeque;

use audit_core::query::{LogQuery, Position};
use audit_core::{Event, LogReader};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Horizon, instant};
use crate::error::StoreError;
use crate::trail::{Trail, now};

/// A snapshot, as the server writes it: the first transaction that may be open, the first one that had
/// not begun, and those between them that were open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    text: String,
    first_open: u64,
    first_unborn: u64,
    /// A time before which no transaction wrote that had not begun in this snapshot.
    taken_at: DateTime<Utc>,
}

impl Snapshot {
    fn read(text: String, taken_at: DateTime<Utc>) -> Result<Self, String> {
        let mut parts = text.split(':').map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(first_open)), Some(Ok(first_unborn))) => Ok(Self {
                first_open,
                first_unborn,
                taken_at,
                text,
            }),
            _ => Err(text),
        }
    }
}

/// When which transactions had not begun: by it an index finds what is new.
#[derive(Debug, Default)]
struct Marks(VecDeque<(u64, DateTime<Utc>)>);

impl Marks {
    /// How many marks are kept. Fewer make the reading longer, never wrong.
    const MOST: usize = 1024;

    fn add(&mut self, snapshot: &Snapshot) {
        let mark = (snapshot.first_unborn, snapshot.taken_at);
        match self.0.back() {
            // The same transaction begins no earlier than the later look.
            Some((unborn, _)) if *unborn == mark.0 => {
                self.0.pop_back();
            }
            _ => {}
        }
        self.0.push_back(mark);
        if self.0.len() > Self::MOST {
            let mut keep = false;
            self.0.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }

    /// A time before which no transaction from this one on wrote; `None` when that is not known.
    fn floor(&mut self, first_open: u64) -> Option<DateTime<Utc>> {
        while self
            .0
            .get(1)
            .is_some_and(|(unborn, _)| *unborn <= first_open)
        {
            self.0.pop_front();
        }
        let (_, time) = self.0.front().filter(|(unborn, _)| *unborn <= first_open)?;
        Some(*time)
    }
}

/// What was read up to a snapshot, and what is being read up to the next one.
#[derive(Debug)]
pub(super) struct Snapshots {
    seen: Snapshot,
    target: Option<Snapshot>,
    last: Option<Position>,
    marks: Marks,
}

impl Snapshots {
    pub(super) async fn begin<R: LogReader, S: Send>(
        trail: &mut Trail<R, S>,
        query: &LogQuery,
    ) -> Result<Self, StoreError<R::Error>> {
        query.to_sql(trail.dialect(), now())?;
        let seen = take(trail).await?;
        let mut marks = Marks::default();
        marks.add(&seen);
        Ok(Self {
            seen,
            target: None,
            last: None,
            marks,
        })
    }

    pub(super) async fn poll<R: LogReader, S: Send>(
        &mut self,
        trail: &mut Trail<R, S>,
        query: &LogQuery,
    ) -> Result<Vec<Event>, StoreError<R::Error>> {
        let target = match &self.target {
            Some(target) => target.clone(),
            None => {
                let target = take(trail).await?;
                self.marks.add(&target);
                self.target = Some(target.clone());
                target
            }
        };
        if target.text == self.seen.text {
            self.reached(target);
            return Ok(Vec::new());
        }
        let mut delta = query.clone();
        delta = delta.between_snapshots(&self.seen.text, &target.text);
        if let Some(floor) = self.marks.floor(self.seen.first_open) {
            delta = delta.since(floor);
        }
        if let Some(position) = self.last {
            delta = delta.after(position);
        }
        let events = trail.read(&delta, now()).await?;
        self.last = events.last().map(Event::position).or(self.last);
        if events.len() < delta.checked_limit()? as usize {
            self.reached(target);
        }
        Ok(events)
    }

    fn reached(&mut self, target: Snapshot) {
        self.seen = target;
        self.target = None;
        self.last = None;
    }
}

async fn take<R: LogReader, S: Send>(
    trail: &mut Trail<R, S>,
) -> Result<Snapshot, StoreError<R::Error>> {
    let Horizon { time, snapshot } = trail.horizon().await?;
    let unknown = |text| StoreError::UnknownHorizon { text };
    let time = instant::<R::Error>(&time.unwrap_or_default())?;
    let margin = TimeDelta::from_std(trail.settling_time()).unwrap_or_default();
    let taken_at = time.checked_sub_signed(margin).unwrap_or_default();
    Snapshot::read(snapshot.unwrap_or_default(), taken_at).map_err(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(text: &str, second: i64) -> Snapshot {
        let time = DateTime::from_timestamp(second, 0).unwrap();
        Snapshot::read(text.to_owned(), time).unwrap()
    }

    #[test]
    fn a_snapshot_is_read_as_the_server_writes_it() {
        let read = snapshot("100:104:100,102", 7);
        assert_eq!((read.first_open, read.first_unborn), (100, 104));
        assert_eq!(snapshot("9:9:", 7).first_open, 9);
        for text in ["", "1", "a:b:", "1:-2:"] {
            let time = DateTime::from_timestamp(0, 0).unwrap();
            assert!(Snapshot::read(text.to_owned(), time).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_older_is_read_than_what_an_open_transaction_may_have_written() {
        let second = |floor: Option<DateTime<Utc>>| floor.map(|time| time.timestamp());
        let mut marks = Marks::default();
        marks.add(&snapshot("100:104:100", 10));
        // 100 was open when following began: when it wrote is not known.
        assert_eq!(second(marks.floor(100)), None);
        marks.add(&snapshot("100:104:100", 11));
        marks.add(&snapshot("100:110:100", 20));
        assert_eq!(second(marks.floor(100)), None);
        assert_eq!(second(marks.floor(104)), Some(11));
        assert_eq!(second(marks.floor(109)), Some(11));
        assert_eq!(second(marks.floor(110)), Some(20));
    }

    #[test]
    fn marks_are_few_and_stay_true() {
        let mut marks = Marks::default();
        for at in 0..100_000_u32 {
            marks.add(&snapshot(&format!("5:{}:5", 10 + at), i64::from(at)));
        }
        assert!(marks.0.len() <= Marks::MOST);
        assert_eq!(marks.0.front().map(|(unborn, _)| *unborn), Some(10));
        for first_open in [10, 11, 500, 50_000, 100_009, 200_000] {
            let floor = marks.floor(first_open).unwrap().timestamp();
            assert!(floor <= i64::try_from(first_open).unwrap() - 10, "{floor}");
        }
    }
}
