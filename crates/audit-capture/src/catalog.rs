//! What a database says of its tables and triggers, whatever the dialect.
//!
//! Each dialect has one query whose single result is a JSON text; the names in it are those of
//! the fields here.

use audit_core::query::{Bind, BoundQuery};
use audit_core::{Dialect, Switch, schema};
use serde::Deserialize;

use crate::own::Own;

/// The tables, triggers and settings of a database as its catalog tells them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Catalog {
    /// The tables of the audited schemas, by schema and name.
    pub tables: Vec<Table>,
    /// The audit triggers that are installed.
    pub triggers: Vec<InstalledTrigger>,
    /// The triggers of the user, `(table, trigger)`.
    pub user_triggers: Vec<UserTrigger>,
    /// Whether `audit_logs` is there.
    pub has_log: bool,
    /// Whether `migrate` ran here before; then a missing log is a fault, and writes must fail.
    pub was_migrated: bool,
    /// The day on which the months end that are made, where that is less than two weeks away or past;
    /// `None` also where the log has no partitions.
    pub months_end: Option<String>,
    /// Whether a change of the partitions was begun and not ended.
    pub change_unfinished: bool,
    /// The indexes of the log that queries can take, by name, as far as this account sees them.
    pub ready_indexes: Vec<String>,
    /// Databases beside the main one that this connection can write (SQLite).
    pub attached: Vec<String>,
    /// Temporary tables that hide one of ours (SQLite).
    pub shadows: Vec<String>,
    /// The view in which `migrate` has noted what is turned off, as it was made (SQLite).
    pub compiled_switch: Option<String>,
    /// What the operator has turned off; not in the catalog's text, see
    /// [`Catalog::settings_query`].
    #[serde(skip)]
    pub switch: Switch,
    /// What only MySQL and MariaDB have.
    pub mysql: crate::mysql::Facts,
    /// What only PostgreSQL has.
    pub postgres: crate::postgres::Facts,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Table {
    /// Its schema; absent on SQLite.
    #[serde(default)]
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub kind: TableKind,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns of its primary key, in the order of the key.
    #[serde(default)]
    pub key: Vec<String>,
    /// The role that it belongs to (PostgreSQL).
    #[serde(default)]
    pub owner: Option<String>,
    /// Whether it has columns that the server computes on reading; they are not among `columns`
    /// (PostgreSQL).
    #[serde(default)]
    pub has_virtual_columns: bool,
    /// The highest number that a column ever had, with those that were dropped (PostgreSQL).
    #[serde(default)]
    pub last_number: i16,
    /// Whether no trigger can see it truncated (PostgreSQL: foreign tables before version 16).
    #[serde(default)]
    pub truncate_unseen: bool,
    /// Whether only row triggers see its changes in full and in order (PostgreSQL): it is part of
    /// an inheritance tree, has AFTER triggers of the user, or columns that are computed on
    /// reading.
    #[serde(default)]
    pub row_triggers_only: bool,
    /// The partitions that hold its rows, `(schema, table)` (PostgreSQL).
    #[serde(default)]
    pub partitions: Vec<(String, String)>,
    /// What decides whether statements on it can be captured without triggers (PostgreSQL).
    #[serde(default)]
    pub inline: crate::postgres::InlineFacts,
    /// Its storage engine (MySQL).
    #[serde(default)]
    pub engine: Option<String>,
    /// Its foreign keys, an entry for each of their columns (MySQL).
    #[serde(default)]
    pub foreign_keys: Vec<crate::mysql::ForeignKeyColumn>,
}

/// What a table is, as far as it matters for triggers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableKind {
    /// A table whose rows are elsewhere (PostgreSQL).
    Foreign,
    /// A table whose rows are in its partitions (PostgreSQL).
    Partitioned,
    /// A base table.
    #[default]
    Plain,
    /// A table of an extension module, on which triggers cannot be.
    Virtual,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the database writes it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its number, which stays when it is renamed (PostgreSQL).
    #[serde(default)]
    pub number: i16,
    /// Whether its type is one that somebody made, so that a cast may run their code
    /// (PostgreSQL).
    #[serde(default)]
    pub custom_type: bool,
    /// Its place in the table, where the catalog does not list columns in order (MySQL).
    #[serde(default)]
    pub position: u32,
    /// Its place in the primary key, where the catalog does not list the key (MySQL).
    #[serde(default)]
    pub key_position: Option<u32>,
    /// The most bytes that it holds (MySQL).
    #[serde(default)]
    pub octets: Option<u64>,
    /// The character set of a text (MySQL).
    #[serde(default)]
    pub charset: Option<String>,
    /// Whether the database computes it; not told by the catalogs of SQLite and PostgreSQL.
    #[serde(default)]
    pub is_generated: bool,
    /// Whether it is declared NOT NULL.
    #[serde(default)]
    pub is_required: bool,
    /// Whether its values are JSON documents, which have a `null` of their own; told of a
    /// [`Restorable`](crate::Restorable) alone, and never of SQLite, where documents are texts.
    #[serde(default)]
    pub is_document: bool,
    /// Whether its values are arrays or composites that have documents in them; told as
    /// [`Column::is_document`] is (PostgreSQL).
    #[serde(default)]
    pub has_documents: bool,
    /// Whether it is part of a unique index (MySQL).
    #[serde(default)]
    pub is_unique: bool,
}

/// A trigger of ours in the database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct InstalledTrigger {
    /// The schema of its table; absent on SQLite.
    #[serde(default)]
    pub schema: Option<String>,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its definition as the database keeps it, to compare with what is wanted.
    pub definition: String,
    /// Its place among the triggers for the same event, counted from 1 (MySQL).
    #[serde(default)]
    pub order: u32,
}

/// A trigger that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct UserTrigger {
    /// The schema of its table; absent on SQLite.
    #[serde(default)]
    pub schema: Option<String>,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// When it fires, `AFTER INSERT` (MySQL).
    #[serde(default)]
    pub event: String,
    /// Its place among the triggers for that, counted from 1 (MySQL).
    #[serde(default)]
    pub order: u32,
}

/// A catalog text that cannot be read: the database answered something else than its catalog.
#[derive(Debug, thiserror::Error)]
#[error("the database's catalog cannot be read; please report it with the version of the database")]
pub struct CatalogError {
    #[source]
    source: serde_json::Error,
}

impl CatalogError {
    /// Reads a part of a catalog.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Self> {
        serde_json::from_str(text).map_err(|source| Self { source })
    }
}

impl Catalog {
    /// The statements that give the catalog of these schemas (databases, on MySQL), and of our own
    /// tables; none stands for the connection's own. Each gives one text, for [`Catalog::parse`].
    #[must_use]
    pub fn queries(dialect: Dialect, schemas: &[String]) -> Vec<BoundQuery> {
        match dialect {
            Dialect::MySql => {
                let queries = crate::mysql::catalog_queries(schemas).into_iter();
                queries.map(BoundQuery::plain).collect()
            }
            Dialect::Postgres => vec![BoundQuery {
                text: crate::postgres::CATALOG_QUERY.to_owned(),
                binds: vec![Bind::Text(serde_json::Value::from(schemas).to_string())],
            }],
            _ => vec![BoundQuery::plain(crate::sqlite::CATALOG_QUERY)],
        }
    }

    /// The statement that gives the settings of the operator as names and values, when there is a
    /// table of them that can be read; the answer makes [`Catalog::switch`].
    #[must_use]
    pub fn settings_query(&self, dialect: Dialect) -> Option<BoundQuery> {
        let own = |table: &Table| Own::of(dialect, self, table) == Some(Own::Settings);
        self.tables.iter().any(own).then(|| {
            let table = match dialect {
                Dialect::Postgres => {
                    format!("{}.{}", crate::postgres::SCHEMA, schema::SETTINGS_TABLE)
                }
                Dialect::MySql => schema::SETTINGS_TABLE.to_owned(),
                _ => format!("main.{}", schema::SETTINGS_TABLE),
            };
            BoundQuery::plain(format!("SELECT name, value FROM {table}"))
        })
    }

    /// The statement that gives what `migrate` has noted as turned off, as names and values, when
    /// it has (SQLite): connections install their triggers by it, and not by what the operator has
    /// written since.
    #[must_use]
    pub fn compiled_settings_query(&self) -> Option<BoundQuery> {
        let view = self.compiled_switch.as_ref();
        view.map(|_| BoundQuery::plain(crate::sqlite::COMPILED_SETTINGS.to_owned()))
    }

    /// Reads the text that [`Catalog::queries`] give, one after the other.
    ///
    /// # Errors
    /// [`CatalogError`] when the text is not a catalog.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let mut catalog: Option<Self> = None;
        for read in serde_json::Deserializer::from_str(text).into_iter::<Self>() {
            let mut read = read.map_err(|source| CatalogError { source })?;
            read.tables.iter_mut().for_each(Table::arrange);
            match &mut catalog {
                None => catalog = Some(read),
                Some(catalog) => catalog.extend(read),
            }
        }
        match catalog {
            Some(mut catalog) => {
                let by_name = |table: &Table| (table.schema.clone(), table.name.clone());
                catalog.tables.sort_by_key(by_name);
                Ok(catalog)
            }
            None => CatalogError::read(text),
        }
    }

    /// The same database with nothing of ours installed: a plan of it makes every trigger.
    #[must_use]
    pub fn uninstalled(mut self) -> Self {
        self.triggers.clear();
        self.postgres.functions.clear();
        self
    }

    /// Adds what another schema of the same database holds.
    fn extend(&mut self, other: Self) {
        add_new(&mut self.tables, other.tables);
        add_new(&mut self.triggers, other.triggers);
        self.user_triggers.extend(other.user_triggers);
        self.mysql.extend(other.mysql);
    }
}

/// Adds what is not there yet.
fn add_new<T: PartialEq>(known: &mut Vec<T>, others: Vec<T>) {
    for other in others {
        if !known.contains(&other) {
            known.push(other);
        }
    }
}

impl Table {
    /// Brings into order what the database may list in any order.
    fn arrange(&mut self) {
        self.columns.sort_by_key(|column| column.position);
        self.foreign_keys
            .sort_by(|a, b| (a.name.as_str(), a.position).cmp(&(b.name.as_str(), b.position)));
        if self.key.is_empty() {
            let placed = |column: &Column| Some((column.key_position?, column.name.clone()));
            let mut key: Vec<(u32, String)> = self.columns.iter().filter_map(placed).collect();
            key.sort();
            self.key = key.into_iter().map(|(_, name)| name).collect();
        }
    }
}
