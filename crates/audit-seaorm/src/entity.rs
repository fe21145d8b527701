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

/// Expands to the model of the entity, in a schema where it has one.
macro_rules! model {
    (
        { $($schema:literal)? }
        $(#[$time_doc:meta])* occurred_at: $time:ty,
        $(#[$id_doc:meta])* id: $id:ty,
        $($(#[$doc:meta])* $name:ident: $type:ty,)+
    ) => {
        /// A stored event.
        #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
        #[sea_orm($(schema_name = $schema,)? table_name = "audit_logs")]
        pub struct Model {
            $(#[$time_doc])*
            #[sea_orm(primary_key, auto_increment = false)]
            pub occurred_at: $time,
            $(#[$id_doc])*
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: $id,
            $($(#[$doc])* pub $name: $type,)+
        }
    };
}

/// Expands to the entity of the log, in a schema where it has one.
macro_rules! audit_logs {
    ($(#[$doc:meta])* $module:ident $(, schema_name = $schema:literal)?) => {
        $(#[$doc])*
        pub mod $module {
            use sea_orm::entity::prelude::*;

            audit_core::log_columns! {
                model! { $($schema)? },
                boolean = bool, integer = i64, json = Json, list = super::Texts, optional = Option,
                small = i16, text = String, time = DateTimeUtc, uuid = Uuid
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
