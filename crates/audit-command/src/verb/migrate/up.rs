//! `audit migrate up`: the tables and triggers as the rules want them.

use audit_sqlx::{AuditDatabase, Finding, maintenance};
use clap::Args;

use crate::database::{Database, Kind};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, talk};
use crate::parts::{self, changes};
use crate::rules::Rules;
use crate::verb::Run;

/// The arguments of `audit migrate up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    rules: Rules,
}

impl Run for Up {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let audit = self.rules.audit()?;
        let pool = database.attach::<DB>(&audit).await?;
        let before = maintenance::status(&pool, &audit).await;
        let before = before.map_err(Fault::database)?;
        let migrated = audit_sqlx::migrate(&pool, &audit).await;
        let report = migrated.map_err(Fault::database)?;
        let after = maintenance::status(&pool, &audit).await;
        let after = after.map_err(Fault::database)?;
        parts::print_changes(output, &changes(&before, &after))?;
        if database.kind() == Kind::Sqlite {
            talk(parts::ON_CONNECTION);
        }
        for finding in report.findings() {
            let word = if finding.is_gap() { "gap" } else { "note" };
            talk(&format!("{word}: {finding}"));
        }
        Ok(match report.findings().iter().any(Finding::is_gap) {
            true => Exit::Nothing,
            false => Exit::Success,
        })
    }
}
