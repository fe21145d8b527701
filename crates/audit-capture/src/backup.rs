//! The rows of the audit tables as texts, and back: each value as the database itself writes and
//! reads it, so that it comes back as it was.

use audit_core::query::{Bind, BoundQuery};
use audit_core::{Dialect, schema};

use crate::sql::identifier;

/// A table of ours, and the columns that its rows are told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupTable {
    name: String,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    type_name: String,
}

/// A column that a backup has and the table has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownColumn(pub String);

impl BackupTable {
    /// The tables whose rows are kept. What `migrate` has run is known by what it runs again, and the
    /// probe leaves nothing.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let made = [schema::MIGRATIONS_TABLE, schema::PROBE_TABLE];
        let names = schema::AUDIT_TABLES.into_iter();
        names.filter(move |name| !made.contains(name))
    }

    /// The statement that gives the columns of a table of ours, each a name and a type; no row where
    /// there is no such table.
    #[must_use]
    pub fn columns_query(dialect: Dialect, table: &str) -> BoundQuery {
        let (text, table) = match dialect {
            Dialect::Postgres => (
                "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod) \
                 FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = pg_catalog.to_regclass($1) \
                 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum",
                schema::qualified(dialect, table),
            ),
            Dialect::MySql => (
                "SELECT CONVERT(COLUMN_NAME USING utf8mb4), CONVERT(DATA_TYPE USING utf8mb4) \
                 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? \
                 AND COALESCE(GENERATION_EXPRESSION, '') = '' ORDER BY ORDINAL_POSITION",
                table.to_owned(),
            ),
            _ => (
                "SELECT name, upper(type) FROM pragma_table_info(?1, 'main') ORDER BY cid",
                table.to_owned(),
            ),
        };
        BoundQuery {
            text: text.to_owned(),
            binds: vec![Bind::Text(table)],
        }
    }

    /// The table with the columns that the database told; `None` where it is not there.
    #[must_use]
    pub fn new(name: &str, columns: Vec<Vec<Option<String>>>) -> Option<Self> {
        let column = |row: Vec<Option<String>>| {
            let mut row = row.into_iter().flatten();
            Some(Column {
                name: row.next()?,
                type_name: row.next()?,
            })
        };
        let columns: Vec<Column> = columns.into_iter().filter_map(column).collect();
        (!columns.is_empty()).then(|| Self {
            name: name.to_owned(),
            columns,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of its columns, in the order in which [`Self::read`] gives them.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The statement that reads rows as texts, in the order of the log's key: `most` of them, behind the
    /// row that is given by its key. Other tables than the log are read as a whole.
    #[must_use]
    pub fn read(&self, dialect: Dialect, behind: Option<&[String; 2]>, most: u32) -> BoundQuery {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|one| one.as_text(dialect))
            .collect();
        let table = schema::qualified(dialect, &self.name);
        let mut text = format!("SELECT {} FROM {table}", columns.join(", "));
        let mut binds = Vec::new();
        if self.name == schema::LOG_TABLE {
            if let Some([at, id]) = behind {
                let [at_value, id_value] =
                    ["occurred_at", "id"].map(|name| self.value(dialect, name));
                let numbered = |value: &str, number| placed(dialect, value, number);
                text.push_str(&format!(
                    " WHERE occurred_at >= {} AND (occurred_at > {} OR id > {})",
                    numbered(&at_value, 1),
                    numbered(&at_value, 2),
                    numbered(&id_value, 3),
                ));
                binds = [at, at, id].map(|key| Bind::Text(key.clone())).to_vec();
            }
            text.push_str(&format!(" ORDER BY occurred_at, id LIMIT {most}"));
        }
        BoundQuery { text, binds }
    }

    /// The expression that makes a value of a column of a text `?`.
    fn value(&self, dialect: Dialect, name: &str) -> String {
        let column = self.columns.iter().find(|column| column.name == name);
        column.map_or_else(|| "?".to_owned(), |column| column.of_text(dialect, "?"))
    }

    /// The statement that writes rows: `rows` is a JSON array of arrays, each the texts of these
    /// columns.
    ///
    /// # Errors
    /// [`UnknownColumn`] where the table does not have one of them.
    pub fn write(
        &self,
        dialect: Dialect,
        columns: &[String],
        rows: String,
    ) -> Result<BoundQuery, UnknownColumn> {
        let mut names = Vec::new();
        let mut values = Vec::new();
        let mut paths = Vec::new();
        for (place, name) in columns.iter().enumerate() {
            let column = self.columns.iter().find(|column| column.name == *name);
            let column = column.ok_or_else(|| UnknownColumn(name.clone()))?;
            let text = match dialect {
                Dialect::Postgres => format!("(r.value ->> {place})"),
                Dialect::MySql => format!("r.c{place}"),
                _ => format!("json_extract(r.value, '$[{place}]')"),
            };
            names.push(identifier(dialect, name));
            values.push(column.of_text(dialect, &text));
            paths.push(format!(
                "c{place} LONGTEXT CHARACTER SET utf8mb4 PATH '$[{place}]'"
            ));
        }
        let rows_of = match dialect {
            Dialect::Postgres => "pg_catalog.json_array_elements($1::json) AS r".to_owned(),
            Dialect::MySql => format!("JSON_TABLE(?, '$[*]' COLUMNS ({})) AS r", paths.join(", ")),
            _ => "json_each(?1) AS r".to_owned(),
        };
        Ok(BoundQuery {
            text: format!(
                "INSERT INTO {} ({}) SELECT {} FROM {rows_of}",
                schema::qualified(dialect, &self.name),
                names.join(", "),
                values.join(", "),
            ),
            binds: vec![Bind::Text(rows)],
        })
    }
}

/// An expression with its `?` as the bind of that number.
fn placed(dialect: Dialect, value: &str, number: usize) -> String {
    match dialect {
        Dialect::Postgres => value.replacen('?', &format!("${number}"), 1),
        Dialect::MySql => value.to_owned(),
        _ => value.replacen('?', &format!("?{number}"), 1),
    }
}

impl Column {
    fn is_binary(&self) -> bool {
        let type_name = self.type_name.to_ascii_uppercase();
        type_name.contains("BINARY") || type_name.contains("BLOB")
    }

    /// The expression that gives the value as a text.
    fn as_text(&self, dialect: Dialect) -> String {
        let name = identifier(dialect, &self.name);
        match dialect {
            Dialect::Postgres => format!("{name}::text"),
            _ if self.is_binary() => format!("hex({name})"),
            Dialect::MySql => format!("CAST({name} AS CHAR)"),
            _ => format!("CAST({name} AS TEXT)"),
        }
    }

    /// The expression that makes the value of such a text.
    fn of_text(&self, dialect: Dialect, text: &str) -> String {
        match dialect {
            Dialect::Postgres => format!("{text}::text::{}", self.type_name),
            _ if self.is_binary() => format!("unhex({text})"),
            Dialect::Sqlite if self.type_name.contains("INT") => format!("CAST({text} AS INTEGER)"),
            _ => text.to_owned(),
        }
    }
}
