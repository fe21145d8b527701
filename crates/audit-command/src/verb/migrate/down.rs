//! `audit migrate down`: takes the audit log back, with its events.

use audit_core::query::LogQuery;
use audit_sqlx::{AuditDatabase, maintenance};
use clap::Args;

use crate::config::Config;
use crate::confirmation::Confirmation;
use crate::database::{Database, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::talk;
use crate::parts;
use crate::verb::OnDatabase;

/// The arguments of `audit migrate down`.
#[derive(Debug, Args)]
pub(crate) struct Down {
    #[command(flatten)]
    confirmation: Confirmation,
}

impl OnDatabase for Down {
    async fn on<DB: AuditDatabase>(&self, database: &Database) -> Result<Exit, Fault> {
        let audit = Config::rules_or_none()?;
        let pool = database.open::<DB>().await?;
        let parts = maintenance::status(&pool, &audit).await;
        if !parts::has_tables(&parts.map_err(Fault::database)?) {
            talk("there is nothing to take back: no step of the audit tables ran here");
            return Ok(Exit::Nothing);
        }
        let events = trail(&pool).count(&LogQuery::new()).await?;
        let events = match events {
            1 => "1 event".to_owned(),
            more => format!("{more} events"),
        };
        let what = format!("{events} would be lost, and no change is recorded afterwards");
        let words = format!("lose {events}");
        self.confirmation.ask(&what, &words)?;
        let reverted = maintenance::revert(&pool, &audit).await;
        reverted.map_err(Fault::database)?;
        talk(&format!(
            "the audit triggers and tables are gone, and {events} with them"
        ));
        Ok(Exit::Success)
    }
}
