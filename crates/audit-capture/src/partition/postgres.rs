//! Partitions on PostgreSQL: every statement that holds up others waits for its lock in short turns.

use audit_core::Dialect;
use audit_core::query::BoundQuery;
use chrono::{DateTime, Utc};

use super::plan::{NewMonth, Step};
use super::{FUTURE, PAST};
use crate::sql::{identifier, literal};

/// The constraint that says what the bounds of a partition will ask for, so that the rows are read
/// while others write, and not when the partition is attached.
const CHECK: &str = "audit_logs_until";

const LOG: &str = "audit.audit_logs";

pub(super) fn query() -> BoundQuery {
    BoundQuery::plain(include_str!("postgres.sql").replace("@CHECK@", CHECK))
}

pub(super) fn count(partition: &str) -> String {
    format!("SELECT count(*)::text FROM {}", of_log(partition))
}

pub(super) fn hold(partition: &str) -> String {
    change(&of_log(partition), "SHARE", "    NULL;")
}

pub(super) fn convert(boundary: DateTime<Utc>, months: &[NewMonth]) -> Vec<Step> {
    let until = instant(boundary);
    let names: Vec<&str> = months.iter().map(|month| month.name.as_str()).collect();
    let swap = include_str!("postgres_convert.sql")
        .replace("@LOCK@", &lock(LOG, "ACCESS EXCLUSIVE"))
        .replace(
            "@BOUNDS@",
            &format!("FOR VALUES FROM (MINVALUE) TO ({until})"),
        )
        .replace("@MAKE@", &(make(months) + &make_future()))
        .replace("@NAMES@", &texts(names.into_iter().chain([FUTURE])))
        .replace("@OWN@", include_str!("postgres_own.sql").trim_end())
        .replace("@CHECK@", CHECK);
    checked(LOG, &format!("occurred_at < {until}"))
        .into_iter()
        .chain([Step::new(
            format!(
                "makes the log a table of partitions, of which what it was is `{PAST}`; writers \
                 wait for milliseconds"
            ),
            swap,
        )])
        .collect()
}

pub(super) fn create(months: &[NewMonth], rest: Option<&str>) -> Vec<Step> {
    // Nobody writes to the partition that is locked.
    let (locked, future) = match rest {
        Some(rest) => (of_log(rest), String::new()),
        None => (LOG.to_owned(), make_future()),
    };
    if months.is_empty() && future.is_empty() {
        return Vec::new();
    }
    let names = months.iter().map(|month| month.name.as_str());
    let made = names.chain(rest.is_none().then_some(FUTURE));
    let parts = parts(
        &lock(&locked, "ACCESS EXCLUSIVE"),
        &(make(months) + &future),
        made,
    );
    vec![Step::new(
        format!("makes {}; writers do not wait", listed(months)),
        parts,
    )]
}

/// Makes the partition of what no month was made for the one of the months that it has events of.
pub(super) fn adopt(rest: &str, adopted: &NewMonth, months: &[NewMonth]) -> Vec<Step> {
    let table = of_log(rest);
    let (from, to) = (instant(adopted.starts_at), instant(adopted.ends_at));
    let name = identifier(Dialect::Postgres, &adopted.name);
    let change = format!(
        "    ALTER TABLE {LOG} DETACH PARTITION {table};
    ALTER TABLE {table} RENAME TO {name};
    ALTER TABLE {LOG} ATTACH PARTITION audit.{name} FOR VALUES FROM ({from}) TO ({to});
    ALTER TABLE audit.{name} DROP CONSTRAINT {CHECK};
{}{}",
        make(months),
        make_future()
    );
    let names = months.iter().map(|month| month.name.as_str());
    let parts = parts(
        &lock(LOG, "ACCESS EXCLUSIVE"),
        &change,
        names.chain([FUTURE]),
    );
    checked(
        &table,
        &format!("occurred_at >= {from} AND occurred_at < {to}"),
    )
    .into_iter()
    .chain([Step::new(
        format!(
            "makes `{rest}` the partition `{}`, which has its events already, and {}; writers \
                 wait for milliseconds",
            adopted.name,
            listed(months)
        ),
        parts,
    )])
    .collect()
}

pub(super) fn detach(partition: &str) -> Step {
    let table = of_log(partition);
    Step::new(
        format!("makes `{partition}` a table of its own; writers wait for milliseconds"),
        change(
            LOG,
            "ACCESS EXCLUSIVE",
            &format!("    ALTER TABLE {LOG} DETACH PARTITION {table};"),
        ),
    )
}

pub(super) fn drop(partition: &str) -> Step {
    let table = of_log(partition);
    Step::new(
        format!("drops `{partition}` with all its events; writers wait for milliseconds"),
        change(
            LOG,
            "ACCESS EXCLUSIVE",
            &format!("    ALTER TABLE {LOG} DETACH PARTITION {table};\n    DROP TABLE {table};"),
        ),
    )
}

/// Makes a constraint and has the rows looked through.
fn checked(table: &str, condition: &str) -> [Step; 2] {
    let add = format!(
        "    ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {CHECK};
    ALTER TABLE {table} ADD CONSTRAINT {CHECK} CHECK ({condition}) NOT VALID;"
    );
    [
        Step::new(
            "says which events are there; writers wait for milliseconds",
            change(table, "ACCESS EXCLUSIVE", &add),
        ),
        Step::new(
            "reads all of them, while others read and write",
            format!("ALTER TABLE {table} VALIDATE CONSTRAINT {CHECK}"),
        ),
    ]
}

/// A change behind a lock on a table, which is waited for in short turns.
pub(crate) fn change(locked: &str, mode: &str, change: &str) -> String {
    include_str!("postgres_change.sql")
        .replace("@LOCK@", &lock(locked, mode))
        .replace("@CHANGE@", change)
}

fn parts<'n>(lock: &str, make: &str, made: impl Iterator<Item = &'n str>) -> String {
    include_str!("postgres_parts.sql")
        .replace("@LOCK@", lock)
        .replace("@MAKE@", make.trim_end())
        .replace("@NAMES@", &texts(made))
        .replace("@OWN@", include_str!("postgres_own.sql").trim_end())
}

fn lock(table: &str, mode: &str) -> String {
    include_str!("postgres_lock.sql")
        .trim_end()
        .replace("@TABLE@", table)
        .replace("@MODE@", mode)
}

fn make(months: &[NewMonth]) -> String {
    let make = |month: &NewMonth| {
        let (from, to) = (instant(month.starts_at), instant(month.ends_at));
        make_one(&month.name, &format!("FOR VALUES FROM ({from}) TO ({to})"))
    };
    months.iter().map(make).collect()
}

fn make_future() -> String {
    make_one(FUTURE, "DEFAULT")
}

/// A table that becomes a partition: no lock on the log stops writers then.
fn make_one(name: &str, bounds: &str) -> String {
    let table = of_log(name);
    format!(
        "    CREATE TABLE {table} (LIKE {LOG} INCLUDING ALL EXCLUDING INDEXES);
    ALTER TABLE {LOG} ATTACH PARTITION {table} {bounds};
"
    )
}

pub(super) fn of_log(table: &str) -> String {
    format!("audit.{}", identifier(Dialect::Postgres, table))
}

fn instant(time: DateTime<Utc>) -> String {
    time.format("'%Y-%m-%d %H:%M:%S+00'").to_string()
}

fn texts<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names
        .map(|name| literal(Dialect::Postgres, name))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn listed(months: &[NewMonth]) -> String {
    match months {
        [] => format!("`{FUTURE}`"),
        [only] => format!("`{}`", only.name),
        [first, .., last] => format!("`{}` to `{}`", first.name, last.name),
    }
}
