//! What is to be done about the log, and by which statements.

use std::fmt;

use audit_core::query::BoundQuery;
use audit_core::schema::LOG_TABLE;
use audit_core::{Dialect, LogIndex};

use super::{LogFigures, LogSight, TableFigures, build};
use crate::partition::{Change, LogPartitions, Step};
use crate::sql::identifier;

/// A log of fewer events needs no statistics.
const FEW: u64 = 1_000;
/// From this many events on, reading backwards until some are found takes its time.
const MANY: u64 = 100_000;

/// An index that the log is to have, or may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedIndex {
    /// Its name.
    pub name: String,
    /// The statement that makes it, while writers wait; running it again does nothing.
    pub statement: String,
    /// Which events it leads to, in words.
    pub leads_to: String,
    /// Which one it is, where not every log has it.
    pub opt_in: Option<LogIndex>,
    /// Whether the log is to have it.
    pub is_asked: bool,
}

/// What there is to say of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Matter {
    /// Rows that are gone take their place.
    DeadRows {
        /// The table, or the partition.
        table: String,
        /// How many.
        dead: u64,
    },
    /// The partition of what no month is made for has events.
    EventsInRest {
        /// Its name.
        partition: String,
        /// How many, about; at least one.
        events: u64,
    },
    /// An index that the log is to have is not there.
    MissingIndex {
        /// Its name.
        index: String,
        /// Which events it leads to.
        leads_to: String,
    },
    /// An index that was made anew is left over, in its old or its new form: that was broken off.
    LeftoverIndex {
        /// Its name.
        index: String,
    },
    /// There is no partition for the next month.
    MissingMonths,
    /// The planner knows nothing of a table.
    NoStatistics {
        /// The table, or the partition.
        table: String,
    },
    /// An index that the log could have.
    OptInIndex {
        /// Which one.
        index: LogIndex,
        /// Which events it leads to.
        leads_to: String,
    },
    /// What the planner knows of a table is old.
    StaleStatistics {
        /// The table, or the partition.
        table: String,
        /// How many rows have changed since.
        changed: u64,
    },
    /// The account may not see how old the statistics are.
    StatisticsUnseen,
    /// An index was begun and not finished, or is not in every partition.
    UnfinishedIndex {
        /// Its name.
        index: String,
    },
    /// A change of the partitions was begun and not ended.
    UnfinishedPartitions,
    /// Nobody has read an index.
    UnusedIndex {
        /// Its name.
        index: String,
        /// Since which day; `None` where the database cannot tell.
        since: Option<String>,
    },
    /// Nobody counts the reads of an index.
    UsageUnknown {
        /// The dialect.
        dialect: Dialect,
    },
}

/// A matter, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Advice {
    /// What there is to say.
    pub matter: Matter,
    /// The statements that mend it; none where it is another command, or a decision.
    pub steps: Vec<Step>,
    /// Whether they can run at any time: they hold up no writer for longer than moments, and take nothing
    /// away.
    pub is_safe: bool,
}

impl Matter {
    /// Its kind, in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::DeadRows { .. } => "dead_rows",
            Self::EventsInRest { .. } => "events_in_rest",
            Self::LeftoverIndex { .. } => "leftover_index",
            Self::MissingIndex { .. } => "missing_index",
            Self::MissingMonths => "missing_months",
            Self::NoStatistics { .. } => "no_statistics",
            Self::OptInIndex { .. } => "opt_in_index",
            Self::StaleStatistics { .. } => "stale_statistics",
            Self::StatisticsUnseen => "statistics_unseen",
            Self::UnfinishedIndex { .. } => "unfinished_index",
            Self::UnfinishedPartitions => "unfinished_partitions",
            Self::UnusedIndex { .. } => "unused_index",
            Self::UsageUnknown { .. } => "usage_unknown",
        }
    }

    /// Whether nothing is wrong: it is good to know, or a decision.
    #[must_use]
    pub fn is_note(&self) -> bool {
        matches!(
            self,
            Self::OptInIndex { .. }
                | Self::StatisticsUnseen
                | Self::UnusedIndex { .. }
                | Self::UsageUnknown { .. }
        )
    }
}

impl fmt::Display for Matter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeadRows { table, dead } => write!(
                f,
                "{dead} rows of `{table}` are gone and still take their place"
            ),
            Self::EventsInRest { partition, events } => write!(
                f,
                "`{partition}` has events of months that were made too late, about {events}; \
                 `audit partitions create --apply` moves them"
            ),
            Self::MissingIndex { index, leads_to } => {
                write!(f, "the index `{index}` is missing, which leads to {leads_to}")
            }
            Self::LeftoverIndex { index } => write!(
                f,
                "the index `{index}` is left over from one that was made anew, which was broken off: writes pay for \
                 it, and no query takes it; drop it, unless a REINDEX is running"
            ),
            Self::MissingMonths => f.write_str(
                "there is no partition for the next month; run `audit partitions create --apply` once a month",
            ),
            Self::NoStatistics { table } => write!(
                f,
                "`{table}` has no statistics, so queries of it are planned by guesses"
            ),
            Self::OptInIndex { index, leads_to } => write!(
                f,
                "there is no index that leads to {leads_to}; where that is often asked, ask for the index \
                 `{index}` in the rules, and `audit optimize` tells how to make it; it costs every write"
            ),
            Self::StaleStatistics { table, changed } => write!(
                f,
                "the statistics of `{table}` are old: {changed} rows have changed since"
            ),
            Self::StatisticsUnseen => f.write_str(
                "this account may not see how old the statistics are; grant it PROCESS",
            ),
            Self::UnfinishedIndex { index } => write!(
                f,
                "the index `{index}` was begun and not finished: writes pay for it, and no query takes it"
            ),
            Self::UnfinishedPartitions => f.write_str(
                "a change of the partitions was begun and not ended; repeat it",
            ),
            Self::UnusedIndex { index, since } => {
                write!(f, "nothing has read the index `{index}`")?;
                if let Some(since) = since {
                    write!(f, " since {since}")?;
                }
                f.write_str(
                    "; every write pays for it. Where that is long enough to judge, take it out of the rules and drop it",
                )
            }
            Self::UsageUnknown { dialect: Dialect::MySql } => f.write_str(
                "the server does not count the reads of an index; `SET GLOBAL userstat = 1` has it count",
            ),
            Self::UsageUnknown { .. } => {
                f.write_str("this database never counts the reads of an index")
            }
        }
    }
}

impl Advice {
    /// What no statement mends.
    fn told(matter: Matter) -> Self {
        Self {
            matter,
            steps: Vec::new(),
            is_safe: false,
        }
    }

    fn safe(matter: Matter, steps: Vec<Step>) -> Self {
        Self {
            matter,
            steps,
            is_safe: true,
        }
    }
}

/// What there is to say of a log: of its statistics, then its indexes. `wanted` are those that it is to
/// have or may have.
#[must_use]
pub fn advise(
    dialect: Dialect,
    sight: LogSight,
    figures: &LogFigures,
    wanted: &[WantedIndex],
) -> Vec<Advice> {
    let mut advice = Vec::new();
    if !sight.has_statistics && dialect == Dialect::MySql {
        advice.push(Advice::told(Matter::StatisticsUnseen));
    }
    advice.extend(statistics(dialect, figures));
    let of_index = |index| wanted_index(dialect, index, figures);
    let of_indexes: Vec<Advice> = wanted.iter().filter_map(of_index).collect();
    let others = unfinished(dialect, figures, &of_indexes);
    advice.extend(of_indexes.into_iter().chain(others));
    let is_default = |name: &str| {
        wanted
            .iter()
            .any(|own| own.name == name && own.opt_in.is_none())
    };
    let unused = figures
        .indexes
        .iter()
        .filter(|index| index.reads == Some(0) && !index.is_unique && !is_default(&index.name));
    advice.extend(unused.map(|index| {
        Advice::told(Matter::UnusedIndex {
            index: index.name.clone(),
            since: figures.counts_since.clone(),
        })
    }));
    if !sight.has_reads {
        advice.push(Advice::told(Matter::UsageUnknown { dialect }));
    }
    advice
}

fn statistics(dialect: Dialect, figures: &LogFigures) -> Vec<Advice> {
    if figures.events < FEW {
        return Vec::new();
    }
    // Those of all partitions are made together.
    let whole = figures
        .tables
        .iter()
        .filter(|table| table.name == LOG_TABLE && !table.is_analyzed);
    let whole: Vec<Advice> = whole.filter_map(|table| of_table(dialect, table)).collect();
    if !whole.is_empty() {
        return whole;
    }
    let of_table = |table| of_table(dialect, table);
    figures.tables.iter().filter_map(of_table).collect()
}

fn of_table(dialect: Dialect, table: &TableFigures) -> Option<Advice> {
    let is_much = |rows: &u64| *rows >= FEW && rows.saturating_mul(5) > table.events;
    let name = || table.name.clone();
    if let Some(dead) = table.dead.filter(is_much) {
        let matter = Matter::DeadRows {
            table: name(),
            dead,
        };
        let statement = format!(
            "VACUUM (ANALYZE, TRUNCATE false) audit.{}",
            identifier(dialect, &table.name)
        );
        let what = format!("frees the place in `{}`, and makes statistics", table.name);
        return Some(Advice::safe(matter, vec![Step::new(what, statement)]));
    }
    let matter = match (table.is_analyzed, table.changed.filter(is_much)) {
        (false, _) => Matter::NoStatistics { table: name() },
        (true, Some(changed)) => Matter::StaleStatistics {
            table: name(),
            changed,
        },
        (true, None) => return None,
    };
    Some(Advice::safe(matter, analyze(dialect, &table.name)))
}

fn analyze(dialect: Dialect, table: &str) -> Vec<Step> {
    let name = identifier(dialect, table);
    let what = format!("makes the statistics of `{table}`, from a sample");
    match dialect {
        Dialect::MySql => vec![Step::new(what, format!("ANALYZE TABLE {name}"))],
        Dialect::Postgres => vec![Step::new(what, format!("ANALYZE audit.{name}"))],
        // Without a limit all of the log is read.
        _ => vec![
            Step::new("limits what is read", "PRAGMA analysis_limit = 1000"),
            Step::new(what, format!("ANALYZE main.{name}")),
            Step::new("lifts the limit", "PRAGMA analysis_limit = 0"),
        ],
    }
}

/// The indexes that were begun and not finished, beside those of which other advice tells.
fn unfinished(dialect: Dialect, figures: &LogFigures, told: &[Advice]) -> Vec<Advice> {
    let steps = || told.iter().flat_map(|advice| &advice.steps);
    let is_untold = |name: &&String| {
        let quoted = identifier(dialect, name);
        !steps().any(|step| step.statement.contains(&quoted))
    };
    let untold = figures.unfinished.iter().filter(is_untold);
    let advice = untold.map(|name| {
        let index = name.clone();
        match is_left_over(name) {
            true => Advice {
                matter: Matter::LeftoverIndex { index },
                steps: vec![build::dropped(name)],
                is_safe: false,
            },
            false => Advice::safe(Matter::UnfinishedIndex { index }, vec![build::anew(name)]),
        }
    });
    advice.collect()
}

/// Whether a name is one that PostgreSQL gives while it makes an index anew.
///
/// # Source
/// <https://www.postgresql.org/docs/current/sql-reindex.html>, "Rebuilding Indexes Concurrently".
fn is_left_over(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.ends_with("_ccnew") || name.ends_with("_ccold")
}

fn wanted_index(dialect: Dialect, index: &WantedIndex, figures: &LogFigures) -> Option<Advice> {
    let there = figures.indexes.iter().find(|own| own.name == index.name);
    let is_unfinished = figures.unfinished.contains(&index.name);
    let matter = match there {
        Some(there) if is_unfinished || !there.lacking.is_empty() => Matter::UnfinishedIndex {
            index: index.name.clone(),
        },
        Some(_) => return None,
        None if index.is_asked => Matter::MissingIndex {
            index: index.name.clone(),
            leads_to: index.leads_to.clone(),
        },
        None => {
            let index = index
                .opt_in
                .filter(|_| figures.events >= MANY)
                .map(|opt_in| {
                    Advice::told(Matter::OptInIndex {
                        index: opt_in,
                        leads_to: index.leads_to.clone(),
                    })
                });
            return index;
        }
    };
    Some(Advice {
        matter,
        steps: build::build(dialect, index, figures),
        is_safe: build::is_online(dialect),
    })
}

impl LogPartitions {
    /// The change that makes the months which are to be there.
    pub const NEXT_MONTHS: Change = Change::Create { months_ahead: 3 };

    /// The statement that tells whether the partition of what no month is made for has events, `1` or `0`;
    /// `None` where there is no such partition. The number of [`LogPartitions::parse`] is an estimate.
    #[must_use]
    pub fn rest_query(&self, dialect: Dialect) -> Option<BoundQuery> {
        let rest = self.rest()?;
        Some(Self::any_query(dialect, &rest.name))
    }

    /// What there is to say of the partitions; nothing where there are none. `has_rest` is the answer to
    /// [`LogPartitions::rest_query`], and `next` are the steps of [`LogPartitions::NEXT_MONTHS`].
    #[must_use]
    pub fn advise(&self, dialect: Dialect, has_rest: bool, next: Vec<Step>) -> Vec<Advice> {
        if self.is_unfinished {
            return vec![Advice::told(Matter::UnfinishedPartitions)];
        }
        if let Some(rest) = self.rest().filter(|_| has_rest) {
            return vec![Advice {
                matter: Matter::EventsInRest {
                    partition: rest.name.clone(),
                    events: rest.rows.max(1),
                },
                // On MariaDB writers wait while the events move.
                is_safe: dialect == Dialect::Postgres,
                steps: next,
            }];
        }
        match self.has_next_month() {
            true => Vec::new(),
            false => vec![Advice::safe(Matter::MissingMonths, next)],
        }
    }
}

#[cfg(test)]
mod tests;
