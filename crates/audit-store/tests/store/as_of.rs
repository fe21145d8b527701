//! A record as it was, against full reads of its table.

use std::cell::Cell;

use audit_core::query::LogQuery;
use audit_core::{Audit, AuditContext, Dialect, Operation, Redaction, Snapshot, TableRule};
use audit_sqlx::PoolReader;
use audit_store::{AsOf, Gap, State, StateFilter, Trail};
use audit_testkit::Server;
use chrono::{DateTime, Utc};

use super::events::drawn;
use super::history::{self, Key, agrees, texts};
use super::property;
use super::world::{Db, World};

/// How much work of a table is drawn, and how long a piece of it is.
const CASES: u32 = 2;
const STEPS: usize = 20;

/// At every event of random work, as many pieces of it as cases, on a table of each key.
fn proven<DB: Db>(server: Server, snapshot: Snapshot) {
    let told = Cell::new((0, 0));
    let audit = history::audit(snapshot);
    for key in [Key::Single, Key::Composite] {
        let steps = proptest::collection::vec(history::step(), STEPS);
        property::holds(&steps, CASES, async |steps| {
            let (world, seen) = history::worked::<DB>(server, key, &audit, &steps).await;
            let (present, absent) = agrees(&mut world.trail(), &seen).await;
            let (before, gone) = told.get();
            told.set((before + present, gone + absent));
        });
    }
    let (present, absent) = told.get();
    assert!(present > 50 && absent > 50, "{present} {absent}");
}

/// At every event after which the table was read.
pub(crate) async fn a_record_is_what_a_full_read_showed_then<DB: Db>(server: Server) {
    proven::<DB>(server, Snapshot::Full);
}

/// The same of images of changed columns, which are put together.
pub(crate) async fn images_of_changes_make_what_a_full_read_showed<DB: Db>(server: Server) {
    proven::<DB>(server, Snapshot::Changed);
}

/// A redaction hides a change, and is none.
pub(crate) async fn a_column_that_is_hidden_is_the_only_gap<DB: Db>(server: Server) {
    let rule = TableRule::new("users").redact("name", Redaction::Mask);
    let audit = Audit::builder().table(rule).build().unwrap();
    let steps = drawn(&history::step(), 40);
    let (world, seen) = history::worked::<DB>(server, Key::Single, &audit, &steps).await;
    let mut trail = world.trail();
    let users = LogQuery::new().table("users");
    let hidden = [Gap::Redacted {
        field: "name".to_owned(),
    }];
    for (event, rows) in &seen.reads {
        for key in rows.keys() {
            let was = trail.as_of_event(&users, key, event).await.unwrap();
            assert_eq!(was.gaps, hidden, "{key} at {event:?}");
        }
    }
}

/// The keys that a table has under conditions.
async fn keys_having<DB: Db>(
    world: &World<DB>,
    at: DateTime<Utc>,
    conditions: &[&str],
) -> Vec<String> {
    let mut trail = world.trail();
    let of = LogQuery::new().table("users");
    let mut table = trail.table_as_of(&of, at);
    for condition in conditions {
        table = table.having(*condition);
    }
    let mut keys = Vec::new();
    while let Some((key, _)) = table.next().await.unwrap() {
        keys.push(key);
    }
    keys
}

/// Whether a field of a row, by its name, has a value.
type Holds = fn(&str, Option<&str>) -> bool;

/// What is asked of a table is asked of what it was then.
pub(crate) async fn a_filtered_table_is_what_a_full_read_showed_then<DB: Db>(server: Server) {
    let steps = drawn(&history::step(), 40);
    let audit = history::audit(Snapshot::Changed);
    let (world, seen) = history::worked::<DB>(server, Key::Single, &audit, &steps).await;
    let holds: [(&[&str], Holds); 6] = [
        (&[r#"name = "Ann""#], |field, value| {
            field == "name" && value == Some("Ann")
        }),
        (&[r#"name != "it's""#], |field, value| {
            field == "name" && value != Some("it's")
        }),
        (&["email = null"], |field, value| {
            field == "email" && value.is_none()
        }),
        (&["id = 2.0"], |field, value| {
            field == "id" && value == Some("2")
        }),
        (&["age = 3"], |_, _| false),
        (&["id != 2", "id != 40e-1"], |field, value| {
            field == "id" && !matches!(value, Some("2" | "4"))
        }),
    ];
    for (conditions, holds) in holds {
        let expected = seen.having(holds);
        let mut found_some = 0;
        for ((event, _), expected) in seen.reads.iter().zip(expected) {
            let found = keys_having(&world, event.occurred_at, conditions).await;
            assert_eq!(found, expected, "{conditions:?} at {event:?}");
            found_some += usize::from(!found.is_empty());
        }
        assert!(
            found_some > 5 || conditions == ["age = 3"],
            "{conditions:?}: {found_some}"
        );
    }
    let of = LogQuery::new().table("users");
    let mut trail = world.trail();
    let mut table = trail.table_as_of(&of, Utc::now()).having("name = Ann");
    let refused = table.next().await.unwrap_err().to_string();
    assert!(
        refused.starts_with("`name = Ann` is no condition on a record"),
        "{refused}"
    );
}

/// Of whom nobody can tell whether a condition holds is given, and said to be so.
#[expect(
    clippy::cognitive_complexity,
    reason = "a list of what can be told and what cannot"
)]
pub(crate) async fn what_cannot_be_compared_is_given<DB: Db>(server: Server) {
    let rule = TableRule::new("users").redact("email", Redaction::Mask);
    let audit = Audit::builder().table(rule).build().unwrap();
    let world = World::<DB>::with(server, &audit).await;
    let rows = "INSERT INTO users VALUES (1, 'Ann', 'a'), (2, 'Ben', 'b'), (3, 'Cy', 'c')";
    world
        .run_as("ann", &[rows, "DELETE FROM users WHERE id = 3"])
        .await;
    let without = AuditContext::new().with_images_suppressed("much work");
    let rename = "UPDATE users SET name = 'Bea' WHERE id = 2";
    world.run_in(without, &[rename]).await;
    let now = Utc::now();
    assert_eq!(
        keys_having(&world, now, &[r#"name = "Ann""#]).await,
        ["1", "2"]
    );
    assert_eq!(keys_having(&world, now, &[r#"name = "Ben""#]).await, ["2"]);
    assert_eq!(
        keys_having(&world, now, &[r#"email = "a""#]).await,
        ["1", "2"]
    );
    assert_eq!(keys_having(&world, now, &["id = 1"]).await, ["1"]);
    let both = [r#"email = "a""#, "id = 2"];
    assert_eq!(keys_having(&world, now, &both).await, ["2"]);
    let users = LogQuery::new().table("users");
    let told = async |key: &str, condition: &str| {
        let was = world.trail().as_of(&users, key, now).await.unwrap();
        was.meets(&StateFilter::from(condition).read().unwrap())
    };
    assert_eq!(told("1", r#"name = "Ann""#).await, Some(true));
    assert_eq!(told("1", r#"name != "Ann""#).await, Some(false));
    assert_eq!(told("2", r#"name = "Ben""#).await, None);
    assert_eq!(told("1", r#"email = "a""#).await, None);
    assert_eq!(told("3", "id = 3").await, Some(false));
    assert_eq!(told("4", "id = 4").await, None);
}

/// A part of a document is looked into where the database has documents.
pub(crate) async fn a_part_of_a_document_is_compared<DB: Db>(server: Server) {
    let kind = match server.dialect() {
        Dialect::Postgres => "jsonb",
        Dialect::MySql => "JSON",
        _ => "TEXT",
    };
    let table = format!("CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, place {kind})");
    let world = World::<DB>::of(server, &table, &Audit::builder().build().unwrap()).await;
    let bonn = r#"INSERT INTO users VALUES (1, '{"city": "Bonn", "codes": [53111, 53113]}')"#;
    let other = r#"INSERT INTO users VALUES (2, '{"city": "Köln", "codes": []}')"#;
    world.run_as("ann", &[bonn, other]).await;
    let expected: &[&str] = match server.dialect() {
        Dialect::Sqlite => &[],
        _ => &["1"],
    };
    for condition in [r#"place.city = "Bonn""#, "place.codes[1] = 53113"] {
        assert_eq!(
            keys_having(&world, Utc::now(), &[condition]).await,
            expected
        );
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
    let mut table = trail.table_as_of(&of, Utc::now());
    let mut told = Vec::new();
    while let Some((key, was)) = table.next().await.unwrap() {
        assert!(matches!(was.state, State::Present(_)), "{key}: {was:?}");
        told.push(key);
    }
    assert_eq!(told, words);

    // Of the events of one actor alone they would be put together wrongly.
    let by_ann = of.actor("ann");
    let refused = trail.table_as_of(&by_ann, Utc::now()).next().await;
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

/// One partition of a table was emptied: its records may be gone, and those that are found later are not.
pub(crate) async fn a_partition_that_was_emptied_is_a_gap<DB: Db>(server: Server) {
    let parts = "CREATE TABLE users (id BIGINT PRIMARY KEY) PARTITION BY RANGE (id); \
                 CREATE TABLE few PARTITION OF users FOR VALUES FROM (0) TO (10); \
                 CREATE TABLE more PARTITION OF users FOR VALUES FROM (10) TO (20)";
    let world = World::<DB>::of(server, parts, &Audit::builder().build().unwrap()).await;
    for sql in [
        "INSERT INTO users VALUES (1), (11), (12)",
        "TRUNCATE few",
        "DELETE FROM users WHERE id = 11",
        "TRUNCATE users",
    ] {
        world.run_as("ann", &[sql]).await;
    }
    let events = world.events().await;
    let kinds = events
        .iter()
        .map(|event| (event.operation, event.before_exact));
    let kinds: Vec<_> = kinds.skip(3).collect();
    let whole = (Operation::Truncate, None);
    let part = (Operation::Truncate, Some(false));
    assert_eq!(kinds, [part, (Operation::Delete, None), whole]);
    let users = LogQuery::new().table("users");
    let mut trail = world.trail();
    for (key, gaps) in [
        ("1", vec![Gap::EmptiedInPart]),
        ("11", Vec::new()),
        ("12", vec![Gap::EmptiedInPart]),
    ] {
        let was = trail.as_of_event(&users, key, &events[3]).await.unwrap();
        assert!(matches!(was.state, State::Present(_)), "{key}: {was:?}");
        assert_eq!(was.gaps, gaps, "{key}");
        let was = trail.as_of_event(&users, key, &events[2]).await.unwrap();
        assert_eq!(was.gaps, [], "{key}");
        let was = trail.as_of_event(&users, key, &events[5]).await.unwrap();
        assert_eq!((was.state, was.gaps), (State::Absent, Vec::new()), "{key}");
    }
}
