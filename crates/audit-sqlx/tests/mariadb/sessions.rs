//! Settings of the session that would change what a trigger writes, or break it.

use audit_core::Audit;
use audit_sqlx::CaptureError;
use sqlx::{Executor, Row};

use super::world::{World, after, alice};

const TABLE: &str = "CREATE TABLE t (id INT PRIMARY KEY, c CHAR(5), v TEXT, s TIMESTAMP(6) NULL, d DATETIME, \
     b BLOB, j JSON);";

#[tokio::test]
async fn settings_of_the_session_change_nothing() {
    let world = World::new(TABLE).await;
    let settings = [
        "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_ALL_TABLES,PAD_CHAR_TO_FULL_LENGTH,NO_ZERO_DATE'",
        "SET sql_mode = '', time_zone = '-11:30', lc_time_names = 'de_DE'",
        "SET group_concat_max_len = 4, div_precision_increment = 0",
        "SET sql_mode = 'ORACLE'",
        "SET sql_mode = 'EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT,TIME_ROUND_FRACTIONAL,HIGH_NOT_PRECEDENCE'",
        "SET sql_mode = 'NO_UNSIGNED_SUBTRACTION,REAL_AS_FLOAT,IGNORE_SPACE,NO_AUTO_VALUE_ON_ZERO,NO_FIELD_OPTIONS'",
        "SET NAMES latin1",
        "SET character_set_connection = ucs2, collation_connection = ucs2_bin",
        "SET timestamp = 1000000000",
        "SET default_regex_flags = 'EXTENDED,DOTALL'",
        "SET max_error_count = 0, sql_warnings = 1, autocommit = 1",
        "SET tx_isolation = 'SERIALIZABLE'",
    ];
    for (index, setting) in settings.into_iter().enumerate() {
        let insert = format!(
            "INSERT INTO t SELECT {index}, CONVERT(x'61' USING latin1), \
             CONVERT(x'C3A9275C22' USING utf8mb4), '1970-01-02 00:00:00' + INTERVAL \
             TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) SECOND, '2024-02-03 04:05:06', x'00FF', \
             CONVERT(x'7B2261223A5B312E305D7D' USING utf8mb4)"
        );
        let update =
            format!("UPDATE t SET v = CONCAT(v, CONVERT(x'20' USING utf8mb4)) WHERE id = {index}");
        world.held(&[setting, &insert, &update]).await;
        // The pool's next connection is a fresh one again.
        let work = async {
            let mut connection = world.pool.acquire().await.unwrap();
            connection.close_on_drop();
        };
        work.await;
    }
    let events = world.events().await;
    assert_eq!(events.len(), settings.len() * 2);
    for pair in events.chunks(2) {
        let image = after(&pair[0]);
        assert_eq!(image["c"], "a", "{image}");
        assert_eq!(image["v"], "é'\\\"");
        assert_eq!(image["s"], "1970-01-02 00:00:00.000000");
        assert_eq!(image["d"], "2024-02-03 04:05:06");
        assert_eq!(image["b"], serde_json::json!({"$bytes": "AP8="}));
        assert_eq!(image["j"], serde_json::json!({"a": [1.0]}));
        assert_eq!(pair[1].changed_fields, Some(vec!["v".to_owned()]));
        let age = chrono::Utc::now() - pair[0].occurred_at;
        assert!(age.num_seconds().abs() < 300, "{age}");
    }
}

/// Functions give NULL beyond the packet of the session: where the limits of the settings are higher,
/// it is the packet that cuts.
#[tokio::test]
async fn a_packet_that_is_too_small_does_not_fail_the_write() {
    let audit = Audit::builder()
        .max_cell_bytes(64 << 20)
        .max_image_bytes(256 << 20)
        .build()
        .unwrap();
    let columns: Vec<String> = (0..10).map(|index| format!("c{index} LONGTEXT")).collect();
    let table = format!(
        "CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB, {})",
        columns.join(", ")
    );
    let mut world = World::with(&table, audit).await;
    let packet = world
        .raw
        .texts("SELECT CAST(@@max_allowed_packet AS CHAR)")
        .await;
    assert_eq!(packet, [[Some("16777216".to_owned())]]);
    // One cell of more than its share; then cells that are too many together.
    world
        .run(&[
            "INSERT INTO t (id, b, c0) VALUES (1, 'x', REPEAT('y', 3 << 20))",
            "UPDATE t SET c0 = 'short'",
            "UPDATE t SET c0 = REPEAT('a', 2000000), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, \
             c6 = c0, c7 = c0, c8 = c0, c9 = c0",
        ])
        .await;
    let events = world.events().await;
    assert_eq!(events.len(), 3);
    assert_eq!(after(&events[0])["c0"]["$truncated"]["len"], 3 << 20);
    assert_eq!(after(&events[1])["c0"], "short");
    assert!(after(&events[2])["$truncated"].is_object());
}

#[tokio::test]
async fn another_database_in_use_changes_nothing() {
    let world = World::new(TABLE).await;
    let name = world.database.url().rsplit('/').next().unwrap().to_owned();
    let insert = format!("INSERT INTO {name}.t (id) VALUES (1)");
    world
        .held(&["USE information_schema", &insert, &format!("USE {name}")])
        .await;
    let events = world.events().await;
    assert_eq!(events[0].table_schema.as_deref(), Some(name.as_str()));
}

#[tokio::test]
async fn text_that_breaks_out_of_a_statement_stays_text() {
    use audit_core::{Actor, AuditContext};

    let world = World::new(TABLE).await;
    let hostile = "x', @audit_actor_kind = 'system'; DROP TABLE t; -- \\' \u{1F600} \u{202E}";
    let context = AuditContext::new()
        .with_actor(Actor::user(hostile).with_name(hostile))
        .with_reason(hostile);
    for mode in ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES"] {
        let work = async {
            let mut connection = world.pool.acquire().await.unwrap();
            let text = format!("SET sql_mode = '{mode}', NAMES latin1");
            connection.execute(sqlx::AssertSqlSafe(text)).await.unwrap();
            audit_sqlx::stamp(&mut *connection).await.unwrap();
            connection
                .execute("REPLACE INTO t (id) VALUES (1)")
                .await
                .unwrap();
            connection.close_on_drop();
        };
        context.clone().scope(work).await;
        let event = world.events().await.pop().unwrap();
        assert_eq!(event.actor_id.as_deref(), Some(hostile));
        assert_eq!(event.actor_name.as_deref(), Some(hostile));
        assert_eq!(event.reason.as_deref(), Some(hostile));
        assert_eq!(event.actor_kind, audit_core::ActorKind::User);
    }
}

#[tokio::test]
async fn a_statement_has_one_transaction_and_begin_another() {
    let world = World::new("CREATE TABLE t (id INT PRIMARY KEY, v INT)").await;
    world
        .held(&[
            "INSERT INTO t VALUES (1, 1), (2, 1)",
            "UPDATE t SET v = 2",
            "BEGIN",
            "UPDATE t SET v = 3 WHERE id = 1",
            "COMMIT",
            "SET autocommit = 0",
            "UPDATE t SET v = 4 WHERE id = 1",
            "COMMIT",
            "SET autocommit = 1",
        ])
        .await;
    let work = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        transaction.execute("UPDATE t SET v = 5").await.unwrap();
        transaction
            .execute("UPDATE t SET v = 6 WHERE id = 1")
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let mut other = world.pool.begin().await.unwrap();
        other
            .execute("UPDATE t SET v = 7 WHERE id = 1")
            .await
            .unwrap();
        other.commit().await.unwrap();
    };
    alice().scope(work).await;
    let events = world.events().await;
    let ids: Vec<Option<&str>> = events
        .iter()
        .map(|event| event.transaction_id.as_deref())
        .collect();
    assert_eq!(ids.len(), 10);
    assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
    assert!(
        ids[2].is_some() && ids[2] == ids[3] && ids[2] != ids[0],
        "{ids:?}"
    );
    // Under a BEGIN that is not ours it is unknown, and never a guess.
    assert_eq!((ids[4], ids[5]), (None, None));
    assert!(
        ids[6].is_some() && ids[6] == ids[7] && ids[6] == ids[8],
        "{ids:?}"
    );
    assert_eq!(ids[9], None);
}

/// Stated in the documents: who ends a transaction of `begin` by a statement and begins another by
/// a statement keeps its id, because the server tells nobody which transaction is open.
#[tokio::test]
async fn a_transaction_ended_by_hand_keeps_its_id_until_the_connection_is_returned() {
    let world = World::new("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let work = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        for sql in [
            "INSERT INTO t VALUES (1)",
            "COMMIT",
            "INSERT INTO t VALUES (2)",
            "BEGIN",
            "INSERT INTO t VALUES (3)",
        ] {
            transaction.execute(sql).await.unwrap();
        }
        transaction.commit().await.unwrap();
        let mut connection = world.pool.acquire().await.unwrap();
        for sql in ["BEGIN", "INSERT INTO t VALUES (4)", "COMMIT"] {
            connection.execute(sql).await.unwrap();
        }
    };
    alice().scope(work).await;
    let events = world.events().await;
    let ids: Vec<_> = events
        .iter()
        .map(|event| event.transaction_id.clone())
        .collect();
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[3], None);
}

#[tokio::test]
async fn an_open_transaction_at_release_closes_the_connection() {
    let world = World::new("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let id = async || -> u64 {
        let row = world
            .pool
            .fetch_one("SELECT CONNECTION_ID()")
            .await
            .unwrap();
        row.get(0)
    };
    let first = id().await;
    world.run(&["INSERT INTO t VALUES (1)"]).await;
    assert_eq!(id().await, first);
    world.held(&["BEGIN", "INSERT INTO t VALUES (2)"]).await;
    assert_ne!(id().await, first);
    assert_eq!(world.events().await.len(), 1);
}

#[tokio::test]
async fn a_table_that_changed_is_found_and_fails_typed() {
    let mut world = World::new("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)").await;
    world.raw.run("ALTER TABLE t ADD COLUMN c INT").await;
    let texts: Vec<String> = world
        .findings()
        .await
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    // Until then the new column is not in the images.
    world.run(&["INSERT INTO t VALUES (1, 2, 3, 4)"]).await;
    assert!(after(&world.events().await[0]).get("c").is_none());
    assert_eq!(world.migrate().await, []);
    assert_eq!(world.prove(&["UPDATE t SET c = 5"]).await, ["UPDATE t 1"]);
    for change in [
        "ALTER TABLE t DROP COLUMN a",
        "ALTER TABLE t RENAME COLUMN b TO d",
    ] {
        world.raw.run(change).await;
        let error = world
            .try_run("INSERT INTO t (id) VALUES (9)")
            .await
            .unwrap_err();
        let error = CaptureError::of(&error).unwrap();
        assert!(matches!(error, CaptureError::StaleTrigger(_)), "{error}");
        assert_eq!(world.migrate().await, []);
    }
    assert_eq!(
        world.prove(&["INSERT INTO t (id) VALUES (9)"]).await,
        ["INSERT t 9"]
    );
    world.raw.run("RENAME TABLE t TO u").await;
    world.migrate().await;
    assert_eq!(
        world.prove(&["DELETE FROM u WHERE id = 9"]).await,
        ["DELETE u 9"]
    );
    world.raw.run("DROP TABLE audit_logs").await;
    let error = world.try_run("DELETE FROM u").await.unwrap_err();
    let error = CaptureError::of(&error).unwrap();
    assert!(matches!(error, CaptureError::LogMissing(_)), "{error}");
}

/// User variables outlive a transaction: whoever gets the session next would act as the last one.
#[tokio::test]
async fn a_context_for_a_transaction_is_refused() {
    use audit_sqlx::ContextScope;

    let world = World::new(TABLE).await;
    let error = audit_sqlx::attach(sqlx::mysql::MySqlPoolOptions::new(), &world.audit)
        .context_scope(ContextScope::Transaction)
        .connect(world.database.url())
        .await
        .unwrap_err();
    assert!(matches!(error, sqlx::Error::Configuration(_)), "{error}");
}

/// Without the clear, the checkout itself finds what the last user left.
#[tokio::test]
async fn an_open_transaction_at_checkout_closes_the_connection() {
    let world = World::new("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let pool = audit_sqlx::attach(
        sqlx::mysql::MySqlPoolOptions::new().max_connections(1),
        &world.audit,
    )
    .clear_at_release(false)
    .connect(world.database.url())
    .await
    .unwrap();
    let work = async {
        pool.execute("SET NAMES latin1").await.unwrap();
        pool.execute("BEGIN").await.unwrap();
        pool.execute("INSERT INTO t VALUES (1)").await.unwrap();
    };
    let bob = audit_core::AuditContext::new().with_actor(audit_core::Actor::user("Bøb"));
    bob.scope(work).await;
    let events = world.events().await;
    // The insert had a connection of its own, on which no transaction was open.
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].actor_id.as_deref(), Some("Bøb"));
    assert!(events[0].transaction_id.is_some());
}

#[tokio::test]
async fn a_context_does_not_depend_on_the_character_set_of_the_session() {
    let world = World::new("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let name = "Bøb \u{1F600} '\\";
    let bob = audit_core::AuditContext::new().with_actor(audit_core::Actor::user(name));
    for (id, names) in ["latin1", "utf8mb3", "utf8mb4 COLLATE utf8mb4_bin", "cp1251"]
        .into_iter()
        .enumerate()
    {
        world.held(&[&format!("SET NAMES {names}")]).await;
        let insert = format!("INSERT INTO t VALUES ({id})");
        let work = async {
            world
                .pool
                .execute(sqlx::AssertSqlSafe(insert))
                .await
                .unwrap()
        };
        bob.clone().scope(work).await;
        world.held(&["SET NAMES utf8mb4"]).await;
        let event = world.events().await.pop().unwrap();
        assert_eq!(event.actor_id.as_deref(), Some(name), "{names}");
    }
}
