//! What `check` finds, and that `migrate` mends it.

use audit_core::{Audit, OnDrift, Operation, TableRule};
use audit_sqlx::{CheckError, Finding, MigrateError};
use audit_testkit::Server;

use crate::world::{World, attach};

const TABLES: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE leaf PARTITION OF p DEFAULT;";

/// Replaces the body of a function of ours, as a statement.
fn rewritten(function: &str, old: &str, new: &str) -> String {
    format!(
        "DO $x$ BEGIN EXECUTE replace((SELECT pg_get_functiondef(oid) FROM pg_proc \
         WHERE pronamespace = 'audit'::regnamespace AND proname ~ '^{function}(_[0-9a-f]+)?$'), \
         $y${old}$y$, $y${new}$y$); END $x$"
    )
}

/// Alters a function of ours, as a statement.
fn changed(function: &str, how: &str) -> String {
    format!(
        "DO $x$ BEGIN EXECUTE (SELECT format('ALTER FUNCTION %s {how}', oid::regprocedure) \
         FROM pg_proc WHERE pronamespace = 'audit'::regnamespace AND proname ~ '^{function}(_[0-9a-f]+)?$'); \
         END $x$"
    )
}

pub(crate) async fn whatever_is_changed_is_found_and_mended(server: Server) {
    let mut world = World::new(server, TABLES).await;
    assert_eq!(world.gaps().await, []);
    for sabotage in [
        r#"ALTER TABLE users DISABLE TRIGGER "!audit_update""#.to_owned(),
        r#"ALTER TABLE users ENABLE REPLICA TRIGGER "!audit_update""#.to_owned(),
        r#"ALTER TABLE users DISABLE TRIGGER ALL"#.to_owned(),
        r#"ALTER TABLE leaf DISABLE TRIGGER "!audit_root_update""#.to_owned(),
        r#"DROP TRIGGER "!audit_delete" ON users"#.to_owned(),
        r#"ALTER TRIGGER "!audit_delete" ON users RENAME TO zz"#.to_owned(),
        rewritten("update_public_users", "'UPDATE'", "'INSERT'"),
        rewritten("insert_public_users", "v_context[1]", "'nobody'"),
        rewritten("insert_public_p", "RETURN NULL", "RETURN OLD"),
        changed("update_public_users", "SECURITY INVOKER"),
        changed("update_public_users", "RESET search_path"),
        changed("update_public_users", "SET TimeZone = ''Asia/Tokyo''"),
        changed("update_public_users", "SET row_security = off"),
        rewritten("record", "'manual'", "'trigger'"),
        rewritten("drifted", "'mask'", "'none'"),
        changed("record", "SECURITY INVOKER"),
        rewritten("record_queued", "'lane'", "'trigger'"),
        changed("record_queued", "RESET search_path"),
        changed("clipped", "RESET search_path"),
        "DROP FUNCTION audit.clipped".to_owned(),
        r#"DO $$ DECLARE f text := (SELECT tgfoid::regproc FROM pg_trigger
           WHERE tgrelid = 'users'::regclass AND tgname = '!audit_update');
           BEGIN EXECUTE format('CREATE OR REPLACE TRIGGER "!audit_update" AFTER UPDATE ON users
           FOR EACH ROW WHEN (OLD.* *<> NEW.* AND NEW.id > 5) EXECUTE FUNCTION %s()', f);
           END $$"#
            .to_owned(),
        r#"DO $$ DECLARE f text := (SELECT tgfoid::regproc FROM pg_trigger
           WHERE tgrelid = 'users'::regclass AND tgname = '!audit_update');
           BEGIN EXECUTE format('CREATE OR REPLACE TRIGGER "!audit_update" AFTER UPDATE OF name
           ON users FOR EACH ROW WHEN (OLD.* *<> NEW.*) EXECUTE FUNCTION %s()', f); END $$"#
            .to_owned(),
        r#"CREATE OR REPLACE TRIGGER "!audit_update" AFTER UPDATE ON users FOR EACH ROW
           WHEN (OLD.* *<> NEW.*) EXECUTE FUNCTION suppress_redundant_updates_trigger()"#
            .to_owned(),
    ] {
        world.raw.run(&sabotage).await;
        assert_ne!(world.gaps().await, [], "{sabotage}");
        let report = world.migrate().await;
        assert!(!report.has_gaps(), "{sabotage}: {report:?}");
        let before = world.events().await.len();
        world
            .run(&[
                "INSERT INTO users VALUES (1, 'a'); UPDATE users SET name = 'b'; DELETE FROM users",
                "INSERT INTO p VALUES (1); UPDATE p SET id = 2; DELETE FROM leaf",
            ])
            .await;
        assert_eq!(world.events().await.len(), before + 6, "{sabotage}");
    }
    world.remove().await;
}

pub(crate) async fn what_surrounds_the_log_is_found(server: Server) {
    let mut world = World::new(server, TABLES).await;
    for (sql, undo, finding) in [
        (
            "CREATE RULE r AS ON INSERT TO audit.audit_logs DO INSTEAD NOTHING",
            "DROP RULE r ON audit.audit_logs",
            Finding::LogAltered {
                trigger: "r".to_owned(),
            },
        ),
        (
            "CREATE TRIGGER s BEFORE INSERT ON audit.audit_logs FOR EACH ROW \
             EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "DROP TRIGGER s ON audit.audit_logs",
            Finding::LogAltered {
                trigger: "s".to_owned(),
            },
        ),
        (
            r#"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
               CREATE TRIGGER " first" AFTER UPDATE ON users EXECUTE FUNCTION f()"#,
            "DROP FUNCTION f CASCADE",
            Finding::EarlierTrigger {
                table: "users".to_owned(),
                trigger: " first".to_owned(),
            },
        ),
        (
            "CREATE TABLE later (id int PRIMARY KEY)",
            "DROP TABLE later",
            Finding::TriggerMissing {
                table: "later".to_owned(),
                trigger: "!audit_update".to_owned(),
            },
        ),
    ] {
        world.raw.run(sql).await;
        let gaps = world.gaps().await;
        assert!(gaps.contains(&finding), "{sql}: {gaps:?}");
        world.raw.run(undo).await;
        // A connection that wrote under a rule keeps the plan that it made there.
        world.reconnect().await;
        assert_eq!(world.gaps().await, [], "{undo}");
    }
    world.remove().await;
}

pub(crate) async fn an_after_trigger_of_the_application_makes_row_triggers(server: Server) {
    let mut world = World::new(server, TABLES).await;
    let kinds = "SELECT string_agg(tgname || ' ' || (tgtype & 1), ', ' ORDER BY tgname) \
                 FROM pg_trigger WHERE tgrelid = 'users'::regclass AND tgname LIKE '!audit%'";
    let rows = "!audit_delete 1, !audit_insert 1, !audit_truncate 0, !audit_update 1";
    let statements = "!audit_delete 0, !audit_insert 0, !audit_truncate 0, !audit_update 1";
    assert_eq!(world.text(kinds).await, statements);
    world
        .raw
        .run(
            "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS \
             $$BEGIN UPDATE users SET name = 'touched' WHERE id = NEW.id; RETURN NULL; END$$; \
             CREATE TRIGGER touch AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch()",
        )
        .await;
    let differs = |trigger: &str| Finding::TriggerDiffers {
        table: "users".to_owned(),
        trigger: trigger.to_owned(),
    };
    assert_eq!(
        world.gaps().await,
        [differs("!audit_delete"), differs("!audit_insert")]
    );
    world.migrate().await;
    assert_eq!(world.text(kinds).await, rows);
    world.run(&["INSERT INTO users VALUES (1, 'a')"]).await;
    assert_eq!(world.story().await, ["INSERT users 1", "UPDATE users 1"]);
    world.raw.run("DROP TRIGGER touch ON users").await;
    world.migrate().await;
    assert_eq!(world.text(kinds).await, statements);
    world.remove().await;
}

pub(crate) async fn triggers_and_functions_go_with_the_rules_and_the_tables(server: Server) {
    let mut world = World::new(server, TABLES).await;
    let functions = "SELECT string_agg(regexp_replace(proname, '_[0-9a-f]{16}$', ''), ' ' \
                     ORDER BY proname) FROM pg_proc WHERE pronamespace = 'audit'::regnamespace \
                     AND prorettype = 'trigger'::regtype AND proname !~ '^[a-z]+_audit_audit_'";
    assert_eq!(
        world.text(functions).await,
        "delete_public_p delete_public_users insert_public_p insert_public_users \
         truncate_public_p truncate_public_users update_public_p update_public_users"
    );
    let rules = Audit::builder()
        .table(TableRule::new("users").operations([Operation::Update]))
        .build()
        .unwrap();
    let pool = attach(&rules, world.database.url()).await;
    let found = audit_sqlx::check(&pool).await.unwrap();
    let left_over = |trigger: &str| Finding::TriggerLeftOver {
        table: "users".to_owned(),
        trigger: trigger.to_owned(),
    };
    assert!(found.findings().contains(&left_over("!audit_insert")));
    world.raw.run("DROP TABLE p").await;
    audit_sqlx::migrate(&pool, &rules).await.unwrap();
    assert_eq!(world.text(functions).await, "update_public_users");
    pool.close().await;
    world.remove().await;
}

/// Large objects have no triggers. Temporary tables have none of ours either, and end with their
/// session: they are no finding, which would come and go with the work of others.
pub(crate) async fn what_no_trigger_can_see_is_found_where_it_is(server: Server) {
    let mut world = World::new(server, TABLES).await;
    let found = async |world: &World| {
        let report = audit_sqlx::check(&world.pool).await.unwrap();
        report.findings().contains(&Finding::LargeObjects)
    };
    world
        .raw
        .run("CREATE TEMPORARY TABLE working (id int); INSERT INTO working VALUES (1)")
        .await;
    assert!(!found(&world).await);
    world.run(&["SELECT lo_from_bytea(4711, 'a')"]).await;
    assert!(found(&world).await);
    assert_eq!(world.gaps().await, []);
    world.run(&["SELECT lo_put(4711, 0, 'b')"]).await;
    assert_eq!(world.events().await.len(), 0);
    world.run(&["SELECT lo_unlink(4711)"]).await;
    assert!(!found(&world).await);
    world.remove().await;
}

pub(crate) async fn an_index_that_was_not_finished_is_found(server: Server) {
    let mut world = World::new(server, TABLES).await;
    let missing = Finding::IndexMissing {
        index: "audit_logs_record".to_owned(),
        leads_to: "the events of a record".to_owned(),
    };
    for (is_valid, is_found) in [("false", true), ("true", false)] {
        // What an index looks like whose making was broken off.
        let set = format!(
            "UPDATE pg_index SET indisvalid = {is_valid} \
             WHERE indexrelid = 'audit.audit_logs_record'::regclass"
        );
        world.raw.run(&set).await;
        let report = audit_sqlx::check(&world.pool).await.unwrap();
        assert_eq!(report.findings().contains(&missing), is_found, "{report:?}");
        assert!(!report.has_gaps(), "{report:?}");
    }
    world.remove().await;
}

pub(crate) async fn drift_is_denied_or_installed_as_the_settings_say(server: Server) {
    let mut world = World::new(server, TABLES).await;
    let under = |policy| Audit::builder().on_drift(policy).build().unwrap();
    let denying = attach(&under(OnDrift::Deny), world.database.url()).await;
    let installing = attach(&under(OnDrift::Install), world.database.url()).await;
    audit_sqlx::check(&denying).await.unwrap();
    world
        .raw
        .run(r#"DROP TRIGGER "!audit_delete" ON users"#)
        .await;
    let error = audit_sqlx::check(&denying).await.unwrap_err();
    assert!(matches!(&error, CheckError::Denied(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("`!audit_delete` on `users` is missing"),
        "{error}"
    );
    assert!(!audit_sqlx::check(&installing).await.unwrap().has_gaps());
    audit_sqlx::check(&denying).await.unwrap();
    world
        .raw
        .run("UPDATE audit.audit_migrations SET checksum = 'other'")
        .await;
    let error = audit_sqlx::migrate(&denying, &under(OnDrift::Deny))
        .await
        .unwrap_err();
    assert!(matches!(error, MigrateError::ChangedStep { version: 1 }));
    denying.close().await;
    installing.close().await;
    world.remove().await;
}
