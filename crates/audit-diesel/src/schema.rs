//! The log as a table of Diesel's, for queries and joins of the application: one module a database.

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
        #[expect(missing_docs, reason = "a column is what the field of `StoredEvent` is")]
        pub mod $module {
            use diesel::{Queryable, Selectable};

            diesel::table! {
                use diesel::sql_types::*;

                /// The events; read it, they are written by triggers and by [`record`](crate::record()).
                $($name)+ (occurred_at, id) {
                    occurred_at -> $time,
                    id -> $id,
                    recorded_at -> Nullable<$time>,
                    transaction_id -> Nullable<Text>,
                    schema_version -> SmallInt,
                    operation -> Text,
                    action -> Nullable<Text>,
                    outcome -> Text,
                    table_schema -> Nullable<Text>,
                    table_name -> Nullable<Text>,
                    record_id -> Nullable<Text>,
                    previous_record_id -> Nullable<Text>,
                    before_data -> Nullable<$json>,
                    after_data -> Nullable<$json>,
                    changed_fields -> Nullable<$list>,
                    redacted_fields -> Nullable<$list>,
                    schema_fingerprint -> Nullable<Text>,
                    before_exact -> Nullable<Bool>,
                    actor_id -> Nullable<Text>,
                    actor_kind -> Text,
                    actor_name -> Nullable<Text>,
                    on_behalf_of -> Nullable<Text>,
                    tenant_id -> Nullable<Text>,
                    assurance -> Nullable<Text>,
                    service -> Nullable<Text>,
                    environment -> Nullable<Text>,
                    request_id -> Nullable<Text>,
                    causation_id -> Nullable<Text>,
                    context -> Nullable<$json>,
                    reason -> Nullable<Text>,
                    metadata -> Nullable<$json>,
                    label -> Nullable<Text>,
                    description -> Nullable<Text>,
                    severity -> Nullable<Text>,
                    data_class -> Nullable<Text>,
                    compliance -> Nullable<$list>,
                    notify -> Nullable<$list>,
                    reverts -> Nullable<$list>,
                    statement -> Nullable<Text>,
                    tables -> Nullable<$list>,
                    duration_us -> Nullable<BigInt>,
                    row_count -> Nullable<BigInt>,
                    error_code -> Nullable<Text>,
                    error_message -> Nullable<Text>,
                    reason_code -> Nullable<Text>,
                    source -> Text,
                }
            }

            /// A stored event, as the columns have it.
            #[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
            #[diesel(table_name = audit_logs, check_for_backend($backend))]
            pub struct StoredEvent {
                /// When it happened, by the database's clock once the row was locked.
                pub occurred_at: $time_value,
                /// A UUIDv7 (RFC 9562) made by the database.
                pub id: $id_value,
                /// When it was stored; empty unless it came by a detour.
                pub recorded_at: Option<$time_value>,
                /// The database transaction, where the database tells it.
                pub transaction_id: Option<String>,
                /// The version of this shape.
                pub schema_version: i16,
                /// What was done.
                pub operation: String,
                /// The business verb.
                pub action: Option<String>,
                /// How it ended.
                pub outcome: String,
                /// The schema of the table; absent on SQLite's main database.
                pub table_schema: Option<String>,
                /// The table.
                pub table_name: Option<String>,
                /// The record: the text of a single key, or a JSON array of the texts of a composite one.
                pub record_id: Option<String>,
                /// The record's id before a change of its key.
                pub previous_record_id: Option<String>,
                /// The row before.
                pub before_data: Option<$json_value>,
                /// The row after.
                pub after_data: Option<$json_value>,
                /// The columns whose bytes changed, for an UPDATE.
                pub changed_fields: Option<$list_value>,
                /// What is hidden in the images: columns by their names, parts of JSON columns as the column, a
                /// colon and the path (`details:$.card.number`).
                pub redacted_fields: Option<$list_value>,
                /// The entry of `audit_schemas` that the images follow.
                pub schema_fingerprint: Option<String>,
                /// Whether `before_data` is certain; absent where it always is.
                pub before_exact: Option<bool>,
                /// Who did it.
                pub actor_id: Option<String>,
                /// What kind of party.
                pub actor_kind: String,
                /// The actor's name for people to read.
                pub actor_name: Option<String>,
                /// The party acted for.
                pub on_behalf_of: Option<String>,
                /// The tenant.
                pub tenant_id: Option<String>,
                /// How far the identity was proved.
                pub assurance: Option<String>,
                /// The service.
                pub service: Option<String>,
                /// The environment.
                pub environment: Option<String>,
                /// The request.
                pub request_id: Option<String>,
                /// What caused the request.
                pub causation_id: Option<String>,
                /// Where it came from.
                pub context: Option<$json_value>,
                /// Why, in words.
                pub reason: Option<String>,
                /// What the application adds.
                pub metadata: Option<$json_value>,
                /// A short name for people.
                pub label: Option<String>,
                /// The template of a sentence, as it stood at write time.
                pub description: Option<String>,
                /// How much it matters.
                pub severity: Option<String>,
                /// How sensitive the data is.
                pub data_class: Option<String>,
                /// The regimes it is evidence for.
                pub compliance: Option<$list_value>,
                /// Who is to be told.
                pub notify: Option<$list_value>,
                /// The events that this one reverts.
                pub reverts: Option<$list_value>,
                /// The normalised statement, literals out.
                pub statement: Option<String>,
                /// The tables of the statement.
                pub tables: Option<$list_value>,
                /// How long the statement took, in microseconds.
                pub duration_us: Option<i64>,
                /// How many rows.
                pub row_count: Option<i64>,
                /// The database's error code.
                pub error_code: Option<String>,
                /// The error in words.
                pub error_message: Option<String>,
                /// A stable word for why it was denied or failed.
                pub reason_code: Option<String>,
                /// Which part of the system wrote it.
                pub source: String,
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
