//! The tables of these tests, as an application declares them.

use audit_core::{Actor, AuditContext, Event};
use diesel::prelude::*;

diesel::table! {
    people (id) {
        id -> Integer,
        name -> Text,
        age -> Nullable<Integer>,
    }
}

diesel::table! {
    archive (id) {
        id -> Integer,
        name -> Text,
        age -> Nullable<Integer>,
    }
}

diesel::table! {
    parts (org, number) {
        org -> Text,
        number -> Integer,
        quantity -> Integer,
    }
}

/// The statements that make them, in any dialect.
pub(crate) const TABLES: &str = "CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, age INTEGER); \
     CREATE TABLE archive (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, age INTEGER); \
     CREATE TABLE parts (org VARCHAR(50) NOT NULL, number INTEGER NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (org, number));";

/// A row of `people`.
#[derive(
    Debug, Clone, PartialEq, Eq, AsChangeset, Identifiable, Insertable, Queryable, Selectable,
)]
#[diesel(table_name = people, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(crate) struct Person {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) age: Option<i32>,
}

/// A row of `parts`, with a key of two columns.
#[derive(Debug, Clone, AsChangeset, Identifiable, Insertable, Queryable)]
#[diesel(table_name = parts, primary_key(org, number))]
pub(crate) struct Part {
    pub(crate) org: String,
    pub(crate) number: i32,
    pub(crate) quantity: i32,
}

pub(crate) fn person(id: i32, name: &str) -> Person {
    Person {
        id,
        name: name.to_owned(),
        age: None,
    }
}

pub(crate) fn part(number: i32) -> Part {
    Part {
        org: "acme".to_owned(),
        number,
        quantity: 1,
    }
}

/// Who writes.
pub(crate) fn carla() -> AuditContext {
    AuditContext::new().with_actor(Actor::user("carla"))
}

/// The operations of events and the records they are about; every one must be Carla's.
pub(crate) fn told(events: &[Event]) -> Vec<String> {
    let told = events.iter().map(|event| {
        assert_eq!(event.actor_id.as_deref(), Some("carla"), "{event:?}");
        let record = event.record_id.as_deref().unwrap_or_default();
        format!("{} {record}", event.operation.as_str())
    });
    told.collect()
}
