//! `audit timeline`: what happened to a record.

use audit_core::Event;
use audit_sqlx::AuditDatabase;
use clap::Args;

use super::Run;
use crate::database::{Database, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::listing::{Columns, Listing};
use crate::output::{Output, talk};
use crate::record::Record;

/// The arguments of `audit timeline`.
#[derive(Debug, Args)]
pub(crate) struct Timeline {
    #[command(flatten)]
    record: Record,
    /// Show the id of each event, for `audit show`
    #[arg(long)]
    ids: bool,
}

impl Run for Timeline {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let pool = database.open::<DB>().await?;
        let mut trail = trail(&pool);
        let mut timeline = trail
            .timeline(&self.record.table(), self.record.id())
            .await?;
        let columns = Columns {
            has_ids: self.ids,
            has_records: false,
        };
        let mut listing = Listing::new(output, columns);
        while let Some(turns) = timeline.next().await? {
            let events: Vec<Event> = turns.into_iter().map(|turn| turn.event).collect();
            listing.add(&events)?;
        }
        let has_found = listing.end()? > 0;
        if !has_found {
            talk(&self.record.unknown());
        }
        Ok(Exit::of_search(has_found))
    }
}
