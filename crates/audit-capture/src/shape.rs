//! The columns of audited tables over time, as `audit_schemas` keeps them.

use audit_core::Dialect;
use audit_core::query::{Bind, BoundQuery, time_text};
use audit_core::schema::{SCHEMAS_TABLE, qualified};
use serde::{Deserialize, Serialize};

use crate::catalog::{CatalogError, Table};
use crate::sql::short_hash;

/// The columns, types and key of an audited table, and which columns take no NULL: an entry of `audit_schemas`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableSchema {
    /// The schema; the empty text on SQLite.
    pub table_schema: String,
    /// The table.
    pub table_name: String,
    /// What events name it by.
    pub fingerprint: String,
    /// The columns.
    pub columns: Vec<SchemaColumn>,
    /// The columns of the key.
    pub record_key: Vec<String>,
}

/// A column of an entry of `audit_schemas`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaColumn {
    /// Its name.
    pub name: String,
    /// Its type, as the database writes it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it is declared NOT NULL.
    #[serde(rename = "required", default)]
    pub is_required: bool,
}

/// A list as it stands in the table.
fn json(list: &[impl Serialize]) -> String {
    // INVARIANT: names and types are texts, which always have a form in JSON.
    serde_json::to_string(list).unwrap_or_default()
}

impl TableSchema {
    pub(crate) fn of(table: &Table) -> Self {
        let columns = table.columns.iter().map(|column| SchemaColumn {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            is_required: column.is_required,
        });
        let mut schema = Self {
            table_schema: table.schema.clone().unwrap_or_default(),
            table_name: table.name.clone(),
            fingerprint: String::new(),
            columns: columns.collect(),
            record_key: table.key.clone(),
        };
        let text = schema.columns_json() + &schema.record_key_json();
        schema.fingerprint = short_hash(&text);
        schema
    }

    /// The columns as a JSON array of `{"name":..,"type":..,"required":..}`.
    #[must_use]
    pub fn columns_json(&self) -> String {
        json(&self.columns)
    }

    /// The columns of the key as a JSON array.
    #[must_use]
    pub fn record_key_json(&self) -> String {
        json(&self.record_key)
    }

    /// The statement that gives the entries of a table, whatever its schema, in the order in which
    /// they were made: the columns that [`TableSchema::parse`] reads, then when it was made, by
    /// RFC 3339.
    #[must_use]
    pub fn query(dialect: Dialect, table: &str) -> BoundQuery {
        let (place, columns, key) = match dialect {
            Dialect::MySql => ("?", "columns", "record_key"),
            Dialect::Postgres => ("$1", "columns::text", "record_key::text"),
            _ => ("?1", "columns", "record_key"),
        };
        let time = time_text(dialect, "recorded_at");
        BoundQuery {
            text: format!(
                "SELECT table_schema, table_name, fingerprint, {columns}, {key}, {time} FROM {} \
                 WHERE table_name = {place} ORDER BY recorded_at, fingerprint",
                qualified(dialect, SCHEMAS_TABLE)
            ),
            binds: vec![Bind::Text(table.to_owned())],
        }
    }

    /// The entry in the first columns of a row that [`TableSchema::query`] gave.
    ///
    /// # Errors
    /// When the row was not written by `migrate`.
    pub fn parse(row: &[Option<String>]) -> Result<Self, CatalogError> {
        let text = |place: usize| {
            row.get(place)
                .and_then(Option::as_deref)
                .unwrap_or_default()
        };
        Ok(Self {
            table_schema: text(0).to_owned(),
            table_name: text(1).to_owned(),
            fingerprint: text(2).to_owned(),
            columns: CatalogError::read(text(3))?,
            record_key: CatalogError::read(text(4))?,
        })
    }

    /// The column of a name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&SchemaColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Whether a column that is declared with this type has the affinity REAL.
///
/// # Source
/// <https://www.sqlite.org/datatype3.html>, section 3.1.
#[must_use]
pub fn is_real_on_sqlite(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
    !has(&["INT", "CHAR", "CLOB", "TEXT", "BLOB"]) && has(&["REAL", "FLOA", "DOUB"])
}
