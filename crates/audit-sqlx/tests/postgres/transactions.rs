//! What only the end of a statement or of a transaction decides.

use audit_testkit::Server;
use sqlx::Executor;

use crate::world::{World, after, alice, before, line};

/// Keys that change places within a statement, which a constraint that waits allows.
pub(crate) async fn keys_that_change_places_keep_their_old_ids(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, v text);
         CREATE TABLE u (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);",
    )
    .await;
    let events = world
        .prove(&[
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
            "UPDATE t SET id = 3 - id",
        ])
        .await;
    let mut moves: Vec<_> = events[2..]
        .iter()
        .map(|event| {
            let ids = (&event.previous_record_id, &event.record_id);
            format!("{ids:?} {} {}", before(event), after(event))
        })
        .collect();
    moves.sort();
    assert_eq!(
        moves,
        [
            r#"(Some("1"), Some("2")) {"id":1,"v":"a"} {"id":2,"v":"a"}"#,
            r#"(Some("2"), Some("1")) {"id":2,"v":"b"} {"id":1,"v":"b"}"#,
        ]
    );
    // What only fails at the end takes everything with it.
    let nothing = world
        .proved(async |world| {
            let mut transaction = alice().scope(audit_sqlx::begin(&world.pool)).await.unwrap();
            for _ in 0..2 {
                transaction
                    .execute("INSERT INTO u VALUES (1)")
                    .await
                    .unwrap();
            }
            let error = transaction.commit().await.unwrap_err();
            assert_eq!(error.as_database_error().unwrap().code().unwrap(), "23505");
        })
        .await;
    assert_eq!(nothing, []);
    world.remove().await;
}

pub(crate) async fn transactions_as_text_are_captured(server: Server) {
    let world = World::new(server, "CREATE TABLE t (id int PRIMARY KEY, v text)").await;
    let mut connection = world.connection().await;
    let statements = [
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        "DECLARE c CURSOR FOR SELECT * FROM t ORDER BY id FOR UPDATE",
        "FETCH c",
        "UPDATE t SET v = 'at the cursor' WHERE CURRENT OF c",
        "SAVEPOINT one",
        "INSERT INTO t VALUES (3, 'lost')",
        "SAVEPOINT two",
        "DELETE FROM t WHERE id = 2",
        "ROLLBACK TO one",
        "INSERT INTO t VALUES (4, 'd')",
        "SAVEPOINT three",
        "INSERT INTO t VALUES (5, 'e')",
        "RELEASE one",
        "COMMIT AND CHAIN",
        "INSERT INTO t VALUES (6, 'lost')",
        "ROLLBACK",
        "PREPARE p (int) AS DELETE FROM t WHERE id = $1",
        "EXECUTE p (5)",
    ];
    let events = world.prove_on(&mut connection, &statements).await;
    drop(connection);
    assert_eq!(
        events.iter().map(line).collect::<Vec<_>>(),
        [
            "INSERT t 1",
            "INSERT t 2",
            "UPDATE t 1",
            "INSERT t 4",
            "INSERT t 5",
            "DELETE t 5"
        ]
    );
    let together = |event: &audit_core::Event| event.transaction_id == events[0].transaction_id;
    assert!(events[..5].iter().all(together) && !together(&events[5]));
    world.remove().await;
}
