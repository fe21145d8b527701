//! What statements give back: the same as in a database that nobody audits.

use std::fmt::Write as _;

use audit_testkit::{Server, TestDatabase};
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnection, PgDatabaseError, PgRow};
use sqlx::{AssertSqlSafe, Column, Connection, Either, Row, TypeInfo, ValueRef};

use crate::world::World;

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TYPE pair AS (x int, y text);
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE TABLE items (
        id bigserial PRIMARY KEY, \"Name\" varchar(8) UNIQUE, price numeric(6, 2) DEFAULT 1.5,
        m mood DEFAULT 'good', p pair, tags text[], dom positive, at timestamptz DEFAULT 'epoch',
        twice numeric GENERATED ALWAYS AS (price * 2) STORED, CHECK (price < 1000));
    CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        item bigint NOT NULL REFERENCES items ON DELETE CASCADE DEFERRABLE);
    CREATE TABLE parted (id serial, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (3);
    CREATE TABLE high PARTITION OF parted FOR VALUES FROM (3) TO (100);
    CREATE TABLE spans (during int4range, EXCLUDE USING gist (during WITH &&));
    CREATE VIEW shown AS SELECT id, \"Name\" AS name FROM items WHERE id < 1000 WITH CHECK OPTION;
    CREATE TABLE guarded (id int PRIMARY KEY, v int, depth int);
    CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        IF NEW.v < 0 THEN
            RAISE EXCEPTION 'no % here', NEW.v USING ERRCODE = 'P0099', HINT = 'try more';
        END IF;
        IF NEW.v = 0 THEN RETURN NULL; END IF;
        NEW.depth := pg_trigger_depth(); RETURN NEW; END$$;
    CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON guarded
        FOR EACH ROW EXECUTE FUNCTION guard();
    CREATE FUNCTION counted(sql text, OUT had bool, OUT n bigint) LANGUAGE plpgsql AS $$BEGIN
        EXECUTE sql; GET DIAGNOSTICS n = ROW_COUNT; UPDATE items SET dom = dom WHERE false;
        had := found; END$$;";

/// Statements whose answers tell much; some fail, and all run in one session.
const STATEMENTS: &[&str] = &[
    "SELECT setseed(0.25)::text",
    "INSERT INTO items (\"Name\", p, tags) VALUES ('a', ROW(1, 'x'), '{t,NULL}')",
    "SELECT lastval(), currval('items_id_seq')",
    "INSERT INTO items (\"Name\", dom) VALUES ('b', 2), ('c', 3), (NULL, NULL) RETURNING *, (p).x, id AS \"Key\"",
    "INSERT INTO numbered (item) SELECT id FROM items RETURNING numbered",
    "SELECT lastval()",
    "INSERT INTO items (\"Name\") VALUES ('a') ON CONFLICT (\"Name\") DO UPDATE SET price = 7 RETURNING id, price, twice, xmax <> 0 AS was_there",
    "INSERT INTO items (\"Name\") VALUES ('a'), ('z') ON CONFLICT DO NOTHING RETURNING \"Name\"",
    "UPDATE items AS i SET price = i.price + s.n FROM generate_series(1, 2) AS s (n) WHERE i.id = s.n RETURNING i.*, s.n",
    "UPDATE items SET price = price",
    "UPDATE items SET price = 1 WHERE false",
    "UPDATE items SET id = id + 100 WHERE \"Name\" = 'z' RETURNING id",
    "WITH d AS (DELETE FROM items WHERE \"Name\" = 'z' RETURNING *) SELECT \"Name\", m, at FROM d",
    "WITH i AS (INSERT INTO parted (v) VALUES (1), (2), (3) RETURNING *) SELECT sum(v), tableoid IS NULL FROM i, pg_class WHERE oid = 'parted'::regclass GROUP BY 2",
    "UPDATE parted SET id = id + 10 WHERE id > 1 RETURNING id, v, tableoid::regclass::text",
    "DELETE FROM low WHERE v = 0",
    "MERGE INTO parted USING (VALUES (13, 9), (50, 8)) AS s (id, v) ON parted.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)",
    "UPDATE items SET price = 3 WHERE id = 3 RETURNING old.price, new.price",
    "INSERT INTO shown (name) VALUES ('view') RETURNING *",
    "INSERT INTO shown VALUES (2000, 'out')",
    "SELECT * FROM counted('UPDATE items SET price = price + 1 WHERE id < 4')",
    "SELECT * FROM counted('DELETE FROM numbered WHERE id = 1')",
    "SELECT * FROM counted('INSERT INTO parted (v) VALUES (7), (8)')",
    "INSERT INTO guarded VALUES (1, 1), (2, 0), (3, 3) RETURNING *",
    "INSERT INTO guarded VALUES (4, -4)",
    "UPDATE guarded SET v = 0",
    "INSERT INTO items (id, \"Name\") VALUES (1, 'twice')",
    "INSERT INTO items (\"Name\") VALUES ('too long a name')",
    "INSERT INTO items (price) VALUES (1001)",
    "INSERT INTO items (price) VALUES (99999)",
    "INSERT INTO items (m) VALUES ('ugly')",
    "INSERT INTO items (dom) VALUES (-1)",
    "INSERT INTO items (twice) VALUES (1)",
    "INSERT INTO numbered (item) VALUES (NULL)",
    "INSERT INTO numbered (item) VALUES (999)",
    "INSERT INTO numbered (id, item) VALUES (5, 1)",
    "INSERT INTO numbered (id, item) OVERRIDING SYSTEM VALUE VALUES (5, 1) RETURNING id",
    "INSERT INTO parted VALUES (500, 1)",
    "UPDATE low SET id = 50",
    "INSERT INTO spans VALUES ('[1,5)'), ('[5,6)')",
    "INSERT INTO spans VALUES ('[2,3)')",
    "INSERT INTO items (missing) VALUES (1)",
    "INSERT INTO items VALUES (1",
    "UPDATE items SET price = 1 / 0",
    "DELETE FROM items WHERE id = 'x'",
    "INSERT INTO items VALUES (DEFAULT, random()::text::varchar(8)) RETURNING \"Name\"",
    "BEGIN",
    "DECLARE c CURSOR FOR SELECT * FROM guarded ORDER BY id FOR UPDATE",
    "FETCH c",
    "UPDATE guarded SET v = 77 WHERE CURRENT OF c RETURNING *",
    "SAVEPOINT s",
    "INSERT INTO guarded VALUES (1, 1)",
    "SELECT 1 AS after_an_error",
    "ROLLBACK TO s",
    "SET CONSTRAINTS ALL DEFERRED",
    "INSERT INTO numbered (item) VALUES (12345) RETURNING item",
    "COMMIT",
    "DELETE FROM items WHERE id = 1",
    "SELECT count(*) FROM numbered",
    "TRUNCATE guarded, parted RESTART IDENTITY",
    "INSERT INTO parted (v) VALUES (1) RETURNING id",
    "EXPLAIN (COSTS OFF) UPDATE items SET price = 2 WHERE id = 3",
    "SELECT * FROM items ORDER BY id",
    "SELECT current_setting('TimeZone'), current_setting('search_path'), current_setting('extra_float_digits'), random()",
];

fn rows_in_words(words: &mut String, row: &PgRow) {
    for column in row.columns() {
        let value = row.try_get_raw(column.ordinal()).unwrap();
        let bytes = (!value.is_null()).then(|| value.as_bytes().unwrap());
        let name = column.type_info().name();
        let _ = write!(words, "{} {name} {bytes:?}, ", column.name());
    }
    words.push('\n');
}

fn error_in_words(error: &sqlx::Error) -> String {
    let error = error.as_database_error().unwrap();
    let error = error.downcast_ref::<PgDatabaseError>();
    format!(
        "{:?} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        error.severity(),
        error.code(),
        error.message(),
        error.detail(),
        error.hint(),
        error.position(),
        error.r#where(),
        error.schema(),
        error.table(),
        error.column(),
        error.constraint()
    )
}

/// The whole answer in the text protocol: rows with columns and types, and rows affected.
async fn simple(connection: &mut PgConnection, sql: &'static str) -> String {
    let mut words = String::new();
    let mut answer = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(connection);
    loop {
        match answer.try_next().await {
            Ok(Some(Either::Left(done))) => {
                let _ = writeln!(words, "affected {}", done.rows_affected());
            }
            Ok(Some(Either::Right(row))) => rows_in_words(&mut words, &row),
            Ok(None) => return words,
            Err(error) => return words + &error_in_words(&error),
        }
    }
}

/// The same as a prepared statement, whose values are binary.
async fn prepared(connection: &mut PgConnection, sql: &'static str) -> String {
    let gives_rows = ["SELECT", "RETURNING", "FETCH", "EXPLAIN"]
        .iter()
        .any(|word| sql.contains(word));
    let mut words = String::new();
    if gives_rows {
        match sqlx::query(sql).fetch_all(connection).await {
            Ok(rows) => rows.iter().for_each(|row| rows_in_words(&mut words, row)),
            Err(error) => words = error_in_words(&error),
        }
    } else {
        words = match sqlx::query(sql).execute(connection).await {
            Ok(done) => format!("affected {}", done.rows_affected()),
            Err(error) => error_in_words(&error),
        };
    }
    words
}

/// Runs all statements with audit and without it, and compares each answer.
async fn compared(server: Server, is_prepared: bool) -> World {
    let world = World::new(server, TABLES).await;
    let bare = TestDatabase::create(server).await;
    let mut bare_connection = PgConnection::connect(bare.url()).await.unwrap();
    sqlx::raw_sql(TABLES)
        .execute(&mut bare_connection)
        .await
        .unwrap();
    let mut audited = world.connection().await;
    let mut failed = 0;
    for sql in STATEMENTS {
        let (found, wanted) = if is_prepared {
            (
                prepared(&mut audited, sql).await,
                prepared(&mut bare_connection, sql).await,
            )
        } else {
            (
                simple(&mut audited, sql).await,
                simple(&mut bare_connection, sql).await,
            )
        };
        assert_eq!(found, wanted, "{sql}");
        failed += usize::from(wanted.contains("Error "));
    }
    assert_eq!(failed, if knows_old_and_new(server) { 22 } else { 23 });
    drop(audited);
    bare_connection.close().await.unwrap();
    world
}

/// Only the newest knows `old` and `new` in RETURNING.
fn knows_old_and_new(server: Server) -> bool {
    server == Server::Postgres18
}

pub(crate) async fn answers_are_those_of_a_database_without_audit(server: Server) {
    for is_prepared in [false, true] {
        compared(server, is_prepared).await.remove().await;
    }
}

pub(crate) async fn what_answers_alike_is_recorded(server: Server) {
    for is_prepared in [false, true] {
        let world = compared(server, is_prepared).await;
        let events = world.events().await.len();
        assert_eq!(events, 40 + usize::from(knows_old_and_new(server)));
        world.remove().await;
    }
}
