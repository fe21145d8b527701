//! Tables that were altered after `migrate`: no write fails, and no change is lost.

use audit_core::{Audit, Event, Redaction, TableRule};
use audit_testkit::Server;

use sqlx::AssertSqlSafe;

use crate::world::{World, after, attach, audit, before};

/// Three tables that are alike, each under another rule, so that every kind of image is tried.
const TABLES: &str = "
    CREATE TABLE plain (id int PRIMARY KEY, secret text, v numeric, w int);
    CREATE TABLE hidden (LIKE plain INCLUDING ALL);
    CREATE TABLE narrow (LIKE plain INCLUDING ALL);
    CREATE TABLE rows (LIKE plain INCLUDING ALL);
    CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER z AFTER INSERT ON rows FOR EACH ROW EXECUTE FUNCTION nothing();";

const NAMES: [&str; 4] = ["plain", "hidden", "narrow", "rows"];

fn rules() -> Audit {
    Audit::builder()
        .table(TableRule::new("hidden").redact("secret", Redaction::Mask))
        .table(TableRule::new("narrow").include(["id", "v"]))
        .build()
        .unwrap()
}

async fn altered(server: Server, alter: &str, write: [&str; 3]) -> Vec<[Event; 3]> {
    let world = World::with(server, TABLES, rules()).await;
    let mut all = Vec::new();
    for table in NAMES {
        // In one session, which has run the triggers before the change and must not trip over
        // what it remembers.
        let first = format!("INSERT INTO {table} VALUES (1, 'first', 1.0, 1)");
        let second = format!("UPDATE {table} SET v = 2.0, secret = 'second'");
        let third = format!("DELETE FROM {table} WHERE id = 1");
        let alter = alter.replace('@', table);
        let write = write.map(|sql| sql.replace('@', table));
        world
            .held(&[
                &first, &second, &third, &first, &alter, &write[0], &write[1], &write[2],
            ])
            .await;
        let log = audit_sqlx::log(&world.pool).table(table).limit(3);
        let mut events = log.list().await.unwrap();
        events.reverse();
        all.push(events.try_into().unwrap());
    }
    world.remove().await;
    all
}

fn images(events: &[Event; 3]) -> [&str; 4] {
    let [insert, update, delete] = events;
    [after(insert), before(update), after(update), before(delete)]
}

fn changed(events: &[Event; 3]) -> Vec<&str> {
    let fields = events[1].changed_fields.as_deref().unwrap_or_default();
    fields.iter().map(String::as_str).collect()
}

fn ids(events: &[Event; 3]) -> [&str; 3] {
    [0, 1, 2].map(|at| events[at].record_id.as_deref().unwrap_or_default())
}

pub(crate) async fn a_dropped_column_is_left_out(server: Server) {
    let all = altered(
        server,
        "ALTER TABLE @ DROP v",
        [
            "INSERT INTO @ VALUES (2, 'a', 3)",
            "UPDATE @ SET w = 4 WHERE id = 2",
            "DELETE FROM @ WHERE id = 2",
        ],
    )
    .await;
    let three = r#"{"id":2,"secret":"a","w":3}"#;
    let four = r#"{"id":2,"secret":"a","w":4}"#;
    assert_eq!(images(&all[0]), [three, three, four, four]);
    assert_eq!(images(&all[3]), [three, three, four, four]);
    let hidden = r#"{"id":2,"secret":"***","w":4}"#;
    assert_eq!(images(&all[1])[2..], [hidden, hidden]);
    assert_eq!(changed(&all[0]), ["w"]);
    assert_eq!(changed(&all[1]), ["w"]);
    assert_eq!(ids(&all[1]), ["2", "2", "2"]);
    // What is not included decides nothing: this table has no event of that UPDATE.
    assert_eq!(all[2][1].operation.to_string(), "INSERT");
}

pub(crate) async fn a_renamed_column_keeps_its_rule(server: Server) {
    let all = altered(
        server,
        "ALTER TABLE @ RENAME secret TO renamed",
        [
            "INSERT INTO @ VALUES (2, 'a', 1.0, 3)",
            "UPDATE @ SET renamed = 'b', v = 1.00 WHERE id = 2",
            "DELETE FROM @ WHERE id = 2",
        ],
    )
    .await;
    assert_eq!(
        images(&all[0])[2],
        r#"{"id":2,"renamed":"b","v":1.00,"w":3}"#
    );
    assert_eq!(images(&all[3]), images(&all[0]));
    assert_eq!(
        images(&all[1]),
        [
            r#"{"id":2,"renamed":"***","v":1.0,"w":3}"#,
            r#"{"id":2,"renamed":"***","v":1.0,"w":3}"#,
            r#"{"id":2,"renamed":"***","v":1.00,"w":3}"#,
            r#"{"id":2,"renamed":"***","v":1.00,"w":3}"#,
        ]
    );
    assert_eq!(
        images(&all[2])[1..3],
        [r#"{"id":2,"v":1.0}"#, r#"{"id":2,"v":1.00}"#]
    );
    assert_eq!(changed(&all[0]), ["renamed", "v"]);
    assert_eq!(changed(&all[2]), ["v"]);
}

pub(crate) async fn a_retyped_column_is_written_in_its_new_type(server: Server) {
    let all = altered(
        server,
        "ALTER TABLE @ ALTER v TYPE text USING v::text, ALTER id TYPE text, ALTER w TYPE text",
        [
            "INSERT INTO @ VALUES ('two', 'a', 'x', '3')",
            "UPDATE @ SET v = 'y', secret = 'b' WHERE id = 'two'",
            "DELETE FROM @ WHERE id = 'two'",
        ],
    )
    .await;
    assert_eq!(
        images(&all[0])[2],
        r#"{"id":"two","secret":"b","v":"y","w":"3"}"#
    );
    assert_eq!(
        images(&all[1])[2],
        r#"{"id":"two","secret":"***","v":"y","w":"3"}"#
    );
    assert_eq!(images(&all[2])[2], r#"{"id":"two","v":"y"}"#);
    assert_eq!(images(&all[3]), images(&all[0]));
    for events in &all {
        assert_eq!(ids(events), ["two", "two", "two"]);
    }
}

/// The function of an UPDATE compares values by their types, and fixes only those settings that these
/// types need: neither may be relied on when a column has another type by now.
pub(crate) async fn a_retyped_column_is_compared_and_written_by_its_new_type(server: Server) {
    let tables = "
        CREATE TABLE t (id int PRIMARY KEY, n int, f int, b text, i text, c text, w int);
        INSERT INTO t VALUES (1, 1, 1, 'a', '1 day', 'x', 1);
        CREATE COLLATION careless (provider = icu, locale = 'und-u-ks-level1', deterministic = false);";
    let retype = "ALTER TABLE t ALTER n TYPE numeric, ALTER f TYPE float8,
        ALTER b TYPE bytea USING '\\x00ff', ALTER i TYPE interval USING i::interval,
        ALTER c TYPE text COLLATE careless";
    let settings =
        "SET extra_float_digits = -10; SET bytea_output = escape; SET IntervalStyle = postgres";
    let update = "UPDATE t SET n = 1.00, f = 0.12345678901234568, c = 'X', w = w + 1";
    for reconnects in [false, true] {
        let mut world = World::new(server, tables).await;
        if reconnects {
            world.run(&["UPDATE t SET w = 0", retype]).await;
            world.reconnect().await;
            world.held(&[settings, update]).await;
        } else {
            let statements = ["UPDATE t SET w = 0", retype, settings, update];
            world.held(&statements).await;
        }
        let events = world.events().await;
        assert_eq!(events.len(), 2);
        assert_eq!(
            events[1].changed_fields.clone().unwrap(),
            ["n", "f", "c", "w"]
        );
        assert_eq!(
            after(&events[1]),
            r#"{"id":1,"n":1.00,"f":0.12345678901234568,"b":"\\x00ff","i":"P1D","c":"X","w":1}"#
        );
        world.remove().await;
    }
}

/// Texts are compared by their bytes, in whatever collation they are.
pub(crate) async fn equal_texts_that_differ_are_a_change(server: Server) {
    let tables = "
        CREATE COLLATION careless (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
        CREATE TABLE t (
            id int PRIMARY KEY, c text COLLATE careless, v varchar(9) COLLATE careless, w int
        );
        INSERT INTO t VALUES (1, 'x', 'y', 1);";
    let world = World::new(server, tables).await;
    world
        .run(&["UPDATE t SET c = 'X', w = 2", "UPDATE t SET v = 'Y', w = 3"])
        .await;
    let events = world.events().await;
    let changed = events
        .iter()
        .map(|event| event.changed_fields.clone().unwrap());
    assert_eq!(changed.collect::<Vec<_>>(), [["c", "w"], ["v", "w"]]);
    world.remove().await;
}

pub(crate) async fn a_renamed_key_is_still_the_key(server: Server) {
    let all = altered(
        server,
        "ALTER TABLE @ RENAME id TO number",
        [
            "INSERT INTO @ VALUES (2, 'a', 1, 3)",
            "UPDATE @ SET number = 5, v = 2 WHERE number = 2",
            "DELETE FROM @ WHERE number = 5",
        ],
    )
    .await;
    for events in &all {
        assert_eq!(ids(events), ["2", "5", "5"]);
        assert_eq!(events[1].previous_record_id.as_deref(), Some("2"));
        assert!(after(&events[1]).contains(r#""number":5"#));
    }
}

pub(crate) async fn a_dropped_key_gives_way_to_a_hash(server: Server) {
    let all = altered(
        server,
        "ALTER TABLE @ DROP id",
        [
            "INSERT INTO @ VALUES ('a', 10, 3)",
            "UPDATE @ SET v = 11 WHERE v = 10",
            "DELETE FROM @ WHERE v = 11",
        ],
    )
    .await;
    for events in &all {
        let [insert, update, delete] = ids(events);
        assert!(
            insert.starts_with("sha256:") && insert.len() == 71,
            "{insert}"
        );
        assert_eq!(events[1].previous_record_id.as_deref(), Some(insert));
        assert_eq!(update, delete);
    }
}

pub(crate) async fn an_added_column_is_seen_at_once(server: Server) {
    for alter in [
        "ALTER TABLE @ ADD added text",
        "ALTER TABLE @ ADD gone int, ADD gone_too int; \
         ALTER TABLE @ DROP gone, DROP gone_too, ADD added text",
    ] {
        let all = altered(
            server,
            alter,
            [
                "INSERT INTO @ VALUES (2, 'a', 1, 3, 'x')",
                "UPDATE @ SET added = 'y', v = 3 WHERE id = 2",
                "DELETE FROM @ WHERE id = 2",
            ],
        )
        .await;
        for (at, secret) in [(0, "a"), (1, "***"), (3, "a")] {
            let image = |v: i32, added: &str| {
                format!(r#"{{"id":2,"secret":"{secret}","v":{v},"w":3,"added":"{added}"}}"#)
            };
            let (old, new) = (image(1, "x"), image(3, "y"));
            assert_eq!(images(&all[at]), [&old, &old, &new, &new], "{alter}");
        }
        assert_eq!(images(&all[2])[2], r#"{"id":2,"v":3}"#);
    }
}

pub(crate) async fn a_change_of_an_added_column_alone_is_an_event(server: Server) {
    let world = World::with(server, TABLES, audit()).await;
    world
        .held(&[
            "INSERT INTO plain VALUES (1, 'a', 1, 1)",
            "ALTER TABLE plain ADD gone int; ALTER TABLE plain DROP gone; \
             ALTER TABLE plain ADD added text",
            "UPDATE plain SET added = 'x'",
            "UPDATE plain SET added = 'x'",
        ])
        .await;
    let events = world.events().await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].changed_fields.clone().unwrap(), ["added"]);
    // The check tells that the triggers are behind, and `migrate` brings them up.
    assert!(!world.gaps().await.is_empty());
    assert!(!world.migrate().await.has_gaps());
    world.run(&["UPDATE plain SET added = 'y', v = 2"]).await;
    let last = world.events().await.pop().unwrap();
    assert_eq!(last.changed_fields.unwrap(), ["v", "added"]);
    world.remove().await;
}

pub(crate) async fn a_renamed_table_is_still_captured(server: Server) {
    let world = World::new(server, TABLES).await;
    world
        .held(&[
            "INSERT INTO plain VALUES (1, 'a', 1, 1)",
            "ALTER TABLE plain RENAME TO other; CREATE SCHEMA s; ALTER TABLE other SET SCHEMA s",
            "INSERT INTO s.other VALUES (2, 'a', 1, 1)",
            "ALTER TABLE s.other RENAME id TO number",
            "INSERT INTO s.other VALUES (3, 'a', 1, 1)",
            "UPDATE s.other SET v = 2",
        ])
        .await;
    assert_eq!(
        world.story().await,
        [
            "INSERT plain 1",
            "INSERT plain 2",
            "INSERT plain 3",
            "UPDATE plain 1",
            "UPDATE plain 2",
            "UPDATE plain 3"
        ]
    );
    world.remove().await;
}

pub(crate) async fn partitions_are_read_by_the_columns_of_their_root(server: Server) {
    let rules = Audit::builder()
        .table(TableRule::new("p").redact("secret", Redaction::Truncate(2)))
        .build()
        .unwrap();
    let world = World::with(
        server,
        "CREATE TABLE p (id int, secret text, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
         CREATE TABLE leaf (v int, gone int, gone_too int, secret text, id int NOT NULL);
         ALTER TABLE leaf DROP gone, DROP gone_too;
         ALTER TABLE p ATTACH PARTITION leaf DEFAULT;",
        rules,
    )
    .await;
    world
        .held(&[
            "INSERT INTO p VALUES (1, 'secret', 1)",
            "UPDATE p SET v = 2",
            "ALTER TABLE p RENAME secret TO hidden; ALTER TABLE p ADD added int",
            "INSERT INTO p VALUES (2, 'secret', 1, 7)",
            "UPDATE p SET added = 8, hidden = 'other' WHERE id = 2",
        ])
        .await;
    let events = world.events().await;
    assert_eq!(after(&events[1]), r#"{"id":1,"secret":"se…","v":2}"#);
    assert_eq!(
        after(&events[2]),
        r#"{"id":2,"hidden":"se…","v":1,"added":7}"#
    );
    assert_eq!(
        after(&events[3]),
        r#"{"id":2,"hidden":"ot…","v":1,"added":8}"#
    );
    assert_eq!(
        events[3].changed_fields.clone().unwrap(),
        ["hidden", "added"]
    );
    world.remove().await;
}

pub(crate) async fn types_that_change_are_written_as_they_are_by_then(server: Server) {
    for (create, part) in [
        ("", ""),
        (
            " PARTITION BY LIST (m)",
            "CREATE TABLE leaf PARTITION OF t DEFAULT",
        ),
    ] {
        let world = World::new(
            server,
            &format!(
                "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TYPE pair AS (x int, y text);
                 CREATE DOMAIN small AS int;
                 CREATE TABLE t (m mood PRIMARY KEY, ms mood[], p pair, s small){create}; {part}"
            ),
        )
        .await;
        let write = "INSERT INTO t VALUES ('good', '{good}', ROW(1, 'a'), 1)";
        let rewrite = "UPDATE t SET s = s + 1";
        world
            .held(&[
                write,
                rewrite,
                "ALTER TYPE mood RENAME VALUE 'good' TO 'fine'",
                "ALTER TYPE mood ADD VALUE 'great' BEFORE 'bad'",
                "ALTER TYPE pair RENAME ATTRIBUTE y TO z",
                "ALTER DOMAIN small ADD CHECK (VALUE < 10)",
                rewrite,
                "DELETE FROM t",
                &write.replace("good", "great"),
                "ALTER TYPE mood RENAME TO temper; CREATE SCHEMA s; ALTER TYPE temper SET SCHEMA s",
                rewrite,
                "DELETE FROM t",
            ])
            .await;
        let events = world.events().await;
        let image = |mood: &str, attribute: &str, s: i32| {
            format!(r#"{{"m":"{mood}","ms":["{mood}"],"p":{{"x":1,"{attribute}":"a"}},"s":{s}}}"#)
        };
        assert_eq!(events.len(), 7);
        assert_eq!(after(&events[1]), image("good", "y", 2));
        assert_eq!(after(&events[2]), image("fine", "z", 3));
        assert_eq!(events[2].changed_fields.clone().unwrap(), ["s"]);
        assert_eq!(before(&events[3]), image("fine", "z", 3));
        assert_eq!(events[3].record_id.as_deref(), Some("fine"));
        assert_eq!(before(&events[6]), image("great", "z", 2));
        assert_eq!(events[6].record_id.as_deref(), Some("great"));
        world.remove().await;
    }
}

/// PostgreSQL 18 computes such a column on reading, and no trigger has a value of it.
pub(crate) async fn a_generated_column_that_comes_later_stops_no_write(server: Server) {
    let kind = match server {
        Server::Postgres18 => "VIRTUAL",
        _ => "STORED",
    };
    for table in NAMES {
        let world = World::with(server, TABLES, rules()).await;
        world
            .held(&[
                &format!("INSERT INTO {table} VALUES (1, 'a', 1, 1)"),
                &format!("ALTER TABLE {table} ADD g int GENERATED ALWAYS AS (w * 2) {kind}"),
                &format!("INSERT INTO {table} VALUES (2, 'b', 1, 4), (3, 'c', 1, 5)"),
                &format!("UPDATE {table} SET v = 3 WHERE id = 2"),
                &format!("DELETE FROM {table} WHERE id = 3"),
            ])
            .await;
        let late = world.events().await.split_off(1);
        let migrated = world.migrate().await;
        assert!(!migrated.has_gaps(), "{migrated:?}");
        world
            .run(&[
                &format!("INSERT INTO {table} VALUES (4, 'd', 1, 6)"),
                &format!("DELETE FROM {table}"),
            ])
            .await;
        let events = world.events().await.split_off(5);
        assert_eq!((late.len(), events.len()), (4, 4), "{table}");
        let shown = kind == "STORED" && table != "narrow";
        for (event, value) in [
            (&late[0], r#""g":8"#),
            (&late[1], r#""g":10"#),
            (&late[3], r#""g":10"#),
            (&events[0], r#""g":12"#),
            (&events[1], r#""g":2"#),
        ] {
            let images = format!("{}{}", before(event), after(event));
            assert_eq!(images.contains(value), shown, "{images}");
            assert_eq!(images.contains(r#""g""#), shown, "{images}");
        }
        world.remove().await;
    }
}

pub(crate) async fn a_document_that_was_altered_stays_hidden(server: Server) {
    let rule = |table: &str| {
        TableRule::new(table)
            .redact_path("data", "$.secret", Redaction::Mask)
            .redact("cut", Redaction::Truncate(20))
            .redact_path("cut", "$.secret", Redaction::Drop)
    };
    let audit = Audit::builder()
        .table(rule("held"))
        .table(rule("fresh"))
        .build()
        .unwrap();
    let row = r#"'{"secret":"canary", "x":[1 ,2]}'"#;
    let world = World::with(
        server,
        "CREATE TABLE held (id int PRIMARY KEY, data json, cut jsonb, v int);
         CREATE TABLE fresh (id int PRIMARY KEY, data json, cut jsonb, v int);",
        audit,
    )
    .await;
    let alters = [
        "ALTER TABLE @ ALTER data TYPE text",
        "ALTER TABLE @ ALTER data TYPE jsonb USING data::jsonb, ADD added int",
        "ALTER TABLE @ RENAME data TO renamed",
        "ALTER TABLE @ ALTER cut TYPE text, ADD more int",
        "ALTER TABLE @ ALTER renamed TYPE bytea USING convert_to(renamed::text, 'UTF8')",
        "ALTER TABLE @ DROP renamed",
    ];
    for table in ["held", "fresh"] {
        let mut statements = vec![format!("INSERT INTO {table} VALUES (0, {row}, {row}, 1)")];
        for (at, alter) in alters.iter().enumerate() {
            statements.push(alter.replace('@', table));
            statements.push(format!("UPDATE {table} SET v = v + 1"));
            let id = at + 1;
            statements.push(format!(
                "INSERT INTO {table} (id, cut, v) VALUES ({id}, {row}, 1)"
            ));
        }
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        if table == "held" {
            world.held(&statements).await;
            continue;
        }
        // In sessions that know nothing of the table as it was.
        for statement in statements {
            let pool = attach(&world.audit, world.database.url()).await;
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&pool)
                .await
                .unwrap();
            pool.close().await;
        }
    }
    let events = world.events().await;
    // One row at first and one more after each change, all of which are updated after the next.
    assert_eq!(events.len(), 2 * (1 + 6 + (1..=6).sum::<usize>()));
    for event in &events {
        let wire = serde_json::to_string(event).unwrap();
        assert!(
            !wire.contains("canary") && !wire.contains("63616e617279"),
            "{wire}"
        );
    }
    let first = r#"{"id":0,"data":{"secret":"***","x":[1 ,2]},"cut":"{\"x\":[1, 2]}","v":1}"#;
    assert_eq!(after(&events[0]), first);
    let count = |part: &str| {
        events
            .iter()
            .filter(|event| after(event).contains(part))
            .count()
    };
    assert_eq!(count(r#""renamed":{"x":[1, 2],"secret":"***"}"#), 2 * 2);
    assert_eq!(count(r#""renamed":"***""#), 2);
    world.remove().await;
}
