//! What a change of the partitions takes.

use audit_core::Dialect;
use chrono::{DateTime, Datelike as _, Months, NaiveDate, TimeDelta, Utc};

use super::{FUTURE, LogPartitions, PAST, PartitionRefusal, Span, mysql, postgres};

/// A change of the partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Makes the log a table of partitions.
    Convert {
        /// How many months are to be there after the present one.
        months_ahead: u32,
    },
    /// Makes the months that are not there yet.
    Create {
        /// How many months are to be there after the present one.
        months_ahead: u32,
    },
    /// Makes a partition a table of its own, which is no part of the log any more.
    Detach {
        /// Its name.
        partition: String,
    },
    /// Drops a partition and all events in it.
    Drop {
        /// Its name.
        partition: String,
    },
}

/// A statement of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What it does, and whom it holds up, in words.
    pub what: String,
    /// The statement.
    pub statement: String,
    /// How often it is tried at most: it may wait for a lock in vain, and leaves nothing then.
    pub tries: u8,
}

impl Step {
    pub(crate) fn new(what: impl Into<String>, statement: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            statement: statement.into(),
            tries: 1,
        }
    }

    pub(crate) fn tried(self, tries: u8) -> Self {
        Self { tries, ..self }
    }
}

/// A partition that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewMonth {
    pub(super) name: String,
    pub(super) starts_at: DateTime<Utc>,
    pub(super) ends_at: DateTime<Utc>,
}

/// How long a table goes on to take events after a change of it was begun: until then an
/// interrupted change must be repeated, or writes fail.
const FUSE: TimeDelta = TimeDelta::days(14);

impl Change {
    /// The most months ahead.
    pub const MOST_MONTHS_AHEAD: u32 = 120;

    /// What it takes; nothing where all is as it should be. `span` is that of the table
    /// that [`LogPartitions::span_of`] names, `None` where it is empty.
    ///
    /// # Errors
    /// [`PartitionRefusal`].
    pub fn steps(
        &self,
        dialect: Dialect,
        log: &LogPartitions,
        span: Option<Span>,
    ) -> Result<Vec<Step>, PartitionRefusal> {
        let is_partitioned = log.is_partitioned()?;
        match self {
            Self::Convert { months_ahead } => {
                let until = first_unmade(log.now, *months_ahead)?;
                convert(dialect, log, is_partitioned, until, span)
            }
            _ if !is_partitioned => Err(PartitionRefusal::NotPartitioned),
            Self::Create { months_ahead } => {
                let until = first_unmade(log.now, *months_ahead)?;
                create(dialect, log, until, span)
            }
            Self::Detach { partition } => {
                let name = &log.finished(partition)?.name;
                Ok(vec![match dialect {
                    Dialect::MySql => mysql::detach(name),
                    _ => postgres::detach(name),
                }])
            }
            Self::Drop { partition } => {
                let name = &log.finished(partition)?.name;
                Ok(vec![match dialect {
                    Dialect::MySql => mysql::drop(name),
                    _ => postgres::drop(name),
                }])
            }
        }
    }
}

fn convert(
    dialect: Dialect,
    log: &LogPartitions,
    is_partitioned: bool,
    until: DateTime<Utc>,
    span: Option<Span>,
) -> Result<Vec<Step>, PartitionRefusal> {
    if !is_partitioned && !log.obstacles.is_empty() {
        return Err(PartitionRefusal::Obstacles {
            objects: log.obstacles.clone(),
        });
    }
    let boundary = next_month(log.now + FUSE);
    let months = months(boundary, until.max(next_month(boundary)));
    Ok(match dialect {
        Dialect::MySql if is_partitioned && log.is_unfinished => mysql::end_convert(),
        _ if is_partitioned => Vec::new(),
        Dialect::MySql if span.is_some() => mysql::resume_convert(),
        Dialect::MySql => mysql::convert(boundary, &months, log.has_new),
        _ => postgres::convert(boundary, &months),
    })
}

fn create(
    dialect: Dialect,
    log: &LogPartitions,
    until: DateTime<Utc>,
    span: Option<Span>,
) -> Result<Vec<Step>, PartitionRefusal> {
    // Where even the last partition is gone, months begin with the present one.
    let ends = log
        .partitions
        .iter()
        .filter_map(|partition| partition.ends_at);
    let made_until = ends.max().unwrap_or_else(|| month_of(log.now));
    let rest = log.rest().map(|rest| rest.name.as_str());
    if dialect == Dialect::MySql {
        let rest = rest.ok_or(PartitionRefusal::Unfinished)?;
        let months = months(made_until, until);
        return Ok(mysql::create(&months, rest));
    }
    let is_later = |span: &Span| span.1 >= made_until;
    let (Some(rest), Some((oldest, newest))) = (rest, span.filter(is_later)) else {
        return Ok(postgres::create(&months(made_until, until), rest));
    };
    if oldest < made_until {
        return Err(PartitionRefusal::OldEvents {
            partition: rest.to_owned(),
            oldest,
        });
    }
    let boundary = next_month(newest.max(log.now + FUSE));
    let adopted = NewMonth {
        ends_at: boundary,
        ..NewMonth::of(made_until)
    };
    let months = months(boundary, until.max(next_month(boundary)));
    Ok(postgres::adopt(rest, &adopted, &months))
}

impl LogPartitions {
    /// Whether the month after the present one has a partition.
    pub(crate) fn has_next_month(&self) -> bool {
        let needed = later(month_of(self.now), 2);
        let ends = self.partitions.iter().filter_map(|made| made.ends_at);
        ends.max().is_some_and(|end| end >= needed)
    }
}

impl NewMonth {
    fn of(starts_at: DateTime<Utc>) -> Self {
        Self {
            name: starts_at.format("audit_logs_%Y_%m").to_string(),
            starts_at,
            ends_at: next_month(starts_at),
        }
    }
}

/// The months from one to another, which is not among them.
fn months(from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<NewMonth> {
    let starts = std::iter::successors(Some(from), |start| Some(next_month(*start)));
    let starts = starts.take_while(|start| *start < until);
    starts.map(NewMonth::of).collect()
}

/// The first month that is not to be made.
fn first_unmade(now: DateTime<Utc>, months_ahead: u32) -> Result<DateTime<Utc>, PartitionRefusal> {
    if months_ahead > Change::MOST_MONTHS_AHEAD {
        return Err(PartitionRefusal::TooManyMonths {
            months: months_ahead,
        });
    }
    Ok(later(month_of(now), months_ahead + 1))
}

/// The first moment of the month of a time.
fn month_of(time: DateTime<Utc>) -> DateTime<Utc> {
    let first = NaiveDate::from_ymd_opt(time.year(), time.month(), 1);
    let midnight = first.and_then(|day| day.and_hms_opt(0, 0, 0));
    midnight.map_or(time, |midnight| midnight.and_utc())
}

/// The first month that begins after a time.
fn next_month(time: DateTime<Utc>) -> DateTime<Utc> {
    later(month_of(time), 1)
}

fn later(month: DateTime<Utc>, months: u32) -> DateTime<Utc> {
    month
        .checked_add_months(Months::new(months))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Whether a table is a partition that was detached, or one of a conversion: it is of the log, and is not
/// audited.
pub(crate) fn is_of_log(table: &str) -> bool {
    let is_month = |rest: &str| {
        let mut parts = rest.split('_');
        let mut digits = |count: usize| {
            parts.next().is_some_and(|part| {
                part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        digits(4) && digits(2) && parts.next().is_none()
    };
    [PAST, FUTURE, mysql::NEW, mysql::REST].contains(&table)
        || table.strip_prefix("audit_logs_").is_some_and(is_month)
}

#[cfg(test)]
mod tests;
