#![doc = include_str!("../README.md")]

mod attachment;
mod backup;
mod capture_error;
mod carried;
mod catalog;
mod check;
mod connection;
mod failure;
mod log;
mod migrate;
mod probe;
mod queued;
mod record;
mod revert;
mod session;
mod statement;
mod status;
mod steps;
mod trigger;

pub use attachment::{Attachment, ContextScope};
pub use audit_capture::{Finding, Probe};
pub use backup::{BackupError, RestoreError, backup, restore};
pub use capture_error::{CaptureError, Detail};
pub use carried::Carried;
pub use catalog::{CatalogReadError, read as read_catalog};
pub use check::{CheckError, Report, Strategy, allowed, examine, examine_by};
pub use connection::{Until, prepare, replacement, stamp};
pub use failure::record_failure;
pub use log::LogError;
pub use migrate::{
    MigrateError, install, install_by, install_triggers, migrate, migrate_by, migrate_tables,
};
pub use probe::{Stamping, new_probe};
pub use queued::write_queued;
pub use record::{RecordError, record};
pub use revert::{drop_triggers, revert};
pub use session::{Answer, Refusal, Rows, Session};
pub use status::{Part, PartKind, PartState, status, trigger_statements};
pub use steps::{Script, scripts};
pub use trigger::{install_on_connection, remove_from_connection, triggers_are_on_connection};
