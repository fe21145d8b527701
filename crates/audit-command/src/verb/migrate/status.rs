//! `audit migrate status`: what is still to do.

use audit_sqlx::{AuditDatabase, maintenance};
use clap::Args;

use crate::config::Config;
use crate::database::Database;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::Output;
use crate::parts;
use crate::verb::Run;

/// The arguments of `audit migrate status`.
#[derive(Debug, Args)]
pub(crate) struct Status {}

impl Run for Status {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let audit = Config::rules_or_none()?;
        let pool = database.open::<DB>().await?;
        let parts = maintenance::status(&pool, &audit).await;
        parts::print(output, &parts.map_err(Fault::database)?)
    }
}
