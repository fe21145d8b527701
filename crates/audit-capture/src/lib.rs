#![doc = include_str!("../README.md")]

mod backup;
mod catalog;
pub mod context;
mod event_row;
mod finding;
pub mod inline;
mod manual;
mod migration_lock;
mod mysql;
mod optimize;
mod own;
mod partition;
mod plan;
mod postgres;
mod probe;
mod queued;
mod restore;
mod shape;
mod sql;
mod sqlite;

pub use backup::{BackupTable, UnknownColumn};
pub use catalog::{Catalog, CatalogError, Column, InstalledTrigger, Table, TableKind};
pub use finding::Finding;
pub use manual::manual_insert;
pub use migration_lock::{
    MIGRATION_LOCK_MYSQL, MIGRATION_LOCK_POSTGRES, give_migration_lock_back, take_migration_lock,
};
pub use optimize::{Advice, IndexFigures, LogFigures, LogSight, Matter, WantedIndex, advise};
pub use partition::{Change, LogPartitions, Partition, PartitionRefusal, Span, Step};
pub use plan::{Plan, Trigger, TriggerState, TriggerStatus};
pub use postgres::{POSTGRES_DENIED, POSTGRES_REFUSED, postgres_key};
pub use probe::{Probe, ProbeError};
pub use queued::queued_insert;
pub use restore::{Fields, Reference, Restorable};
pub use shape::{SchemaColumn, TableSchema, is_real_on_sqlite};
pub use sql::checksum;

/// What every error that a trigger of ours raises begins with.
pub const ERROR_PREFIX: &str = "audit: ";

/// What a refused write without a context says; it begins with [`ERROR_PREFIX`].
pub const MISSING_CONTEXT: &str =
    "audit: a write without a context is refused; run it inside an audit context";
