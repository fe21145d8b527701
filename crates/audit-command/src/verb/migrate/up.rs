//! `audit migrate up`: the tables and triggers as the rules want them.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use audit_sqlx::maintenance::BackupError;
use audit_sqlx::{AuditDatabase, Finding, maintenance};
use clap::Args;
use sqlx::Pool;

use crate::database::{Database, Kind};
use crate::destination::Destination;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Counted, Output, talk};
use crate::parts::{self, changes};
use crate::rules::Rules;
use crate::verb::Run;

/// The arguments of `audit migrate up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    rules: Rules,
    /// Write the rows of the audit tables into a new file before anything else is done; `migrate
    /// restore` puts them back
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
}

/// Writes a backup, which is there once all of it is written.
async fn back_up<DB: AuditDatabase>(pool: &Pool<DB>, path: &Path) -> Result<(), Fault> {
    let file = Destination::create(path, false).map_err(|fault| match fault {
        Fault::FileExists { path } => Fault::BackupExists { path },
        fault => fault,
    })?;
    let mut written = BufWriter::new(Counted::new(&file));
    let mut write = |line: &str| written.write_all(line.as_bytes());
    let rows = maintenance::backup(pool, &mut write).await;
    let flushed = written.flush();
    let rows = rows.map_err(|error| match error {
        BackupError::Output(source) => file.fault(source),
        error => Fault::database(error),
    })?;
    flushed.map_err(|source| file.fault(source))?;
    drop(written);
    file.keep()?;
    talk(&format!("{rows} rows are in `{}`", path.display()));
    Ok(())
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
        match &self.backup {
            Some(path) if parts::has_tables(&before) => back_up(&pool, path).await?,
            Some(_) => talk("there was nothing to back up"),
            None => {}
        }
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
