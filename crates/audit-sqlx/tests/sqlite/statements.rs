//! Statements that other databases do not have.

use audit_testkit::coverage;

use super::*;

const TABLES: &str = "CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER UNIQUE); \
     CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id) \
         ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED); \
     INSERT INTO p VALUES (1, 1), (2, 2), (3, 3); INSERT INTO c VALUES (1, 1);";

/// What fails keeps what its conflict policy says, and the log tells exactly that.
#[tokio::test]
async fn every_conflict_policy_is_recorded_as_it_ended() {
    for (policy, of_insert, of_update) in [
        ("ABORT", Some(0), Some(0)),
        ("FAIL", Some(1), Some(1)),
        ("IGNORE", Some(2), Some(2)),
        // The event of the row that gave way is that of REPLACE: what takes its place.
        ("REPLACE", None, None),
        ("ROLLBACK", Some(0), Some(0)),
    ] {
        let insert = format!("INSERT OR {policy} INTO p VALUES (7, 7), (1, 8), (9, 9)");
        let update = format!("UPDATE OR {policy} p SET v = CASE id WHEN 2 THEN 3 ELSE v + 10 END");
        for (sql, expected) in [(insert, of_insert), (update, of_update)] {
            let (database, pool) = world(TABLES, 1).await;
            let write = async || {
                let statement = AssertSqlSafe(sql.clone());
                let done = alice().scope(pool.execute(statement)).await;
                let fails = !matches!(policy, "IGNORE" | "REPLACE");
                assert_eq!(done.is_err(), fails, "{sql}");
            };
            let new = prove(&database, &pool, write).await;
            if let Some(expected) = expected {
                assert_eq!(new.len(), expected, "{sql}");
            }
            assert!(
                new.iter()
                    .all(|event| event.actor_id.as_deref() == Some("alice")),
                "{sql}"
            );
        }
    }
}

/// `OR ROLLBACK` takes the transaction with it, and every event of it.
#[tokio::test]
async fn a_write_or_rollback_takes_the_events_of_its_transaction_with_it() {
    let (database, pool) = world(TABLES, 1).await;
    let work = async || {
        let transaction = async {
            let mut transaction = audit_sqlx::begin(&pool).await.unwrap();
            transaction
                .execute("UPDATE p SET v = 20 WHERE id = 2")
                .await
                .unwrap();
            let failed = transaction.execute("INSERT OR ROLLBACK INTO p VALUES (1, 1)");
            failed.await.unwrap_err();
            transaction.commit().await.unwrap_err();
        };
        alice().scope(transaction).await;
    };
    assert_eq!(prove(&database, &pool, work).await, []);
}

/// A deferred key is looked at when the transaction ends: what was refused there leaves no event.
#[tokio::test]
async fn a_deferred_key_that_is_broken_at_commit_leaves_no_event() {
    let (database, pool) = world(TABLES, 1).await;
    let orphan = "INSERT INTO c VALUES (5, 50)";
    let parent = "INSERT INTO p VALUES (50, 50)";
    for (statements, expected) in [(&[orphan][..], 0), (&[orphan, parent][..], 2)] {
        let work = async || {
            let transaction = async {
                let mut transaction = audit_sqlx::begin(&pool).await.unwrap();
                for sql in statements {
                    transaction.execute(*sql).await.unwrap();
                }
                transaction.commit().await
            };
            let committed = alice().scope(transaction).await;
            assert_eq!(committed.is_ok(), expected > 0);
        };
        let new = prove(&database, &pool, work).await;
        assert_eq!(new.len(), expected);
    }
}

/// What the page of the coverage says is not there.
#[tokio::test]
async fn what_only_others_have_is_refused() {
    coverage::what_only_others_have_is_refused(Server::Sqlite).await;
}
