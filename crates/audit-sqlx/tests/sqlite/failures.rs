//! An event that cannot be written fails the change, whatever the statement would overlook.

use super::*;

const TABLES: &str = "CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER); \
     CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id) ON DELETE CASCADE); \
     INSERT INTO p VALUES (1, 1), (2, 2); INSERT INTO c VALUES (1, 1);";

const WRITES: [&str; 15] = [
    "INSERT INTO p VALUES (9, 9)",
    "INSERT OR ABORT INTO p VALUES (9, 9), (8, 8)",
    "INSERT OR FAIL INTO p VALUES (9, 9), (8, 8)",
    "INSERT OR IGNORE INTO p VALUES (9, 9), (8, 8)",
    "INSERT OR REPLACE INTO p VALUES (2, 9)",
    "INSERT OR ROLLBACK INTO p VALUES (9, 9)",
    "INSERT INTO p VALUES (1, 9) ON CONFLICT (id) DO UPDATE SET v = 9",
    "UPDATE p SET v = 9",
    "UPDATE OR ABORT p SET v = 9",
    "UPDATE OR FAIL p SET v = 9",
    "UPDATE OR IGNORE p SET v = 9",
    "UPDATE OR REPLACE p SET v = 9",
    "UPDATE OR ROLLBACK p SET v = 9",
    "DELETE FROM p WHERE id = 1",
    "DELETE FROM p",
];

const ROWS: &str =
    "SELECT 'p' || id || ',' || v FROM p UNION ALL SELECT 'c' || id || ',' || p FROM c ORDER BY 1";

async fn rows(connection: &mut SqliteConnection) -> Vec<String> {
    let rows = sqlx::query_scalar(ROWS).fetch_all(connection);
    rows.await.unwrap()
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) {
    if let Err(error) = connection.execute(sql).await {
        panic!("{sql}: {error}");
    }
}

/// Every one of these writes fails typed, alone and in a transaction that is committed all the same.
async fn every_write_is_refused(refuse: &'static str, writes: impl Iterator<Item = &'static str>) {
    let (database, pool) = world(TABLES, 1).await;
    let mut held = alice().scope(pool.acquire()).await.unwrap();
    let mut raw = SqliteConnection::connect(database.url()).await.unwrap();
    run(&mut raw, refuse).await;
    let before = rows(&mut raw).await;
    for sql in writes {
        for in_transaction in [false, true] {
            if in_transaction {
                run(&mut held, "BEGIN").await;
            }
            let error = match held.execute(sql).await {
                Ok(done) => panic!("{refuse}: {sql}: {done:?}"),
                Err(error) => error,
            };
            assert!(
                CaptureError::of(&error).is_some(),
                "{refuse}: {sql}: {error}"
            );
            if in_transaction {
                let committed = held.execute("COMMIT").await;
                // A constraint that fails `OR ROLLBACK` ends the transaction.
                assert!(committed.is_ok() || sql.contains("OR ROLLBACK"), "{sql}");
            }
            assert_eq!(rows(&mut raw).await, before, "{refuse}: {sql}");
        }
    }
}

/// A constraint that no event keeps.
const CLOSED: &str = "ALTER TABLE audit_logs ADD COLUMN closed INTEGER \
     CONSTRAINT audit_logs_closed CHECK (closed IS NOT NULL)";

#[tokio::test]
async fn no_statement_overlooks_an_event_that_is_refused() {
    for refuse in [
        "ALTER TABLE audit_logs RENAME TO kept",
        "ALTER TABLE audit_logs DROP COLUMN actor_name",
        "CREATE UNIQUE INDEX one_event ON audit_logs (source); \
         INSERT INTO audit_logs (occurred_at, id, schema_version, operation, outcome, actor_kind, source) \
         VALUES ('', x'00', 1, 'INSERT', 'success', 'user', 'trigger')",
        "CREATE TRIGGER guard BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER guard BEFORE INSERT ON audit_logs \
         BEGIN SELECT RAISE(ABORT, 'audit_logs is closed'); END",
    ] {
        every_write_is_refused(refuse, WRITES.into_iter()).await;
    }
    let others = WRITES.into_iter().filter(|sql| !sql.contains("OR FAIL"));
    every_write_is_refused(CLOSED, others).await;
}

/// The limit that the documents state: `OR FAIL` stops at a CHECK where it stands, after the row.
#[tokio::test]
async fn only_a_check_that_was_added_to_the_log_keeps_the_row_of_a_write_or_fail() {
    let (_database, pool) = world(TABLES, 1).await;
    let mut held = alice().scope(pool.acquire()).await.unwrap();
    run(&mut held, CLOSED).await;
    let write = "INSERT OR FAIL INTO p VALUES (9, 9), (8, 8)";
    let error = held.execute(write).await.unwrap_err();
    assert!(CaptureError::of(&error).is_some(), "{error}");
    let kept = rows(&mut held).await;
    assert_eq!(kept, ["c1,1", "p1,1", "p2,2", "p9,9"]);
}

/// An event that has the place of another is refused; it does not replace it.
#[tokio::test]
async fn no_conflict_policy_replaces_an_event() {
    let (_database, pool) = world(TABLES, 1).await;
    let insert = alice().scope(pool.execute("INSERT INTO p VALUES (3, 3)"));
    insert.await.unwrap();
    let one = "CREATE UNIQUE INDEX one_event ON audit_logs (source)";
    pool.execute(one).await.unwrap();
    let first = events(&pool).await;
    for sql in WRITES {
        let error = alice().scope(pool.execute(sql)).await.unwrap_err();
        assert!(CaptureError::of(&error).is_some(), "{sql}: {error}");
        assert_eq!(events(&pool).await, first, "{sql}");
    }
}
