//! The columns of `audit_logs`, as the readers, the triggers and the check of the three migrations
//! take them from [`log_columns`].

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::Json;

use crate::vocabulary::Dialect;

/// The version of the event's shape that this crate writes.
pub const SCHEMA_VERSION: i16 = 1;

/// The table of events.
pub const LOG_TABLE: &str = "audit_logs";
/// The table of the audited tables' columns over time.
pub const SCHEMAS_TABLE: &str = "audit_schemas";
/// The table of what `migrate` has run.
pub const MIGRATIONS_TABLE: &str = "audit_migrations";
/// The table that a check writes to and takes back.
pub const PROBE_TABLE: &str = "audit_probe";
/// The table of what only the operator decides; see [`Switch`](crate::Switch).
pub const SETTINGS_TABLE: &str = "audit_settings";
/// The table of what keeps events whatever the policies say; see
/// [`Hold`](crate::retention::Hold).
pub const HOLDS_TABLE: &str = "audit_holds";
/// All tables of the audit log. On PostgreSQL they are in a schema of their own, elsewhere among
/// the tables of the application.
pub const AUDIT_TABLES: [&str; 6] = [
    HOLDS_TABLE,
    LOG_TABLE,
    MIGRATIONS_TABLE,
    PROBE_TABLE,
    SCHEMAS_TABLE,
    SETTINGS_TABLE,
];

/// The name of a table of ours in a statement, whatever the search path is.
#[must_use]
pub fn qualified(dialect: Dialect, table: &str) -> String {
    match dialect {
        Dialect::MySql => table.to_owned(),
        Dialect::Postgres => format!("audit.{table}"),
        Dialect::Sqlite => format!("main.{table}"),
    }
}

/// What a column holds, whatever its type in a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnKind {
    /// True or false.
    Boolean,
    /// A whole number of at most 63 bits.
    Integer,
    /// A JSON document, kept as its exact text.
    Json,
    /// A list of texts.
    List,
    /// A text.
    Text,
    /// An instant in UTC to the microsecond.
    Time,
    /// A UUID.
    Uuid,
}

/// One column of `audit_logs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name: of the column, of the field and on the wire.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// A type of Rust that a column is read as.
trait Held {
    const KIND: ColumnKind;
    const NULLABLE: bool = false;
}

impl<T: Held> Held for Option<T> {
    const KIND: ColumnKind = T::KIND;
    const NULLABLE: bool = true;
}

/// Expands to what each type holds.
macro_rules! held {
    ($($type:ty => $kind:ident),+ $(,)?) => {
        $(impl Held for $type {
            const KIND: ColumnKind = ColumnKind::$kind;
        })+
    };
}

held! {
    DateTime<Utc> => Time,
    Json => Json,
    String => Text,
    Uuid => Uuid,
    Vec<String> => List,
    bool => Boolean,
    i16 => Integer,
    i64 => Integer,
}

/// Expands to the list of the columns.
macro_rules! list {
    ({} $($(#[$doc:meta])* $name:ident: $type:ty,)+) => {
        /// Every column of `audit_logs`, in the order of the migration.
        pub const LOG_COLUMNS: [Column; 46] = [$(Column {
            name: stringify!($name),
            kind: <$type as Held>::KIND,
            nullable: <$type as Held>::NULLABLE,
        }),+];
    };
}

log_columns! {
    list! {},
    boolean = bool, integer = i64, json = Json, list = Vec<String>, optional = Option,
    small = i16, text = String, time = DateTime<Utc>, uuid = Uuid
}
