#![doc = include_str!("../README.md")]

mod as_of;
mod continuity;
mod cursor;
mod error;
mod exclusive;
pub mod export;
mod follow;
mod gap;
mod hold;
mod index;
pub mod optimize;
mod page;
pub mod partitions;
mod purge;
mod record;
mod stats;
mod table_as_of;
mod trail;
mod typed;
mod undo;
pub mod words;

pub use as_of::{AsOf, State};
pub use audit_core::log::{Blocking, finish};
pub use audit_core::query::{Document, FieldFilter, Grouping, LogQuery, StateFilter, StateTest};
pub use audit_core::retention;
pub use cursor::{CursorError, CursorKey, KeyError};
pub use error::StoreError;
pub use exclusive::ExclusionError;
pub use follow::Follow;
pub use gap::Gap;
pub use hold::{HoldError, place, release};
pub use index::MissingIndex;
pub use page::{Around, Page, Pages};
pub use purge::{Batch, Batches, Held, Purge, PurgeError, Purgeable, Purged};
pub use record::{Blame, FieldChange, Timeline, Turn};
pub use stats::{Count, Stats};
pub use table_as_of::TableAsOf;
pub use trail::{Everything, OneTenant, TenantLog, Trail};
pub use typed::{ColumnChange, Shape, Shapes, TypedField, TypedImage, TypedValue};
pub use undo::{
    Ambiguous, Conflict, Doubt, Missing, Obstacle, OnConflict, UndoError, UndoPlan, UndoStep,
    Undone, Unknown, Why,
};
