//! The log as a table of Diesel's, for queries and joins of the application: one module a database.

/// Expands to the table of one database.
macro_rules! table {
    ({ $($name:tt)+ } $($(#[$doc:meta])* $column:ident: $type:ty,)+) => {
        diesel::table! {
            use diesel::sql_types::*;

            /// The events; read it, they are written by triggers and by [`record`](crate::record()).
            $($name)+ (occurred_at, id) {
                $($(#[$doc])* $column -> $type,)+
            }
        }
    };
}

/// Expands to a row of the table of one database.
macro_rules! row {
    ({ $backend:ty } $($(#[$doc:meta])* $column:ident: $type:ty,)+) => {
        /// A stored event, as the columns have it.
        #[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
        #[diesel(table_name = audit_logs, check_for_backend($backend))]
        pub struct StoredEvent {
            $($(#[$doc])* pub $column: $type,)+
        }
    };
}

/// Expands to the module of one database: the name of the log, and which types times, ids, JSON and
/// lists have in SQL and in Rust.
macro_rules! audit_logs {
    (
        $(#[$doc:meta])*
        $module:ident, $backend:ty, ($($name:tt)+),
        $time:ty => $time_value:ty,
        $id:ty => $id_value:ty,
        $json:ty => $json_value:ty,
        $list:ty => $list_value:ty
    ) => {
        $(#[$doc])*
        pub mod $module {
            use diesel::{Queryable, Selectable};

            audit_core::log_columns! {
                table! { $($name)+ },
                boolean = Bool, integer = BigInt, json = $json, list = $list, optional = Nullable,
                small = SmallInt, text = Text, time = $time, uuid = $id
            }

            audit_core::log_columns! {
                row! { $backend },
                boolean = bool, integer = i64, json = $json_value, list = $list_value,
                optional = Option, small = i16, text = String, time = $time_value, uuid = $id_value
            }
        }
    };
}

#[cfg(any(feature = "mysql", feature = "async-mysql"))]
audit_logs!(
    /// MySQL and MariaDB. Times are UTC, ids the bytes of a UUID, lists and images the text of JSON.
    mysql, diesel::mysql::Mysql, (audit_logs),
    Datetime => chrono::NaiveDateTime,
    Binary => Vec<u8>,
    Text => String,
    Text => String
);
#[cfg(any(feature = "postgres", feature = "async-postgres"))]
audit_logs!(
    /// PostgreSQL. A number in an image that a double cannot hold is exact only through
    /// [`log`](crate::log()).
    postgres, diesel::pg::Pg, (audit.audit_logs),
    Timestamptz => chrono::DateTime<chrono::Utc>,
    Uuid => uuid::Uuid,
    Json => serde_json::Value,
    Array<Text> => Vec<String>
);
#[cfg(feature = "sqlite")]
audit_logs!(
    /// SQLite. Times are texts in UTC, ids the bytes of a UUID, lists and images the text of JSON.
    sqlite, diesel::sqlite::Sqlite, (audit_logs),
    Text => String,
    Binary => Vec<u8>,
    Text => String,
    Text => String
);
