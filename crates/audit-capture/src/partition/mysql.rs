//! Partitions on MariaDB, where every statement of a change commits by itself.

use audit_core::query::BoundQuery;
use audit_core::schema::LOG_TABLE as LOG;
use chrono::{DateTime, Utc};

use super::plan::{NewMonth, Step};
use super::{FUTURE, PAST};
use crate::mysql::name as quoted;

/// The table that a conversion makes.
pub(super) const NEW: &str = "audit_logs_new";

/// The table that was the log until a conversion had taken its place.
pub(super) const REST: &str = "audit_logs_rest";

/// How long a lock is waited for, in seconds. Who waits stops everyone behind it: rather several short
/// waits than a long one.
const PATIENCE: u8 = 1;

/// How often it is waited for.
const TRIES: u8 = 30;

pub(super) fn query() -> BoundQuery {
    let text = include_str!("mysql.sql");
    BoundQuery::plain(text.replace("@NEW@", NEW).replace("@REST@", REST))
}

pub(super) fn count(partition: &str) -> String {
    format!("SELECT CAST(COUNT(*) AS CHAR) FROM {}", of_log(partition))
}

/// The events of one partition.
pub(super) fn of_log(partition: &str) -> String {
    format!("{LOG} PARTITION ({})", quoted(partition))
}

/// `has_new` tells that the new table is there, and empty.
pub(super) fn convert(boundary: DateTime<Utc>, months: &[NewMonth], has_new: bool) -> Vec<Step> {
    let past = part(PAST, boundary);
    let parts = [past]
        .into_iter()
        .chain(list(months))
        .collect::<Vec<_>>()
        .join(", ");
    let left = has_new.then(|| {
        Step::new(
            "removes the empty table that an interrupted change left",
            format!("DROP TABLE {NEW}"),
        )
    });
    let steps = [
        Step::new(
            "makes a table like the log",
            format!("CREATE TABLE {NEW} LIKE {LOG}"),
        ),
        Step::new(
            "gives it partitions",
            format!("ALTER TABLE {NEW} PARTITION BY RANGE COLUMNS (occurred_at) ({parts})"),
        ),
        Step::new(
            format!(
                "makes what the log has the partition `{PAST}` of the new table; all events are read, \
                 and writers wait meanwhile"
            ),
            format!("ALTER TABLE {NEW} WAIT {PATIENCE} EXCHANGE PARTITION {PAST} WITH TABLE {LOG}"),
        )
        .tried(TRIES),
    ];
    let steps = left.into_iter().chain(steps);
    steps.chain(resume_convert()).collect()
}

/// What is left of a conversion once the events have moved.
pub(super) fn resume_convert() -> Vec<Step> {
    let rename = Step::new(
        "gives the new table the name of the log; writers wait for milliseconds, and until it is \
         done readers see new events alone",
        format!("RENAME TABLE {LOG} WAIT {PATIENCE} TO {REST}, {NEW} TO {LOG}"),
    )
    .tried(TRIES);
    [rename].into_iter().chain(end_convert()).collect()
}

/// What is left of a conversion once the new table has the name of the log.
pub(super) fn end_convert() -> Vec<Step> {
    vec![
        Step::new(
            "takes over what was written in between",
            format!("INSERT IGNORE INTO {LOG} SELECT * FROM {REST}"),
        ),
        Step::new(
            "removes the table that was the log",
            format!("DROP TABLE {REST}"),
        ),
    ]
}

pub(super) fn create(months: &[NewMonth], rest: &str) -> Vec<Step> {
    if months.is_empty() {
        return Vec::new();
    }
    let parts = list(months).collect::<Vec<_>>().join(", ");
    vec![Step::new(
        format!(
            "makes {}; writers wait while events of these months move out of `{rest}`, which is \
             empty unless months were made too late",
            super::postgres::listed(months)
        ),
        format!(
            "ALTER TABLE {LOG} WAIT {PATIENCE} REORGANIZE PARTITION {} INTO ({parts})",
            quoted(rest)
        ),
    )]
}

pub(super) fn detach(partition: &str) -> Step {
    let name = quoted(partition);
    Step::new(
        format!("makes `{partition}` a table of its own; writers wait for milliseconds"),
        format!("ALTER TABLE {LOG} WAIT {PATIENCE} CONVERT PARTITION {name} TO TABLE {name}"),
    )
    .tried(TRIES)
}

pub(super) fn drop(partition: &str) -> Step {
    Step::new(
        format!("drops `{partition}` with all its events; writers wait for milliseconds"),
        format!(
            "ALTER TABLE {LOG} WAIT {PATIENCE} DROP PARTITION {}",
            quoted(partition)
        ),
    )
    .tried(TRIES)
}

/// The partitions of months, and the one of what is newer.
fn list(months: &[NewMonth]) -> impl Iterator<Item = String> {
    let future = format!("PARTITION {FUTURE} VALUES LESS THAN (MAXVALUE)");
    let months = months.iter().map(|month| part(&month.name, month.ends_at));
    months.chain([future])
}

fn part(name: &str, end: DateTime<Utc>) -> String {
    let end = end.format("'%Y-%m-%d %H:%M:%S'");
    format!("PARTITION {} VALUES LESS THAN ({end})", quoted(name))
}
