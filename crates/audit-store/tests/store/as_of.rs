//! A record as it was, against full reads of its table.

use std::collections::BTreeMap;

use audit_core::query::LogQuery;
use audit_core::{Audit, Dialect, Event, Json, LogReader, Redaction, Snapshot, TableRule};
use audit_sqlx::PoolReader;
use audit_store::{AsOf, Gap, State, Trail};
use audit_testkit::Server;
use proptest::prelude::*;

use super::events::drawn;
use super::world::{Db, World};

/// What the statements of the test do; ids are few, so that they come back.
fn statement() -> impl Strategy<Value = String> {
    let id = 1..5_u8;
    let name = proptest::sample::select(&["'Ann'", "'it''s'", "NULL", "''"][..]);
    prop_oneof![
        3 => (id.clone(), name.clone())
            .prop_map(|(id, name)| format!("INSERT INTO users (id, name) SELECT {id}, {name} \
                WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = {id})")),
        3 => (id.clone(), name.clone())
            .prop_map(|(id, name)| format!("UPDATE users SET name = {name} WHERE id = {id}")),
        1 => name.prop_map(|name| format!("UPDATE users SET email = {name}")),
        1 => id.clone().prop_map(|id| format!("DELETE FROM users WHERE id = {id}")),
        2 => (id.clone(), 10..13_u8)
            .prop_map(|(id, other)| format!("UPDATE users SET id = {other} WHERE id = {id} \
                AND {other} NOT IN (SELECT id FROM (SELECT id FROM users) AS present)")),
        2 => (id, 10..13_u8)
            .prop_map(|(id, other)| format!("UPDATE users SET id = {id} WHERE id = {other} \
                AND {id} NOT IN (SELECT id FROM (SELECT id FROM users) AS present)")),
    ]
}

/// The rows of the table, by key, as the fields of an image.
async fn rows<DB: Db>(world: &mut World<DB>) -> BTreeMap<String, Vec<(String, Option<String>)>> {
    let rows = world
        .raw
        .texts("SELECT CAST(id AS CHAR(5)), name, email FROM users")
        .await;
    rows.into_iter()
        .map(|row| {
            let id = row[0].clone().unwrap().trim().to_owned();
            let fields = vec![
                ("email".to_owned(), row[2].clone()),
                ("id".to_owned(), Some(id.clone())),
                ("name".to_owned(), row[1].clone()),
            ];
            (id, fields)
        })
        .collect()
}

/// The texts of a state, to compare with rows.
fn texts(fields: &[(String, Json)]) -> Vec<(String, Option<String>)> {
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

/// An event, and what a full read of the table showed after it.
pub(crate) type Seen = (Event, BTreeMap<String, Vec<(String, Option<String>)>>);

/// Random work, and what was seen meanwhile.
pub(crate) async fn worked<DB: Db>(server: Server, statements: usize) -> (World<DB>, Vec<Seen>) {
    worked_under(server, &Audit::builder().build().unwrap(), statements).await
}

/// The same under these rules.
async fn worked_under<DB: Db>(
    server: Server,
    audit: &Audit,
    statements: usize,
) -> (World<DB>, Vec<Seen>) {
    let mut world = World::<DB>::with(server, audit).await;
    let mut seen = Vec::new();
    for sql in drawn(&statement(), statements) {
        world.run_as("ann", &[&sql]).await;
        let newest = audit_sqlx::log(&world.pool)
            .limit(1)
            .list()
            .await
            .unwrap()
            .pop();
        if let Some(event) = newest {
            seen.push((event, rows(&mut world).await));
        }
    }
    (world, seen)
}

/// Compares what a trail tells with what was seen; how many records were there, and how many not.
pub(crate) async fn agrees<R: LogReader>(trail: &mut Trail<R>, seen: &[Seen]) -> (usize, usize) {
    let users = LogQuery::new().table("users");
    let (mut present, mut absent) = (0, 0);
    for (event, rows) in seen {
        for key in (1..5).chain(10..13).map(|key| key.to_string()) {
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
    for (event, rows) in seen {
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

/// At every event after which the table was read.
pub(crate) async fn a_record_is_what_a_full_read_showed_then<DB: Db>(server: Server) {
    let (world, seen) = worked::<DB>(server, 60).await;
    let (present, absent) = agrees(&mut world.trail(), &seen).await;
    assert!(present > 30 && absent > 30, "{present} {absent}");
}

/// The same of images of changed columns, which are put together.
pub(crate) async fn images_of_changes_make_what_a_full_read_showed<DB: Db>(server: Server) {
    let rule = TableRule::new("users").snapshot(Snapshot::Changed);
    let audit = Audit::builder().table(rule).build().unwrap();
    let (world, seen) = worked_under::<DB>(server, &audit, 40).await;
    let (present, absent) = agrees(&mut world.trail(), &seen).await;
    assert!(present > 20 && absent > 20, "{present} {absent}");
}

/// A redaction hides a change, and is none.
pub(crate) async fn a_column_that_is_hidden_is_the_only_gap<DB: Db>(server: Server) {
    let rule = TableRule::new("users").redact("name", Redaction::Mask);
    let audit = Audit::builder().table(rule).build().unwrap();
    let (world, seen) = worked_under::<DB>(server, &audit, 40).await;
    let mut trail = world.trail();
    let users = LogQuery::new().table("users");
    let hidden = [Gap::Redacted {
        field: "name".to_owned(),
    }];
    for (event, rows) in &seen {
        for key in rows.keys() {
            let was = trail.as_of_event(&users, key, event).await.unwrap();
            assert_eq!(was.gaps, hidden, "{key} at {event:?}");
        }
    }
}

/// Keys come in several pages, some in the form of others but for what a language overlooks.
pub(crate) async fn a_table_of_many_keys_is_given_once<DB: Db>(server: Server) {
    let table = "CREATE TABLE words (word VARBINARY(20) NOT NULL PRIMARY KEY)";
    let table = match server.dialect() {
        Dialect::Postgres => table.replace("VARBINARY(20)", "VARCHAR(20) COLLATE \"C\""),
        Dialect::MySql => table.replace("VARBINARY(20)", "VARCHAR(20) COLLATE utf8mb4_nopad_bin"),
        _ => table.replace("VARBINARY(20)", "TEXT"),
    };
    let world = World::<DB>::of(server, &table, &Audit::builder().build().unwrap()).await;
    let mut words: Vec<String> = (0..1_050).map(|number| format!("w{number}")).collect();
    words.extend(["W1", "w1 ", "é", "e\u{301}", "Z", "z", ""].map(str::to_owned));
    let values: Vec<String> = words.iter().map(|word| format!("('{word}')")).collect();
    let insert = format!("INSERT INTO words VALUES {}", values.join(", "));
    // A key that was given up is asked for as well.
    let rename = "UPDATE words SET word = 'last' WHERE word = 'w7'";
    world.run_as("ann", &[&insert, rename]).await;
    words.retain(|word| word != "w7");
    words.push("last".to_owned());
    words.sort();
    let mut trail = world.trail();
    let of = LogQuery::new().table("words");
    let mut table = trail.table_as_of(&of, chrono::Utc::now());
    let mut told = Vec::new();
    while let Some((key, was)) = table.next().await.unwrap() {
        assert!(matches!(was.state, State::Present(_)), "{key}: {was:?}");
        told.push(key);
    }
    assert_eq!(told, words);

    // Of the events of one actor alone they would be put together wrongly.
    let by_ann = of.actor("ann");
    let refused = trail.table_as_of(&by_ann, chrono::Utc::now()).next().await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("by table, schema and tenant alone"),
        "{refused}"
    );
}

/// What the log does not hold is told as a gap, and not made up.
pub(crate) async fn what_was_never_recorded_is_a_gap<DB: Db>(server: Server) {
    let rule = TableRule::new("users").redact("email", Redaction::Drop);
    let audit = Audit::builder().table(rule).build().unwrap();
    let mut world = World::<DB>::with(server, &audit).await;
    let users = LogQuery::new().table("users");
    world
        .run_as(
            "ann",
            &[
                "INSERT INTO users (id, name, email) VALUES (1, 'Ann', 'a'), (2, 'Ben', 'b')",
                "UPDATE users SET name = 'Anna' WHERE id = 1",
            ],
        )
        .await;
    // A log that began after the first statement.
    let log = world.log_table();
    let forget = format!("DELETE FROM {log} WHERE operation = 'INSERT'");
    let inserted = world.events().await[0].occurred_at;
    world.raw.run(&forget).await;

    let redacted = Gap::Redacted {
        field: "email".to_owned(),
    };
    let mut trail = world.trail();
    let told = async |trail: &mut Trail<PoolReader<DB>>, key: &str, at| {
        let AsOf { state, gaps, .. } = trail.as_of(&users, key, at).await.unwrap();
        let fields = match &state {
            State::Present(fields) => texts(fields),
            _ => Vec::new(),
        };
        let name = fields.iter().find(|(field, _)| field == "name");
        (name.and_then(|(_, text)| text.clone()), gaps)
    };
    let now = world.events().await[0].occurred_at;
    assert_eq!(
        told(&mut trail, "1", inserted).await,
        (
            Some("Ann".to_owned()),
            vec![Gap::BeforeFirstEvent, redacted.clone()]
        )
    );
    assert_eq!(
        told(&mut trail, "1", now).await,
        (Some("Anna".to_owned()), vec![redacted.clone()])
    );
    assert_eq!(told(&mut trail, "2", now).await, (None, vec![Gap::NoEvent]));

    let image = r#"{"id":1,"name":{"$truncated":{"len":9,"head":"Ann"}}}"#;
    let changed = match server.dialect() {
        Dialect::Postgres => "ARRAY['name']",
        _ => "'[\"name\"]'",
    };
    let cut = format!("UPDATE {log} SET after_data = '{image}', changed_fields = {changed}");
    world.raw.run(&cut).await;
    let (_, gaps) = told(&mut trail, "1", now).await;
    let truncated = Gap::Truncated {
        field: "name".to_owned(),
    };
    assert_eq!(gaps, [redacted.clone(), truncated.clone()]);

    // An image of the changed column alone, and nothing before it.
    let image = r#"{"name":{"$truncated":{"len":9,"head":"Ann"}}}"#;
    world
        .raw
        .run(&format!("UPDATE {log} SET after_data = '{image}'"))
        .await;
    let (_, gaps) = told(&mut trail, "1", now).await;
    assert_eq!(gaps, [Gap::Incomplete, redacted, truncated]);
}

/// A table that was emptied, on PostgreSQL by an event of the whole table.
pub(crate) async fn nothing_is_there_once_a_table_was_emptied<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let empty = match server.dialect() {
        Dialect::Postgres => "TRUNCATE users",
        _ => "DELETE FROM users",
    };
    let insert = "INSERT INTO users (id) VALUES (1)";
    for sql in [insert, empty, insert] {
        world.run_as("ann", &[sql]).await;
    }
    let events = world.events().await;
    let users = LogQuery::new().table("users");
    let mut trail = world.trail();
    let was = trail.as_of_event(&users, "1", &events[0]).await.unwrap();
    assert!(matches!(was.state, State::Present(_)), "{was:?}");
    assert_eq!(was.gaps, []);
    let was = trail.as_of_event(&users, "1", &events[1]).await.unwrap();
    assert_eq!((was.state, was.gaps), (State::Absent, Vec::new()));
}
