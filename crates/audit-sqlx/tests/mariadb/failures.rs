//! An event that cannot be written fails the change, whatever the statement would overlook.

use audit_core::{Audit, MissingContext};
use audit_sqlx::CaptureError;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use super::world::{World, alice};

const TABLES: &str = "CREATE TABLE p (id INT PRIMARY KEY, v INT); \
     CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); \
     INSERT INTO p VALUES (1, 1), (2, 2); INSERT INTO c VALUES (1, 1);";

const WRITES: [&str; 9] = [
    "INSERT INTO p VALUES (9, 9)",
    "INSERT IGNORE INTO p VALUES (9, 9), (8, 8)",
    "INSERT INTO p VALUES (1, 9) ON DUPLICATE KEY UPDATE v = 9",
    "REPLACE INTO p VALUES (2, 9)",
    "UPDATE p SET v = 9",
    "UPDATE IGNORE p SET v = 9",
    "UPDATE IGNORE p JOIN c ON c.p = p.id SET p.v = 9, c.id = 9",
    "DELETE FROM p WHERE id = 1",
    "DELETE IGNORE FROM p",
];

const ROWS: &str = "SELECT CAST(CONCAT_WS(',', 'p', id, v) AS CHAR) FROM p UNION ALL \
     SELECT CAST(CONCAT_WS(',', 'c', id, p) AS CHAR) FROM c ORDER BY 1";

/// Every kind of write fails typed, alone and in a transaction that is committed all the same.
async fn every_write_is_refused(world: &mut World, what: &str) {
    let rows = world.raw.texts(ROWS).await;
    for sql in WRITES {
        let error = match world.try_run(sql).await {
            Ok(done) => panic!("{what}: {sql}: {done:?}"),
            Err(error) => error,
        };
        assert!(CaptureError::of(&error).is_some(), "{what}: {sql}: {error}");
        let work = async {
            let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
            transaction.execute(sql).await.unwrap_err();
            transaction.commit().await.unwrap();
        };
        alice().scope(work).await;
        assert_eq!(world.raw.texts(ROWS).await, rows, "{what}: {sql}");
    }
}

#[tokio::test]
async fn no_statement_overlooks_an_event_that_is_refused() {
    let mut world = World::new(TABLES).await;
    for (refuse, allow) in [
        (
            "RENAME TABLE audit_logs TO kept",
            "RENAME TABLE kept TO audit_logs",
        ),
        (
            "ALTER TABLE audit_logs ADD CONSTRAINT full CHECK (source = 'manual')",
            "ALTER TABLE audit_logs DROP CONSTRAINT full",
        ),
        (
            "ALTER TABLE audit_logs DROP COLUMN actor_name",
            "ALTER TABLE audit_logs ADD COLUMN actor_name TEXT",
        ),
        (
            "CREATE TRIGGER guard BEFORE INSERT ON audit_logs FOR EACH ROW SIGNAL SQLSTATE '45000' \
             SET MESSAGE_TEXT = 'no more'",
            "DROP TRIGGER guard",
        ),
    ] {
        world.raw.run(refuse).await;
        every_write_is_refused(&mut world, refuse).await;
        world.raw.run(allow).await;
    }
    world.raw.run("DELETE FROM audit_logs").await;
    for sql in WRITES {
        world.run(&[sql]).await;
    }
}

#[tokio::test]
async fn no_statement_overlooks_a_missing_context() {
    let audit = Audit::builder()
        .on_missing_context(MissingContext::Deny)
        .build()
        .unwrap();
    let mut world = World::with(TABLES, audit).await;
    let mut nobody = MySqlConnection::connect(world.database.url())
        .await
        .unwrap();
    let rows = world.raw.texts(ROWS).await;
    for sql in WRITES {
        let error = nobody.execute(sql).await.unwrap_err();
        let error = CaptureError::of(&error);
        assert!(
            matches!(error, Some(CaptureError::MissingContext(_))),
            "{sql}: {error:?}"
        );
    }
    assert_eq!(world.raw.texts(ROWS).await, rows);
}

/// The database does not say whether it was at the log.
fn assert_unclear(error: &sqlx::Error) {
    let capture = CaptureError::of(error);
    let Some(capture @ CaptureError::Unclear(_)) = capture else {
        panic!("{error}: {capture:?}");
    };
    assert!(!capture.is_certain() && capture.is_retryable(), "{error}");
}

/// A table with room for little stands in for a disk without any.
#[tokio::test]
async fn a_full_log_refuses_the_change() {
    let mut world = World::new("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(5000))").await;
    // Data pointers of two bytes: 64 KiB, and then it is full.
    world
        .raw
        .run(
            "ALTER TABLE audit_logs DROP INDEX audit_logs_record; \
             ALTER TABLE audit_logs ENGINE = MyISAM, MAX_ROWS = 1, AVG_ROW_LENGTH = 1",
        )
        .await;
    let mut error = None;
    let mut written = 0;
    for id in 0..100 {
        let insert = format!("INSERT INTO t VALUES ({id}, REPEAT('x', 5000))");
        match world.try_run(&insert).await {
            Ok(_) => written += 1,
            Err(refused) => {
                error = Some(refused);
                break;
            }
        }
    }
    let error = error.unwrap();
    let code = error.as_database_error().unwrap().message().to_owned();
    assert!(code.contains("full"), "{code}");
    let error = CaptureError::of(&error);
    assert!(matches!(error, Some(CaptureError::Refused(_))), "{error:?}");
    let count = world
        .raw
        .texts("SELECT CAST(COUNT(*) AS CHAR) FROM t")
        .await;
    assert_eq!(count, [[Some(written.to_string())]]);
    assert_eq!(world.events().await.len(), written);
}

/// Stated in the documents: the server lets no handler of a trigger see that a wait for a row was
/// too long, so nobody can tell whose row it was, and the error says so. The change is undone all the
/// same.
#[tokio::test]
async fn a_log_that_is_locked_for_too_long_fails_the_change() {
    let mut world = World::new(TABLES).await;
    let rows = world.raw.texts(ROWS).await;
    // The end of the log is held: nothing can be appended.
    world
        .raw
        .run("BEGIN; SELECT COUNT(*) FROM audit_logs FOR UPDATE")
        .await;
    let mut failures = Vec::new();
    let work = async {
        let mut connection = world.pool.acquire().await.unwrap();
        let wait = "SET SESSION innodb_lock_wait_timeout = 1";
        connection.execute(wait).await.unwrap();
        connection.execute("BEGIN").await.unwrap();
        for sql in [
            "UPDATE p SET v = 5 WHERE id = 2",
            "DELETE IGNORE FROM p WHERE id = 1",
            "INSERT IGNORE INTO p VALUES (7, 7)",
        ] {
            failures.push(connection.execute(sql).await.err());
        }
        connection.execute("COMMIT").await.unwrap();
        connection.close_on_drop();
    };
    alice().scope(work).await;
    world.raw.run("COMMIT").await;
    for error in failures {
        let error = error.unwrap();
        assert!(error.to_string().contains("1205"), "{error}");
        assert_unclear(&error);
    }
    assert!(world.events().await.is_empty());
    assert_eq!(world.raw.texts(ROWS).await, rows);
    assert_eq!(
        world.prove(&["UPDATE p SET v = 5 WHERE id = 2"]).await,
        ["UPDATE p 2"]
    );
}

#[tokio::test]
async fn a_deadlock_keeps_its_number_and_leaves_nothing() {
    let mut world = World::new(TABLES).await;
    let mut other = MySqlConnection::connect(world.database.url())
        .await
        .unwrap();
    let mut errors = Vec::new();
    let said = world
        .proved(async |world| {
            let work = async {
                let mut one = world.pool.acquire().await.unwrap();
                for connection in [&mut *one, &mut other] {
                    connection.execute("BEGIN").await.unwrap();
                }
                one.execute("UPDATE p SET v = 10 WHERE id = 1")
                    .await
                    .unwrap();
                other
                    .execute("UPDATE p SET v = 20 WHERE id = 2")
                    .await
                    .unwrap();
                let first = one.execute("UPDATE p SET v = 11 WHERE id = 2");
                let second = other.execute("UPDATE p SET v = 21 WHERE id = 1");
                let (first, second) = tokio::join!(first, second);
                errors.extend(first.err());
                errors.extend(second.err());
                for connection in [&mut *one, &mut other] {
                    connection.execute(AssertSqlSafe("COMMIT")).await.unwrap();
                }
            };
            alice().scope(work).await;
        })
        .await;
    assert_eq!(said.len(), 2);
    assert_eq!(errors.len(), 1);
    let code = errors[0]
        .as_database_error()
        .unwrap()
        .code()
        .unwrap()
        .into_owned();
    assert_eq!(code, "40001");
    assert_unclear(&errors[0]);
}
