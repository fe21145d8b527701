//! The log as an entity, for queries and joins of the application.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, JsonValue, QueryResult, TryGetError, TryGetable, Value};

/// A list of texts: an array on PostgreSQL, a JSON array elsewhere. It can be read only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl TryGetable for Texts {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        #[cfg(feature = "postgres")]
        if let Ok(texts) = <Vec<String> as TryGetable>::try_get_by(row, index) {
            return Ok(Self(texts));
        }
        let json = <JsonValue as TryGetable>::try_get_by(row, index)?;
        serde_json::from_value(json)
            .map(Self)
            .map_err(|error| TryGetError::DbErr(sea_orm::DbErr::Json(error.to_string())))
    }
}

impl From<Texts> for Value {
    fn from(texts: Texts) -> Self {
        Self::from(JsonValue::from(texts.0))
    }
}

impl Nullable for Texts {
    fn null() -> Value {
        Value::Json(None)
    }
}

impl ValueType for Texts {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::Json(Some(json)) => serde_json::from_value(*json)
                .map(Self)
                .map_err(|_| ValueTypeErr),
            _ => Err(ValueTypeErr),
        }
    }

    fn type_name() -> String {
        "Texts".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Json
    }

    fn column_type() -> ColumnType {
        ColumnType::Text
    }
}

/// Expands to the entity of the log, in a schema where it has one.
macro_rules! audit_logs {
    ($(#[$doc:meta])* $module:ident $(, schema_name = $schema:literal)?) => {
        $(#[$doc])*
        pub mod $module {
            use sea_orm::entity::prelude::*;

            /// A stored event.
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm($(schema_name = $schema,)? table_name = "audit_logs")]
            pub struct Model {
                /// When it happened, by the database's clock once the row was locked.
                #[sea_orm(primary_key, auto_increment = false)]
                pub occurred_at: DateTimeUtc,
                /// A UUIDv7 (RFC 9562) made by the database.
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: Uuid,
                /// When it was stored; empty unless it came by a detour.
                pub recorded_at: Option<DateTimeUtc>,
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
                pub before_data: Option<Json>,
                /// The row after.
                pub after_data: Option<Json>,
                /// The columns whose bytes changed, for an UPDATE.
                #[sea_orm(column_type = "Text", nullable)]
                pub changed_fields: Option<super::Texts>,
                /// What is hidden in the images: columns by their names, parts of JSON columns as the column, a
                /// colon and the path (`details:$.card.number`).
                #[sea_orm(column_type = "Text", nullable)]
                pub redacted_fields: Option<super::Texts>,
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
                pub context: Option<Json>,
                /// Why, in words.
                pub reason: Option<String>,
                /// What the application adds.
                pub metadata: Option<Json>,
                /// A short name for people.
                pub label: Option<String>,
                /// The template of a sentence, as it stood at write time.
                pub description: Option<String>,
                /// How much it matters.
                pub severity: Option<String>,
                /// How sensitive the data is.
                pub data_class: Option<String>,
                /// The regimes it is evidence for.
                #[sea_orm(column_type = "Text", nullable)]
                pub compliance: Option<super::Texts>,
                /// Who is to be told.
                #[sea_orm(column_type = "Text", nullable)]
                pub notify: Option<super::Texts>,
                /// The events that this one reverts.
                #[sea_orm(column_type = "Text", nullable)]
                pub reverts: Option<super::Texts>,
                /// The normalised statement, literals out.
                pub statement: Option<String>,
                /// The tables of the statement.
                #[sea_orm(column_type = "Text", nullable)]
                pub tables: Option<super::Texts>,
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

            /// The log has none.
            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

audit_logs!(
    /// `audit_logs` on MySQL and SQLite, where it is among the tables of the application. Read it;
    /// events are written by triggers and by [`record`](crate::record). Images are what serde_json
    /// makes of them: a number that a double cannot hold is exact only through
    /// [`log`](crate::log).
    audit_logs
);
audit_logs!(
    /// `audit.audit_logs` on PostgreSQL; see [`audit_logs`](mod@audit_logs).
    postgres_audit_logs,
    schema_name = "audit"
);
