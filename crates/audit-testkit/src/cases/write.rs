//! Every way to change a row.

use audit_core::{Dialect, Event, Operation};

use crate::adapter::Adapter;
use crate::database::Server;
use crate::world::{World, alice};

fn shape(events: &[Event]) -> Vec<(Operation, &str, &str)> {
    let text = |text: &Option<String>| text.as_deref().unwrap_or("-").to_owned().leak() as &str;
    events
        .iter()
        .map(|e| (e.operation, text(&e.table_name), text(&e.record_id)))
        .collect()
}

const ANN: &str = "INSERT INTO users (id, name, email, age) VALUES (1, 'Ann', 'ann@x', 30)";
const THREE: &str =
    "INSERT INTO users (id, name, age) VALUES (1, 'Ann', 1), (2, 'Bob', 2), (3, 'Cy', 3)";

/// An INSERT of one row.
pub async fn insert_records_the_row<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let events = world.prove_statements(&[ANN]).await;
    assert_eq!(shape(&events), [(Operation::Insert, "users", "1")]);
    assert!(events[0].before_data.is_none() && events[0].changed_fields.is_none());
}

/// An INSERT of several rows.
pub async fn multi_row_insert_records_each_row<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let events = world.prove_statements(&[THREE]).await;
    let insert = |id| (Operation::Insert, "users", id);
    assert_eq!(shape(&events), [insert("1"), insert("2"), insert("3")]);
    assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id));
}

/// An INSERT of what a SELECT gives.
pub async fn insert_from_select_records_each_row<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[THREE]).await;
    let copy = "INSERT INTO users (id, name) SELECT id + 10, name FROM users WHERE id < 3";
    let events = world.prove_statements(&[copy]).await;
    assert_eq!(events.len(), 2);
}

/// An UPDATE by key.
pub async fn update_records_both_images<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    let events = world
        .prove_statements(&["UPDATE users SET name = 'Anna', age = 31 WHERE id = 1"])
        .await;
    assert_eq!(shape(&events), [(Operation::Update, "users", "1")]);
    assert_eq!(
        events[0].changed_fields,
        Some(vec!["name".into(), "age".into()])
    );
    assert_eq!(events[0].previous_record_id, None);
}

/// An UPDATE of many rows by other columns.
pub async fn bulk_update_records_each_row<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let rows: Vec<String> = (1..=200)
        .map(|id| format!("({id}, 'n{id}', {})", id % 2))
        .collect();
    let insert = format!(
        "INSERT INTO users (id, name, age) VALUES {}",
        rows.join(", ")
    );
    assert_eq!(world.prove_statements(&[&insert]).await.len(), 200);
    let events = world
        .prove_statements(&["UPDATE users SET age = age + 1 WHERE age = 1"])
        .await;
    assert_eq!(events.len(), 100);
}

/// An UPDATE that matches no row.
pub async fn update_of_nothing_records_nothing<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let events = world
        .prove_statements(&["UPDATE users SET name = 'x' WHERE id = 99"])
        .await;
    assert_eq!(events, []);
}

/// An UPDATE to the values that were there.
pub async fn update_without_a_change_records_nothing<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    assert_eq!(
        world
            .prove_statements(&["UPDATE users SET name = 'Ann'"])
            .await,
        []
    );
    // The same to a collation that folds case is another value all the same.
    let events = world
        .prove_statements(&["UPDATE users SET name = 'ANN'"])
        .await;
    assert_eq!(events.len(), 1);
}

/// An UPDATE of a single key.
pub async fn update_of_the_key_keeps_the_old_id<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    let events = world
        .prove_statements(&["UPDATE users SET id = 2 WHERE id = 1"])
        .await;
    assert_eq!(shape(&events), [(Operation::Update, "users", "2")]);
    assert_eq!(events[0].previous_record_id.as_deref(), Some("1"));
}

/// An UPDATE of a part of a composite key.
pub async fn update_of_a_composite_key_keeps_the_old_id<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world
        .prove_statements(&["INSERT INTO invoices (org, number, total) VALUES ('a\"b', 7, 1.5)"])
        .await;
    let events = world
        .prove_statements(&["UPDATE invoices SET number = 8"])
        .await;
    assert_eq!(
        shape(&events),
        [(Operation::Update, "invoices", r#"["a\"b","8"]"#)]
    );
    assert_eq!(
        events[0].previous_record_id.as_deref(),
        Some(r#"["a\"b","7"]"#)
    );
}

/// A DELETE by key.
pub async fn delete_records_the_row<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[THREE]).await;
    let events = world
        .prove_statements(&["DELETE FROM users WHERE id = 2"])
        .await;
    assert_eq!(shape(&events), [(Operation::Delete, "users", "2")]);
    assert!(events[0].after_data.is_none());
}

/// A DELETE without a condition, which some databases do in a faster way.
pub async fn delete_of_everything_records_each_row<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[THREE]).await;
    assert_eq!(
        world.prove_statements(&["DELETE FROM users"]).await.len(),
        3
    );
}

/// A DELETE whose foreign key takes other rows with it.
pub async fn cascading_delete_records_the_children<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world
        .prove_statements(&[
            "INSERT INTO invoices (org, number, total) VALUES ('a', 1, 5), ('a', 2, 6)",
            "INSERT INTO items (id, org, number, item) VALUES (1, 'a', 1, 'x'), (2, 'a', 1, 'y'), (3, 'a', 2, 'z')",
        ])
        .await;
    let events = world
        .prove_statements(&["DELETE FROM invoices WHERE number = 1"])
        .await;
    let mut found = shape(&events);
    found.sort_unstable_by_key(|(_, table, id)| (*table, *id));
    let delete = |table, id| (Operation::Delete, table, id);
    assert_eq!(
        found,
        [
            delete("invoices", r#"["a","1"]"#),
            delete("items", "1"),
            delete("items", "2")
        ]
    );
}

/// An upsert is an INSERT for the new row and an UPDATE for the old one.
pub async fn upsert_records_what_it_did<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    let sql = world.by(
        "INSERT INTO users (id, name) VALUES (1, 'Anna'), (2, 'Bob') \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        "INSERT INTO users (id, name) VALUES (1, 'Anna'), (2, 'Bob') \
         ON DUPLICATE KEY UPDATE name = VALUES(name)",
        "INSERT INTO users (id, name) VALUES (1, 'Anna'), (2, 'Bob') \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    );
    let events = world.prove_statements(&[sql]).await;
    let mut found = shape(&events);
    found.sort_unstable_by_key(|(_, _, id)| *id);
    assert_eq!(
        found,
        [
            (Operation::Update, "users", "1"),
            (Operation::Insert, "users", "2")
        ]
    );
}

/// An upsert that keeps what is there.
pub async fn upsert_that_does_nothing_records_nothing<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    let sql = world.by(
        "INSERT INTO users (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING",
        "INSERT IGNORE INTO users (id, name) VALUES (1, 'x')",
        "INSERT OR IGNORE INTO users (id, name) VALUES (1, 'x')",
    );
    assert_eq!(world.prove_statements(&[sql]).await, []);
}

/// REPLACE is a DELETE and an INSERT; PostgreSQL has none, and refuses the statement.
pub async fn replace_records_the_row_it_removes<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[ANN]).await;
    let sql = "REPLACE INTO users (id, name) VALUES (1, 'New')";
    if world.dialect() == Dialect::Postgres {
        let failure = world.adapter.execute(sql).await.unwrap_err();
        assert!(
            failure.message.contains("syntax error"),
            "{}",
            failure.message
        );
        return;
    }
    let events = world.prove_statements(&[sql]).await;
    assert_eq!(
        shape(&events),
        [
            (Operation::Delete, "users", "1"),
            (Operation::Insert, "users", "1")
        ]
    );
}

/// Values that look like SQL.
pub async fn values_with_quotes_are_kept<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let events = world
        .prove_statements(&["INSERT INTO users (id, name) VALUES (1, '''); DROP TABLE users; --')"])
        .await;
    let image = events[0].after_data.as_ref().unwrap().to_object();
    assert_eq!(image["name"], "'); DROP TABLE users; --");
}

/// Tables and columns whose names need quotes.
pub async fn odd_names_are_captured<A: Adapter>(server: Server) {
    let tables = match server.dialect() {
        Dialect::MySql => {
            "CREATE TABLE `Order Lines; \"x\"` (`select` BIGINT PRIMARY KEY, `Größe'` TEXT, `id` INT);\
             CREATE TABLE same (same BIGINT PRIMARY KEY, v INT)"
        }
        _ => {
            "CREATE TABLE \"Order Lines; `x`\" (\"select\" BIGINT PRIMARY KEY, \"Größe'\" TEXT, \"id\" INT);\
             CREATE TABLE same (same BIGINT PRIMARY KEY, v INT)"
        }
    };
    let world = World::<A>::with(server, tables, |audit| audit).await;
    let odd = match server.dialect() {
        Dialect::MySql => [
            "INSERT INTO `Order Lines; \"x\"` VALUES (1, 'L', 2)",
            "UPDATE `Order Lines; \"x\"` SET `Größe'` = 'XL'",
            "DELETE FROM `Order Lines; \"x\"`",
        ],
        _ => [
            "INSERT INTO \"Order Lines; `x`\" VALUES (1, 'L', 2)",
            "UPDATE \"Order Lines; `x`\" SET \"Größe'\" = 'XL'",
            "DELETE FROM \"Order Lines; `x`\"",
        ],
    };
    let events = world.prove_statements(&odd).await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[1].changed_fields, Some(vec!["Größe'".to_owned()]));
    let same = [
        "INSERT INTO same VALUES (1, 2)",
        "UPDATE same SET v = 3",
        "DELETE FROM same",
    ];
    assert_eq!(world.prove_statements(&same).await.len(), 3);
}

/// A table without a key: the hash of the row before links an UPDATE to what came before it.
pub async fn a_table_without_a_key_is_known_by_its_hash<A: Adapter>(server: Server) {
    let world = World::<A>::with(
        server,
        "CREATE TABLE notes (body VARCHAR(20), n BIGINT)",
        |a| a,
    )
    .await;
    let mut events = Vec::new();
    for sql in [
        "INSERT INTO notes VALUES ('a', 1)",
        "UPDATE notes SET n = 2",
        "DELETE FROM notes",
    ] {
        alice()
            .scope(async { world.adapter.execute(sql).await.unwrap() })
            .await;
        events.extend(world.new_events().await);
    }
    assert_eq!(events.len(), 3);
    let inserted = events[0].record_id.clone().unwrap();
    assert!(inserted.starts_with("sha256:"), "{inserted}");
    assert_eq!(events[1].previous_record_id, Some(inserted));
    assert_eq!(events[2].record_id, events[1].record_id);
    let findings = world.adapter.check().await;
    assert!(
        findings
            .iter()
            .any(|text| text.starts_with("`notes` has no primary key")),
        "{findings:?}"
    );
}

/// Affected rows are those of the application's own statement.
pub async fn results_are_the_same_as_without_audit<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let affected = async |sql: &str| world.adapter.execute(sql).await.unwrap();
    assert_eq!(affected(THREE).await, 3);
    assert_eq!(affected("UPDATE users SET age = 9 WHERE id <= 2").await, 2);
    assert_eq!(affected("UPDATE users SET age = 9 WHERE id = 99").await, 0);
    assert_eq!(affected("DELETE FROM users WHERE id = 1").await, 1);
    let failure = world
        .adapter
        .execute("INSERT INTO users (id, name) VALUES (2, 'x')")
        .await;
    assert_eq!(failure.unwrap_err().capture, None);
}

const PARENTS: &str = "CREATE TABLE parents (id BIGINT NOT NULL PRIMARY KEY, v BIGINT);\
     CREATE TABLE followers (id BIGINT NOT NULL PRIMARY KEY, parent BIGINT, \
       FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE SET NULL ON UPDATE CASCADE);";
const FAMILY: [&str; 2] = [
    "INSERT INTO parents VALUES (1, 0), (2, 0)",
    "INSERT INTO followers VALUES (10, 1), (11, 1), (12, 2)",
];

/// ON DELETE SET NULL changes the children.
pub async fn foreign_keys_that_set_null_are_recorded<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, PARENTS, |audit| audit).await;
    world.prove_statements(&FAMILY).await;
    let events = world
        .prove_statements(&["DELETE FROM parents WHERE id = 1"])
        .await;
    let mut found = shape(&events);
    found.sort_unstable_by_key(|(_, _, id)| *id);
    let update = |id| (Operation::Update, "followers", id);
    assert_eq!(
        found,
        [
            (Operation::Delete, "parents", "1"),
            update("10"),
            update("11")
        ]
    );
}

/// ON UPDATE CASCADE changes the children.
pub async fn foreign_keys_that_follow_the_key_are_recorded<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, PARENTS, |audit| audit).await;
    world.prove_statements(&FAMILY).await;
    let events = world
        .prove_statements(&["UPDATE parents SET id = 5 WHERE id = 1"])
        .await;
    let mut found = shape(&events);
    found.sort_unstable_by_key(|(_, table, id)| (*table, *id));
    let update = |table, id| (Operation::Update, table, id);
    assert_eq!(
        found,
        [
            update("followers", "10"),
            update("followers", "11"),
            update("parents", "5")
        ]
    );
}

/// The application's own triggers: what they write is recorded, after the write that fired them.
pub async fn triggers_of_the_application_are_recorded_in_order<A: Adapter>(server: Server) {
    let world = World::<A>::with(
        server,
        "CREATE TABLE counts (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)",
        |a| a,
    )
    .await;
    world
        .prove_statements(&["INSERT INTO counts VALUES (1, 0)"])
        .await;
    let trigger = world.by(
        "CREATE FUNCTION count_users() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN UPDATE counts SET n = n + 1; RETURN NULL; END $$; \
         CREATE TRIGGER a_first AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION count_users()",
        "CREATE TRIGGER a_first AFTER INSERT ON users FOR EACH ROW UPDATE counts SET n = n + 1",
        "CREATE TRIGGER a_first AFTER INSERT ON users BEGIN UPDATE counts SET n = n + 1; END",
    );
    world.raw(trigger).await;
    world.adapter.migrate(&world.audit).await;
    let events = world.prove_statements(&[ANN]).await;
    assert_eq!(
        shape(&events),
        [
            (Operation::Insert, "users", "1"),
            (Operation::Update, "counts", "1")
        ]
    );
}

/// Columns that the database computes.
pub async fn generated_columns_are_in_the_images<A: Adapter>(server: Server) {
    let table = "CREATE TABLE boxes (id BIGINT NOT NULL PRIMARY KEY, w BIGINT, h BIGINT, \
                 area BIGINT GENERATED ALWAYS AS (w * h) STORED)";
    let world = World::<A>::with(server, table, |audit| audit).await;
    let events = world
        .prove_statements(&[
            "INSERT INTO boxes (id, w, h) VALUES (1, 2, 3)",
            "UPDATE boxes SET w = 5",
            "DELETE FROM boxes",
        ])
        .await;
    assert_eq!(
        events[1].changed_fields,
        Some(vec!["w".into(), "area".into()])
    );
    assert_eq!(
        events[1].after_data.as_ref().unwrap().to_object()["area"],
        15
    );
}

/// A write through a view is one on the table behind it.
pub async fn writes_through_a_view_are_recorded<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world
        .raw("CREATE VIEW people AS SELECT id, name FROM users")
        .await;
    if world.dialect() == Dialect::Sqlite {
        world
            .raw(
                "CREATE TRIGGER people_insert INSTEAD OF INSERT ON people BEGIN \
                 INSERT INTO users (id, name) VALUES (NEW.id, NEW.name); END; \
                 CREATE TRIGGER people_update INSTEAD OF UPDATE ON people BEGIN \
                 UPDATE users SET name = NEW.name WHERE id = OLD.id; END; \
                 CREATE TRIGGER people_delete INSTEAD OF DELETE ON people BEGIN \
                 DELETE FROM users WHERE id = OLD.id; END",
            )
            .await;
    }
    let events = world
        .prove_statements(&[
            "INSERT INTO people (id, name) VALUES (1, 'Ann')",
            "UPDATE people SET name = 'Anna' WHERE id = 1",
            "DELETE FROM people WHERE id = 1",
        ])
        .await;
    assert_eq!(
        shape(&events),
        [
            (Operation::Insert, "users", "1"),
            (Operation::Update, "users", "1"),
            (Operation::Delete, "users", "1")
        ]
    );
}

/// An UPDATE that takes its values from another table.
pub async fn update_from_another_table_records_each_row<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, PARENTS, |audit| audit).await;
    world.prove_statements(&FAMILY).await;
    let sql = world.by(
        "UPDATE parents SET v = f.id FROM followers f WHERE f.parent = parents.id AND f.id <> 11",
        "UPDATE parents p JOIN followers f ON f.parent = p.id AND f.id <> 11 SET p.v = f.id",
        "UPDATE parents SET v = f.id FROM followers f WHERE f.parent = parents.id AND f.id <> 11",
    );
    let events = world.prove_statements(&[sql]).await;
    assert_eq!(events.len(), 2);
}

/// A DELETE of the rows that another table names.
pub async fn delete_by_another_table_records_each_row<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, PARENTS, |audit| audit).await;
    world.prove_statements(&FAMILY).await;
    let sql = world.by(
        "DELETE FROM followers f USING parents p WHERE f.parent = p.id AND p.id = 1",
        "DELETE f FROM followers f JOIN parents p ON f.parent = p.id AND p.id = 1",
        "DELETE FROM followers WHERE parent IN (SELECT id FROM parents WHERE id = 1)",
    );
    assert_eq!(world.prove_statements(&[sql]).await.len(), 2);
}

/// TRUNCATE: an event of its own on PostgreSQL. MariaDB fires nothing and tells no one, so the
/// rows are gone without an event; SQLite has no such statement.
pub async fn truncate_is_recorded_where_the_database_tells<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world.prove_statements(&[THREE]).await;
    let sql = "TRUNCATE TABLE users";
    match world.dialect() {
        Dialect::Postgres => {
            let events = world.prove_statements(&[sql]).await;
            let found: Vec<_> = events
                .iter()
                .map(|e| (e.operation, e.table_name.as_deref()))
                .collect();
            assert_eq!(found, [(Operation::Truncate, Some("users"))]);
            assert_eq!(events[0].record_id, None);
        }
        Dialect::MySql => {
            world.adapter.execute(sql).await.unwrap();
            assert_eq!(world.new_events().await, []);
        }
        _ => {
            let failure = world.adapter.execute(sql).await.unwrap_err();
            assert!(
                failure.message.contains("syntax error"),
                "{}",
                failure.message
            );
        }
    }
}
