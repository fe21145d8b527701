//! The log as an entity, against the migrations and against the events that `log` gives.

use std::collections::BTreeMap;

use audit_core::schema::{ColumnKind, LOG_COLUMNS};
use audit_core::{Dialect, Event};
use audit_seaorm::entity::{Texts, audit_logs, postgres_audit_logs};
use audit_testkit::Adapter;
use chrono::SecondsFormat;
use sea_orm::prelude::*;
use sea_orm::{DbErr, Iden, Iterable, QueryOrder, Set};
use serde_json::{Value as JsonValue, json};

use crate::adapter::SeaOrm;
use crate::entities::customer;
use crate::shop::{Shop, customer};

/// A value as the event has it in JSON.
trait Shown {
    fn shown(&self) -> JsonValue;
}

macro_rules! shown {
    ($($kind:ty => |$value:ident| $shown:expr),+ $(,)?) => {
        $(impl Shown for $kind {
            fn shown(&self) -> JsonValue {
                let $value = self;
                $shown
            }
        })+
    };
}

shown! {
    String => |text| json!(text),
    i16 => |number| json!(number),
    i64 => |number| json!(number),
    bool => |is| json!(is),
    JsonValue => |json| json.clone(),
    Texts => |texts| json!(texts.0),
    Uuid => |id| json!(id.to_string()),
    DateTimeUtc => |time| json!(time.to_rfc3339_opts(SecondsFormat::Micros, true)),
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> JsonValue {
        self.as_ref().map_or(JsonValue::Null, Shown::shown)
    }
}

type Fields = BTreeMap<String, JsonValue>;

/// Expands to the fields of a model by name.
macro_rules! fields {
    ($model:expr; $($name:ident),+ $(,)?) => {
        [$((stringify!($name).to_owned(), $model.$name.shown())),+]
    };
}

macro_rules! models {
    ($connection:expr, $entity:ident) => {{
        let names: Vec<String> = $entity::Column::iter()
            .map(|column| column.to_string())
            .collect();
        assert_eq!(names, LOG_COLUMNS.map(|column| column.name));
        let found = $entity::Entity::find()
            .order_by_asc($entity::Column::OccurredAt)
            .order_by_asc($entity::Column::Id)
            .all($connection)
            .await
            .unwrap();
        found.iter().map(|model| Fields::from(fields!(model;
            occurred_at, id, recorded_at, transaction_id, schema_version, operation, action,
            outcome, table_schema, table_name, record_id, previous_record_id, before_data,
            after_data, changed_fields, redacted_fields, schema_fingerprint, before_exact,
            actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance, service,
            environment, request_id, causation_id, context, reason, metadata, label, description,
            severity, data_class, compliance, notify, reverts, statement, tables, duration_us,
            row_count, error_code, error_message, reason_code, source,
        ))).collect::<Vec<_>>()
    }};
}

fn of_event(event: &Event) -> Fields {
    let JsonValue::Object(given) = serde_json::to_value(event).unwrap() else {
        panic!("an event is an object");
    };
    let mut fields: Fields = LOG_COLUMNS
        .iter()
        .map(|column| (column.name.to_owned(), JsonValue::Null))
        .collect();
    fields.extend(given);
    fields
}

/// A statement that stores an event in which no column is empty.
fn full_event(dialect: Dialect) -> String {
    let value = |name: &str, kind: ColumnKind| match (kind, dialect) {
        (ColumnKind::Boolean, Dialect::Postgres) => "true".to_owned(),
        (ColumnKind::Boolean, _) => "1".to_owned(),
        (ColumnKind::Integer, _) => "7".to_owned(),
        (ColumnKind::Json, _) => r#"'{"a": [1, 2.5, null, "\u00e9"]}'"#.replace(
            '\\',
            match dialect {
                Dialect::MySql => "\\\\",
                _ => "\\",
            },
        ),
        (ColumnKind::List, Dialect::Postgres) => "ARRAY['a', 'it''s']".to_owned(),
        (ColumnKind::List, _) => r#"'["a", "it''s"]'"#.to_owned(),
        (ColumnKind::Time, Dialect::MySql) => "'2026-11-24 10:11:12.123456'".to_owned(),
        (ColumnKind::Time, _) => "'2026-11-24T10:11:12.123456Z'".to_owned(),
        (ColumnKind::Uuid, Dialect::Postgres) => "'0123456789abcdef0123456789abcdef'".to_owned(),
        (ColumnKind::Uuid, _) => "X'0123456789abcdef0123456789abcdef'".to_owned(),
        _ => match name {
            "operation" => "'SELECT'",
            "outcome" => "'denied'",
            "actor_kind" => "'service'",
            "assurance" => "'asserted'",
            "severity" => "'high'",
            "data_class" => "'restricted'",
            "source" => "'lane'",
            _ => "'text'",
        }
        .to_owned(),
    };
    let names: Vec<_> = LOG_COLUMNS.iter().map(|column| column.name).collect();
    let values: Vec<_> = LOG_COLUMNS
        .iter()
        .map(|column| value(column.name, column.kind))
        .collect();
    let table = match dialect {
        Dialect::Postgres => "audit.audit_logs",
        _ => "audit_logs",
    };
    format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    )
}

pub(crate) async fn the_entity_reads_what_the_log_reads<DB>(shop: Shop<DB>)
where
    SeaOrm<DB>: Adapter,
{
    let dialect = shop.world.dialect();
    shop.prove(async |db| {
        let mut model: customer::ActiveModel = customer("a@x").insert(db).await?.into();
        model.score = Set(Some(0.5));
        let model = model.update(db).await?;
        model.delete(db).await?;
        Ok::<_, DbErr>(())
    })
    .await;
    shop.world.raw(&full_event(dialect)).await;
    let events = audit_seaorm::log(&shop)
        .oldest_first()
        .limit(100)
        .list()
        .await
        .unwrap();
    let mut found = match dialect {
        Dialect::Postgres => models!(&*shop, postgres_audit_logs),
        _ => models!(&*shop, audit_logs),
    };
    assert!(found.len() >= 4);
    let full = |fields: &Fields| !fields.values().any(JsonValue::is_null);
    assert_eq!(found.iter().filter(|fields| full(fields)).count(), 1);
    for fields in &mut found {
        // An event that came by no detour was stored when it happened.
        if fields["recorded_at"].is_null() {
            let occurred = fields["occurred_at"].clone();
            fields.insert("recorded_at".to_owned(), occurred);
        }
    }
    let events: Vec<_> = events.iter().map(of_event).collect();
    assert_eq!(found, events);
}

pub(crate) async fn the_entity_narrows_in_the_database<DB>(shop: Shop<DB>)
where
    SeaOrm<DB>: Adapter,
{
    shop.prove(async |db| {
        let first = customer("a@x").insert(db).await?;
        customer("b@x").insert(db).await?;
        first.delete(db).await?;
        Ok(())
    })
    .await;
    macro_rules! deleted {
        ($entity:ident) => {
            $entity::Entity::find()
                .filter($entity::Column::TableName.eq("customer"))
                .filter($entity::Column::Operation.eq("DELETE"))
                .count(&*shop)
                .await
                .unwrap()
        };
    }
    let deleted = match shop.world.dialect() {
        Dialect::Postgres => deleted!(postgres_audit_logs),
        _ => deleted!(audit_logs),
    };
    assert_eq!(deleted, 1);
}
