//! Why the command failed.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use audit_core::query::QueryError;
use audit_core::{BuildError, SettingsError};
use audit_sqlx::LogError;
use audit_store::partitions::{PartitionRefusal, PartitionsError};
use audit_store::retention::RetentionError;
use audit_store::{HoldError, StoreError, UndoError};

use crate::exit::Exit;

/// Why the command failed; each says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("line {line} of `{file}` cannot be read: {message}")]
    Config {
        file: &'static str,
        line: usize,
        message: String,
    },
    #[error("`{path}` cannot be read")]
    ConfigFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("there is no verb `{name}`; `audit --help` lists them")]
    NoVerb { name: String },
    #[error(
        "no database is named; give `--database-url`, set AUDIT_DATABASE_URL or DATABASE_URL, or \
         write it into `audit.toml`, which `audit init` makes"
    )]
    NoDatabase,
    #[error("a URL starts with `sqlite:`, `postgres:` or `mysql:`; this one does not")]
    Scheme,
    #[error("a database in memory holds nothing that this command could read; name a file")]
    InMemory,
    #[error("the database cannot be opened; {advice}")]
    Open {
        advice: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Cursor(Box<dyn Error + Send + Sync>),
    #[error(transparent)]
    Database(Box<dyn Error + Send + Sync>),
    #[error(
        "without a filter all that ever happened would be taken back; name a request, a transaction, an actor and a time"
    )]
    EverythingUndone,
    #[error(
        "there is no policy of retention; write one under `[[retention]]` of `audit.toml`, which `audit init` makes"
    )]
    NoRetention,
    #[error(transparent)]
    Retention(RetentionError),
    #[error("another purge of this database runs; wait for its end")]
    PurgeRuns,
    #[error(
        "a hold without a filter keeps everything, and one of everything has no filter; say which events it keeps, or `--everything` alone"
    )]
    HoldOfEverything,
    #[error(transparent)]
    Hold(Box<dyn Error + Send + Sync>),
    #[error(transparent)]
    NoHold(Box<dyn Error + Send + Sync>),
    #[error("the settings under `[audit]` of `audit.toml`, or of the environment, cannot work")]
    Rules(#[source] BuildError),
    #[error(
        "on SQLite the rules are those of a connection, and this command does not know the application's; write them under `[audit]` of `audit.toml`, or say `--without-rules` where it has none"
    )]
    UnknownRules,
    #[error(
        "this command does not know the application's rules, and would record what it hides; write them under `[audit]` of `audit.toml`, or say `--without-rules` where it has none"
    )]
    NoRules,
    #[error(
        "the audit tables are not there, or not as this version knows them; see `audit migrate status`, and run `audit migrate up`"
    )]
    NotMigrated,
    #[error("`{path}` is there; name a new file for the backup")]
    BackupExists { path: PathBuf },
    #[error("nothing was put back")]
    Restore(#[source] Box<dyn Error + Send + Sync>),
    #[error("{what}, so nothing was done; say `--yes` if that is meant")]
    Unconfirmed { what: String },
    #[error(
        "`Cargo.toml` in this folder names no library that migrations are for; say `--for sqlx`, `--for sea-orm` or `--for diesel`"
    )]
    NoTool,
    #[error(
        "`Cargo.toml` names several libraries that migrations could be for, `{found}`; say `--for sqlx`, `--for sea-orm` or `--for diesel`"
    )]
    AmbiguousTool { found: String },
    #[error("the changes of this undo were not recorded, so it was not done; see `audit check`")]
    Unrecorded,
    #[error(
        "a foreign key that is looked at when the undo ends does not hold, so nothing was done; take back as well what its row refers to, or leave the row out"
    )]
    Deferred(#[source] Box<dyn Error + Send + Sync>),
    #[error(transparent)]
    Partitions(Box<dyn Error + Send + Sync>),
    #[error(transparent)]
    Undo(Box<dyn Error + Send + Sync>),
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
    #[error("`{path}` is there; give `--force` to replace it")]
    FileExists { path: PathBuf },
    #[error("`{path}` is no plain file; name another, or write to standard output")]
    NoFile { path: PathBuf },
    #[error("`{path}` cannot be written, and nothing of it was left")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the export was interrupted, and nothing of it was left")]
    Interrupted,
    #[error("`--delimiter` and `--bom` are of `--format csv` alone; leave them out")]
    NoTable,
    #[error(
        "an export may steer a terminal; write it to a pipe or with `-o FILE`, or use `log --all`"
    )]
    Terminal,
    #[error(
        "csv has values as they are, which may steer a terminal; write it to a pipe or a file, or use another form"
    )]
    CsvOnTerminal,
}

impl Fault {
    /// A failure of the database.
    pub(crate) fn database(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Database(Box::new(error))
    }

    /// Why an undo was not committed.
    pub(crate) fn undo_end(error: sqlx::Error) -> Self {
        let told = error.as_database_error();
        if told.is_some_and(|told| told.is_foreign_key_violation()) {
            return Self::Deferred(Box::new(error));
        }
        Self::database(error)
    }

    /// Why partitions were not changed.
    pub(crate) fn partitions(error: PartitionsError<LogError>) -> Self {
        match error {
            PartitionsError::Refused(PartitionRefusal::NoLog) => Self::NotMigrated,
            PartitionsError::Retention(error) => Self::Retention(error),
            PartitionsError::Refused(_)
            | PartitionsError::Held { .. }
            | PartitionsError::Kept { .. } => Self::Partitions(Box::new(error)),
            error => Self::database(error),
        }
    }

    /// Why changes were not taken back.
    pub(crate) fn undo(error: UndoError<LogError>) -> Self {
        match error {
            UndoError::Obstacles { .. }
            | UndoError::Conflicts { .. }
            | UndoError::Missing { .. } => Self::Undo(Box::new(error)),
            error => Self::database(error),
        }
    }

    /// How the command ends with it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::EverythingUndone
            | Self::NoRetention
            | Self::Retention(_)
            | Self::HoldOfEverything
            | Self::Hold(_)
            | Self::UnknownRules
            | Self::Rules(_)
            | Self::Settings(_)
            | Self::Config { .. }
            | Self::ConfigFile { .. }
            | Self::NoVerb { .. }
            | Self::BackupExists { .. }
            | Self::NoRules
            | Self::NoTool
            | Self::AmbiguousTool { .. }
            | Self::Unconfirmed { .. }
            | Self::NoDatabase
            | Self::Scheme
            | Self::InMemory
            | Self::Query(_)
            | Self::Cursor(_)
            | Self::FileExists { .. }
            | Self::NoFile { .. }
            | Self::NoTable
            | Self::Terminal
            | Self::CsvOnTerminal => Exit::Usage,
            Self::Partitions(_) | Self::Undo(_) | Self::NoHold(_) => Exit::Nothing,
            Self::Open { .. }
            | Self::PurgeRuns
            | Self::Unrecorded
            | Self::Deferred(_)
            | Self::NotMigrated
            | Self::Restore(_)
            | Self::Database(_)
            | Self::Output(_)
            | Self::File { .. }
            | Self::Interrupted => Exit::Failure,
        }
    }

    /// Whether nobody reads the output any more.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// It and its causes, in one line; what an error says that its cause says as well, once.
    pub(crate) fn in_words(&self) -> String {
        let mut told = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !told.ends_with(&text) {
                told = format!("{told}: {text}");
            }
            cause = error.source();
        }
        told
    }
}

impl From<StoreError<LogError>> for Fault {
    fn from(error: StoreError<LogError>) -> Self {
        match error {
            StoreError::Log(LogError::Query(error)) => Self::Query(error),
            StoreError::Cursor(error) => Self::Cursor(Box::new(error)),
            StoreError::Retention(error) => Self::Retention(error),
            error => Self::database(error),
        }
    }
}

impl From<HoldError<LogError>> for Fault {
    fn from(error: HoldError<LogError>) -> Self {
        match error {
            HoldError::Exists { .. } | HoldError::Invalid { .. } => Self::Hold(Box::new(error)),
            HoldError::Unknown { .. } => Self::NoHold(Box::new(error)),
            error => Self::database(error),
        }
    }
}
