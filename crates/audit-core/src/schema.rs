//! The columns of `audit_logs`: one list, from which the readers, the triggers and the check of
//! the three migrations are made.

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
/// All tables of the audit log. On PostgreSQL they are in a schema of their own, elsewhere among
/// the tables of the application.
pub const AUDIT_TABLES: [&str; 5] = [
    LOG_TABLE,
    MIGRATIONS_TABLE,
    PROBE_TABLE,
    SCHEMAS_TABLE,
    SETTINGS_TABLE,
];

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

const fn required(name: &'static str, kind: ColumnKind) -> Column {
    Column {
        name,
        kind,
        nullable: false,
    }
}

const fn optional(name: &'static str, kind: ColumnKind) -> Column {
    Column {
        name,
        kind,
        nullable: true,
    }
}

/// Every column of `audit_logs`, in the order of the migration.
pub const LOG_COLUMNS: [Column; 46] = [
    required("occurred_at", ColumnKind::Time),
    required("id", ColumnKind::Uuid),
    optional("recorded_at", ColumnKind::Time),
    optional("transaction_id", ColumnKind::Text),
    required("schema_version", ColumnKind::Integer),
    required("operation", ColumnKind::Text),
    optional("action", ColumnKind::Text),
    required("outcome", ColumnKind::Text),
    optional("table_schema", ColumnKind::Text),
    optional("table_name", ColumnKind::Text),
    optional("record_id", ColumnKind::Text),
    optional("previous_record_id", ColumnKind::Text),
    optional("before_data", ColumnKind::Json),
    optional("after_data", ColumnKind::Json),
    optional("changed_fields", ColumnKind::List),
    optional("redacted_fields", ColumnKind::List),
    optional("schema_fingerprint", ColumnKind::Text),
    optional("before_exact", ColumnKind::Boolean),
    optional("actor_id", ColumnKind::Text),
    required("actor_kind", ColumnKind::Text),
    optional("actor_name", ColumnKind::Text),
    optional("on_behalf_of", ColumnKind::Text),
    optional("tenant_id", ColumnKind::Text),
    optional("assurance", ColumnKind::Text),
    optional("service", ColumnKind::Text),
    optional("environment", ColumnKind::Text),
    optional("request_id", ColumnKind::Text),
    optional("causation_id", ColumnKind::Text),
    optional("context", ColumnKind::Json),
    optional("reason", ColumnKind::Text),
    optional("metadata", ColumnKind::Json),
    optional("label", ColumnKind::Text),
    optional("description", ColumnKind::Text),
    optional("severity", ColumnKind::Text),
    optional("data_class", ColumnKind::Text),
    optional("compliance", ColumnKind::List),
    optional("notify", ColumnKind::List),
    optional("reverts", ColumnKind::List),
    optional("statement", ColumnKind::Text),
    optional("tables", ColumnKind::List),
    optional("duration_us", ColumnKind::Integer),
    optional("row_count", ColumnKind::Integer),
    optional("error_code", ColumnKind::Text),
    optional("error_message", ColumnKind::Text),
    optional("reason_code", ColumnKind::Text),
    required("source", ColumnKind::Text),
];
