//! How a row is put back: what its table is, and the statements that read, insert, update and delete
//! it by its images.
//!
//! Values travel as the images hold them. The database makes its own types of them, by what it writes
//! images with, so that no value passes through a type of ours.

mod mysql;
mod postgres;
mod sqlite;

use audit_core::query::{Bind, BoundQuery};
use audit_core::{Dialect, Json};
use serde::Deserialize;

use crate::catalog::{CatalogError, Column};

/// The fields of an image, by name, each with the exact text of its value.
pub type Fields = [(String, Json)];

/// A table whose rows can be put back, as the catalog tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Restorable {
    /// Its schema; absent on SQLite.
    #[serde(skip)]
    pub schema: Option<String>,
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The columns of its primary key, in the order of the key.
    pub key: Vec<String>,
    /// Its foreign keys.
    pub references: Vec<Reference>,
    /// The foreign keys of tables that refer to it.
    pub referred_by: Vec<Reference>,
    /// Whether the server is a MariaDB.
    #[serde(default)]
    is_mariadb: bool,
}

/// A foreign key, seen from either end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Reference {
    /// The schema of the table at the other end; absent on SQLite.
    #[serde(default)]
    pub schema: Option<String>,
    /// The table at the other end.
    pub table: String,
    /// The columns of the table that refers.
    pub columns: Vec<String>,
    /// The columns that they refer to, in the same order; none stands for the primary key.
    pub parent_columns: Vec<Option<String>>,
    /// Whether the server looks at it when a transaction ends; told by PostgreSQL alone.
    #[serde(default)]
    pub is_deferred: bool,
    /// Whether it has an action ON DELETE, which no server puts off: the deletion of a row takes along those
    /// that refer to it, changes them or fails, at once. Not told by MySQL and MariaDB, which put nothing off.
    #[serde(default)]
    pub acts_on_delete: bool,
}

impl Restorable {
    /// The statement that gives what [`Restorable::parse`] reads: one text, or no row where there is
    /// no such table.
    #[must_use]
    pub fn query(dialect: Dialect, schema: Option<&str>, table: &str) -> BoundQuery {
        match dialect {
            Dialect::MySql => mysql::query(schema, table),
            Dialect::Postgres => BoundQuery {
                text: include_str!("restore/postgres.sql").to_owned(),
                binds: texts([schema.unwrap_or("public"), table]),
            },
            _ => BoundQuery {
                text: include_str!("restore/sqlite.sql").to_owned(),
                binds: texts([table]),
            },
        }
    }

    /// The table in the answer to [`Restorable::query`].
    ///
    /// # Errors
    /// When the text is not that of our query.
    pub fn parse(schema: Option<&str>, table: &str, text: &str) -> Result<Self, CatalogError> {
        let parsed: Self = CatalogError::read(text)?;
        Ok(Self {
            schema: schema.map(str::to_owned),
            name: table.to_owned(),
            ..parsed
        })
    }

    /// The column of a name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a column may not be NULL.
    #[must_use]
    pub fn is_required(&self, column: &str) -> bool {
        self.column(column).is_some_and(|column| column.is_required)
    }

    /// The statement that reads the row of a key, locked until the transaction ends where `lock` is
    /// set: its image, and the image `like` as the database would write it. No row where there is
    /// none. On SQLite the connection must be attached.
    #[must_use]
    pub fn read(&self, dialect: Dialect, key: &Fields, like: &Fields, lock: bool) -> BoundQuery {
        match dialect {
            Dialect::MySql => mysql::read(self, key, like, lock),
            Dialect::Postgres => postgres::read(self, key, like, lock),
            _ => sqlite::read(self, key, like),
        }
    }

    /// The statement that inserts a row of these fields; the others get their defaults. Of the columns
    /// in `null_documents` the fields hold the document `null`, and of others NULL.
    #[must_use]
    pub fn insert(
        &self,
        dialect: Dialect,
        fields: &Fields,
        null_documents: &[String],
    ) -> BoundQuery {
        match dialect {
            Dialect::MySql => mysql::insert(self, fields, null_documents),
            Dialect::Postgres => postgres::insert(self, fields, null_documents),
            _ => sqlite::insert(self, fields),
        }
    }

    /// The statement that gives the row of a key these fields, which are as those of
    /// [`Restorable::insert`].
    #[must_use]
    pub fn update(
        &self,
        dialect: Dialect,
        key: &Fields,
        fields: &Fields,
        null_documents: &[String],
    ) -> BoundQuery {
        match dialect {
            Dialect::MySql => mysql::update(self, key, fields, null_documents),
            Dialect::Postgres => postgres::update(self, key, fields, null_documents),
            _ => sqlite::update(self, key, fields),
        }
    }

    /// The statement that deletes the row of a key.
    #[must_use]
    pub fn delete(&self, dialect: Dialect, key: &Fields) -> BoundQuery {
        match dialect {
            Dialect::MySql => mysql::delete(self, key),
            Dialect::Postgres => postgres::delete(self, key),
            _ => sqlite::delete(self, key),
        }
    }

    /// The statement after which the database looks at foreign keys no sooner than when the transaction
    /// ends, and not again afterwards; `None` where there is no such statement for every key. What a key does
    /// ON DELETE is not put off.
    ///
    /// # Source
    /// <https://www.sqlite.org/pragma.html#pragma_defer_foreign_keys>.
    #[must_use]
    pub fn defer_references(dialect: Dialect) -> Option<BoundQuery> {
        let text = match dialect {
            Dialect::Sqlite => "PRAGMA defer_foreign_keys = ON",
            _ => return None,
        };
        Some(BoundQuery::plain(text.to_owned()))
    }

    /// The statement that counts the rows of a table that refer to a row with these fields; `None`
    /// where the fields do not tell, or hold NULL, to which nothing refers.
    #[must_use]
    pub fn count_referring(
        &self,
        dialect: Dialect,
        reference: &Reference,
        fields: &Fields,
    ) -> Option<BoundQuery> {
        let referred = reference.referred(&self.key, fields)?;
        Some(match dialect {
            Dialect::MySql => mysql::count_referring(self, reference, &referred),
            Dialect::Postgres => postgres::count_referring(self, reference, &referred),
            _ => sqlite::count_referring(reference, &referred),
        })
    }
}

impl Reference {
    /// The columns that are referred to, with their values in an image of that row; `None` where it
    /// lacks one, or one is NULL. `key` is the primary key of that table.
    #[must_use]
    pub fn referred(&self, key: &[String], fields: &Fields) -> Option<Vec<(String, Json)>> {
        let named = self.parent_columns.iter().enumerate();
        named
            .map(|(place, column)| {
                let column = column.as_ref().or_else(|| key.get(place))?;
                field(fields, column)
            })
            .collect()
    }

    /// The values by which a row with these fields refers; `None` where one is missing or NULL.
    #[must_use]
    pub fn referring(&self, fields: &Fields) -> Option<Vec<(String, Json)>> {
        let columns = self.columns.iter();
        columns.map(|column| field(fields, column)).collect()
    }
}

/// A field that is not NULL.
fn field(fields: &Fields, column: &str) -> Option<(String, Json)> {
    let found = fields.iter().find(|(name, _)| name == column)?;
    (found.1.as_str() != "null").then(|| found.clone())
}

fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<Bind> {
    let bind = |text: &str| Bind::Text(text.to_owned());
    texts.into_iter().map(bind).collect()
}

/// An image of these fields.
fn image(fields: &Fields) -> String {
    let mut text = String::from("{");
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&serde_json::Value::from(name.as_str()).to_string());
        text.push(':');
        text.push_str(value.as_str());
    }
    text.push('}');
    text
}

/// An expression for each of the fields, joined.
fn each(
    fields: &Fields,
    separator: &str,
    expression: impl FnMut(&(String, Json)) -> String,
) -> String {
    let all: Vec<String> = fields.iter().map(expression).collect();
    all.join(separator)
}
