//! Changing rows for audit-store.

use audit_adapter::Until;
use audit_core::log::Rows;
use audit_core::query::BoundQuery;
use audit_core::{Dialect, LogReader, RowWriter};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, QueryResult, Statement};

use crate::record;
use crate::transaction::stamp_until;

/// Changes rows through a transaction; see [`writer`].
#[derive(Debug)]
pub struct Writer<'t>(&'t DatabaseTransaction);

/// Rows could not be changed, or the log not be read.
pub type WriterError = audit_adapter::LogError<DbErr>;

/// What audit-store changes rows through: a transaction that [`begin`](crate::begin) opened. What it
/// did is there when the caller commits.
#[must_use]
pub fn writer(transaction: &DatabaseTransaction) -> Writer<'_> {
    Writer(transaction)
}

impl LogReader for Writer<'_> {
    type Error = WriterError;

    fn dialect(&self) -> Dialect {
        // Only one of the three can be begun.
        record::dialect(self.0.get_database_backend()).unwrap_or(Dialect::Sqlite)
    }

    async fn texts(&mut self, query: &BoundQuery) -> Result<Rows, WriterError> {
        let binds = record::values(query.binds.clone());
        let backend = self.0.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, &query.text, binds);
        let rows = self.0.query_all_raw(statement).await;
        let rows = rows.map_err(WriterError::Database)?;
        let rows: Result<Rows, DbErr> = rows.iter().map(texts).collect();
        rows.map_err(WriterError::Database)
    }
}

fn texts(row: &QueryResult) -> Result<Vec<Option<String>>, DbErr> {
    let columns = 0..row.column_names().len();
    columns.map(|index| row.try_get_by_index(index)).collect()
}

impl RowWriter for Writer<'_> {
    async fn stamp(&mut self) -> Result<(), WriterError> {
        let stamped = stamp_until(self.0, Until::TransactionEnd).await;
        stamped.map_err(WriterError::Database)
    }
}
