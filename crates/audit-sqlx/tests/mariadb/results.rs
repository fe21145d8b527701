//! What the application gets to see is the same as without the log: each statement runs on a
//! database with the log and on one without, and every answer of the server is compared.

use audit_testkit::{Server, TestDatabase};
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Column, Connection, Either, Executor, Row, TypeInfo};

use super::world::{World, alice};

const TABLES: &str = "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, v INT NOT NULL, u VARCHAR(9) UNIQUE, \
         n TINYINT UNSIGNED CHECK (n < 200)); \
     CREATE TABLE c (id INT AUTO_INCREMENT PRIMARY KEY, a INT, \
         FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE ON UPDATE CASCADE); \
     CREATE TABLE r (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id)); \
     CREATE TABLE s (id INT PRIMARY KEY, at INT); INSERT INTO s VALUES (1, 41); \
     CREATE SEQUENCE q; CREATE TABLE sq (id INT PRIMARY KEY DEFAULT NEXTVAL(q), v INT); \
     CREATE FUNCTION put(x INT) RETURNS INT MODIFIES SQL DATA BEGIN \
         INSERT INTO a (v) VALUES (x); RETURN LAST_INSERT_ID(); END; \
     CREATE PROCEDURE both_of() BEGIN INSERT INTO a (v) VALUES (1), (2); SELECT ROW_COUNT(), \
         LAST_INSERT_ID(); UPDATE a SET v = v + 1; SELECT ROW_COUNT(), FOUND_ROWS(); END;";

const STATEMENTS: &[&str] = &[
    "SELECT 1",
    "INSERT INTO a (v) VALUES (1)",
    "INSERT INTO a (v, u) VALUES (2, 'x'), (3, 'y'), (4, NULL)",
    "INSERT INTO a (v, u) VALUES (5, 'z') RETURNING id, v + 1 AS w, u",
    "INSERT INTO a (v, u) SELECT v + 10, NULL FROM a WHERE id < 3",
    "INSERT IGNORE INTO a (v, u) VALUES (6, 'x'), (7, 'new'), (8, 'y')",
    "INSERT IGNORE INTO a (v, n) VALUES (NULL, 900), ('text', -1)",
    "INSERT INTO a (v, u) VALUES (9, 'x')",
    "INSERT INTO a (v, n) VALUES (9, 300)",
    "INSERT INTO a (v, n) VALUES (9, 250)",
    "INSERT INTO a (nothing) VALUES (1)",
    "INSERT INTO a (v, u) VALUES (1, 'x') ON DUPLICATE KEY UPDATE v = v + 1",
    "INSERT INTO a (id, v) VALUES (2, 3) ON DUPLICATE KEY UPDATE v = v",
    "INSERT INTO a (v, u) VALUES (1, 'x') ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), v = 50",
    "REPLACE INTO a (v, u) VALUES (70, 'y')",
    "REPLACE INTO a (id, v, u) VALUES (2, 71, 'new') RETURNING id, u",
    "INSERT INTO c (a) VALUES (1), (1), (5)",
    "INSERT INTO c (a) VALUES (999)",
    "INSERT INTO r VALUES (1, 1)",
    "UPDATE a SET v = v + 1",
    "UPDATE a SET v = v",
    "UPDATE a SET v = 1 WHERE id = 4711",
    "UPDATE a SET u = 'y' WHERE u = 'new'",
    "UPDATE IGNORE a SET u = 'same' WHERE id < 6",
    "UPDATE a SET n = 999 WHERE id = 5",
    "UPDATE IGNORE a SET n = 999 WHERE id = 5",
    "UPDATE a SET id = 1000 WHERE id = 5",
    "UPDATE a SET id = 1001 WHERE id = 1",
    "UPDATE s SET at = at + 1 WHERE id = 1",
    "UPDATE a JOIN c ON c.a = a.id SET a.v = a.v + 1, c.id = c.id + 500",
    "DELETE FROM a WHERE id = 1",
    "DELETE IGNORE FROM a WHERE id IN (1, 1000)",
    "DELETE FROM a WHERE id = 4 RETURNING v, u",
    "INSERT INTO a (id, v) VALUES (77, 1)",
    "INSERT INTO c (a) VALUES (77), (77)",
    "DELETE FROM a WHERE id = 77",
    "INSERT INTO a (id, v) VALUES (78, 1)",
    "INSERT INTO c (a) VALUES (78), (78)",
    "DELETE a, c FROM a JOIN c ON c.a = a.id WHERE a.id = 78",
    "DELETE FROM a WHERE id = 4711",
    "INSERT INTO sq (v) VALUES (1), (2)",
    "SELECT LASTVAL(q) AS last",
    "SELECT SQL_CALC_FOUND_ROWS id FROM a ORDER BY id LIMIT 1",
    "SELECT put(6) AS made",
    "CALL both_of()",
    "INSERT INTO a (v) VALUES (1); UPDATE a SET v = 2; SELECT COUNT(*) AS c FROM a; DELETE FROM a WHERE v = 77",
    "TRUNCATE TABLE c",
    "SELECT id, v, u, n FROM a ORDER BY id",
];

/// What can be asked of the session after a statement.
const ASKED: &str = "SELECT CAST(CONCAT_WS(' ', ROW_COUNT(), FOUND_ROWS(), LAST_INSERT_ID(), @@warning_count, \
     @@error_count, @@in_transaction, @@autocommit, @@identity) AS CHAR)";

fn in_words(row: &MySqlRow) -> String {
    let columns = row.columns().iter();
    let values = columns.map(|column| {
        let text: Option<String> =
            match row.try_get_unchecked::<Option<String>, _>(column.ordinal()) {
                Ok(text) => text,
                Err(_) => row
                    .try_get_unchecked::<Option<i64>, _>(column.ordinal())
                    .unwrap()
                    .map(|number| number.to_string()),
            };
        format!("{}:{}={text:?}", column.name(), column.type_info().name())
    });
    values.collect::<Vec<_>>().join(", ")
}

/// A text in which a message names no database.
fn without_number(text: &str) -> String {
    let mut parts = text.split("`audit_test_");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "`db"
            + part.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '_')
    })
}

/// Everything that comes back from a statement, as text or prepared, and what is known afterwards.
async fn answers(connection: &mut MySqlConnection, sql: &str, is_prepared: bool) -> Vec<String> {
    use futures_util::StreamExt as _;

    let mut found = Vec::new();
    {
        let query = AssertSqlSafe(sql);
        let mut stream = if is_prepared {
            connection.fetch_many(sqlx::query(query))
        } else {
            sqlx::raw_sql(query).fetch_many(&mut *connection)
        };
        while let Some(answer) = stream.next().await {
            found.push(match answer {
                Ok(Either::Left(done)) => {
                    format!(
                        "{} rows, id {}",
                        done.rows_affected(),
                        done.last_insert_id()
                    )
                }
                Ok(Either::Right(row)) => in_words(&row),
                Err(error) => format!("{error}"),
            });
        }
    }
    for asked in [ASKED, "SHOW WARNINGS"] {
        let rows = sqlx::raw_sql(asked)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let mut rows: Vec<String> = rows.iter().map(in_words).collect();
        // Any trigger at all makes the server look for NULL after the other checks of a row.
        rows.sort();
        found.extend(rows);
    }
    found.iter().map(|text| without_number(text)).collect()
}

/// Runs all statements with the log and without it, and compares each answer.
async fn compared(is_prepared: bool) -> World {
    let world = World::new(TABLES).await;
    let bare = TestDatabase::create(Server::MariaDb).await;
    bare.raw().await.run(TABLES).await;
    let mut bare = MySqlConnection::connect(bare.url()).await.unwrap();
    let mut audited = alice().scope(world.pool.acquire()).await.unwrap();
    let mut differences = Vec::new();
    for sql in STATEMENTS {
        if is_prepared && (sql.contains("; ") || sql.starts_with("CALL")) {
            continue;
        }
        let expected = answers(&mut bare, sql, is_prepared).await;
        let found = answers(&mut audited, sql, is_prepared).await;
        if found != expected {
            differences.push(format!("{sql}\n  with {found:#?}\n  without {expected:#?}"));
        }
    }
    drop(audited);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    world
}

#[tokio::test]
async fn every_answer_is_that_of_a_database_without_the_log() {
    for is_prepared in [false, true] {
        compared(is_prepared).await;
    }
}

#[tokio::test]
async fn what_answers_alike_is_recorded() {
    for is_prepared in [false, true] {
        let world = compared(is_prepared).await;
        assert!(world.events().await.len() > 40);
    }
}

/// Stated in the documents: where an UPDATE fires a trigger, whatever the trigger does, the server's
/// answer to it has no id. `SELECT LAST_INSERT_ID()` gives it all the same.
#[tokio::test]
async fn an_update_that_sets_the_insert_id_answers_without_it() {
    let world = World::new(TABLES).await;
    let bare = TestDatabase::create(Server::MariaDb).await;
    let trigger = "CREATE TRIGGER any_trigger AFTER UPDATE ON s FOR EACH ROW SET @x = 1";
    bare.raw().await.run(&format!("{TABLES} {trigger}")).await;
    let mut bare = MySqlConnection::connect(bare.url()).await.unwrap();
    let mut audited = alice().scope(world.pool.acquire()).await.unwrap();
    for connection in [&mut bare, &mut *audited] {
        let update = "UPDATE s SET at = LAST_INSERT_ID(at + 1) WHERE id = 1";
        let done = connection.execute(update).await.unwrap();
        assert_eq!((done.rows_affected(), done.last_insert_id()), (1, 0));
        let ask = "SELECT CAST(LAST_INSERT_ID() AS SIGNED)";
        let id: i64 = connection.fetch_one(ask).await.unwrap().get(0);
        assert_eq!(id, 42);
    }
}
