//! What an operator's tool does with the audit tables and triggers of a database. An application
//! calls [`migrate`](crate::migrate()) and [`check`](crate::check()) instead.
//!
//! On SQLite the triggers belong to the connections of the application: there is none in the database to
//! install, to drop or to compare.

pub use audit_adapter::{Part, PartKind, PartState, Script, scripts};

use std::io;

use audit_adapter as adapter;
use audit_core::Audit;
use sqlx::Pool;

use crate::MigrateError;
use crate::database::AuditDatabase;
use crate::held::Held;
use crate::session::Session;

/// Expands to functions that do their work on a connection of a pool which is closed when it fails
/// or is dropped.
macro_rules! on_a_connection {
    ($($(#[$documented:meta])* $name:ident -> $answer:ty;)+) => {
        $($(#[$documented])*
        pub async fn $name<DB: AuditDatabase>(
            pool: &Pool<DB>,
            audit: &Audit,
        ) -> Result<$answer, MigrateError> {
            let connection = Held::acquire(pool).await;
            let mut connection = connection.map_err(MigrateError::Database)?;
            let done = adapter::$name(&mut Session::<DB>(&mut connection), audit).await?;
            connection.give_back();
            Ok(done)
        })+
    };
}

on_a_connection! {
    /// Says how far the database is with each part of [`migrate`](crate::migrate()) for these rules:
    /// steps in their order, then what the rules ask for. It changes nothing. Triggers can be told
    /// once the steps have run.
    ///
    /// # Errors
    /// [`MigrateError`] when the catalog cannot be read, or the database fails.
    ///
    /// # Cancel safety
    /// When the future is dropped its connection is closed.
    status -> Vec<Part>;

    /// The statements that make every trigger which the rules ask for, and what they call, in a
    /// database that has none. On SQLite they are for a connection, with the functions of audit-sqlite
    /// on it. They are none where the audit tables are not there.
    ///
    /// # Errors
    /// As [`status`].
    ///
    /// # Cancel safety
    /// As [`status`].
    trigger_statements -> Vec<String>;

    /// Makes the triggers of the schema those that the rules ask for, as the last part of
    /// [`migrate`](crate::migrate()) does.
    ///
    /// # Errors
    /// [`MigrateError`]; what had been done by then is rolled back where the database can.
    ///
    /// # Cancel safety
    /// When the future is dropped its connection is closed. On MySQL, where each of these statements
    /// commits by itself, run it again then.
    install_triggers -> ();

    /// Takes the audit triggers off the tables of the schemas of these settings, and nothing else:
    /// **changes go unrecorded from then on**.
    ///
    /// # Errors
    /// As [`install_triggers`].
    ///
    /// # Cancel safety
    /// As [`install_triggers`].
    drop_triggers -> ();

    /// Takes back what [`migrate`](crate::migrate()) made: the triggers of the schemas of these
    /// settings, and the audit tables **with every event in them**. The application's tables stay as
    /// they are.
    ///
    /// # Errors
    /// [`MigrateError::UnknownStep`] where a newer version has migrated, before anything is done;
    /// otherwise as [`install_triggers`].
    ///
    /// # Cancel safety
    /// As [`install_triggers`].
    revert -> ();
}

/// The audit tables could not be written into a file.
pub type BackupError = adapter::BackupError<sqlx::Error>;
/// A backup could not be put back.
pub type RestoreError = adapter::RestoreError<sqlx::Error>;

/// Writes the rows of the audit tables, as they are at one moment, as lines of a file; gives their
/// number. A few hundred rows are in memory at a time.
///
/// # Errors
/// [`BackupError`]; what was written by then is no backup.
///
/// # Cancel safety
/// When the future is dropped its connection is closed, and what was written is no backup.
pub async fn backup<DB: AuditDatabase>(
    pool: &Pool<DB>,
    write: &mut (dyn FnMut(&str) -> io::Result<()> + Send),
) -> Result<u64, BackupError> {
    let connection = Held::acquire(pool).await;
    let mut connection = connection.map_err(BackupError::Database)?;
    let rows = adapter::backup(&mut Session::<DB>(&mut connection), write).await?;
    connection.give_back();
    Ok(rows)
}

/// Makes the audit tables and puts the rows of a backup into them, in a transaction; gives the number
/// of rows. It makes no trigger: call [`migrate`](crate::migrate()) afterwards.
///
/// # Errors
/// [`RestoreError`]. The database is as before then, but on MySQL and MariaDB, where the tables are
/// there and empty: [`revert`] takes them back.
///
/// # Cancel safety
/// When the future is dropped its connection is closed, and the database is as after an error.
pub async fn restore<DB: AuditDatabase>(
    pool: &Pool<DB>,
    lines: &mut (dyn Iterator<Item = io::Result<String>> + Send),
) -> Result<u64, RestoreError> {
    let failed = |error| RestoreError::Migrate(MigrateError::Database(error));
    let mut connection = Held::acquire(pool).await.map_err(failed)?;
    let rows = adapter::restore(&mut Session::<DB>(&mut connection), lines).await?;
    connection.give_back();
    Ok(rows)
}
