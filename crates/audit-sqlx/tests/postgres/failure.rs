//! Telling an error of capture from the application's own.

use audit_core::{Audit, MissingContext};
use audit_sqlx::CaptureError;
use audit_testkit::Server;
use sqlx::Executor;

use crate::world::{World, alice};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, v text)";

/// The name of the error and whether trying again may help.
fn kind(error: &sqlx::Error) -> Option<(String, bool)> {
    let error = CaptureError::of(error)?;
    assert!(!error.was_recorded());
    let name = format!("{error:?}");
    let name = name.split('(').next().unwrap_or_default().to_owned();
    Some((name, error.is_retryable()))
}

const WRITES: [&str; 4] = [
    "INSERT INTO t VALUES (2, 'b')",
    "UPDATE t SET v = 'c'",
    "DELETE FROM t",
    "TRUNCATE t",
];

async fn each_fails(world: &mut World, expected: (&str, bool)) {
    for sql in WRITES {
        let error = world.try_run(sql).await.unwrap_err();
        let expected = (expected.0.to_owned(), expected.1);
        assert_eq!(kind(&error), Some(expected), "{sql}: {error}");
    }
    assert_eq!(world.text("SELECT string_agg(v, '') FROM t").await, "a");
}

pub(crate) async fn a_log_that_is_gone_or_reshaped_fails_every_write(server: Server) {
    for sabotage in [
        "DROP TABLE audit.audit_logs",
        "ALTER TABLE audit.audit_logs DROP label",
        "ALTER TABLE audit.audit_logs ADD required int NOT NULL",
        "ALTER TABLE audit.audit_logs RENAME TO other",
    ] {
        let mut world = World::new(server, TABLE).await;
        world.run(&["INSERT INTO t VALUES (1, 'a')"]).await;
        if sabotage.contains("required") {
            world.raw.run("TRUNCATE audit.audit_logs").await;
        }
        world.raw.run(sabotage).await;
        each_fails(&mut world, ("LogMissing", false)).await;
        world.remove().await;
    }
}

pub(crate) async fn a_locked_log_is_worth_another_try(server: Server) {
    let mut world = World::new(server, TABLE).await;
    world.run(&["INSERT INTO t VALUES (1, 'a')"]).await;
    world
        .raw
        .run("BEGIN; LOCK TABLE audit.audit_logs IN ACCESS EXCLUSIVE MODE")
        .await;
    let error = world
        .try_run("SET lock_timeout = '20ms'; INSERT INTO t VALUES (2, 'b')")
        .await
        .unwrap_err();
    assert_eq!(kind(&error), Some(("Refused".to_owned(), true)), "{error}");
    world.raw.run("ROLLBACK").await;
    world.run(&["INSERT INTO t VALUES (2, 'b')"]).await;
    assert_eq!(world.events().await.len(), 2);
    world.remove().await;
}

pub(crate) async fn a_log_that_may_not_be_written_refuses_the_change(server: Server) {
    let mut world = World::new(server, TABLE).await;
    world.run(&["INSERT INTO t VALUES (1, 'a')"]).await;
    let name = world.text("SELECT current_database()").await;
    world
        .raw
        .run(&format!(
            "CREATE ROLE poor_{name}; GRANT CREATE, USAGE ON SCHEMA audit TO poor_{name};
             DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc
                 WHERE pronamespace = 'audit'::regnamespace LOOP
                 EXECUTE format('ALTER FUNCTION %s OWNER TO poor_{name}', f); END LOOP; END $$"
        ))
        .await;
    each_fails(&mut world, ("Refused", false)).await;
    world
        .raw
        .run(&format!(
            "DROP OWNED BY poor_{name} CASCADE; DROP ROLE poor_{name}"
        ))
        .await;
    world.remove().await;
}

pub(crate) async fn a_write_without_a_context_is_refused_by_a_code_of_its_own(server: Server) {
    let audit = Audit::builder()
        .on_missing_context(MissingContext::Deny)
        .build()
        .unwrap();
    let mut world = World::with(server, TABLE, audit).await;
    world.run(&["INSERT INTO t VALUES (1, 'a')"]).await;
    for sql in WRITES {
        let error = world.pool.execute(sql).await.unwrap_err();
        let expected = Some(("MissingContext".to_owned(), false));
        assert_eq!(kind(&error), expected, "{sql}: {error}");
        let text = error.as_database_error().unwrap().message().to_owned();
        assert!(text.starts_with(audit_capture::ERROR_PREFIX), "{text}");
        // It stops other programs as well.
        let error = world.raw.try_run(sql).await.unwrap_err();
        assert_eq!(kind(&error), Some(("MissingContext".to_owned(), false)));
    }
    // What changes no row needs no context.
    for sql in [
        "INSERT INTO t SELECT 5 WHERE false",
        "UPDATE t SET v = v",
        "DELETE FROM t WHERE id = 9",
    ] {
        world.pool.execute(sql).await.unwrap();
    }
    assert_eq!(world.events().await.len(), 1);
    world.remove().await;
}

pub(crate) async fn errors_of_the_application_are_not_ours(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, v text CHECK (v <> 'bad'));
         CREATE TABLE log (id int NOT NULL);
         CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
             IF NEW.v = 'missing' THEN INSERT INTO nothing VALUES (1); END IF;
             IF NEW.v = 'null' THEN INSERT INTO log VALUES (NULL); END IF;
             RETURN NULL; END$$;
         CREATE TRIGGER own AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION own();
         CREATE FUNCTION \"function audit.x\"() RETURNS int LANGUAGE plpgsql AS
             'BEGIN RETURN 1 / 0; END';",
    )
    .await;
    world.run(&["INSERT INTO t VALUES (1, 'a')"]).await;
    for sql in [
        "INSERT INTO t VALUES (1, 'a')",
        "INSERT INTO t VALUES (2, 'bad')",
        "UPDATE t SET v = 'missing'",
        "UPDATE t SET v = 'null'",
        "SELECT 1 / 0",
        "SELECT * FROM audit_logs",
        "SELECT \"function audit.x\"()",
        "DO $$BEGIN RAISE EXCEPTION 'audit: not ours'; END$$",
    ] {
        let error = world.try_run(sql).await.unwrap_err();
        assert_eq!(kind(&error), None, "{sql}: {error}");
    }
    // One that a function of the application causes is ours all the same.
    let mut raw = world.database.raw().await;
    raw.run("DROP TABLE audit.audit_logs").await;
    let error = world
        .try_run("DO $$BEGIN INSERT INTO t VALUES (3, 'a'); END$$")
        .await
        .unwrap_err();
    assert_eq!(
        kind(&error),
        Some(("LogMissing".to_owned(), false)),
        "{error}"
    );
    drop(raw);
    world.remove().await;
}

pub(crate) async fn a_change_that_is_refused_leaves_the_connection_usable(server: Server) {
    let mut world = World::new(server, TABLE).await;
    let mut connection = alice().scope(world.pool.acquire()).await.unwrap();
    world
        .raw
        .run("ALTER TABLE audit.audit_logs RENAME TO other")
        .await;
    connection
        .execute("INSERT INTO t VALUES (1, 'a')")
        .await
        .unwrap_err();
    world
        .raw
        .run("ALTER TABLE audit.other RENAME TO audit_logs")
        .await;
    connection
        .execute("INSERT INTO t VALUES (1, 'a')")
        .await
        .unwrap();
    drop(connection);
    assert_eq!(world.story().await, ["INSERT t 1"]);
    world.remove().await;
}

/// The backend of the application may not make a file any longer than the log is: the server meets
/// what it meets on a full disk, in the log and nowhere else.
pub(crate) async fn a_log_that_cannot_grow_fails_the_change(server: Server) {
    let mut world = World::new(server, TABLE).await;
    world.run(&["INSERT INTO t VALUES (1, 'a')"]).await;
    // The write-ahead log is written in files of 16 MiB, which must still be allowed.
    world
        .raw
        .run(
            "ALTER TABLE audit.audit_logs SET (autovacuum_enabled = off);
             INSERT INTO audit.audit_logs (occurred_at, id, schema_version, operation, outcome,
                 actor_kind, source, description)
             SELECT 'epoch'::timestamptz + n * interval '1 s', gen_random_uuid(), 1, 'CUSTOM',
                 'success', 'unknown', 'manual', repeat('x', 1900)
             FROM generate_series(1, 9500) AS n",
        )
        .await;
    let mut connection = alice().scope(world.pool.acquire()).await.unwrap();
    let limit = |bytes: &str| {
        format!(
            "DO $$ DECLARE log bigint := pg_relation_size('audit.audit_logs'); BEGIN
                 EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', format(
                     'prlimit --pid %s --fsize={bytes}:', pg_backend_pid(), log)); END $$"
        )
    };
    let fill = "INSERT INTO t SELECT n, repeat('x', 1500) FROM generate_series(100, 120) AS n";
    let sql = limit("%s");
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    let error = connection.execute(fill).await.unwrap_err();
    assert_eq!(kind(&error).unwrap().0, "Refused", "{error}");
    let rows = world.text("SELECT count(*)::text FROM t").await;
    assert_eq!(rows, "1");
    // With room it goes on, on the same connection.
    let sql = limit("unlimited");
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    connection.execute(fill).await.unwrap();
    drop(connection);
    let log = audit_sqlx::log(&world.pool).table("t").limit(100);
    assert_eq!(log.list().await.unwrap().len(), 22);
    world.remove().await;
}
