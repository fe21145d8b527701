//! What only PostgreSQL's catalog tells.

use serde::Deserialize;

/// The server, the functions of ours, and who can do what to the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Facts {
    /// The version of the server, such as 150004.
    pub version: u32,
    /// The functions in the schema `audit` that are not triggers'.
    pub functions: Vec<InstalledFunction>,
    /// Superusers who own the log or a function of ours.
    pub superusers: Vec<String>,
    /// Roles that can write the log by themselves, among them the one that asks.
    pub writers: Vec<String>,
    /// Triggers and rules on the log itself.
    pub log_triggers: Vec<String>,
    /// Types of audited columns that belong to somebody else, `(type, role)`.
    pub foreign_types: Vec<(String, String)>,
    /// Whether the database holds large objects.
    pub has_large_objects: bool,
    /// Types with a cast of somebody's own to json.
    pub json_casts: Vec<String>,
    /// Functions of the application that may change rows, by their names.
    pub volatile_functions: Vec<String>,
    /// Tables outside of the catalog whose changes change nothing else, `(schema, table)`: they have
    /// no triggers, rules, parents, children, partitions, or foreign keys that cascade.
    pub lone_tables: Vec<(String, String)>,
    /// Whether the server may write the values of binds to its log.
    pub logs_binds: bool,
}

/// A function of ours in the database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct InstalledFunction {
    /// Its name.
    pub name: String,
    /// Its definition as the database keeps it.
    pub definition: String,
}

/// What decides whether statements on a table can be captured without triggers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct InlineFacts {
    /// Whether rules make other statements of those on the table.
    pub has_rules: bool,
    /// Whether it is part of an inheritance tree that is not of partitions.
    pub is_inherited: bool,
    /// Whether the role that asks may read it.
    pub is_readable: bool,
    /// Whether row level security is on.
    pub has_row_security: bool,
    /// Triggers of the application that may change other rows.
    pub writing_triggers: Vec<String>,
    /// Triggers of the application that may change a row before an UPDATE writes it.
    pub setting_triggers: Vec<String>,
    /// The columns of the key that the server computes.
    pub generated_key: Vec<String>,
    /// Tables whose rows change together with its own.
    pub cascades: Vec<Cascade>,
}

/// A foreign key that changes rows of its table together with those that it names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Cascade {
    /// The schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Whether a row that goes takes others with it, or changes them.
    pub on_delete: bool,
    /// Whether a key that changes does.
    pub on_update: bool,
    /// The columns that it names.
    pub columns: Vec<String>,
}
