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
    /// Types with a cast of somebody's own to json.
    pub json_casts: Vec<String>,
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
