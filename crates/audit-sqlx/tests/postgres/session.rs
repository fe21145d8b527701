//! What our statements do to a session, and what a session does to the events.

use audit_core::{Actor, Audit, AuditContext, MissingContext, Redaction, TableRule};
use audit_sqlx::ContextScope;
use audit_testkit::Server;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, Executor, Row};

use crate::world::{World, after, alice, audit};

const TABLE: &str = "CREATE TABLE t (id serial PRIMARY KEY, v text)";

pub(crate) async fn values_are_written_alike_whatever_the_session_says(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id timestamptz PRIMARY KEY, b bytea, f float8, g float4, i interval,
             m money, d date, r tstzrange, a timestamptz[])",
    )
    .await;
    let insert = "INSERT INTO t VALUES ('2026-01-02 03:04:05.678901+00', '\\x00ff', 0.1::float8 + 0.2, \
                  1.1, '1 day 02:03:04', 12.5::numeric::money, '2026-01-02', \
                  '[2026-01-01 00:00+00,2026-02-01 00:00+00)', '{2026-01-01 00:00+00}')";
    for settings in [
        "SELECT",
        "SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'German'; \
         SET IntervalStyle = 'sql_standard'; SET bytea_output = 'escape'; \
         SET extra_float_digits = -15; SET standard_conforming_strings = off; \
         SET array_nulls = off; SET default_transaction_isolation = 'serializable'; \
         SET xmlbinary = 'hex'; SET plan_cache_mode = force_generic_plan",
    ] {
        world
            .run(&[&format!("{settings}; {insert}; DELETE FROM t; RESET ALL")])
            .await;
    }
    let images: Vec<String> = world
        .events()
        .await
        .iter()
        .map(|event| {
            format!(
                "{} {}{}",
                event.record_id.clone().unwrap(),
                after(event),
                crate::world::before(event)
            )
        })
        .collect();
    let image = "2026-01-02 03:04:05.678901+00 \
        {\"id\":\"2026-01-02T03:04:05.678901+00:00\",\"b\":\"\\\\x00ff\",\"f\":0.30000000000000004,\
        \"g\":1.1,\"i\":\"P1DT2H3M4S\",\"m\":\"$12.50\",\"d\":\"2026-01-02\",\
        \"r\":\"[\\\"2026-01-01 00:00:00+00\\\",\\\"2026-02-01 00:00:00+00\\\")\",\
        \"a\":[\"2026-01-01T00:00:00+00:00\"]}";
    assert_eq!(images.len(), 4);
    for found in &images {
        assert_eq!(found, image);
    }
    world.remove().await;
}

pub(crate) async fn a_session_is_left_as_it_was(server: Server) {
    let world = World::new(server, TABLE).await;
    let mut connection = alice().scope(world.pool.acquire()).await.unwrap();
    let mut draw = async |write: bool| {
        connection.execute("SELECT setseed(0.5)").await.unwrap();
        if write {
            for sql in [
                "INSERT INTO t (v) VALUES ('a')",
                "UPDATE t SET v = v || 'b'",
            ] {
                connection.execute(sql).await.unwrap();
            }
        }
        let row = connection
            .fetch_one(
                "SELECT random()::text || current_setting('TimeZone') || \
                 current_setting('search_path') || current_setting('extra_float_digits')",
            )
            .await
            .unwrap();
        row.get::<String, _>(0)
    };
    assert_eq!(draw(false).await, draw(true).await);
    let row = connection
        .fetch_one("SELECT lastval() = currval('t_id_seq'), currval('t_id_seq') FROM t")
        .await
        .unwrap();
    assert_eq!((row.get::<bool, _>(0), row.get::<i64, _>(1)), (true, 1));
    drop(connection);
    world.remove().await;
}

pub(crate) async fn anything_can_be_said_in_a_context(server: Server) {
    let nasty = "Ä'; DROP TABLE t; -- \\' E'\\x41' $$ \" \u{1f} \u{0} \u{7f} \u{10ffff} %s \n";
    let context = AuditContext::new()
        .with_actor(Actor::user(nasty))
        .with_reason(nasty)
        .with_fact(nasty, nasty);
    for scope in [ContextScope::Connection, ContextScope::Transaction] {
        let world = World::new(server, TABLE).await;
        let pool = audit_sqlx::attach(PgPoolOptions::new().max_connections(1), &audit())
            .context_scope(scope)
            .connect(world.database.url())
            .await
            .unwrap();
        for setting in ["on", "off"] {
            let work = async {
                let mut raw = pool.acquire().await.unwrap();
                let sql = format!("SET standard_conforming_strings = {setting}");
                raw.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
                drop(raw);
                let mut transaction = audit_sqlx::begin(&pool).await.unwrap();
                transaction
                    .execute("INSERT INTO t (v) VALUES ('a')")
                    .await
                    .unwrap();
                transaction.commit().await.unwrap();
            };
            context.clone().scope(work).await;
        }
        let events = world.events().await;
        assert_eq!(events.len(), 2);
        for event in &events {
            let said: String = nasty
                .chars()
                .map(|c| if c.is_control() { '\u{fffd}' } else { c })
                .collect();
            assert_eq!(event.actor_id.as_deref(), Some(said.as_str()));
            assert_eq!(event.reason.as_deref(), Some(said.as_str()));
            let facts = event.context.as_ref().unwrap().to_object();
            assert_eq!(facts[nasty], nasty);
        }
        pool.close().await;
        world.remove().await;
    }
}

pub(crate) async fn the_transaction_scope_leaves_nothing_on_the_session(server: Server) {
    let world = World::new(server, TABLE).await;
    let pool = audit_sqlx::attach(PgPoolOptions::new().max_connections(1), &audit())
        .context_scope(ContextScope::Transaction)
        .connect(world.database.url())
        .await
        .unwrap();
    let work = async {
        let mut transaction = audit_sqlx::begin(&pool).await.unwrap();
        transaction
            .execute("INSERT INTO t (v) VALUES ('a')")
            .await
            .unwrap();
        let mut inner = transaction.begin().await.unwrap();
        inner
            .execute("INSERT INTO t (v) VALUES ('b')")
            .await
            .unwrap();
        inner.rollback().await.unwrap();
        transaction
            .execute("INSERT INTO t (v) VALUES ('c')")
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        pool.execute("INSERT INTO t (v) VALUES ('d')")
            .await
            .unwrap();
        let row = pool
            .fetch_one(
                "SELECT coalesce(current_setting('audit.context', true), '') \
                 || coalesce(current_setting('audit.fallback', true), '') \
                 || coalesce(current_setting('audit.key', true), '')",
            )
            .await
            .unwrap();
        assert_eq!(row.get::<String, _>(0), "");
    };
    alice().scope(work).await;
    let actors: Vec<_> = world
        .events()
        .await
        .iter()
        .map(|event| (after(event).to_owned(), event.actor_kind.to_string()))
        .collect();
    assert_eq!(
        actors,
        [
            (r#"{"id":1,"v":"a"}"#.to_owned(), "user".to_owned()),
            (r#"{"id":3,"v":"c"}"#.to_owned(), "user".to_owned()),
            (r#"{"id":4,"v":"d"}"#.to_owned(), "unknown".to_owned()),
        ]
    );
    pool.close().await;
    world.remove().await;
}

pub(crate) async fn a_stamp_outside_a_scope_is_the_fallback(server: Server) {
    let audit = Audit::builder()
        .service("billing")
        .environment("prod")
        .on_missing_context(MissingContext::System("nightly".to_owned()))
        .build()
        .unwrap();
    let world = World::with(server, TABLE, audit).await;
    let mut connection = alice().scope(world.pool.acquire()).await.unwrap();
    let insert = "INSERT INTO t (v) VALUES ('a')";
    connection.execute(insert).await.unwrap();
    audit_sqlx::stamp(&mut *connection).await.unwrap();
    connection.execute(insert).await.unwrap();
    let bob = AuditContext::new()
        .with_actor(Actor::user("bob"))
        .with_reason("r");
    bob.scope(audit_sqlx::stamp(&mut *connection))
        .await
        .unwrap();
    connection.execute(insert).await.unwrap();
    drop(connection);
    let events = world.events().await;
    let who: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.actor_id.as_deref(),
                event.reason.as_deref(),
                event.service.as_deref(),
                event.environment.as_deref(),
            )
        })
        .collect();
    let place = (Some("billing"), Some("prod"));
    assert_eq!(
        who,
        [
            (Some("alice"), None, place.0, place.1),
            (Some("nightly"), None, place.0, place.1),
            (Some("bob"), Some("r"), place.0, place.1),
        ]
    );
    world.remove().await;
}

pub(crate) async fn a_hash_is_that_of_the_rfc_and_its_key_is_nowhere(server: Server) {
    // One by another program (Python's `hmac`); and RFC 4231, test case 6, whose key is longer
    // than a block.
    let short: Vec<u8> = (1..=40).collect();
    let long = vec![0xaa_u8; 131];
    let cases: [(&[u8], &str, &str); 2] = [
        (
            &short,
            "Hi There",
            "ce8b004fc740b4323ab004bfd7973efcbafc6af6deb500f7544bfe314a5fbc35",
        ),
        (
            &long,
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ];
    for (key, value, hash) in cases {
        let audit = Audit::builder()
            .hash_key(key)
            .table(TableRule::new("t").redact("v", Redaction::Hash))
            .build()
            .unwrap();
        let mut world =
            World::with(server, "CREATE TABLE t (id int PRIMARY KEY, v text)", audit).await;
        world
            .run(&[
                &format!("INSERT INTO t VALUES (1, '{value}')"),
                "ALTER TABLE t RENAME v TO w",
                &format!("INSERT INTO t VALUES (2, '{value}')"),
                "INSERT INTO t VALUES (3, NULL)",
            ])
            .await;
        // Without the key on its connection a program leaves the field out.
        world
            .raw
            .run(&format!("INSERT INTO t VALUES (4, '{value}')"))
            .await;
        let events = world.events().await;
        assert_eq!(
            after(&events[0]),
            format!(r#"{{"id":1,"v":"hmac-sha256:{hash}"}}"#)
        );
        assert_eq!(
            after(&events[1]),
            format!(r#"{{"id":2,"w":"hmac-sha256:{hash}"}}"#)
        );
        assert_eq!(after(&events[2]), r#"{"id":3,"w":null}"#);
        assert_eq!(after(&events[3]), r#"{"id":4}"#);
        let stored = world
            .text("SELECT string_agg(prosrc, ' ') FROM pg_proc WHERE pronamespace = 'audit'::regnamespace")
            .await;
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let padded = audit_capture::postgres_key(key);
        assert!(!stored.contains(&hex) && !stored.contains(&padded));
        world.remove().await;
    }
}

pub(crate) async fn a_connection_taken_past_the_checkout_hook_is_nobodys(server: Server) {
    let world = World::new(server, TABLE).await;
    let pool = audit_sqlx::attach(PgPoolOptions::new().max_connections(1), &audit())
        .connect(world.database.url())
        .await
        .unwrap();
    let insert = "INSERT INTO t (v) VALUES ('a')";
    for _ in 0..20 {
        alice().scope(pool.execute(insert)).await.unwrap();
        let mut taken = loop {
            // The release runs in a task of its own.
            match pool.try_acquire() {
                Some(connection) => break connection,
                None => tokio::task::yield_now().await,
            }
        };
        taken.execute(insert).await.unwrap();
        // It can be made somebody's.
        alice().scope(audit_sqlx::stamp(&mut *taken)).await.unwrap();
        taken.execute(insert).await.unwrap();
    }
    let events = world.events().await;
    let actors: Vec<_> = events
        .iter()
        .map(|event| event.actor_id.as_deref())
        .collect();
    assert_eq!(actors, [Some("alice"), None, Some("alice")].repeat(20));
    pool.close().await;
    world.remove().await;
}
