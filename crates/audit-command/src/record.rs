//! The record that a verb is about.

use audit_store::LogQuery;
use clap::Args;

/// A table and a key.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The table, or its schema, a dot and the table
    table: String,
    /// The key of the row; where it has several columns, all of them in their order
    #[arg(required = true)]
    key: Vec<String>,
}

/// A table, and a key where one row is meant.
#[derive(Debug, Args)]
pub(crate) struct TableOrRecord {
    /// The table, or its schema, a dot and the table
    table: String,
    /// The key of one row; where it has several columns, all of them in their order
    key: Vec<String>,
}

impl TableOrRecord {
    /// The record, where a key was given, else the table.
    pub(crate) fn record(&self) -> Result<Record, LogQuery> {
        let record = Record {
            table: self.table.clone(),
            key: self.key.clone(),
        };
        match self.key.is_empty() {
            false => Ok(record),
            true => Err(record.table()),
        }
    }
}

impl Record {
    /// The query of the table.
    pub(crate) fn table(&self) -> LogQuery {
        match self.table.split_once('.') {
            Some((schema, table)) => LogQuery::new().schema(schema).table(table),
            None => LogQuery::new().table(self.table.as_str()),
        }
    }

    /// The key as events have it.
    pub(crate) fn id(&self) -> String {
        audit_core::record_id(&self.key)
    }

    /// What is said where the log knows nothing of it.
    pub(crate) fn unknown(&self) -> String {
        format!(
            "the log knows no record `{}` of `{}`",
            self.id(),
            self.table
        )
    }
}
