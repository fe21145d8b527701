//! The log as an entity, against the migrations and against the events that `log` gives.

use audit_core::Dialect;
use audit_core::schema::LOG_COLUMNS;
use audit_seaorm::entity::{Texts, audit_logs, postgres_audit_logs};
use audit_testkit::stored::{assert_same, full_event};
use audit_testkit::stored_fields;
use sea_orm::prelude::*;
use sea_orm::{DbErr, Iden, Iterable, QueryOrder, Set};
use serde_json::Value as JsonValue;

use crate::entities::customer;
use crate::shop::{Plain, Shop, customer};

/// Shows what only SeaORM's rows have.
trait ShownTexts {
    fn shown(&self) -> JsonValue;
}

impl ShownTexts for Option<Texts> {
    fn shown(&self) -> JsonValue {
        self.as_ref()
            .map_or(JsonValue::Null, |texts| texts.0.clone().into())
    }
}

macro_rules! models {
    ($connection:expr, $entity:ident) => {{
        let names: Vec<String> = $entity::Column::iter()
            .map(|column| column.to_string())
            .collect();
        assert_eq!(names, LOG_COLUMNS.map(|column| column.name));
        let nullable: Vec<bool> = $entity::Column::iter()
            .map(|column| column.def().is_null())
            .collect();
        assert_eq!(nullable, LOG_COLUMNS.map(|column| column.nullable));
        let found = $entity::Entity::find()
            .order_by_asc($entity::Column::OccurredAt)
            .order_by_asc($entity::Column::Id)
            .all($connection)
            .await
            .unwrap();
        found
            .iter()
            .map(|model| stored_fields!(model))
            .collect::<Vec<_>>()
    }};
}

pub(crate) async fn the_entity_reads_what_the_log_reads<A>(shop: Shop<A>)
where
    A: Plain,
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
    let found = match dialect {
        Dialect::Postgres => models!(&*shop, postgres_audit_logs),
        _ => models!(&*shop, audit_logs),
    };
    assert!(found.len() >= 4);
    assert_same(&found, &events);
}

pub(crate) async fn the_entity_narrows_in_the_database<A>(shop: Shop<A>)
where
    A: Plain,
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
