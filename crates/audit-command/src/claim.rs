//! One purge of a database at a time.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::str::FromStr as _;

use audit_core::{LogReader as _, retention};
use audit_sqlx::AuditDatabase;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::database::{Database, Kind};
use crate::fault::Fault;

/// What is appended to the name of a database of SQLite.
const SUFFIX: &str = "-audit-purge";

/// The claim of this process; nobody else has it until this is dropped, or the process ends.
#[derive(Debug)]
pub(crate) enum Claim<DB: AuditDatabase> {
    /// A lock of the server, for as long as the connection is open.
    Connection(DB::Connection),
    /// A lock of the operating system on a file beside the database.
    #[expect(dead_code, reason = "it is held")]
    File(File),
}

impl<DB: AuditDatabase> Claim<DB> {
    /// Claims the purging of a database.
    pub(crate) async fn of(database: &Database) -> Result<Self, Fault> {
        if database.kind() == Kind::Sqlite {
            return Self::beside(database);
        }
        let connection = DB::Connection::connect(database.url()).await;
        let mut connection = connection.map_err(Fault::database)?;
        let mut writer = audit_sqlx::writer(&mut connection);
        if let Some(claim) = retention::claim(writer.dialect()) {
            let rows = writer.texts(&claim).await.map_err(Fault::database)?;
            let told = rows.into_iter().flatten().next().flatten();
            if !matches!(told.as_deref(), Some("1" | "true")) {
                return Err(Fault::PurgeRuns);
            }
        }
        Ok(Self::Connection(connection))
    }

    fn beside(database: &Database) -> Result<Self, Fault> {
        let options = SqliteConnectOptions::from_str(database.url());
        let options = options.map_err(Fault::database)?;
        let mut name = options.get_filename().as_os_str().to_owned();
        name.push(SUFFIX);
        let path = PathBuf::from(name);
        let opened = File::options().create(true).append(true).open(&path);
        let failed = |source| Fault::File {
            path: path.clone(),
            source,
        };
        let file = opened.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self::File(file)),
            Err(TryLockError::WouldBlock) => Err(Fault::PurgeRuns),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
