//! Who may do what: the owner of the log runs `migrate`, the application has no right on it.

use audit_core::{ActorKind, Audit, Event, MissingContext, Operation};
use audit_sqlx::{Finding, Report};
use audit_testkit::{Raw, Server, TestDatabase};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Executor};

use crate::world::{after, alice, attach, audit};

/// A database with an owner of the log and an application of their own.
struct Roles {
    // Held for its Drop, which removes the database.
    _database: TestDatabase,
    raw: Raw,
    owner: String,
    application: String,
    owners: PgPool,
    applications: PgPool,
    audit: Audit,
}

impl Roles {
    async fn new(server: Server, tables: &str) -> Self {
        Self::with(server, tables, audit()).await
    }

    async fn with(server: Server, tables: &str, audit: Audit) -> Self {
        let database = TestDatabase::create(server).await;
        let mut raw = database.raw().await;
        let name = database.url().rsplit('/').next().unwrap().to_owned();
        let (owner, application) = (format!("owner_{name}"), format!("app_{name}"));
        raw.run(&format!(
            "CREATE ROLE {owner} LOGIN; CREATE ROLE {application} LOGIN;
             GRANT CREATE ON DATABASE {name} TO {owner}, {application};
             GRANT CREATE ON SCHEMA public TO {owner};
             SET ROLE {owner}; {tables};
             GRANT ALL ON ALL TABLES IN SCHEMA public TO {application};
             GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {application}; RESET ROLE;"
        ))
        .await;
        let url_of = |role: &str| {
            let (_, place) = database.url().split_once('@').unwrap();
            format!("postgres://{role}@{place}")
        };
        let owners = attach(&audit, &url_of(&owner)).await;
        let report = audit_sqlx::migrate(&owners, &audit).await.unwrap();
        assert!(!report.has_gaps(), "{report:?}");
        let applications = attach(&audit, &url_of(&application)).await;
        Self {
            _database: database,
            raw,
            owner,
            application,
            owners,
            applications,
            audit,
        }
    }

    async fn run(&self, sql: &str) {
        let work = async { self.applications.execute(AssertSqlSafe(sql)).await };
        if let Err(error) = alice().scope(work).await {
            panic!("{sql}: {error}");
        }
    }

    /// The SQLSTATE with which the application is refused.
    async fn refused(&self, sql: &str) -> String {
        let result = self.applications.execute(AssertSqlSafe(sql)).await;
        match result {
            Ok(_) => panic!("the application can run {sql}"),
            Err(error) => error
                .as_database_error()
                .unwrap()
                .code()
                .unwrap()
                .into_owned(),
        }
    }

    async fn events(&self) -> Vec<Event> {
        let log = audit_sqlx::log(&self.owners).oldest_first();
        log.list().await.unwrap()
    }

    async fn remove(mut self) {
        self.owners.close().await;
        self.applications.close().await;
        let (owner, application) = (&self.owner, &self.application);
        self.raw
            .run(&format!(
                "DROP OWNED BY {owner}, {application} CASCADE; DROP ROLE {owner}, {application}"
            ))
            .await;
    }
}

const USERS: &str = "CREATE TABLE users (id int PRIMARY KEY, name text)";

/// SQLSTATE of a right that is missing.
const DENIED: &str = "42501";

pub(crate) async fn an_application_without_rights_writes_events_and_nothing_else(server: Server) {
    let roles = Roles::new(server, USERS).await;
    roles.run("INSERT INTO users VALUES (1, 'a')").await;
    roles.run("UPDATE users SET name = 'b'").await;
    roles.run("DELETE FROM users").await;
    roles.run("TRUNCATE users").await;
    let before = roles.events().await;
    assert_eq!(before.len(), 4);
    for sql in [
        "SELECT * FROM audit.audit_logs",
        "INSERT INTO audit.audit_logs (occurred_at, id) VALUES (now(), gen_random_uuid())",
        "UPDATE audit.audit_logs SET actor_id = 'mallory'",
        "DELETE FROM audit.audit_logs",
        "TRUNCATE audit.audit_logs",
        "DROP TABLE audit.audit_logs",
        "ALTER TABLE audit.audit_logs ADD x int",
        "CREATE TRIGGER x BEFORE INSERT ON audit.audit_logs FOR EACH ROW \
         EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE TABLE audit.x (id int)",
        "CREATE FUNCTION audit.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "UPDATE audit.audit_migrations SET version = 0",
        "DELETE FROM audit.audit_schemas",
        r#"DROP TRIGGER "!audit_update" ON users"#,
        r#"ALTER TABLE users DISABLE TRIGGER "!audit_update""#,
        "ALTER TABLE users DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION audit.record(event json) RETURNS text LANGUAGE sql AS ''",
        "SELECT audit.clipped('{}', 1, 1)",
        "SELECT * FROM audit.drifted(0, NULL, NULL, '{}', NULL, true)",
        "SELECT audit.hidden('{}', '{}', 'mask', NULL)",
        "SELECT audit.hidden_part('{}', '{}', NULL)",
    ] {
        assert_eq!(roles.refused(sql).await, DENIED, "{sql}");
    }
    assert_eq!(roles.events().await, before);
    roles.remove().await;
}

pub(crate) async fn an_application_cannot_lend_itself_a_trigger_of_ours(server: Server) {
    let mut roles = Roles::new(server, USERS).await;
    let found = roles
        .raw
        .texts("SELECT tgfoid::regprocedure::text FROM pg_trigger WHERE tgname = '!audit_insert'")
        .await;
    let function = found[0][0].clone().unwrap();
    roles
        .run("CREATE SCHEMA own; CREATE TABLE own.users (id int PRIMARY KEY, name text)")
        .await;
    let sql = format!(
        "CREATE TRIGGER x AFTER INSERT ON own.users REFERENCING NEW TABLE AS \"!rows\" \
         FOR EACH STATEMENT EXECUTE FUNCTION {function}"
    );
    assert_eq!(roles.refused(&sql).await, DENIED);
    roles.remove().await;
}

pub(crate) async fn an_application_records_its_events_without_choosing_who_or_when(server: Server) {
    let roles = Roles::new(server, USERS).await;
    let mut connection = alice().scope(roles.applications.acquire()).await.unwrap();
    let event = Event::custom("invoice.approved").record("invoices", "7");
    audit_sqlx::record(&mut *connection, event).await.unwrap();
    // Whatever else it says of the event is not taken.
    connection
        .execute(
            r#"SELECT audit.record('{"action":"x","source":"trigger","actor_id":"mallory",
               "occurred_at":"2000-01-01T00:00:00Z","operation":"DELETE","id":"0"}')"#,
        )
        .await
        .unwrap();
    let events = roles.events().await;
    assert_eq!(events.len(), 2);
    for event in &events {
        assert_eq!(event.source.to_string(), "manual");
        assert_eq!(event.operation.to_string(), "CUSTOM");
        assert_eq!(event.actor_id.as_deref(), Some("alice"));
        assert!(event.occurred_at.timestamp() > 1_700_000_000);
    }
    drop(connection);
    for sql in [
        "SELECT audit.record('{}')",
        r#"SELECT audit.record(json_build_object('action', 'x', 'table_name', repeat('t', 600)))"#,
    ] {
        assert_eq!(
            roles.refused(sql).await,
            audit_capture::POSTGRES_REFUSED,
            "{sql}"
        );
    }
    roles.remove().await;
}

/// A lane says who and when, because it writes later; that it did so is not for it to hide.
pub(crate) async fn an_application_cannot_pass_a_late_event_off_as_another(server: Server) {
    let roles = Roles::new(server, USERS).await;
    roles.run("INSERT INTO users VALUES (1, 'a')").await;
    let [inserted] = roles.events().await.try_into().unwrap();
    let queued = |time: &str, id: &str| {
        format!(
            r#"SELECT audit.record_queued('[{{"action":"x","outcome":"success","actor_kind":"user",
               "source":"trigger","operation":"DELETE","recorded_at":"2000-01-01T00:00:00Z",
               "transaction_id":"1","occurred_at":"{time}","id":"{id}"}}]')"#
        )
    };
    let id = "0190a1b2-0000-7000-8000-000000000001";
    let time = inserted.occurred_at.to_rfc3339();
    for sql in [
        queued("2000-01-01T00:00:00Z", id),
        // The place of the event that is there.
        queued(&time, &inserted.id.to_string()),
    ] {
        let mut connection = roles.applications.acquire().await.unwrap();
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    let [late, kept] = roles.events().await.try_into().unwrap();
    assert_eq!(kept, inserted);
    assert_eq!(late.source.to_string(), "lane");
    assert_eq!(late.operation.to_string(), "CUSTOM");
    assert!(late.recorded_at >= kept.recorded_at);
    assert_ne!(late.transaction_id.as_deref(), Some("1"));
    roles.remove().await;
}

pub(crate) async fn words_that_no_reader_knows_are_refused(server: Server) {
    let roles = Roles::new(server, USERS).await;
    // One such event would make the log unreadable for everybody.
    for sql in [
        r#"SELECT audit.record('{"action":"x","outcome":"great"}')"#,
        r#"SELECT audit.record('{"action":"x","severity":"great"}')"#,
        r#"SELECT audit.record('{"action":"x","data_class":"great"}')"#,
        r#"SELECT audit.record_queued('[{"outcome":"great","actor_kind":"user",
           "occurred_at":"2026-01-01T00:00:00Z","id":"0190a1b2-0000-7000-8000-000000000001"}]')"#,
        "SET audit.context = E'mallory\\x1fking'; INSERT INTO users VALUES (1, 'a')",
        "SET audit.context = E'mallory\\x1fuser\\x1f\\x1f\\x1f\\x1fsworn'; INSERT INTO users VALUES (1, 'a')",
    ] {
        assert_eq!(roles.refused(sql).await, "23514", "{sql}");
    }
    let sql = "SET audit.context = E'm\\x1fuser\\x1f\\x1f\\x1f\\x1f\\x1f\\x1f\\x1fno json'; \
               INSERT INTO users VALUES (1, 'a')";
    assert_eq!(roles.refused(sql).await, "22P02");
    assert_eq!(roles.events().await, []);
    roles.remove().await;
}

pub(crate) async fn nothing_on_the_callers_path_runs_with_the_owners_rights(server: Server) {
    let mut roles = Roles::new(server, USERS).await;
    // Functions, an operator and tables with the names of those that the triggers use, in front
    // of everything on the path of the application; each would leave a trace.
    roles
        .run(
            "CREATE SCHEMA evil; CREATE TABLE evil.trace (who text); \
             GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT ALL ON evil.trace TO PUBLIC; \
             CREATE FUNCTION evil.row_to_json(record) RETURNS json LANGUAGE plpgsql AS \
             $$BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN '{}'; END$$; \
             CREATE FUNCTION evil.differs(record, record) RETURNS bool LANGUAGE plpgsql AS \
             $$BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN true; END$$; \
             CREATE OPERATOR evil.*<> (LEFTARG = record, RIGHTARG = record, \
                 FUNCTION = evil.differs); \
             CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS \
             $$BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN now(); END$$",
        )
        .await;
    let mut connection = alice().scope(roles.applications.acquire()).await.unwrap();
    for sql in [
        "CREATE TEMP TABLE audit_logs (LIKE evil.trace)",
        "CREATE TEMP TABLE pg_attribute (attname text)",
        "SET search_path = evil, pg_temp, pg_catalog, public",
        "INSERT INTO public.users VALUES (1, 'a')",
        "UPDATE public.users SET name = 'b'",
        "UPDATE public.users SET name = 'b'",
        "DELETE FROM public.users",
    ] {
        connection.execute(sql).await.unwrap();
    }
    drop(connection);
    assert_eq!(roles.events().await.len(), 3);
    assert_eq!(roles.raw.texts("SELECT who FROM evil.trace").await.len(), 0);
    roles.remove().await;
}

pub(crate) async fn the_owner_of_a_partitioned_table_can_add_partitions(server: Server) {
    let mut roles = Roles::new(server, USERS).await;
    // Its tables belong to the application, which may not call the functions of the triggers.
    let (owner, application) = (roles.owner.clone(), roles.application.clone());
    roles
        .raw
        .run(&format!(
            "GRANT CREATE ON SCHEMA public TO {application}; SET ROLE {application};
             CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
             GRANT TRIGGER ON p TO {owner}; RESET ROLE"
        ))
        .await;
    audit_sqlx::migrate(&roles.owners, &audit()).await.unwrap();
    roles
        .run("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); INSERT INTO p VALUES (1)")
        .await;
    assert_eq!(roles.events().await.len(), 1);
    roles.remove().await;
}

pub(crate) async fn the_check_tells_who_can_erase(server: Server) {
    let mut roles = Roles::new(server, USERS).await;
    let (owner, application) = (roles.owner.clone(), roles.application.clone());
    let found = audit_sqlx::check(&roles.applications).await.unwrap();
    assert_eq!(found.findings(), []);
    let found = audit_sqlx::check(&roles.owners).await.unwrap();
    assert_eq!(
        found.findings(),
        [Finding::LogWritable {
            role: owner.clone()
        }]
    );
    assert!(!found.has_gaps());

    roles
        .raw
        .run(&format!(
            "GRANT DELETE ON audit.audit_logs TO {application}"
        ))
        .await;
    let found = audit_sqlx::check(&roles.applications).await.unwrap();
    assert_eq!(
        found.findings(),
        [Finding::LogWritable { role: application }]
    );

    roles
        .raw
        .run("ALTER TABLE audit.audit_logs OWNER TO postgres")
        .await;
    let found = audit_sqlx::check(&roles.applications).await.unwrap();
    let role = "postgres".to_owned();
    assert!(found.findings().contains(&Finding::SuperuserOwner { role }));
    roles
        .raw
        .run(&format!("ALTER TABLE audit.audit_logs OWNER TO {owner}"))
        .await;
    roles.remove().await;
}

pub(crate) async fn a_cast_to_json_is_a_finding(server: Server) {
    let mut roles = Roles::new(server, USERS).await;
    let application = roles.application.clone();
    roles
        .raw
        .run(&format!(
            "CREATE TYPE mood AS ENUM ('good', 'bad'); ALTER TABLE users ADD moods mood[];
             ALTER TYPE mood OWNER TO {application};"
        ))
        .await;
    let found = audit_sqlx::check(&roles.applications).await.unwrap();
    let foreign = Finding::ForeignType {
        type_name: "mood".to_owned(),
        role: application.clone(),
    };
    assert!(found.findings().contains(&foreign), "{found:?}");
    roles
        .run(
            "CREATE SCHEMA own; CREATE FUNCTION own.j(mood) RETURNS json LANGUAGE sql AS \
             $$SELECT to_json(current_user::text)$$; \
             CREATE CAST (mood AS json) WITH FUNCTION own.j(mood)",
        )
        .await;
    let found = audit_sqlx::check(&roles.applications).await.unwrap();
    let cast = Finding::JsonCast {
        type_name: "mood".to_owned(),
    };
    assert!(found.findings().contains(&cast), "{found:?}");
    // As it is today: the server runs the cast with the rights of the log's owner.
    roles
        .run("INSERT INTO users VALUES (1, 'a', '{good}')")
        .await;
    let event = roles.events().await.pop().unwrap();
    assert!(after(&event).contains(&roles.owner), "{}", after(&event));
    roles.remove().await;
}

fn gaps(report: &Report) -> Vec<Finding> {
    let gaps = report.findings().iter().filter(|finding| finding.is_gap());
    gaps.cloned().collect()
}

pub(crate) async fn an_application_proves_capture_without_rights(server: Server) {
    let mut roles = Roles::new(server, USERS).await;
    let report = audit_sqlx::check(&roles.applications).await.unwrap();
    assert_eq!(report.findings(), []);
    for sql in [
        "INSERT INTO audit.audit_probe VALUES ('x', 'a')",
        "SELECT * FROM audit.audit_probe",
        "DELETE FROM audit.audit_probe",
    ] {
        assert_eq!(roles.refused(sql).await, DENIED, "{sql}");
    }
    // What it gives back is the probe's alone, and nothing stays.
    roles.run("INSERT INTO users VALUES (1, 'a')").await;
    let answer: String = sqlx::query_scalar("SELECT audit.probe('1')")
        .fetch_one(&roles.applications)
        .await
        .unwrap();
    assert_eq!(answer.lines().count(), 3);
    assert!(!answer.contains("users"), "{answer}");
    assert_eq!(roles.events().await.len(), 1);

    let owner = roles.owner.clone();
    let revoke = format!("REVOKE INSERT ON audit.audit_logs FROM {owner}");
    roles.raw.run(&revoke).await;
    let found = gaps(&audit_sqlx::check(&roles.applications).await.unwrap());
    let reason = "permission denied for table audit_logs".to_owned();
    assert_eq!(found, [Finding::ProbeRefused { reason }]);
    let grant = format!("GRANT INSERT ON audit.audit_logs TO {owner}");
    roles.raw.run(&grant).await;
    let revoke = "REVOKE EXECUTE ON FUNCTION audit.probe FROM PUBLIC";
    roles.raw.run(revoke).await;
    let report = audit_sqlx::check(&roles.applications).await.unwrap();
    let reason = "permission denied for function probe".to_owned();
    assert_eq!(report.findings(), [Finding::ProbeDenied { reason }]);
    roles.remove().await;
}

pub(crate) async fn only_the_owner_turns_capture_off_and_is_named(server: Server) {
    let roles = Roles::with(
        server,
        USERS,
        Audit::builder()
            .on_missing_context(MissingContext::Deny)
            .build()
            .unwrap(),
    )
    .await;
    let off = "UPDATE audit.audit_settings SET value = 'off' WHERE name = 'capture'";
    for sql in [
        off,
        "DELETE FROM audit.audit_settings",
        "INSERT INTO audit.audit_settings VALUES ('capture:users', 'off')",
        "TRUNCATE audit.audit_settings",
    ] {
        assert_eq!(roles.refused(sql).await, DENIED, "{sql}");
    }
    // By hand, without a pool: the log knows the account.
    roles.owners.execute(off).await.unwrap();
    let report = audit_sqlx::migrate(&roles.owners, &roles.audit)
        .await
        .unwrap();
    assert_eq!(gaps(&report), [Finding::CaptureOff { table: None }]);
    roles.run("INSERT INTO users VALUES (1, 'a')").await;
    let report = audit_sqlx::check(&roles.applications).await.unwrap();
    assert_eq!(gaps(&report), [Finding::CaptureOff { table: None }]);
    let truncate = "TRUNCATE audit.audit_settings";
    roles.owners.execute(truncate).await.unwrap();
    let events = roles.events().await;
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let table = event.table_name.as_deref().unwrap();
            (
                event.operation,
                table,
                event.actor_id.clone(),
                event.actor_kind,
            )
        })
        .collect();
    let by = |operation| {
        let owner = Some(roles.owner.clone());
        (operation, "audit_settings", owner, ActorKind::Unknown)
    };
    assert_eq!(told, [by(Operation::Update), by(Operation::Truncate)]);
    roles.remove().await;
}
