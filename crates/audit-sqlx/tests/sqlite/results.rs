//! What the application sees of its own statements is what it sees without audit.

use std::fmt::Write as _;

use sqlx::{Column, Row, TypeInfo, ValueRef};

use super::*;

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE NOT NULL, \
         n REAL CHECK (n > 0)); \
     CREATE TABLE w (k TEXT PRIMARY KEY, t INTEGER REFERENCES t (id) ON DELETE CASCADE) \
         WITHOUT ROWID;";

const STATEMENTS: [&str; 27] = [
    "INSERT INTO t (v, n) VALUES ('a', 1000.0), ('b', 2)",
    "INSERT INTO t (id, v) VALUES (77, 'c')",
    "INSERT INTO w VALUES ('k', 77), ('l', 77)",
    "UPDATE t SET n = 5 WHERE id < 10",
    "UPDATE t SET n = 5 WHERE id < 10",
    "UPDATE t SET n = 5 WHERE id = 99",
    "INSERT INTO t (v, n) VALUES ('d', 0.1) RETURNING id, v AS label, n * 3, typeof(n)",
    "UPDATE t SET v = v || '!' WHERE id < 3 RETURNING *",
    "INSERT INTO t (v) VALUES ('d')",
    "INSERT INTO t (v) VALUES (NULL)",
    "INSERT INTO t (v, n) VALUES ('e', -1)",
    "INSERT INTO w VALUES ('m', 12345)",
    "INSERT INTO t (v) VALUES ('d') ON CONFLICT DO NOTHING",
    "INSERT INTO t (v, n) VALUES ('d', 9) ON CONFLICT (v) DO UPDATE SET n = excluded.n RETURNING n",
    "INSERT OR IGNORE INTO t (v) VALUES ('d'), ('f')",
    "INSERT OR ABORT INTO t (v) VALUES ('g'), ('d')",
    "INSERT OR FAIL INTO t (v) VALUES ('g'), ('d'), ('h')",
    "INSERT OR ROLLBACK INTO t (v) VALUES ('i'), ('d')",
    "UPDATE OR IGNORE t SET v = 'd' WHERE id > 1",
    "UPDATE OR FAIL t SET v = 'd' WHERE id > 1",
    "UPDATE OR REPLACE t SET v = 'd' WHERE id = 2 RETURNING id",
    "INSERT OR REPLACE INTO t (id, v) VALUES (2, 'e') RETURNING id, v",
    "REPLACE INTO t (id, v) VALUES (1, 'd')",
    "DELETE FROM t WHERE id = 77",
    "DELETE FROM t WHERE id = 77 RETURNING id",
    "SELECT * FROM t ORDER BY id",
    "DELETE FROM t",
];

/// Everything that a statement answers, and what the connection says of it afterwards.
async fn answers(connection: &mut SqliteConnection) -> Vec<String> {
    let mut answers = Vec::new();
    for sql in STATEMENTS {
        let mut answer = format!("{sql}: ");
        match connection.fetch_all(sql).await {
            Ok(rows) => {
                for row in &rows {
                    for column in row.columns() {
                        let value = row.try_get_raw(column.ordinal()).unwrap();
                        let kind = value.type_info().name().to_owned();
                        let text: Option<String> = row.try_get_unchecked(column.ordinal()).unwrap();
                        write!(answer, "{} {kind} {text:?}, ", column.name()).unwrap();
                    }
                }
            }
            Err(error) => write!(answer, "{error:?}").unwrap(),
        }
        let after: (i64, i64) = sqlx::query_as("SELECT changes(), last_insert_rowid()")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        write!(answer, "{after:?}").unwrap();
        answers.push(answer);
    }
    answers
}

#[tokio::test]
async fn rows_names_types_counts_and_errors_are_the_same() {
    let bare = TestDatabase::create(Server::Sqlite).await;
    bare.raw().await.run(TABLES).await;
    let mut without = SqliteConnection::connect(bare.url()).await.unwrap();
    let (_database, pool) = world(TABLES, 1).await;
    let mut with = pool.acquire().await.unwrap();
    let (without, with) = (answers(&mut without).await, answers(&mut with).await);
    assert_eq!(with, without);
    assert!(
        without
            .iter()
            .any(|answer| answer.contains("UNIQUE constraint failed"))
    );
}

#[tokio::test]
async fn counts_of_the_driver_are_the_same() {
    let bare = TestDatabase::create(Server::Sqlite).await;
    bare.raw().await.run(TABLES).await;
    let mut without = SqliteConnection::connect(bare.url()).await.unwrap();
    let (_database, pool) = world(TABLES, 1).await;
    let mut with = pool.acquire().await.unwrap();
    for sql in STATEMENTS {
        let said = |result: Result<sqlx::sqlite::SqliteQueryResult, sqlx::Error>| {
            let done = result.map_err(|error| error.to_string())?;
            Ok::<_, String>((done.rows_affected(), done.last_insert_rowid()))
        };
        let audited = said(with.execute(sql).await);
        assert_eq!(audited, said(without.execute(sql).await), "{sql}");
    }
}

/// How much one statement added to the two counters of a connection.
async fn counted(connection: &mut SqliteConnection) -> (i64, i64) {
    let before: i64 = sqlx::query_scalar("SELECT total_changes()")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    connection
        .execute("INSERT INTO t (v) VALUES ('a'), ('b')")
        .await
        .unwrap();
    sqlx::query_as("SELECT changes(), total_changes() - ?")
        .bind(before)
        .fetch_one(&mut *connection)
        .await
        .unwrap()
}

/// Stated in the documents: the total has what triggers write, those of the log as any others.
#[tokio::test]
async fn the_total_of_changes_has_the_events_as_well() {
    let bare = TestDatabase::create(Server::Sqlite).await;
    bare.raw().await.run(TABLES).await;
    let mut without = SqliteConnection::connect(bare.url()).await.unwrap();
    let (_database, pool) = world(TABLES, 1).await;
    let mut with = pool.acquire().await.unwrap();
    assert_eq!(counted(&mut without).await, (2, 2));
    assert_eq!(counted(&mut with).await, (2, 4));
}
