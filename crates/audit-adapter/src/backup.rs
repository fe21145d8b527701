//! The rows of the audit tables as a file of lines, and back.
//!
//! The first line says what the file is; then each table has a line with its columns and a line for
//! each row, an array of texts; the last line has the number of rows, so that a file that was cut is
//! known.

use std::io;

use audit_capture::{BackupTable, UnknownColumn};
use audit_core::query::BoundQuery;
use audit_core::{Dialect, schema};
use serde_json::{Value, json};

use crate::catalog;
use crate::migrate::{MigrateError, exclusively};
use crate::session::Session;
use crate::statement;
use crate::steps;

/// The version of the file's form.
const VERSION: u64 = 1;
/// How many rows are read at once.
const PAGE: u32 = 200;
/// From this many bytes on, rows are sent to the database.
const BATCH_BYTES: usize = 256 * 1024;

/// The audit tables could not be written into a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError<E: std::error::Error + 'static> {
    /// The database failed.
    #[error("the audit tables could not be read for a backup")]
    Database(#[source] E),
    /// The file could not be written.
    #[error("the backup could not be written")]
    Output(#[source] io::Error),
}

/// A backup could not be put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError<E: std::error::Error + 'static> {
    /// The file ends before its last line.
    #[error("the backup was cut: {rows} rows of it are there, and no end; use another one")]
    Cut {
        /// The rows that it has.
        rows: u64,
    },
    /// The backup is of another kind of database.
    #[error("this is a backup of `{dialect}`; it can be put back there alone")]
    Dialect {
        /// The kind.
        dialect: String,
    },
    /// The file could not be read.
    #[error("the backup cannot be read")]
    Input(#[source] io::Error),
    /// A line of the file is not one of a backup.
    #[error("line {line} is none of an audit backup of this version; use another file")]
    Line {
        /// The line, counted from 1.
        line: u64,
    },
    /// The tables could not be made, or the database failed.
    #[error(transparent)]
    Migrate(#[from] MigrateError<E>),
    /// There are audit tables already.
    #[error(
        "the audit tables are there already, and what is in them would be mixed with the backup; take them back before"
    )]
    TablesThere,
    /// A table of this version has no such column.
    #[error(
        "the backup has `{column}` of `{table}`, which this version does not know; update the audit crates"
    )]
    UnknownColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
}

/// Writes the rows of the audit tables, as they are at one moment, as lines; gives their number. Some
/// rows of the log are in memory at a time. There is no line where no table is.
///
/// # Errors
/// [`BackupError`]; what was written by then is no backup.
pub async fn backup<S: Session>(
    session: &mut S,
    write: &mut (dyn FnMut(&str) -> io::Result<()> + Send),
) -> Result<u64, BackupError<S::Error>> {
    let failed = BackupError::Database;
    let begun = session.run(statement::begin_backup(S::DIALECT)).await;
    begun.map_err(failed)?;
    let written = lines(session, write).await;
    let ended = session.run("ROLLBACK").await;
    let rows = written?;
    ended.map_err(BackupError::Database)?;
    Ok(rows)
}

async fn lines<S: Session>(
    session: &mut S,
    write: &mut (dyn FnMut(&str) -> io::Result<()> + Send),
) -> Result<u64, BackupError<S::Error>> {
    let mut line = |value: &Value| write(&format!("{value}\n")).map_err(BackupError::Output);
    line(&json!({"audit_backup": VERSION, "dialect": S::DIALECT.as_str()}))?;
    let mut count = 0;
    for name in BackupTable::names() {
        let table = table(session, name).await;
        let Some(table) = table.map_err(BackupError::Database)? else {
            continue;
        };
        let columns: Vec<&str> = table.columns().collect();
        line(&json!({"table": table.name(), "columns": columns}))?;
        let mut behind = None;
        loop {
            let query = table.read(S::DIALECT, behind.as_ref(), PAGE);
            let rows = session.texts(&query).await;
            let rows = rows.map_err(BackupError::Database)?;
            for row in &rows {
                line(&json!(row))?;
                count += 1;
            }
            behind = rows.last().and_then(|row| key(&columns, row));
            if behind.is_none() || name != schema::LOG_TABLE {
                break;
            }
        }
    }
    line(&json!({"rows": count}))?;
    Ok(count)
}

/// The key of a row of the log.
fn key(columns: &[&str], row: &[Option<String>]) -> Option<[String; 2]> {
    let value = |name: &str| {
        let place = columns.iter().position(|column| *column == name)?;
        row.get(place).cloned().flatten()
    };
    Some([value("occurred_at")?, value("id")?])
}

async fn table<S: Session>(session: &mut S, name: &str) -> Result<Option<BackupTable>, S::Error> {
    let query = BackupTable::columns_query(S::DIALECT, name);
    Ok(BackupTable::new(name, session.texts(&query).await?))
}

/// Makes the audit tables and puts the rows of a backup into them, in a transaction; gives the number of
/// rows. It makes no trigger: call [`migrate`](crate::migrate()) afterwards.
///
/// # Errors
/// [`RestoreError`]. The database is as before then, but on MySQL, where the tables are there and
/// empty: [`revert`](crate::revert) takes them back.
pub async fn restore<S: Session>(
    session: &mut S,
    lines: &mut (dyn Iterator<Item = io::Result<String>> + Send),
) -> Result<u64, RestoreError<S::Error>> {
    let failed = |error| RestoreError::Migrate(MigrateError::Database(error));
    exclusively(session, failed, async |session| {
        put_back(session, lines).await
    })
    .await
}

async fn put_back<S: Session>(
    session: &mut S,
    lines: &mut (dyn Iterator<Item = io::Result<String>> + Send),
) -> Result<u64, RestoreError<S::Error>> {
    let failed = |error| RestoreError::Migrate(MigrateError::Database(error));
    let mut lines = lines.zip(1..);
    let no_file = RestoreError::Line { line: 1 };
    let (first, _) = lines.next().ok_or(no_file)?;
    is_ours(S::DIALECT, &first.map_err(RestoreError::Input)?)?;
    let catalog = catalog::read(session, &[]).await;
    let catalog = catalog.map_err(MigrateError::from)?;
    if catalog.was_migrated || catalog.has_log {
        return Err(RestoreError::TablesThere);
    }
    steps::run(session).await?;
    if let Some(text) = statement::begin_restore(S::DIALECT) {
        session.run(text).await.map_err(failed)?;
    }
    let mut batch: Option<Batch> = None;
    let mut count = 0;
    for (text, line) in lines {
        let text = text.map_err(RestoreError::Input)?;
        match Line::read(&text).ok_or(RestoreError::Line { line })? {
            Line::Row(width) => {
                let batch = batch.as_mut().ok_or(RestoreError::Line { line })?;
                if batch.columns.len() != width {
                    return Err(RestoreError::Line { line });
                }
                batch.add(&text);
                count += 1;
                if batch.rows.len() >= BATCH_BYTES {
                    batch.send(session).await?;
                }
            }
            Line::Table(name, columns) => {
                if let Some(mut batch) = batch.take() {
                    batch.send(session).await?;
                }
                batch = Some(Batch::begin(session, &name, columns, line).await?);
            }
            Line::End(rows) if rows == count => {
                if let Some(mut batch) = batch.take() {
                    batch.send(session).await?;
                }
                return Ok(count);
            }
            Line::End(_) => break,
        }
    }
    Err(RestoreError::Cut { rows: count })
}

/// That the first line is one of a backup of this database.
fn is_ours<E: std::error::Error + 'static>(
    dialect: Dialect,
    line: &str,
) -> Result<(), RestoreError<E>> {
    let head: Value = serde_json::from_str(line).unwrap_or_default();
    let version = head.get("audit_backup").and_then(Value::as_u64);
    match (version, head.get("dialect").and_then(Value::as_str)) {
        (Some(VERSION), Some(name)) if name == dialect.as_str() => Ok(()),
        (Some(VERSION), Some(name)) => Err(RestoreError::Dialect {
            dialect: name.to_owned(),
        }),
        _ => Err(RestoreError::Line { line: 1 }),
    }
}

/// A line behind the first.
enum Line {
    End(u64),
    /// With so many columns.
    Row(usize),
    Table(String, Vec<String>),
}

impl Line {
    fn read(text: &str) -> Option<Self> {
        match serde_json::from_str(text).ok()? {
            Value::Array(row) => {
                let is_text = |cell: &Value| cell.is_string() || cell.is_null();
                row.iter().all(is_text).then_some(Self::Row(row.len()))
            }
            Value::Object(head) => match (head.get("table"), head.get("columns")) {
                (Some(Value::String(name)), Some(Value::Array(columns))) => {
                    let columns = columns.iter().map(|name| name.as_str().map(str::to_owned));
                    Some(Self::Table(name.clone(), columns.collect::<Option<_>>()?))
                }
                _ => head.get("rows").and_then(Value::as_u64).map(Self::End),
            },
            _ => None,
        }
    }
}

/// Rows of a table that are still to be sent, as the inside of a JSON array.
struct Batch {
    table: BackupTable,
    columns: Vec<String>,
    rows: String,
}

impl Batch {
    async fn begin<S: Session>(
        session: &mut S,
        name: &str,
        columns: Vec<String>,
        line: u64,
    ) -> Result<Self, RestoreError<S::Error>> {
        let failed = |error| RestoreError::Migrate(MigrateError::Database(error));
        if !BackupTable::names().any(|known| known == name) {
            return Err(RestoreError::Line { line });
        }
        let table = table(session, name).await.map_err(failed)?;
        let table = table.ok_or(RestoreError::Line { line })?;
        // What the step wrote there is in the backup, as it was.
        let of_step = format!("DELETE FROM {}", schema::qualified(S::DIALECT, name));
        session.run(&of_step).await.map_err(failed)?;
        Ok(Self {
            table,
            columns,
            rows: String::new(),
        })
    }

    fn add(&mut self, row: &str) {
        if !self.rows.is_empty() {
            self.rows.push(',');
        }
        self.rows.push_str(row);
    }

    async fn send<S: Session>(&mut self, session: &mut S) -> Result<(), RestoreError<S::Error>> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = format!("[{}]", std::mem::take(&mut self.rows));
        let query: Result<BoundQuery, UnknownColumn> =
            self.table.write(S::DIALECT, &self.columns, rows);
        let query = query.map_err(|UnknownColumn(column)| RestoreError::UnknownColumn {
            table: self.table.name().to_owned(),
            column,
        })?;
        let done = session.texts(&query).await;
        done.map_err(MigrateError::Database)?;
        Ok(())
    }
}
