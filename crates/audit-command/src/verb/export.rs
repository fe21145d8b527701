//! `audit export`: the log as a file.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use audit_core::LogReader;
use audit_sqlx::{AuditDatabase, LogError};
use audit_store::export::{self, Csv, ExportError, Format};
use clap::{Args, ValueEnum};

use super::OnDatabase;
use crate::database::{Database, note_missing_index, trail};
use crate::destination::Destination;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::filters::Filters;
use crate::output::Counted;

/// The arguments of `audit export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The form of the file
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// The file, which is there once all of it is written [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file when there is one
    #[arg(long, requires = "output")]
    force: bool,
    /// What stands between two cells of csv [default: comma]
    #[arg(long, value_enum, value_name = "NAME")]
    delimiter: Option<Delimiter>,
    /// Begin csv with a byte order mark, by which some spreadsheets know UTF-8
    #[arg(long)]
    bom: bool,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
    #[command(flatten)]
    filters: Filters,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One envelope of CloudEvents 1.0 a line
    #[value(name = "cloudevents")]
    CloudEvents,
    /// A table with a header, by RFC 4180
    #[default]
    Csv,
    /// One document of the Elastic Common Schema a line
    Ecs,
    /// One JSON array, one event a line
    Json,
    /// One JSON object a line
    Ndjson,
    /// One event of the Open Cybersecurity Schema Framework a line
    Ocsf,
}

/// What stands between two cells.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Delimiter {
    Comma,
    Pipe,
    Semicolon,
    Tab,
}

impl Export {
    fn format(&self) -> Result<Format, Fault> {
        if self.format != Form::Csv && (self.bom || self.delimiter.is_some()) {
            return Err(Fault::NoTable);
        }
        Ok(match self.format {
            Form::CloudEvents => Format::CloudEvents,
            Form::Csv => Format::Csv(self.table()?),
            Form::Ecs => Format::Ecs,
            Form::Json => Format::Json,
            Form::Ndjson => Format::Ndjson,
            Form::Ocsf => Format::Ocsf,
        })
    }

    fn table(&self) -> Result<Csv, Fault> {
        let delimiter = match self.delimiter {
            None | Some(Delimiter::Comma) => export::Delimiter::Comma,
            Some(Delimiter::Pipe) => export::Delimiter::Pipe,
            Some(Delimiter::Semicolon) => export::Delimiter::Semicolon,
            Some(Delimiter::Tab) => export::Delimiter::Tab,
        };
        let csv = Csv::builder()
            .delimiter(delimiter)
            .byte_order_mark(self.bom);
        csv.build().map_err(Fault::database)
    }
}

impl OnDatabase for Export {
    async fn on<DB: AuditDatabase>(&self, database: &Database) -> Result<Exit, Fault> {
        let format = self.format()?;
        if self.output.is_none() && io::stdout().is_terminal() {
            return Err(Fault::Terminal);
        }
        let mut trail = trail(&database.open::<DB>().await?);
        let mut query = self.filters.query();
        if self.oldest_first {
            query = query.oldest_first();
        }
        note_missing_index(&mut trail, &query).await?;
        let export = trail.export(&query, format);
        let events = match &self.output {
            Some(path) => to_file(export, path, self.force).await?,
            None => {
                let written = export.write_to(Counted::new(io::stdout().lock())).await;
                written.map_err(|error| fault(error, Fault::Output))?
            }
        };
        Ok(Exit::of_search(events > 0))
    }
}

/// All of the export or no file, also when it is stopped by Ctrl-C.
async fn to_file<R, S: Send>(
    export: export::Export<'_, R, S>,
    path: &Path,
    may_replace: bool,
) -> Result<u64, Fault>
where
    R: LogReader<Error = LogError>,
{
    let work = async {
        let file = Destination::create(path, may_replace)?;
        let written = export.write_to(Counted::new(&file)).await;
        let events = written.map_err(|error| fault(error, |error| file.fault(error)))?;
        file.keep()?;
        Ok(events)
    };
    tokio::select! {
        // First, so that Ctrl-C is waited for before there is a file that it would leave.
        biased;
        stop = tokio::signal::ctrl_c() => Err(stop.err().map_or(Fault::Interrupted, Fault::Output)),
        events = work => events,
    }
}

fn fault(error: ExportError<LogError>, written: impl FnOnce(io::Error) -> Fault) -> Fault {
    match error {
        ExportError::Store(error) => error.into(),
        ExportError::Write(error) => written(error),
        error => Fault::database(error),
    }
}
