//! How far a database is: what `migrate` would do.

use audit_capture::{Finding, Plan, TriggerState};
use audit_core::query::index_names;
use audit_core::{Audit, Dialect};

use crate::catalog;
use crate::migrate::MigrateError;
use crate::session::Session;
use crate::statement;
use crate::steps::{self, StepState};
use crate::trigger::triggers_are_on_connection;

/// What a part of a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PartKind {
    /// A step of the audit tables.
    Step,
    /// An index of the log that the rules ask for.
    Index,
    /// A function that triggers call (PostgreSQL).
    Function,
    /// What the operator has turned off, as connections read it (SQLite).
    Switch,
    /// A trigger of an audited table.
    Trigger,
}

/// How far a part of a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartState {
    /// It is there, and not as it should be.
    Changed,
    /// It is there as it should be.
    Done,
    /// It is the application's, and `migrate` leaves it alone.
    Foreign,
    /// It is there, and nothing asks for it.
    LeftOver,
    /// Each connection of the application brings it (SQLite).
    OnConnection,
    /// It is not there yet.
    Pending,
    /// A newer version has made it.
    Unknown,
}

impl PartState {
    /// Whether [`migrate`](crate::migrate()) would have something to do, or would fail.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Changed | Self::LeftOver | Self::Pending | Self::Unknown => true,
            Self::Done | Self::Foreign | Self::OnConnection => false,
        }
    }
}

/// A part of a migration, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// The schema of a trigger's table; absent on SQLite.
    pub table_schema: Option<String>,
    /// The table of a trigger.
    pub table_name: Option<String>,
    /// Its name.
    pub name: String,
    /// How far it is.
    pub state: PartState,
}

impl Part {
    fn new(kind: PartKind, name: impl Into<String>, state: PartState) -> Self {
        Self {
            kind,
            table_schema: None,
            table_name: None,
            name: name.into(),
            state,
        }
    }
}

impl From<StepState> for PartState {
    fn from(state: StepState) -> Self {
        match state {
            StepState::Changed => Self::Changed,
            StepState::Done => Self::Done,
            StepState::Pending => Self::Pending,
            StepState::Unknown => Self::Unknown,
        }
    }
}

/// Says how far the database is with each part of [`migrate`](crate::migrate()) for these rules:
/// steps in their order, then what the rules ask for. It changes nothing. Triggers can be told once the
/// steps have run.
///
/// # Errors
/// When the catalog cannot be read, or the database fails.
pub async fn status<S: Session>(
    session: &mut S,
    audit: &Audit,
) -> Result<Vec<Part>, MigrateError<S::Error>> {
    let catalog = catalog::read(session, audit.schemas()).await?;
    let states = match catalog.was_migrated {
        true => steps::states(session).await,
        false => Ok(steps::none_ran(S::DIALECT)),
    };
    let states = states.map_err(MigrateError::Database)?;
    let mut parts: Vec<Part> = states
        .into_iter()
        .map(|step| Part::new(PartKind::Step, step.name, step.state.into()))
        .collect();
    let names = session.texts(&index_names(S::DIALECT)).await;
    let names = names.map_err(MigrateError::Database)?;
    let names: Vec<String> = names.into_iter().flatten().flatten().collect();
    for index in audit.indexes() {
        let state = match names.iter().any(|name| *name == index.name()) {
            true => PartState::Done,
            false => PartState::Pending,
        };
        parts.push(Part::new(PartKind::Index, index.name(), state));
    }
    parts.extend(of_plan(&Plan::new(audit, &catalog, S::DIALECT), S::DIALECT));
    Ok(parts)
}

/// What a plan has beside the steps.
fn of_plan(plan: &Plan, dialect: Dialect) -> Vec<Part> {
    let mut parts = Vec::new();
    for finding in plan.findings() {
        if let Finding::FunctionDiffers { function } = finding {
            parts.push(Part::new(PartKind::Function, function, PartState::Changed));
        }
    }
    if !plan.compile().is_empty() {
        parts.push(Part::new(PartKind::Switch, "capture", PartState::Pending));
    }
    let is_on_connection = triggers_are_on_connection(dialect);
    parts.extend(plan.trigger_states().into_iter().map(|trigger| Part {
        kind: PartKind::Trigger,
        table_schema: trigger.schema,
        table_name: Some(trigger.table),
        name: trigger.name,
        state: match trigger.state {
            TriggerState::Foreign => PartState::Foreign,
            _ if is_on_connection => PartState::OnConnection,
            TriggerState::Changed => PartState::Changed,
            TriggerState::Installed => PartState::Done,
            TriggerState::LeftOver => PartState::LeftOver,
            TriggerState::Missing => PartState::Pending,
            // A state that is not known here is nothing to be content with.
            _ => PartState::Unknown,
        },
    }));
    parts
}

/// The statements that make every trigger which the rules ask for, and what they call, in a database
/// that has none. On SQLite they are for a connection, with the functions of audit-sqlite on it.
///
/// They are none where the audit tables are not there.
///
/// # Errors
/// When the catalog cannot be read, or the database fails.
pub async fn trigger_statements<S: Session>(
    session: &mut S,
    audit: &Audit,
) -> Result<Vec<String>, MigrateError<S::Error>> {
    let catalog = catalog::read(session, audit.schemas()).await?;
    let plan = Plan::new(audit, &catalog.uninstalled(), S::DIALECT);
    let pins = statement::pins(S::DIALECT).map(str::to_owned);
    Ok(pins.into_iter().chain(plan.install(S::DIALECT)).collect())
}
