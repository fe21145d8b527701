//! Images as typed values, over changes of their table.

use audit_core::query::LogQuery;
use audit_core::{Audit, Dialect, Event, Redaction, TableRule};
use audit_store::{ColumnChange, Gap, State, TypedValue};
use audit_testkit::Server;
use chrono::NaiveDate;

use super::world::{Db, World};

use TypedValue::{
    Boolean, Bytes, Date, DateTime, Decimal, Instant, Integer, List, Null, Other, Real, Text, Time,
    Unsigned, Uuid,
};

/// A type, a value as SQL writes it, and the value of Rust that it is.
type Known = (&'static str, &'static str, TypedValue);

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 2, 29).unwrap()
}

fn time() -> TypedValue {
    Time(chrono::NaiveTime::from_hms_micro_opt(23, 59, 58, 123_456).unwrap())
}

fn date_time() -> chrono::NaiveDateTime {
    day().and_hms_micro_opt(10, 11, 12, 123_456).unwrap()
}

fn json(text: &str) -> audit_core::Json {
    text.parse().unwrap()
}

const UUID: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

fn uuid() -> TypedValue {
    Uuid(UUID.parse().unwrap())
}

fn on_postgres() -> Vec<Known> {
    vec![
        ("smallint", "-32768", Integer(-32768)),
        ("bigint", "9223372036854775807", Integer(i64::MAX)),
        (
            "numeric",
            "1234567890123456789012345678901234567.890",
            Decimal("1234567890123456789012345678901234567.890".to_owned()),
        ),
        ("numeric(10, 2)", "1.1", Decimal("1.10".to_owned())),
        ("numeric", "'NaN'", Decimal("NaN".to_owned())),
        ("real", "0.1", Real(f64::from(0.1_f32))),
        (
            "double precision",
            "0.1::float8 + 0.2::float8",
            Real(0.1 + 0.2),
        ),
        ("double precision", "'-Infinity'", Real(f64::NEG_INFINITY)),
        ("double precision", "5e-324", Real(5e-324)),
        ("boolean", "true", Boolean(true)),
        ("text", "'null'", Text("null".to_owned())),
        ("character varying(5)", "'a\"é'", Text("a\"é".to_owned())),
        ("bytea", "'\\x00ff80'", Bytes(vec![0, 255, 128])),
        ("bytea", "''", Bytes(Vec::new())),
        ("date", "'2024-02-29'", Date(day())),
        ("date", "'infinity'", Other(json("\"infinity\""))),
        ("date", "'0044-03-15 BC'", Other(json("\"0044-03-15 BC\""))),
        ("time", "'23:59:58.123456'", time()),
        (
            "timestamp",
            "'2024-02-29 10:11:12.123456'",
            DateTime(date_time()),
        ),
        (
            "timestamp(3) with time zone",
            "'2024-02-29 12:11:12.123+02'",
            Instant(day().and_hms_milli_opt(10, 11, 12, 123).unwrap().and_utc()),
        ),
        ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", uuid()),
        (
            "jsonb",
            "'{\"$bytes\": \"AA==\"}'",
            TypedValue::Json(json("{\"$bytes\": \"AA==\"}")),
        ),
        (
            "json",
            "'\"infinity\"'",
            TypedValue::Json(json("\"infinity\"")),
        ),
        (
            "integer[]",
            "'{{1,2},{3,NULL}}'",
            List(vec![
                List(vec![Integer(1), Integer(2)]),
                List(vec![Integer(3), Null]),
            ]),
        ),
        ("text[]", "'{}'", List(Vec::new())),
        (
            "jsonb[]",
            "array['[1]']::jsonb[]",
            List(vec![TypedValue::Json(json("[1]"))]),
        ),
        ("interval", "'1 day'", Other(json("\"P1D\""))),
        ("text", "NULL", Null),
    ]
}

fn on_mysql() -> Vec<Known> {
    vec![
        ("TINYINT(1)", "1", Integer(1)),
        ("BIGINT", "-9223372036854775808", Integer(i64::MIN)),
        (
            "BIGINT UNSIGNED",
            "18446744073709551615",
            Unsigned(u64::MAX),
        ),
        (
            "DECIMAL(40, 3)",
            "1234567890123456789012345678901234567.890",
            Decimal("1234567890123456789012345678901234567.890".to_owned()),
        ),
        ("FLOAT", "0.1", Real(f64::from(0.1_f32))),
        ("DOUBLE", "0.30000000000000004", Real(0.1 + 0.2)),
        ("BIT(4)", "b'1010'", Integer(10)),
        ("YEAR", "2024", Integer(2024)),
        ("VARCHAR(9)", "'a\"é'", Text("a\"é".to_owned())),
        ("ENUM('a', 'b')", "'b'", Text("b".to_owned())),
        ("SET('a', 'b')", "'a,b'", Text("a,b".to_owned())),
        ("VARBINARY(9)", "x'00ff80'", Bytes(vec![0, 255, 128])),
        ("BLOB", "''", Bytes(Vec::new())),
        ("DATE", "'2024-02-29'", Date(day())),
        ("TIME(6)", "'23:59:58.123456'", time()),
        ("TIME", "'-01:00:00'", Other(json("\"-01:00:00\""))),
        (
            "DATETIME(6)",
            "'2024-02-29 10:11:12.123456'",
            DateTime(date_time()),
        ),
        (
            "TIMESTAMP(6) NULL",
            "'2024-02-29 10:11:12.123456'",
            Instant(date_time().and_utc()),
        ),
        ("UUID", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", uuid()),
        ("TEXT", "NULL", Null),
    ]
}

fn on_sqlite() -> Vec<Known> {
    vec![
        ("INTEGER", "-9223372036854775808", Integer(i64::MIN)),
        ("BOOLEAN", "1", Boolean(true)),
        ("BOOLEAN", "2", Integer(2)),
        ("REAL", "0.1 + 0.2", Real(0.1 + 0.2)),
        ("REAL", "1", Real(1.0)),
        ("DOUBLE", "-9e999", Real(f64::NEG_INFINITY)),
        ("TEXT", "'Infinity'", Text("Infinity".to_owned())),
        (
            "TEXT",
            "'{\"$bytes\":\"AA==\"}'",
            Text("{\"$bytes\":\"AA==\"}".to_owned()),
        ),
        ("VARCHAR(9)", "'a\"é'", Text("a\"é".to_owned())),
        ("BLOB", "x'00ff80'", Bytes(vec![0, 255, 128])),
        (
            "BLOB",
            "CAST(x'ff' AS TEXT)",
            Other(json("{\"$text\":\"/w==\"}")),
        ),
        ("DATE", "'2024-02-29'", Date(day())),
        ("DATE", "'tomorrow'", Text("tomorrow".to_owned())),
        ("TIME", "'23:59:58.123456'", time()),
        (
            "DATETIME",
            "'2024-02-29 10:11:12.123456'",
            DateTime(date_time()),
        ),
        (
            "TIMESTAMP",
            "'2024-02-29T12:11:12.123456+02:00'",
            Instant(date_time().and_utc()),
        ),
        ("UUID", "x'a0eebc999c0b4ef8bb6d6bb9bd380a11'", uuid()),
        ("UUID", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", uuid()),
        ("JSON", "'[1.0]'", TypedValue::Json(json("[1.0]"))),
        ("TEXT", "NULL", Null),
    ]
}

/// Each type has the value that was written.
pub(crate) async fn a_value_has_the_type_of_its_column<DB: Db>(server: Server) {
    let known = match server.dialect() {
        Dialect::MySql => on_mysql(),
        Dialect::Postgres => on_postgres(),
        _ => on_sqlite(),
    };
    let columns = known.iter().enumerate();
    let columns = columns.map(|(place, (kind, ..))| format!(", v{place} {kind}"));
    let table = format!(
        "CREATE TABLE typed (id INTEGER NOT NULL PRIMARY KEY{}, secret VARCHAR(20), long_text {})",
        columns.collect::<String>(),
        if server.dialect() == Dialect::MySql {
            "LONGTEXT"
        } else {
            "TEXT"
        }
    );
    let rule = TableRule::new("typed").redact("secret", Redaction::Mask);
    let audit = Audit::builder().table(rule).build().unwrap();
    let world = World::<DB>::of(server, &table, &audit).await;
    let values: Vec<&str> = known.iter().map(|(_, sql, _)| *sql).collect();
    let zone = match server.dialect() {
        Dialect::MySql => "SET STATEMENT time_zone = '+00:00' FOR ",
        _ => "",
    };
    let long = "x".repeat(70_000);
    let insert = format!(
        "{zone}INSERT INTO typed VALUES (1, {}, 'hidden', '{long}')",
        values.join(", ")
    );
    world.run_as("ann", &[&insert]).await;
    let mut trail = world.trail();
    let shapes = trail.shapes("typed").await.unwrap();
    let events = world.events().await;
    let image = shapes.after(&events[0]).unwrap();
    assert_eq!(shapes.before(&events[0]), None);
    for (place, (kind, sql, expected)) in known.iter().enumerate() {
        let found = image.get(&format!("v{place}"));
        assert_eq!(found, Some(expected), "{sql} as {kind}");
    }
    assert_eq!(image.get("secret"), Some(&TypedValue::Redacted));
    assert_eq!(
        image.get("long_text"),
        Some(&TypedValue::Truncated { bytes: 70_000 })
    );
    assert_eq!(image.get("nothing"), None);
}

/// The changes that every database can make to a table, to the same effect.
fn alterations(server: Server) -> &'static [&'static str] {
    match server.dialect() {
        Dialect::Postgres => &[
            "ALTER TABLE things RENAME COLUMN mail TO email",
            "ALTER TABLE things ALTER COLUMN size TYPE VARCHAR(9) USING 'n' || size",
            "ALTER TABLE things DROP COLUMN old",
            "ALTER TABLE things ADD COLUMN new VARCHAR(9) DEFAULT 'fresh'",
            "ALTER TABLE things ALTER COLUMN rest TYPE INTEGER USING coalesce(rest, 0), \
                ALTER COLUMN rest SET NOT NULL",
        ],
        Dialect::MySql => &[
            "SET sql_mode = ''",
            "ALTER TABLE things RENAME COLUMN mail TO email, MODIFY size VARCHAR(9), \
                DROP COLUMN old, ADD COLUMN new VARCHAR(9) DEFAULT 'fresh', \
                MODIFY rest INTEGER NOT NULL",
        ],
        _ => &[
            "CREATE TABLE others (id INTEGER NOT NULL PRIMARY KEY, email VARCHAR(9), \
                size VARCHAR(9), rest INTEGER NOT NULL, new VARCHAR(9) DEFAULT 'fresh')",
            "INSERT INTO others (id, email, size, rest) \
                SELECT id, mail, size, coalesce(rest, 0) FROM things",
            "DROP TABLE things",
            "ALTER TABLE others RENAME TO things",
        ],
    }
}

/// Two records, of which one was changed after the table was; with the events of both.
async fn altered<DB: Db>(server: Server) -> (World<DB>, Vec<Event>) {
    let table = "CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, mail VARCHAR(9), \
         size INTEGER, old INTEGER, rest INTEGER)";
    let audit = Audit::builder().exclude("others").build().unwrap();
    let mut world = World::<DB>::of(server, table, &audit).await;
    let inserts = [
        "INSERT INTO things VALUES (1, 'a@b.c', 5, 7, NULL)",
        "INSERT INTO things VALUES (2, 'x', 6, 8, NULL)",
    ];
    world.run_as("ann", &inserts).await;
    for sql in alterations(server) {
        world.raw.run(sql).await;
    }
    audit_sqlx::migrate(&world.pool, &audit).await.unwrap();
    world
        .run_as("ann", &["UPDATE things SET email = 'd@e.f' WHERE id = 1"])
        .await;
    let things = LogQuery::new().table("things").oldest_first();
    let events = world.trail().page(&things, None).await.unwrap().events;
    (world, events)
}

/// What became of columns, in words that are the same for every database.
fn in_words(change: &ColumnChange) -> String {
    let has = |text: &str, part: &str| text.to_lowercase().contains(part);
    match change {
        ColumnChange::Retyped { field, from, to } if has(from, "int") && has(to, "char") => {
            format!("`{field}` became a text")
        }
        other => other.to_string(),
    }
}

/// What was written under other columns is read by those, and under the names of now.
pub(crate) async fn columns_that_changed_are_read_as_they_were<DB: Db>(server: Server) {
    let (world, events) = altered::<DB>(server).await;
    let shapes = world.trail().shapes("things").await.unwrap();
    assert_eq!(shapes.entries().len(), 2);
    let told = shapes.clone().renamed("mail", "email");
    let first = told.after(&events[0]).unwrap();
    assert_eq!(first.get("email"), Some(&Text("a@b.c".to_owned())));
    assert_eq!(first.get("size"), Some(&Integer(5)));
    assert_eq!(first.get("old"), Some(&Integer(7)));
    assert_eq!(first.get("new"), None);
    let untold = shapes.after(&events[0]).unwrap();
    assert_eq!(untold.get("mail"), Some(&Text("a@b.c".to_owned())));
    let last = told.after(events.last().unwrap()).unwrap();
    assert_eq!(last.get("email"), Some(&Text("d@e.f".to_owned())));
    assert!(matches!(last.get("size"), Some(Text(_))), "{last:?}");
    assert_eq!(last.get("new"), Some(&Text("fresh".to_owned())));
    let changes = told.changes();
    let changes: Vec<String> = changes.iter().map(|(_, change)| in_words(change)).collect();
    assert_eq!(
        changes,
        [
            "`mail` was renamed to `email`",
            "`size` became a text",
            "`old` was dropped",
            "`rest` takes no NULL any more",
            "`new` was added"
        ]
    );
}

/// No event tells what an alteration did to a record.
pub(crate) async fn what_an_alteration_did_is_a_gap<DB: Db>(server: Server) {
    let (world, events) = altered::<DB>(server).await;
    let mut trail = world.trail();
    let things = LogQuery::new().table("things");
    let now = chrono::Utc::now();
    let was = trail.as_of(&things, "2", now).await.unwrap();
    assert!(matches!(was.state, State::Present(_)));
    let gap = |gap: &Gap| match gap {
        Gap::Columns { change } => in_words(change),
        other => format!("{other:?}"),
    };
    let mut gaps: Vec<String> = was.gaps.iter().map(gap).collect();
    gaps.sort();
    assert_eq!(
        gaps,
        [
            "`email` was added",
            "`mail` was dropped",
            "`new` was added",
            "`old` was dropped",
            "`rest` takes no NULL any more",
            "`size` became a text"
        ]
    );
    let then = events[1].occurred_at;
    let before = trail.as_of(&things, "2", then).await.unwrap();
    assert_eq!(before.gaps, []);
    // Nor is it a change by somebody that the next event found.
    let first = trail.as_of_event(&things, "1", &events[0]).await.unwrap();
    assert_eq!(first.gaps, []);
    assert_eq!(trail.as_of(&things, "1", now).await.unwrap().gaps, []);
    let mut table = trail.table_as_of(&things, now);
    let mut with_gaps = Vec::new();
    while let Some((key, was)) = table.next().await.unwrap() {
        with_gaps.push((key, was.gaps.len()));
    }
    assert_eq!(with_gaps, [("1".to_owned(), 0), ("2".to_owned(), 6)]);
}
