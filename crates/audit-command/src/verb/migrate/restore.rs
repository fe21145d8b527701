//! `audit migrate restore`: puts a backup back.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use audit_sqlx::AuditDatabase;
use audit_sqlx::maintenance::{self, RestoreError};
use clap::Args;

use crate::database::Database;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Progress, talk};
use crate::verb::OnDatabase;

/// The arguments of `audit migrate restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The file that `up --backup` wrote
    file: PathBuf,
}

impl OnDatabase for Restore {
    async fn on<DB: AuditDatabase>(&self, database: &Database) -> Result<Exit, Fault> {
        let file = File::open(&self.file).map_err(|source| Fault::ConfigFile {
            path: self.file.clone(),
            source,
        })?;
        let pool = database.open::<DB>().await?;
        let mut lines = BufReader::new(file).lines();
        let work = maintenance::restore(&pool, &mut lines);
        let restored = Progress::during("rows are put back", work).await;
        let rows = restored.map_err(|error| match error {
            RestoreError::Migrate(error) => Fault::database(error),
            error => Fault::Restore(Box::new(error)),
        })?;
        talk(&format!(
            "{rows} rows were put back; `audit migrate up` brings the triggers"
        ));
        Ok(Exit::Success)
    }
}
