//! Random work on a table of users, and what full reads of it showed meanwhile.

use std::collections::BTreeMap;

use audit_core::{Audit, Event, Json, LogReader, Snapshot, TableRule};
use audit_store::{Gap, LogQuery, State, Trail};
use audit_testkit::Server;
use proptest::prelude::*;

use super::world::{Db, World};

/// How many keys there are: so few that they come back.
const KEYS: u8 = 7;

/// What the key of the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// `id`.
    Single,
    /// `org` and `id`.
    Composite,
}

impl Key {
    fn table(self) -> &'static str {
        match self {
            Self::Single => {
                "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50), \
                 email VARCHAR(50))"
            }
            Self::Composite => {
                "CREATE TABLE users (org INTEGER NOT NULL, id INTEGER NOT NULL, name VARCHAR(50), \
                 email VARCHAR(50), PRIMARY KEY (org, id))"
            }
        }
    }

    /// The columns and their values.
    fn parts(self, key: u8) -> Vec<(&'static str, u8)> {
        match self {
            Self::Single => vec![("id", key)],
            Self::Composite => vec![("org", key / 3), ("id", key % 3)],
        }
    }

    fn sql(self, key: u8, between: &str) -> String {
        let parts = self.parts(key).into_iter();
        let parts: Vec<String> = parts
            .map(|(column, value)| format!("{column} = {value}"))
            .collect();
        parts.join(between)
    }

    fn names(self) -> &'static str {
        match self {
            Self::Single => "id",
            Self::Composite => "org, id",
        }
    }

    fn values(self, key: u8) -> String {
        let parts = self.parts(key).into_iter();
        let parts: Vec<String> = parts.map(|(_, value)| value.to_string()).collect();
        parts.join(", ")
    }

    /// As events have it.
    fn record(self, key: u8) -> String {
        match self {
            Self::Single => key.to_string(),
            Self::Composite => format!("[\"{}\",\"{}\"]", key / 3, key % 3),
        }
    }
}

/// What one statement does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Insert(u8, &'static str),
    Update(u8, &'static str),
    UpdateAll(&'static str),
    Delete(u8),
    /// Gives a record the key of another, if there is none.
    Move(u8, u8),
}

impl Step {
    fn sql(&self, key: Key) -> String {
        // MariaDB reads no table that it writes to, but a copy.
        let is_free = |other: u8| {
            let (names, values) = (key.names(), key.values(other));
            format!(
                "({values}) NOT IN (SELECT {names} FROM (SELECT {names} FROM users) AS present)"
            )
        };
        match *self {
            Self::Insert(id, name) => format!(
                "INSERT INTO users ({}, name) SELECT {}, {name} WHERE {}",
                key.names(),
                key.values(id),
                is_free(id)
            ),
            Self::Update(id, name) => {
                format!(
                    "UPDATE users SET name = {name} WHERE {}",
                    key.sql(id, " AND ")
                )
            }
            Self::UpdateAll(email) => format!("UPDATE users SET email = {email}"),
            Self::Delete(id) => format!("DELETE FROM users WHERE {}", key.sql(id, " AND ")),
            Self::Move(id, other) => format!(
                "UPDATE users SET {} WHERE {} AND {}",
                key.sql(other, ", "),
                key.sql(id, " AND "),
                is_free(other)
            ),
        }
    }
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let id = || 0..KEYS;
    let name = || proptest::sample::select(&["'Ann'", "'it''s'", "NULL", "''"][..]);
    prop_oneof![
        4 => (id(), name()).prop_map(|(id, name)| Step::Insert(id, name)),
        3 => (id(), name()).prop_map(|(id, name)| Step::Update(id, name)),
        1 => name().prop_map(Step::UpdateAll),
        1 => id().prop_map(Step::Delete),
        3 => (id(), id()).prop_map(|(id, other)| Step::Move(id, other)),
    ]
}

/// The rows of a table by their keys, each as the fields of an image.
type Rows = BTreeMap<String, Vec<(String, Option<String>)>>;

/// What full reads of the table showed, each behind the event that was the newest one then.
#[derive(Debug)]
pub(crate) struct Seen {
    key: Key,
    pub(crate) reads: Vec<(Event, Rows)>,
}

impl Seen {
    /// The rows of which something holds, at each event.
    pub(crate) fn having(&self, holds: impl Fn(&str, Option<&str>) -> bool) -> Vec<Vec<&str>> {
        let is_it = |fields: &Vec<(String, Option<String>)>| {
            fields
                .iter()
                .any(|(field, value)| holds(field, value.as_deref()))
        };
        let found = self.reads.iter().map(|(_, rows)| {
            let rows = rows.iter().filter(|(_, fields)| is_it(fields));
            rows.map(|(key, _)| key.as_str()).collect()
        });
        found.collect()
    }

    /// The keys that may be there, as events have them.
    pub(crate) fn keys(&self) -> Vec<String> {
        (0..KEYS).map(|key| self.key.record(key)).collect()
    }
}

async fn rows<DB: Db>(world: &mut World<DB>, key: Key) -> Rows {
    let org = match key {
        Key::Single => "NULL",
        Key::Composite => "CAST(org AS CHAR(5))",
    };
    let read = format!("SELECT email, CAST(id AS CHAR(5)), name, {org} FROM users");
    let rows = world.raw.texts(&read).await.into_iter().map(|row| {
        let trimmed = |place: usize| row[place].as_ref().map(|text| text.trim().to_owned());
        let (id, org) = (trimmed(1), trimmed(3));
        let record = match (&id, &org) {
            (Some(id), None) => id.clone(),
            (id, org) => format!("{:?}", [org.as_deref().unwrap(), id.as_deref().unwrap()])
                .replace(", ", ","),
        };
        let mut fields = vec![
            ("email".to_owned(), row[0].clone()),
            ("id".to_owned(), id),
            ("name".to_owned(), row[2].clone()),
        ];
        if org.is_some() {
            fields.push(("org".to_owned(), org));
        }
        (record, fields)
    });
    rows.collect()
}

/// The rule of the table.
pub(crate) fn audit(snapshot: Snapshot) -> Audit {
    let rule = TableRule::new("users").snapshot(snapshot);
    Audit::builder().table(rule).build().unwrap()
}

/// Does this work under these rules.
pub(crate) async fn worked<DB: Db>(
    server: Server,
    key: Key,
    audit: &Audit,
    steps: &[Step],
) -> (World<DB>, Seen) {
    let mut world = World::<DB>::of(server, key.table(), audit).await;
    let mut reads = Vec::new();
    for step in steps {
        world.run_as("ann", &[&step.sql(key)]).await;
        let newest = audit_sqlx::log(&world.pool).limit(1).list();
        if let Some(event) = newest.await.unwrap().pop() {
            reads.push((event, rows(&mut world, key).await));
        }
    }
    (world, Seen { key, reads })
}

/// The texts of a state, to compare with rows.
pub(crate) fn texts(fields: &[(String, Json)]) -> Vec<(String, Option<String>)> {
    fields
        .iter()
        .map(|(field, value)| {
            let text = match value.to_value() {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text),
                other => Some(other.to_string()),
            };
            (field.clone(), text)
        })
        .collect()
}

/// Compares what a trail tells with what was seen; how many records were there, and how many not.
pub(crate) async fn agrees<R: LogReader>(trail: &mut Trail<R>, seen: &Seen) -> (usize, usize) {
    let users = LogQuery::new().table("users");
    let (mut present, mut absent) = (0, 0);
    for (event, rows) in &seen.reads {
        for key in seen.keys() {
            let by_event = trail.as_of_event(&users, &key, event).await.unwrap();
            let by_time = trail.as_of(&users, &key, event.occurred_at).await.unwrap();
            assert_eq!(by_event, by_time);
            match (rows.get(&key), &by_event.state) {
                (Some(row), State::Present(fields)) => {
                    assert_eq!(&texts(fields), row, "{key} at {event:?}");
                    assert_eq!(by_event.gaps, [], "{key} at {event:?}");
                    present += 1;
                }
                (None, State::Absent) => {
                    assert_eq!(by_event.gaps, [], "{key} at {event:?}");
                    absent += 1;
                }
                (None, State::Unknown) => assert_eq!(by_event.gaps, [Gap::NoEvent]),
                (row, state) => panic!("{key} was {row:?} and is told as {state:?}"),
            }
        }
    }
    for (event, rows) in &seen.reads {
        let mut table = trail.table_as_of(&users, event.occurred_at);
        let mut told = BTreeMap::new();
        while let Some((key, was)) = table.next().await.unwrap() {
            if let State::Present(fields) = was.state {
                assert_eq!(was.gaps, []);
                assert_eq!(told.insert(key, texts(&fields)), None);
            }
        }
        assert_eq!(&told, rows, "at {event:?}");
    }
    (present, absent)
}
