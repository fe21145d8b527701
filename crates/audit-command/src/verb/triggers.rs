//! `audit triggers`: the triggers that the rules make.

use std::io::{self, IsTerminal as _};

use audit_core::Dialect;
use audit_sqlx::maintenance::{self, Part, PartKind};
use audit_sqlx::{AuditDatabase, MigrateError};
use audit_store::words;
use clap::{Args, Subcommand};

use super::{Answering, OnDatabase, Run, run};
use crate::cli::Settings;
use crate::config::Config;
use crate::confirmation::Confirmation;
use crate::database::{Database, Kind};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, talk, write};
use crate::parts::{self, changes};
use crate::rules::Rules;
use crate::script;

/// The arguments of `audit triggers`.
#[derive(Debug, Args)]
pub(crate) struct Triggers {
    #[command(subcommand)]
    action: Action,
}

/// What is done.
#[derive(Debug, Subcommand)]
enum Action {
    /// Print the SQL of all triggers that the rules make for the tables of this database
    Print(Print),
    /// Make the triggers those that the rules ask for, as the last step of `migrate up` does
    Install(Answering<Install>),
    /// Say which triggers are there, missing, changed, left over, or of the application (foreign);
    /// exit code 1 when they are not those that the rules ask for
    Status(Answering<Status>),
    /// Drop the triggers: no change is recorded afterwards
    Drop(Drop),
}

#[derive(Debug, Args)]
struct Print {
    #[command(flatten)]
    rules: Rules,
}

#[derive(Debug, Args)]
struct Install {
    #[command(flatten)]
    rules: Rules,
}

#[derive(Debug, Args)]
struct Status {}

#[derive(Debug, Args)]
struct Drop {
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Triggers {
    pub(super) async fn run(&self, settings: &Settings) -> Result<Exit, Fault> {
        match &self.action {
            Action::Print(verb) => run(verb, settings).await,
            Action::Install(verb) => run(verb, settings).await,
            Action::Status(verb) => run(verb, settings).await,
            Action::Drop(verb) => run(verb, settings).await,
        }
    }
}

/// The triggers and what they call, of a database that has the audit tables.
fn of_triggers(status: Result<Vec<Part>, MigrateError>) -> Result<Vec<Part>, Fault> {
    let mut parts = status.map_err(Fault::database)?;
    if !parts::is_ready(&parts) {
        return Err(Fault::NotMigrated);
    }
    parts.retain(|part| matches!(part.kind, PartKind::Function | PartKind::Trigger));
    Ok(parts)
}

impl OnDatabase for Print {
    async fn on<DB: AuditDatabase>(&self, database: &Database) -> Result<Exit, Fault> {
        let audit = self.rules.audit()?;
        let pool = database.open::<DB>().await?;
        of_triggers(maintenance::status(&pool, &audit).await)?;
        let statements = maintenance::trigger_statements(&pool, &audit).await;
        let text = script::of(database.dialect(), &statements.map_err(Fault::database)?);
        // Names of tables and columns are in it, and are for no terminal to obey.
        match io::stdout().is_terminal() {
            true => {
                let lines = text.lines().map(words::printable);
                write((lines.collect::<Vec<_>>().join("\n") + "\n").as_bytes())?;
            }
            false => write(text.as_bytes())?,
        }
        Ok(Exit::Success)
    }
}

impl Run for Install {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let audit = self.rules.audit()?;
        let pool = database.attach::<DB>(&audit).await?;
        let before = of_triggers(maintenance::status(&pool, &audit).await)?;
        let installed = maintenance::install_triggers(&pool, &audit).await;
        installed.map_err(Fault::database)?;
        let after = of_triggers(maintenance::status(&pool, &audit).await)?;
        parts::print_changes(output, &changes(&before, &after))?;
        if database.kind() == Kind::Sqlite {
            talk(parts::ON_CONNECTION);
        }
        Ok(Exit::Success)
    }
}

impl Run for Status {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let audit = Config::rules_or_none()?;
        let pool = database.open::<DB>().await?;
        let parts = of_triggers(maintenance::status(&pool, &audit).await)?;
        parts::print(output, &parts)
    }
}

impl OnDatabase for Drop {
    async fn on<DB: AuditDatabase>(&self, database: &Database) -> Result<Exit, Fault> {
        if database.dialect() == Dialect::Sqlite {
            talk(parts::ON_CONNECTION);
            return Ok(Exit::Nothing);
        }
        let audit = Config::rules_or_none()?;
        let pool = database.open::<DB>().await?;
        let what = "no change would be recorded afterwards";
        self.confirmation.ask(what, "drop the triggers")?;
        let before = of_triggers(maintenance::status(&pool, &audit).await)?;
        let dropped = maintenance::drop_triggers(&pool, &audit).await;
        dropped.map_err(Fault::database)?;
        let after = of_triggers(maintenance::status(&pool, &audit).await)?;
        let gone = parts::ours(&before) - parts::ours(&after);
        talk(&format!("{gone} audit triggers are gone"));
        Ok(Exit::Success)
    }
}
