//! The log as rows of sqlx, for queries and joins of the application.

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod read;

use audit_core::Json;
use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

/// Expands to the row.
macro_rules! row {
    ({} $($(#[$doc:meta])* $column:ident: $type:ty,)+) => {
        /// A stored event, as the columns of `audit_logs` have it: what `sqlx::query_as` makes of
        /// `SELECT audit_logs.*`. The table is `audit.audit_logs` on PostgreSQL.
        ///
        /// Read it; events are written by triggers and by [`record`](crate::record()). An event in
        /// words of the dictionary is what [`log`](crate::log()) gives.
        #[derive(Debug, Clone, PartialEq)]
        pub struct StoredEvent {
            $($(#[$doc])* pub $column: $type,)+
        }
    };
}

audit_core::log_columns! {
    row! {},
    boolean = bool, integer = i64, json = Json, list = Vec<String>, optional = Option,
    small = i16, text = String, time = DateTime<Utc>, uuid = Uuid
}
