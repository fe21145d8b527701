//! Images as typed values, over changes of their table.

mod value;

use std::fmt;

use audit_capture::{SchemaColumn, TableSchema};
use audit_core::{Dialect, Event, Json, LogReader};
use chrono::{DateTime, Utc};

use crate::error::StoreError;
use crate::record::hides;
use crate::trail::Trail;
use crate::words;

pub use value::TypedValue;

/// The columns of a table as `migrate` found them at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shape {
    /// The columns and the key.
    pub schema: TableSchema,
    /// When `migrate` first found them so.
    pub recorded_at: DateTime<Utc>,
}

/// What became of a column from one [`Shape`] to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnChange {
    /// It came.
    Added {
        /// The column.
        field: String,
    },
    /// It went.
    Dropped {
        /// The column.
        field: String,
    },
    /// It got another name, as [`Shapes::renamed`] was told.
    Renamed {
        /// The name that it had.
        from: String,
        /// The name that it got.
        to: String,
    },
    /// It got another type.
    Retyped {
        /// The column, by its later name.
        field: String,
        /// The type that it had.
        from: String,
        /// The type that it got.
        to: String,
    },
    /// It takes no NULL any more.
    Required {
        /// The column, by its later name.
        field: String,
    },
    /// It takes NULL now.
    Optional {
        /// The column, by its later name.
        field: String,
    },
}

impl ColumnChange {
    /// Whether values of a column may be others because of it.
    pub(crate) fn alters(&self, column: &str) -> bool {
        match self {
            Self::Added { field }
            | Self::Dropped { field }
            | Self::Retyped { field, .. }
            | Self::Required { field } => field == column,
            Self::Renamed { from, to } => from == column || to == column,
            Self::Optional { .. } => false,
        }
    }
}

impl fmt::Display for ColumnChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name| words::printable(name);
        match self {
            Self::Added { field } => write!(formatter, "`{}` was added", name(field)),
            Self::Dropped { field } => write!(formatter, "`{}` was dropped", name(field)),
            Self::Renamed { from, to } => {
                write!(formatter, "`{}` was renamed to `{}`", name(from), name(to))
            }
            Self::Retyped { field, from, to } => {
                let field = name(field);
                write!(
                    formatter,
                    "`{field}` got the type {} for {}",
                    name(to),
                    name(from)
                )
            }
            Self::Required { field } => {
                write!(formatter, "`{}` takes no NULL any more", name(field))
            }
            Self::Optional { field } => write!(formatter, "`{}` takes NULL now", name(field)),
        }
    }
}

/// A field of an image, by the type that its column had when the event was written.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TypedField {
    /// The column, by the name that it had.
    pub field: String,
    /// Its name now, by what [`Shapes::renamed`] was told.
    pub name: String,
    /// Its type then; `None` where `migrate` did not find the table so: the event was written
    /// between a change of the table and the next `migrate`.
    pub type_name: Option<String>,
    /// The value.
    pub value: TypedValue,
    /// The exact text of the value in the image.
    pub json: Json,
    /// Whether a redaction hides it, or a part of it.
    pub is_redacted: bool,
}

/// The fields of an image, in the order of the image.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TypedImage {
    /// The fields.
    pub fields: Vec<TypedField>,
}

impl TypedImage {
    /// The value of a column, by its name now; `None` where the image does not have it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&TypedValue> {
        let field = self.fields.iter().find(|field| field.name == name);
        field.map(|field| &field.value)
    }
}

/// The columns of a table over time, by which its images are read; [`Trail::shapes`] gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shapes {
    table: String,
    dialect: Dialect,
    entries: Vec<Shape>,
    renamed: Vec<(String, String)>,
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// The columns of the tables of this name over time, whatever their schema, as `migrate` found
    /// them. They are of the table, not of anybody's rows.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails.
    pub async fn shapes(&mut self, table: &str) -> Result<Shapes, StoreError<R::Error>> {
        let dialect = self.dialect();
        let rows = self.texts(Ok(TableSchema::query(dialect, table))).await?;
        let shape = |row: &Vec<Option<String>>| {
            let time = row.get(5).and_then(Option::as_deref).unwrap_or_default();
            let recorded_at = DateTime::parse_from_rfc3339(time);
            Ok(Shape {
                schema: TableSchema::parse(row)?,
                recorded_at: recorded_at
                    .map_err(|_| StoreError::UnknownTime {
                        text: time.to_owned(),
                    })?
                    .with_timezone(&Utc),
            })
        };
        Ok(Shapes {
            table: table.to_owned(),
            dialect,
            entries: rows
                .iter()
                .map(shape)
                .collect::<Result<_, StoreError<_>>>()?,
            renamed: Vec::new(),
        })
    }
}

impl Shapes {
    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// What `migrate` found, in the order in which it first found it. A table that came back to
    /// columns that it had before is not found anew.
    #[must_use]
    pub fn entries(&self) -> &[Shape] {
        &self.entries
    }

    /// Tells that a column got another name. No database keeps that: without it, one column went
    /// and another came.
    #[must_use]
    pub fn renamed(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.renamed.push((from.into(), to.into()));
        self
    }

    /// The image before an event, typed; `None` where it has none.
    #[must_use]
    pub fn before(&self, event: &Event) -> Option<TypedImage> {
        let image = event.before_data.as_ref()?;
        Some(self.image(event, image))
    }

    /// The image after an event, typed; `None` where it has none.
    #[must_use]
    pub fn after(&self, event: &Event) -> Option<TypedImage> {
        let image = event.after_data.as_ref()?;
        Some(self.image(event, image))
    }

    fn image(&self, event: &Event, image: &Json) -> TypedImage {
        let shape = self.of(event);
        let hidden = event.redacted_fields.as_deref().unwrap_or_default();
        let field = |(field, json): (String, Json)| {
            let column = shape.and_then(|shape| shape.schema.column(&field));
            let type_name = column.map(|column| column.type_name.clone());
            let value = match hidden.contains(&field) {
                true => TypedValue::Redacted,
                false => TypedValue::of(self.dialect, type_name.as_deref(), &json),
            };
            TypedField {
                name: self.name_now(&field).to_owned(),
                is_redacted: hidden.iter().any(|entry| hides(entry, &field)),
                field,
                type_name,
                value,
                json,
            }
        };
        TypedImage {
            fields: image.fields().into_iter().map(field).collect(),
        }
    }

    /// The columns that the images of an event follow.
    pub(crate) fn of(&self, event: &Event) -> Option<&Shape> {
        let schema = event.table_schema.as_deref();
        let fingerprint = event.schema_fingerprint.as_deref()?;
        self.entry(schema, event.table_name.as_deref()?, fingerprint)
    }

    /// The entry that events of a table name.
    pub(crate) fn entry(
        &self,
        table_schema: Option<&str>,
        table_name: &str,
        fingerprint: &str,
    ) -> Option<&Shape> {
        let is_named = |shape: &&Shape| {
            shape.schema.fingerprint == fingerprint
                && is_of(&shape.schema, table_schema, table_name)
        };
        self.entries.iter().find(is_named)
    }

    /// Whether a type is that of JSON documents, which have a `null` of their own. On SQLite documents
    /// are texts.
    pub(crate) fn is_document(&self, type_name: &str) -> bool {
        self.dialect != Dialect::Sqlite && matches!(type_name, "json" | "jsonb")
    }

    /// What changed in the columns of an event's table after it, until an instant; nothing where
    /// the event's own columns are not known.
    pub(crate) fn since(&self, event: &Event, until: DateTime<Utc>) -> Vec<ColumnChange> {
        let table = event.table_name.as_deref().unwrap_or_default();
        let of_table = self.entries.iter();
        let newest = of_table
            .rev()
            .filter(|entry| is_of(&entry.schema, event.table_schema.as_deref(), table))
            .find(|entry| entry.recorded_at <= until);
        match (self.of(event), newest) {
            (Some(then), Some(newest)) if newest.recorded_at > then.recorded_at => {
                self.between(&then.schema, &newest.schema)
            }
            _ => Vec::new(),
        }
    }

    /// What changed from each of [`Shapes::entries`] to the next one of the same schema, with the
    /// time at which `migrate` first found it so.
    #[must_use]
    pub fn changes(&self) -> Vec<(DateTime<Utc>, ColumnChange)> {
        let mut changes = Vec::new();
        for (place, entry) in self.entries.iter().enumerate() {
            let before = self.entries.iter().take(place).rev();
            let same = |other: &&Shape| other.schema.table_schema == entry.schema.table_schema;
            if let Some(last) = before.clone().find(same) {
                let found = self.between(&last.schema, &entry.schema).into_iter();
                changes.extend(found.map(|change| (entry.recorded_at, change)));
            }
        }
        changes
    }

    fn between(&self, then: &TableSchema, later: &TableSchema) -> Vec<ColumnChange> {
        let mut changes = Vec::new();
        for column in &then.columns {
            let SchemaColumn {
                name,
                type_name,
                is_required,
                ..
            } = column;
            let as_told = self.renamed.iter().find(|(from, _)| from == name);
            let renamed = as_told.and_then(|(_, to)| later.column(to));
            let found = later.column(name).or_else(|| {
                let to = renamed.filter(|to| then.column(&to.name).is_none())?;
                changes.push(ColumnChange::Renamed {
                    from: name.clone(),
                    to: to.name.clone(),
                });
                Some(to)
            });
            let Some(found) = found else {
                changes.push(ColumnChange::Dropped {
                    field: name.clone(),
                });
                continue;
            };
            let field = found.name.clone();
            if found.type_name != *type_name {
                changes.push(ColumnChange::Retyped {
                    field: field.clone(),
                    from: type_name.clone(),
                    to: found.type_name.clone(),
                });
            }
            match (is_required, found.is_required) {
                (false, true) => changes.push(ColumnChange::Required { field }),
                (true, false) => changes.push(ColumnChange::Optional { field }),
                _ => {}
            }
        }
        for column in &later.columns {
            let came_from = |change: &ColumnChange| matches!(change, ColumnChange::Renamed { to, .. } if *to == column.name);
            if then.column(&column.name).is_none() && !changes.iter().any(came_from) {
                changes.push(ColumnChange::Added {
                    field: column.name.clone(),
                });
            }
        }
        changes
    }

    /// The last of the names that a column got.
    fn name_now<'n>(&'n self, field: &'n str) -> &'n str {
        let mut name = field;
        // Each is followed once, so that names that were swapped come to an end.
        for _ in &self.renamed {
            match self.renamed.iter().find(|(from, _)| from == name) {
                Some((_, to)) => name = to,
                None => break,
            }
        }
        name
    }
}

/// Whether columns are of a table.
fn is_of(columns: &TableSchema, table_schema: Option<&str>, table_name: &str) -> bool {
    columns.table_name == table_name && columns.table_schema == table_schema.unwrap_or_default()
}
