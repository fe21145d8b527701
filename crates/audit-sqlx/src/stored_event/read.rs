//! How a row of the log is read, for each database.

use audit_core::Json;
use chrono::{DateTime, Utc};
use sqlx::types::{JsonRawValue, Uuid};
use sqlx::{FromRow, Row};

use super::StoredEvent;

/// What a column was decoded to, on its way into a field of this type.
trait IntoField<T> {
    fn into_field(self) -> T;
}

impl<T> IntoField<T> for T {
    fn into_field(self) -> T {
        self
    }
}

impl IntoField<Option<Json>> for Option<Box<JsonRawValue>> {
    fn into_field(self) -> Option<Json> {
        self.map(Json::from)
    }
}

#[cfg(any(feature = "mysql", feature = "sqlite"))]
impl<T> IntoField<Option<T>> for Option<sqlx::types::Json<T>> {
    fn into_field(self) -> Option<T> {
        self.map(|json| json.0)
    }
}

/// Expands to the reading of a row of one database.
macro_rules! from_row {
    ({ $row:ty } $($(#[$doc:meta])* $column:ident: $type:ty,)+) => {
        impl FromRow<'_, $row> for StoredEvent {
            fn from_row(row: &$row) -> Result<Self, sqlx::Error> {
                Ok(Self {
                    $($column: row.try_get::<$type, _>(stringify!($column))?.into_field(),)+
                })
            }
        }
    };
}

#[cfg(feature = "mysql")]
audit_core::log_columns! {
    from_row! { sqlx::mysql::MySqlRow },
    boolean = bool, integer = i64, json = Box<JsonRawValue>, list = sqlx::types::Json<Vec<String>>,
    optional = Option, small = i16, text = String, time = DateTime<Utc>, uuid = Uuid
}

#[cfg(feature = "postgres")]
audit_core::log_columns! {
    from_row! { sqlx::postgres::PgRow },
    boolean = bool, integer = i64, json = Box<JsonRawValue>, list = Vec<String>,
    optional = Option, small = i16, text = String, time = DateTime<Utc>, uuid = Uuid
}

#[cfg(feature = "sqlite")]
audit_core::log_columns! {
    from_row! { sqlx::sqlite::SqliteRow },
    boolean = bool, integer = i64, json = Box<JsonRawValue>, list = sqlx::types::Json<Vec<String>>,
    optional = Option, small = i16, text = String, time = DateTime<Utc>, uuid = Uuid
}
