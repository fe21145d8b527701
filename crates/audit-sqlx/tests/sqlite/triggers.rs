//! Triggers of the application.

use audit_core::Operation;

use super::*;

/// What they do to other rows before a row is written is recorded ahead of that row.
#[tokio::test]
async fn what_a_trigger_does_before_a_write_is_recorded_ahead_of_it() {
    let (database, pool) = world(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); \
         INSERT INTO t VALUES (2, 0); \
         CREATE TRIGGER own_insert BEFORE INSERT ON t BEGIN \
             UPDATE t SET v = v + 1 WHERE id = 2; END; \
         CREATE TRIGGER own_update BEFORE UPDATE ON t WHEN OLD.id = 1 BEGIN \
             UPDATE t SET v = v + 10 WHERE id = 2; END; \
         CREATE TRIGGER own_delete BEFORE DELETE ON t WHEN OLD.id = 1 BEGIN \
             DELETE FROM t WHERE id = 2; END;",
        1,
    )
    .await;
    let work = async || {
        for sql in [
            "INSERT INTO t VALUES (1, 0)",
            "UPDATE t SET v = 5 WHERE id = 1",
            "DELETE FROM t WHERE id = 1",
        ] {
            alice().scope(pool.execute(sql)).await.unwrap();
        }
    };
    let events = prove(&database, &pool, work).await;
    let found: Vec<_> = events
        .iter()
        .map(|event| (event.operation, event.record_id.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            (Operation::Update, Some("2")),
            (Operation::Insert, Some("1")),
            (Operation::Update, Some("2")),
            (Operation::Update, Some("1")),
            (Operation::Delete, Some("2")),
            (Operation::Delete, Some("1")),
        ]
    );
    let by_alice = |event: &Event| event.actor_id.as_deref() == Some("alice");
    assert!(events.iter().all(by_alice), "{events:?}");
}
