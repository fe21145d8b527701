//! `audit undo`: takes changes back, after it has shown what that would do.

use std::collections::BTreeSet;

use audit_core::query::LogQuery;
use audit_core::{Json, LogReader as _, Operation};
use audit_sqlx::AuditDatabase;
use audit_store::{FieldChange, OnConflict, UndoPlan, UndoStep, words};
use clap::{Args, ValueEnum};
use sqlx::Pool;

use super::Run;
use crate::config::Config;
use crate::database::{Database, Kind, note_missing_index, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::filters::Filters;
use crate::operator::Approval;
use crate::output::{Format, Output, Progress, talk};
use crate::table::table;

/// The longest value that a row shows whole, in characters.
const LONGEST_VALUE: usize = 40;

/// The columns of a table of steps.
const COLUMNS: [&str; 10] = [
    "operation",
    "table_schema",
    "table_name",
    "record_id",
    "reverts",
    "changes",
    "conflicts",
    "missing",
    "computed",
    "ambiguous",
];

/// The arguments of `audit undo`.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    #[command(flatten)]
    approval: Approval,
    /// What to do with records that have changed since
    #[arg(long, value_enum, default_value_t)]
    on_conflict: Choice,
    /// Do it though values are missing: their columns stay as they are, or get their defaults
    #[arg(long)]
    leave_missing: bool,
    /// Do what can be done, though some of the events cannot be taken back
    #[arg(long)]
    leave_obstacles: bool,
    /// The application has no rules, so nothing is to be hidden in the events of this undo (SQLite,
    /// where rules are on the connection)
    #[arg(long)]
    without_rules: bool,
    #[command(flatten)]
    filters: Filters,
}

/// What to do with records that have changed since.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Choice {
    /// Do nothing at all
    #[default]
    Refuse,
    /// Leave them as they are
    Skip,
    /// Give their fields the old values
    Overwrite,
}

impl Run for Undo {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let query = self.filters.query();
        if query.canonical() == LogQuery::new().canonical() {
            return Err(Fault::EverythingUndone);
        }
        let audit = match Config::rules()? {
            Some(audit) => audit,
            None if self.approval.is_given()
                && database.kind() == Kind::Sqlite
                && !self.without_rules =>
            {
                return Err(Fault::UnknownRules);
            }
            None => Config::rules_or_none()?,
        };
        let pool = database.attach::<DB>(&audit).await?;
        let mut trail = trail(&pool);
        note_missing_index(&mut trail, &query).await?;
        let work = trail.plan_undo(&query);
        let plan = Progress::during("the undo is planned", work).await?;
        print(&plan, output)?;
        if plan.steps().is_empty() {
            return Ok(Exit::Nothing);
        }
        if self.approval.is_given() {
            self.apply(&pool, plan).await?;
            return Ok(Exit::Success);
        }
        talk(&how_to_apply(&plan));
        Ok(Exit::of_search(plan.is_clear()))
    }
}

/// What is said of a plan that is only shown: how to apply it, also against what stands against it.
fn how_to_apply(plan: &UndoPlan) -> String {
    let steps = plan.steps();
    let needed = [
        (
            steps.iter().any(|step| !step.conflicts.is_empty()),
            "`--on-conflict skip` or `overwrite`",
        ),
        (
            steps.iter().any(|step| !step.missing.is_empty()),
            "`--leave-missing`",
        ),
        (!plan.obstacles().is_empty(), "`--leave-obstacles`"),
    ];
    let needed = needed.into_iter().filter(|(is_needed, _)| *is_needed);
    let needed: Vec<&str> = needed.map(|(_, flag)| flag).collect();
    match needed.is_empty() {
        true => "nothing was changed; `--apply --as ID` does it".to_owned(),
        false => format!(
            "nothing was changed; something stands against it, and `--apply --as ID` needs {} as well",
            needed.join(", and ")
        ),
    }
}

fn print(plan: &UndoPlan, output: Output) -> Result<(), Fault> {
    match output.format {
        Format::Table if plan.steps().is_empty() => talk("there is nothing to take back"),
        Format::Table => {
            let header = ["what", "table", "record", "change", "against it"];
            output.write(&table(output, header, plan.steps().iter().map(row)))?;
        }
        Format::Csv | Format::Json | Format::Ndjson => {
            output.items(&COLUMNS, plan.steps())?;
        }
    }
    for obstacle in plan.obstacles() {
        talk(&format!("note: {obstacle}"));
    }
    if output.format == Format::Table {
        for (table, field) in computed(plan) {
            let (table, field) = (words::printable(table), words::printable(field));
            talk(&format!(
                "note: the database computes `{field}` of `{table}`, so the undo does not set it"
            ));
        }
    }
    Ok(())
}

/// The columns that the database computes, with their tables, each once.
fn computed(plan: &UndoPlan) -> BTreeSet<(&str, &str)> {
    let mut computed = BTreeSet::new();
    for step in plan.steps() {
        for field in &step.computed {
            computed.insert((step.table_name.as_str(), field.as_str()));
        }
    }
    computed
}

fn row(step: &UndoStep) -> [String; 5] {
    let value = |value: &Option<Json>| words::shorten(&words::value(value.as_ref()), LONGEST_VALUE);
    let change = |change: &FieldChange| {
        let (before, after) = (value(&change.before), value(&change.after));
        let field = words::printable(&change.field);
        match step.operation {
            _ if change.is_redacted => format!("{field} (hidden)"),
            Operation::Insert => format!("{field} {after}"),
            Operation::Delete => format!("{field} {before}"),
            _ => format!("{field} {before} -> {after}"),
        }
    };
    let changes: Vec<String> = step.changes.iter().map(change).collect();
    let conflicts = step.conflicts.iter().map(ToString::to_string);
    let against: Vec<String> = conflicts
        .chain(step.missing.iter().map(ToString::to_string))
        .chain(step.ambiguous.iter().map(ToString::to_string))
        .collect();
    [
        step.operation.to_string(),
        words::printable(&step.table_name),
        words::key(&step.record_id),
        changes.join("\n"),
        against.join("\n"),
    ]
}

impl Undo {
    /// Does it in one transaction, which is a request of its own.
    async fn apply<DB: AuditDatabase>(&self, pool: &Pool<DB>, plan: UndoPlan) -> Result<(), Fault> {
        let mut plan = plan.on_conflict(match self.on_conflict {
            Choice::Refuse => OnConflict::Refuse,
            Choice::Skip => OnConflict::Skip,
            Choice::Overwrite => OnConflict::Overwrite,
        });
        if self.leave_missing {
            plan = plan.leaving_missing();
        }
        if self.leave_obstacles {
            plan = plan.without_obstacles();
        }
        let (context, request) = self.approval.context();
        let context = context.with_action("audit.undo");
        let work = context.scope(applied(pool, &plan, &request));
        let undone = Progress::during("records are put back", work).await?;
        let told = [
            (undone.records, "records were put back"),
            (undone.skipped, "have changed since and stay as they are"),
        ];
        for (count, what) in told {
            if count > 0 {
                talk(&format!("{count} {what}"));
            }
        }
        for (table, record, field) in &undone.differing {
            talk(&format!(
                "note: the database gave `{field}` of `{record}` in `{table}` another value"
            ));
        }
        talk(&format!(
            "to redo: audit undo --request {request} --apply --as ID"
        ));
        Ok(())
    }
}

async fn applied<DB: AuditDatabase>(
    pool: &Pool<DB>,
    plan: &UndoPlan,
    request: &str,
) -> Result<audit_store::Undone, Fault> {
    let mut transaction = audit_sqlx::begin(pool).await.map_err(Fault::database)?;
    let mut writer = audit_sqlx::writer(&mut *transaction);
    let undone = plan.apply(&mut writer).await.map_err(Fault::undo)?;
    // An undo that left no events would be a change that nobody can explain.
    let own = LogQuery::new().request(request).limit(1);
    let events = writer.read(&own).await.map_err(Fault::database)?;
    let has_changes = plan.steps().iter().any(|step| !step.changes.is_empty());
    if events.is_empty() && undone.records > 0 && has_changes {
        return Err(Fault::Unrecorded);
    }
    transaction.commit().await.map_err(Fault::undo_end)?;
    Ok(undone)
}
