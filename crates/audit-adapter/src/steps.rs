//! The steps of the audit tables, and the list of those that ran.

use audit_core::query::BoundQuery;
use audit_core::{Dialect, schema};
use audit_migrations::Step;

use crate::migrate::{MigrateError, try_rights};
use crate::session::{Rows, Session};

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepState {
    /// It ran, with another text.
    Changed,
    /// It ran.
    Done,
    /// It has not run.
    Pending,
    /// It ran, and this version does not know it.
    Unknown,
}

/// A step, and how far it is.
#[derive(Debug, Clone)]
pub(crate) struct StepStatus {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) state: StepState,
}

/// A step that ran, as the list tells it.
struct Ran {
    version: i64,
    checksum: String,
    name: String,
}

/// A step of the audit tables as a tool runs it that keeps a list of its own: the texts note in our
/// list what they did, so that [`migrate`](crate::migrate()) goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Script {
    /// Its number; scripts run in this order.
    pub version: i64,
    /// What it makes.
    pub name: &'static str,
    /// The statements that take the step. Running them again does no harm.
    pub up: String,
    /// The statements that take it back; events are lost. On MySQL, unlike MariaDB, the triggers have
    /// to be dropped before.
    pub down: String,
}

/// The steps of a dialect for other tools.
#[must_use]
pub fn scripts(dialect: Dialect) -> Vec<Script> {
    let steps = audit_migrations::steps(dialect).iter();
    let table = tracking_table(dialect);
    let script = |step: &Step| Script {
        version: step.version,
        name: step
            .name
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == '_'),
        up: format!("{}\n{table};\n\n{};\n", step.up, note(dialect, step)),
        down: take_back(dialect, step),
    };
    steps.map(script).collect()
}

/// The statements that take a step back. The list goes first: on PostgreSQL the schema goes with
/// the first step, once nothing else is in it.
pub(crate) fn take_back(dialect: Dialect, step: &Step) -> String {
    let (table, version) = (list(dialect), step.version);
    let is_first = audit_migrations::steps(dialect)
        .first()
        .is_some_and(|first| first.version == version);
    let forget = match is_first {
        true => format!("DROP TABLE IF EXISTS {table}"),
        false => format!("DELETE FROM {table} WHERE version = {version}"),
    };
    format!("{forget};\n\n{}", step.down)
}

fn list(dialect: Dialect) -> String {
    schema::qualified(dialect, schema::MIGRATIONS_TABLE)
}

/// The table of the steps that ran; its own statement, because it must be there before any step.
fn tracking_table(dialect: Dialect) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (version BIGINT NOT NULL PRIMARY KEY, \
         name VARCHAR(190) NOT NULL, checksum VARCHAR(64) NOT NULL)",
        list(dialect)
    )
}

/// The statement that notes a step, unless it is noted already.
fn note(dialect: Dialect, step: &Step) -> String {
    let (table, version, name) = (list(dialect), step.version, step.name);
    let checksum = audit_capture::checksum(step.up);
    let from = match dialect {
        Dialect::MySql => " FROM DUAL",
        _ => "",
    };
    format!(
        "INSERT INTO {table} (version, name, checksum) SELECT {version}, '{name}', '{checksum}'{from} \
         WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE version = {version})"
    )
}

/// Every step that is known here or there, and how far it is.
pub(crate) async fn states<S: Session>(session: &mut S) -> Result<Vec<StepStatus>, S::Error> {
    let text = match S::DIALECT {
        Dialect::MySql => "CAST(version AS CHAR)",
        _ => "CAST(version AS TEXT)",
    };
    let query = BoundQuery::plain(format!(
        "SELECT {text}, checksum, name FROM {} ORDER BY version",
        list(S::DIALECT)
    ));
    Ok(compared(S::DIALECT, &ran(session.texts(&query).await?)))
}

/// The steps of a database in which none ran.
pub(crate) fn none_ran(dialect: Dialect) -> Vec<StepStatus> {
    compared(dialect, &[])
}

fn ran(rows: Rows) -> Vec<Ran> {
    let steps = rows.into_iter().map(|row| {
        let mut row = row.into_iter().flatten();
        let version = row.next().and_then(|text| text.parse().ok());
        Ran {
            version: version.unwrap_or_default(),
            checksum: row.next().unwrap_or_default(),
            name: row.next().unwrap_or_default(),
        }
    });
    steps.collect()
}

fn compared(dialect: Dialect, ran: &[Ran]) -> Vec<StepStatus> {
    let steps = audit_migrations::steps(dialect);
    let known = steps.iter().map(|step| {
        let found = ran.iter().find(|ran| ran.version == step.version);
        let state = match found {
            None => StepState::Pending,
            Some(ran) if ran.checksum != audit_capture::checksum(step.up) => StepState::Changed,
            Some(_) => StepState::Done,
        };
        StepStatus {
            version: step.version,
            name: step.name.to_owned(),
            state,
        }
    });
    let is_known = |ran: &&Ran| steps.iter().any(|step| step.version == ran.version);
    let unknown = ran
        .iter()
        .filter(|ran| !is_known(ran))
        .map(|ran| StepStatus {
            version: ran.version,
            name: ran.name.clone(),
            state: StepState::Unknown,
        });
    let mut states: Vec<StepStatus> = known.chain(unknown).collect();
    states.sort_by_key(|step| step.version);
    states
}

/// Fails where the list has a step that this version does not know.
pub(crate) fn known<E: std::error::Error + 'static>(
    states: &[StepStatus],
) -> Result<(), MigrateError<E>> {
    let unknown = states.iter().find(|step| step.state == StepState::Unknown);
    match unknown {
        Some(step) => Err(MigrateError::UnknownStep {
            version: step.version,
        }),
        None => Ok(()),
    }
}

/// Runs the steps that are pending.
pub(crate) async fn run<S: Session>(session: &mut S) -> Result<(), MigrateError<S::Error>> {
    let made = session.run(&tracking_table(S::DIALECT)).await;
    made.map_err(MigrateError::Database)?;
    let states = states(session).await.map_err(MigrateError::Database)?;
    known(&states)?;
    if let Some(step) = states.iter().find(|step| step.state == StepState::Changed) {
        return Err(MigrateError::ChangedStep {
            version: step.version,
        });
    }
    let is_pending = |version| {
        let mut pending = states
            .iter()
            .filter(|step| step.state == StepState::Pending);
        pending.any(|step| step.version == version)
    };
    let steps = audit_migrations::steps(S::DIALECT).iter();
    let pending: Vec<&Step> = steps.filter(|step| is_pending(step.version)).collect();
    if !pending.is_empty() {
        try_rights(session).await?;
    }
    for step in pending {
        for text in [step.up, &note(S::DIALECT, step)] {
            session.run(text).await.map_err(MigrateError::Database)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: i64, checksum: &str) -> Ran {
        Ran {
            version,
            checksum: checksum.to_owned(),
            name: format!("{version:04}_a_step"),
        }
    }

    #[test]
    fn a_step_is_known_by_its_number_and_its_text() {
        for dialect in [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite] {
            let states = |ran: &[Ran]| -> Vec<(i64, StepState)> {
                let steps = compared(dialect, ran).into_iter();
                steps.map(|step| (step.version, step.state)).collect()
            };
            let step = audit_migrations::steps(dialect)[0];
            let done = audit_capture::checksum(step.up);
            assert_eq!(states(&[])[0], (1, StepState::Pending));
            assert_eq!(states(&[of(1, &done)])[0], (1, StepState::Done));
            assert_eq!(states(&[of(1, "another")])[0], (1, StepState::Changed));
            let newer = states(&[of(1, &done), of(9000, "newer")]);
            assert_eq!(newer.last(), Some(&(9000, StepState::Unknown)));
        }
    }
}
