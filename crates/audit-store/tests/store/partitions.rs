//! The log in partitions: made while others write, and taken apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use audit_core::query::LogQuery;
use audit_core::{Actor, AuditContext, Dialect, Event, LogIndex, Outcome};
use audit_store::partitions::{
    Change, Changed, LogPartitions, PartitionRefusal, Partitions, PartitionsError,
};
use audit_store::retention::NewHold;
use audit_store::{place, release};
use audit_testkit::{Explain, Server};
use chrono::{DateTime, Datelike as _, Utc};

use super::events;
use super::world::{Db, World};

type Error = PartitionsError<audit_sqlx::LogError>;

const CONVERT: Change = Change::Convert { months_ahead: 3 };
const CREATE: Change = Change::Create { months_ahead: 3 };

async fn try_change<DB: Db>(world: &World<DB>, change: &Change) -> Result<Changed, Error> {
    let mut connection = world.pool.acquire().await.unwrap();
    let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
    let olga = AuditContext::new().with_actor(Actor::user("olga"));
    olga.scope(partitions.apply(change)).await
}

async fn change<DB: Db>(world: &World<DB>, change: &Change) -> Changed {
    try_change(world, change).await.unwrap()
}

async fn look<DB: Db>(world: &World<DB>) -> LogPartitions {
    let mut connection = world.pool.acquire().await.unwrap();
    let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
    partitions.look().await.unwrap()
}

pub(crate) async fn names<DB: Db>(world: &World<DB>) -> Vec<String> {
    let log = look(world).await;
    log.partitions
        .into_iter()
        .map(|partition| partition.name)
        .collect()
}

/// Makes the log of a world one of partitions.
pub(crate) async fn convert<DB: Db>(world: &mut World<DB>) {
    assert!(!change(world, &CONVERT).await.steps.is_empty());
}

/// Partitions with these ends take the place of the empty one that a conversion made of the past.
async fn split_at<DB: Db>(world: &mut World<DB>, ends: &[(&str, String)]) {
    let log = look(world).await;
    let past = log.partitions.first().unwrap();
    assert_eq!(past.name, "audit_logs_past");
    let mut ends = ends.to_vec();
    let last = past
        .ends_at
        .unwrap()
        .format("%Y-%m-%d %H:%M:%S")
        .to_string();
    ends.push(("audit_logs_recent", last));
    let sql = match world.server.dialect() {
        Dialect::MySql => {
            let part = |(name, end): &(&str, String)| {
                format!("PARTITION {name} VALUES LESS THAN ('{end}')")
            };
            let parts: Vec<String> = ends.iter().map(part).collect();
            let parts = parts.join(", ");
            format!("ALTER TABLE audit_logs REORGANIZE PARTITION audit_logs_past INTO ({parts})")
        }
        _ => {
            let mut sql = "DROP TABLE audit.audit_logs_past;".to_owned();
            let mut start = "MINVALUE".to_owned();
            for (name, end) in &ends {
                let end = format!("'{end}+00'");
                sql += &format!(
                    "CREATE TABLE audit.{name} PARTITION OF audit.audit_logs \
                     FOR VALUES FROM ({start}) TO ({end});"
                );
                start = end;
            }
            sql
        }
    };
    world.raw.run(&sql).await;
}

/// The past ends where this month begins.
pub(crate) async fn end_past<DB: Db>(world: &mut World<DB>) {
    let month = Utc::now().format("%Y-%m-01 00:00:00");
    let sql = match world.server.dialect() {
        Dialect::MySql => format!(
            "ALTER TABLE audit_logs REORGANIZE PARTITION audit_logs_past, audit_logs_future INTO (\
             PARTITION audit_logs_past VALUES LESS THAN ('{month}'), \
             PARTITION audit_logs_future VALUES LESS THAN (MAXVALUE))"
        ),
        _ => format!(
            "DROP TABLE audit.audit_logs_past; \
             CREATE TABLE audit.audit_logs_past PARTITION OF audit.audit_logs \
             FOR VALUES FROM (MINVALUE) TO ('{month}+00')"
        ),
    };
    world.raw.run(&sql).await;
}

fn text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// The made-up events are in two partitions, and those that a test writes in two others.
pub(crate) async fn split<DB: Db>(world: &mut World<DB>) {
    let early = DateTime::from_timestamp_micros(events::START + 25).unwrap();
    let soon = Utc::now() + chrono::TimeDelta::milliseconds(500);
    let ends = [
        ("audit_logs_early", text(early)),
        ("audit_logs_middle", text(soon)),
    ];
    split_at(world, &ends).await;
}

/// What `check` finds, in words.
async fn findings<DB: Db>(world: &World<DB>) -> Vec<String> {
    let report = audit_sqlx::check(&world.pool).await.unwrap();
    report.findings().iter().map(ToString::to_string).collect()
}

/// Writers that go on until they are told to stop, on connections that are open before; each says how
/// many rows it wrote.
fn writers<DB: Db>(world: &World<DB>, stop: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<i64>> {
    let insert = match world.server.dialect() {
        Dialect::MySql => "INSERT INTO users (id, name) VALUES (?, 'a')",
        _ => "INSERT INTO users (id, name) VALUES ($1, 'a')",
    };
    let writer = |number: i64| {
        let (pool, stop) = (world.pool.clone(), Arc::clone(stop));
        let context = AuditContext::new().with_actor(Actor::user(format!("writer-{number}")));
        tokio::spawn(context.scope(async move {
            let mut connection = pool.acquire().await.unwrap();
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                let id = number * 1_000_000 + written;
                // Some write in transactions that last a while.
                let is_in_transaction = number % 2 == 0;
                if is_in_transaction {
                    DB::execute_text(&mut connection, "BEGIN").await.unwrap();
                }
                DB::execute_with(&mut connection, insert, id).await.unwrap();
                tokio::task::yield_now().await;
                if is_in_transaction {
                    DB::execute_text(&mut connection, "COMMIT").await.unwrap();
                }
                written += 1;
            }
            written
        }))
    };
    (1..=4).map(writer).collect()
}

/// Makes a change while others write; no write may fail, and each must be an event.
async fn while_others_write<DB: Db>(world: &World<DB>, change_made: &Change) -> Changed {
    let before = world.events().await.len();
    let stop = Arc::new(AtomicBool::new(false));
    let writers = writers(world, &stop);
    let has_written = async || loop {
        let events = world.events().await.len();
        if events > before + 40 {
            return events;
        }
    };
    has_written().await;
    let changed = change(world, change_made).await;
    let at_change = world.events().await.len();
    while world.events().await.len() < at_change + 40 {}
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    let after = world.events().await.len();
    assert_eq!(i64::try_from(after - before).unwrap(), written);
    changed
}

pub(crate) async fn a_conversion_stops_no_writer<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let found = findings(&world).await;
    let indexes = audit_core::query::index_names(server.dialect()).text;
    let indexed = sorted(world.raw.texts(&indexes).await);
    let changed = while_others_write(&world, &CONVERT).await;
    assert!(!changed.steps.is_empty());
    let parts = names(&world).await;
    assert_eq!(parts.first().unwrap(), "audit_logs_past");
    assert_eq!(parts.last().unwrap(), "audit_logs_future");
    assert!(parts.len() > 3, "{parts:?}");
    assert_eq!(change(&world, &CONVERT).await.steps, []);
    assert_eq!(findings(&world).await, found);
    assert_eq!(sorted(world.raw.texts(&indexes).await), indexed);
}

/// `migrate`, also one that asks for a further index, and the way back.
pub(crate) async fn migrations_go_on_as_before<DB: Db>(server: Server) {
    let asked = |index| audit_core::Audit::builder().index(index).build().unwrap();
    let audit = asked(LogIndex::Actor);
    let mut world = World::<DB>::with(server, &audit).await;
    let found = findings(&world).await;
    convert(&mut world).await;
    audit_sqlx::migrate(&world.pool, &audit).await.unwrap();
    assert_eq!(findings(&world).await, found);
    let of_actor = LogQuery::new().actor("writer-1");
    let missing = world.trail().missing_index(&of_actor).await.unwrap();
    assert_eq!(missing, None);
    let of_request = LogQuery::new().request("r");
    let missing = world.trail().missing_index(&of_request).await.unwrap();
    assert_eq!(missing.unwrap().index, LogIndex::Request);

    let more = asked(LogIndex::Request);
    audit_sqlx::migrate(&world.pool, &more).await.unwrap();
    let missing = world.trail().missing_index(&of_request).await.unwrap();
    assert_eq!(missing, None);
    // The files by hand: again, and back.
    let steps = audit_migrations::steps(server.dialect());
    for step in steps {
        world.raw.run(step.up).await;
    }
    assert_eq!(names(&world).await[0], "audit_logs_past");
    for step in steps.iter().rev() {
        world.raw.run(step.down).await;
    }
    world.raw.run("INSERT INTO users (id) VALUES (7)").await;
    let left = audit_core::schema::qualified(server.dialect(), "audit_logs_past");
    let read = format!("SELECT 1 FROM {left}");
    assert!(world.raw.try_run(&read).await.is_err());
}

fn sorted(mut rows: Vec<Vec<Option<String>>>) -> Vec<Vec<Option<String>>> {
    rows.sort();
    rows
}

/// Nobody waits for the whole of the time that the conversion waits.
pub(crate) async fn a_conversion_waits_for_open_transactions<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let open = world.open("INSERT INTO users (id) VALUES (1)").await;
    let mut connection = world.pool.acquire().await.unwrap();
    let conversion = tokio::spawn(async move {
        let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
        partitions.apply(&CONVERT).await.unwrap()
    });
    let waiting = match server.dialect() {
        Dialect::MySql => {
            "SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.PROCESSLIST \
             WHERE DB = DATABASE() AND STATE LIKE 'Waiting for table metadata lock%'"
        }
        _ => {
            "SELECT count(*)::text FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'"
        }
    };
    while world.raw.texts(waiting).await == [[Some("0".to_owned())]] {}
    for id in 2..=4 {
        let insert = format!("INSERT INTO users (id) VALUES ({id})");
        world.run_as("ann", &[&insert]).await;
    }
    assert!(!conversion.is_finished());
    open.commit().await.unwrap();
    assert!(!conversion.await.unwrap().steps.is_empty());
    assert_eq!(world.events().await.len(), 4);
}

pub(crate) async fn an_interrupted_conversion_is_ended<DB: Db>(server: Server) {
    let mut ended = 0;
    loop {
        let mut world = World::<DB>::new(server).await;
        world
            .run_as("ann", &["INSERT INTO users (id) VALUES (1), (2), (3)"])
            .await;
        let mut connection = world.pool.acquire().await.unwrap();
        let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
        let steps = partitions.plan(&CONVERT).await.unwrap();
        drop(connection);
        for step in steps.iter().take(ended) {
            world.raw.run(&step.statement).await;
        }
        world
            .run_as("ben", &["INSERT INTO users (id) VALUES (4), (5)"])
            .await;
        assert_eq!(
            look(&world).await.is_unfinished,
            ended > 0 && ended < steps.len()
        );
        let told = findings(&world).await.join("\n");
        assert_eq!(
            told.contains("was not ended"),
            ended > 0 && ended < steps.len(),
            "{told}"
        );
        change(&world, &CONVERT).await;
        assert!(!look(&world).await.is_unfinished);
        let events = world.events().await;
        assert_eq!(events.len(), 5, "after {ended} steps");
        assert_eq!(names(&world).await.first().unwrap(), "audit_logs_past");
        if ended == steps.len() {
            return;
        }
        ended += 1;
    }
}

/// The log of a world in which months ran out: all that is written has no month.
async fn without_months<DB: Db>(server: Server) -> World<DB> {
    let mut world = World::<DB>::new(server).await;
    convert(&mut world).await;
    let first = Utc::now().format("%Y-%m-01 00:00:00").to_string();
    split_at(&mut world, &[("audit_logs_old", first)]).await;
    for name in names(&world).await {
        if !["audit_logs_old", "audit_logs_future"].contains(&name.as_str()) {
            let drop = match server.dialect() {
                Dialect::MySql => format!("ALTER TABLE audit_logs DROP PARTITION {name}"),
                _ => format!("DROP TABLE audit.{name}"),
            };
            world.raw.run(&drop).await;
        }
    }
    world
}

pub(crate) async fn events_without_a_month_get_one<DB: Db>(server: Server) {
    let mut world = without_months::<DB>(server).await;
    let told = findings(&world).await.join("\n");
    assert!(told.contains("no month is made"), "{told}");
    world
        .run_as("ann", &["INSERT INTO users (id) VALUES (1), (2), (3)"])
        .await;
    world.raw.run(Explain::of(server.dialect()).analyze).await;
    let changed = while_others_write(&world, &CREATE).await;
    assert!(!changed.steps.is_empty());
    let now = Utc::now();
    let month = format!("audit_logs_{}_{:02}", now.year(), now.month());
    let parts = names(&world).await;
    assert_eq!(parts[1], month, "{parts:?}");
    assert_eq!(parts.last().unwrap(), "audit_logs_future");
    assert_eq!(change(&world, &CREATE).await.steps, []);
    let told = findings(&world).await.join("\n");
    assert!(!told.contains("no month is made"), "{told}");
    let left = LogPartitions::count_query(server.dialect(), "audit_logs_future").text;
    assert_eq!(world.raw.texts(&left).await, [[Some("0".to_owned())]]);
}

/// What a hold keeps does not leave with its month; what it does not keep does.
pub(crate) async fn a_month_that_is_held_stays<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    convert(&mut world).await;
    let month = |month: &str| format!("2026-{month}-01 00:00:00");
    let ends = [
        ("audit_logs_2026_02", month("03")),
        ("audit_logs_2026_03", month("04")),
    ];
    split_at(&mut world, &ends).await;
    // All made-up events are of March.
    world.put(&events::drawn(&events::made(), 40)).await;
    let hold = NewHold::new("case 7", "a court");
    let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
    let placed = place(&hold, &mut audit_sqlx::writer(&mut *transaction)).await;
    placed.unwrap();
    transaction.commit().await.unwrap();

    let march = || "audit_logs_2026_03".to_owned();
    let before = world.events().await.len();
    for removal in [
        Change::Detach { partition: march() },
        Change::Drop { partition: march() },
    ] {
        match try_change(&world, &removal).await {
            Err(PartitionsError::Held { hold, .. }) => assert_eq!(hold, "case 7"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.events().await.len(), before);
    let partition = "audit_logs_2026_02".to_owned();
    assert_eq!(
        change(&world, &Change::Drop { partition }).await.events,
        Some(0)
    );

    let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
    let released = release("case 7", "over", &mut audit_sqlx::writer(&mut *transaction)).await;
    released.unwrap();
    transaction.commit().await.unwrap();
    let partition = march();
    let dropped = change(&world, &Change::Drop { partition }).await;
    assert!(dropped.events > Some(0));
}

pub(crate) async fn months_leave_with_an_event<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    convert(&mut world).await;
    let month = |month: &str| format!("2026-{month}-01 00:00:00");
    let ends = [
        ("audit_logs_2026_02", month("03")),
        ("audit_logs_2026_03", month("04")),
        ("audit_logs_2026_04", month("05")),
    ];
    split_at(&mut world, &ends).await;
    // All made-up events are of March.
    world.put(&events::drawn(&events::made(), 40)).await;
    let of_march = world.events().await.len();
    world
        .run_as("ann", &["INSERT INTO users (id) VALUES (1)"])
        .await;

    for name in ["audit_logs_recent", "audit_logs_future"] {
        let partition = name.to_owned();
        let refused = try_change(&world, &Change::Drop { partition }).await;
        let Err(PartitionsError::Refused(PartitionRefusal::InUse { .. })) = refused else {
            panic!("{refused:?}");
        };
    }
    let partition = "audit_logs_2026_03".to_owned();
    let detached = change(
        &world,
        &Change::Detach {
            partition: partition.clone(),
        },
    )
    .await;
    assert_eq!(detached.events, Some(u64::try_from(of_march).unwrap()));
    let table = audit_core::schema::qualified(server.dialect(), &partition);
    let kept = world.raw.texts(&count(server, &table)).await;
    assert_eq!(kept, [[Some(of_march.to_string())]]);
    // The table that it is now is of the log, and is not audited.
    let audit = audit_core::Audit::builder().build().unwrap();
    let report = audit_sqlx::migrate(&world.pool, &audit).await.unwrap();
    assert!(!report.has_gaps(), "{report:?}");
    world.raw.run(&format!("DELETE FROM {table}")).await;

    let partition = "audit_logs_2026_04".to_owned();
    let dropped = change(&world, &Change::Drop { partition }).await;
    assert_eq!(dropped.events, Some(0));
    let parts = names(&world).await;
    assert_eq!(
        parts[..2],
        ["audit_logs_2026_02", "audit_logs_recent"],
        "{parts:?}"
    );
    let mut events = world.events().await;
    assert_eq!(events.len(), 3, "{events:?}");
    let action = |word| format!("audit.partition.{word}");
    told(
        &events.remove(2),
        &action("drop"),
        "audit_logs_2026_04",
        0,
        "2026-05-01",
    );
    told(
        &events.remove(1),
        &action("detach"),
        "audit_logs_2026_03",
        of_march,
        "2026-04-01",
    );
    assert_eq!(events[0].actor_id.as_deref(), Some("ann"));
}

fn count(server: Server, table: &str) -> String {
    match server.dialect() {
        Dialect::MySql => format!("SELECT CAST(COUNT(*) AS CHAR) FROM {table}"),
        _ => format!("SELECT count(*)::text FROM {table}"),
    }
}

/// That an event tells of a partition that left.
fn told(event: &Event, action: &str, partition: &str, events: usize, end: &str) {
    assert_eq!(event.action.as_deref(), Some(action));
    assert_eq!(event.outcome, Outcome::Success);
    assert_eq!(event.actor_id.as_deref(), Some("olga"));
    assert_eq!(event.record_id.as_deref(), Some(partition));
    let metadata = event.metadata.as_ref().unwrap().as_str();
    let metadata: serde_json::Value = serde_json::from_str(metadata).unwrap();
    assert_eq!(metadata["events"], events);
    // The month after, because on MariaDB a partition begins where the one before it ends.
    let ends_at = metadata["ends_at"].as_str().unwrap();
    assert!(ends_at.starts_with(end), "{metadata}");
}

/// By an account that may do all but change the table.
pub(crate) async fn a_removal_that_fails_is_told_as_one<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    convert(&mut world).await;
    let end = "2026-03-01 00:00:00".to_owned();
    split_at(&mut world, &[("audit_logs_2026_02", end)]).await;
    let (rest, database) = world.url().rsplit_once('/').unwrap();
    let account = database.replace("audit_test", "parts");
    let (_, place) = rest.rsplit_once('@').unwrap();
    let (make, url, drop) = match server.dialect() {
        Dialect::MySql => (
            format!(
                "CREATE USER {account}@'%' IDENTIFIED BY 'pw'; \
                 GRANT SELECT, INSERT ON {database}.audit_logs TO {account}@'%'; \
                 GRANT SELECT ON {database}.audit_holds TO {account}@'%'"
            ),
            format!("mysql://{account}:pw@{place}/{database}"),
            format!("DROP USER {account}@'%'"),
        ),
        _ => (
            format!(
                "CREATE ROLE {account} LOGIN; \
                 GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA audit TO {account}"
            ),
            format!("postgres://{account}@{place}/{database}"),
            format!("DROP OWNED BY {account}; DROP ROLE {account}"),
        ),
    };
    world.raw.run(&make).await;
    let pool = sqlx::pool::PoolOptions::<DB>::new()
        .connect(&url)
        .await
        .unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
    let partition = "audit_logs_2026_02".to_owned();
    let refused = partitions.apply(&Change::Drop { partition }).await;
    let Err(PartitionsError::Database(_)) = refused else {
        panic!("{refused:?}");
    };
    let outcomes: Vec<Outcome> = world.events().await.iter().map(|e| e.outcome).collect();
    match server.dialect() {
        Dialect::MySql => assert_eq!(outcomes, [Outcome::Success, Outcome::Failure]),
        _ => assert_eq!(outcomes, []),
    }
    assert_eq!(names(&world).await[0], "audit_logs_2026_02");
    connection.close().await.unwrap();
    pool.close().await;
    world.raw.run(&drop).await;
}

pub(crate) async fn two_changes_do_not_run_at_once<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let mut other = world.pool.acquire().await.unwrap();
    let take = audit_capture::take_migration_lock(server.dialect()).unwrap();
    DB::execute_text(&mut other, &take.text).await.unwrap();
    let refused = try_change(&world, &CONVERT).await;
    assert!(matches!(refused, Err(PartitionsError::Busy)), "{refused:?}");
    let give_back = audit_capture::give_migration_lock_back(server.dialect()).unwrap();
    DB::execute_text(&mut other, &give_back.text).await.unwrap();
    change(&world, &CONVERT).await;
}

pub(crate) async fn a_span_of_time_reads_its_partitions_alone<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    convert(&mut world).await;
    let month = |month: &str| format!("2026-{month}-01 00:00:00");
    let ends = [
        ("audit_logs_2026_02", month("03")),
        ("audit_logs_2026_03", month("04")),
    ];
    split_at(&mut world, &ends).await;
    world.put(&events::drawn(&events::made(), 40)).await;
    world
        .run_as("ann", &["INSERT INTO users (id) VALUES (1)"])
        .await;
    world.raw.run(Explain::of(server.dialect()).analyze).await;
    let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let march = LogQuery::new()
        .since(time("2026-03-01T00:00:00Z"))
        .until(time("2026-04-01T00:00:00Z"));
    let query = march.to_sql(server.dialect(), Utc::now()).unwrap();
    let explained = Explain::of(server.dialect()).statement(&query);
    let explained = match server.dialect() {
        Dialect::MySql => explained.replacen("EXPLAIN", "EXPLAIN PARTITIONS", 1),
        _ => explained,
    };
    let plan = format!("{:?}", world.raw.texts(&explained).await);
    assert!(plan.contains("audit_logs_2026_03"), "{plan}");
    for other in [
        "audit_logs_2026_02",
        "audit_logs_recent",
        "audit_logs_2027",
        "audit_logs_future",
    ] {
        assert!(!plan.contains(other), "{plan}");
    }
}

pub(crate) async fn what_cannot_be_taken_along_is_told<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let (make, name) = match server.dialect() {
        Dialect::MySql => (
            "CREATE TRIGGER mine BEFORE INSERT ON audit_logs FOR EACH ROW SET @seen = 1",
            "trigger mine",
        ),
        _ => (
            "CREATE VIEW recent AS SELECT id FROM audit.audit_logs",
            "view recent",
        ),
    };
    world.raw.run(make).await;
    let refused = try_change(&world, &CONVERT).await.unwrap_err().to_string();
    assert!(refused.contains(name), "{refused}");
    let refused = try_change(&world, &CREATE).await;
    let Err(PartitionsError::Refused(PartitionRefusal::NotPartitioned)) = refused else {
        panic!("{refused:?}");
    };
}

/// The rights, rules and indexes of the log, as the catalog tells them.
async fn around_the_log<DB: Db>(world: &mut World<DB>) -> Vec<Vec<Option<String>>> {
    let sql = match world.server.dialect() {
        Dialect::MySql => {
            "SELECT CONVERT(CONCAT_WS(' ', COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLLATION_NAME) USING utf8mb4) \
             FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'audit_logs' \
             UNION ALL \
             SELECT CONVERT(CONCAT_WS(' ', INDEX_NAME, NON_UNIQUE, SEQ_IN_INDEX, COLUMN_NAME, SUB_PART) USING utf8mb4) \
             FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'audit_logs' \
             UNION ALL \
             SELECT CONVERT(CONCAT_WS(' ', GRANTEE, PRIVILEGE_TYPE) USING utf8mb4) \
             FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()"
        }
        _ => {
            "SELECT concat_ws(' ', column_name, data_type, is_nullable) \
             FROM information_schema.columns WHERE table_name = 'audit_logs' \
             UNION ALL \
             SELECT replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes WHERE tablename = 'audit_logs' \
             UNION ALL \
             SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE conrelid = 'audit.audit_logs'::regclass \
             UNION ALL \
             SELECT concat_ws(' ', grantor, grantee, privilege_type, is_grantable) \
             FROM information_schema.role_table_grants WHERE table_name = 'audit_logs' \
             UNION ALL \
             SELECT concat_ws(' ', grantee, column_name, privilege_type, is_grantable) \
             FROM information_schema.column_privileges WHERE table_name = 'audit_logs' \
             UNION ALL SELECT p::text FROM pg_policies AS p WHERE tablename = 'audit_logs' \
             UNION ALL \
             SELECT concat_ws(' ', pg_get_triggerdef(oid), tgenabled) FROM pg_trigger \
             WHERE tgrelid = 'audit.audit_logs'::regclass \
             UNION ALL \
             SELECT concat_ws(' ', relowner::regrole, relrowsecurity, relforcerowsecurity, \
                 obj_description(oid, 'pg_class')) \
             FROM pg_class WHERE oid = 'audit.audit_logs'::regclass"
        }
    };
    sorted(world.raw.texts(sql).await)
}

pub(crate) async fn what_is_on_the_log_stays_on_it<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let role = format!("parts_{}", uuid::Uuid::now_v7().simple());
    let made = match server.dialect() {
        Dialect::MySql => format!(
            "CREATE USER {role}; GRANT SELECT ON audit_logs TO {role}; \
             CREATE INDEX mine ON audit_logs (severity);"
        ),
        _ => format!(
            "CREATE ROLE {role};
             CREATE ROLE {role}_owner;
             GRANT SELECT ON audit.audit_logs TO {role} WITH GRANT OPTION;
             GRANT UPDATE (reason) ON audit.audit_logs TO {role};
             CREATE INDEX mine ON audit.audit_logs (severity) WHERE severity <> 'low';
             COMMENT ON TABLE audit.audit_logs IS 'it''s ours';
             ALTER TABLE audit.audit_logs ENABLE ROW LEVEL SECURITY;
             CREATE POLICY one ON audit.audit_logs FOR SELECT TO {role} \
                 USING (tenant_id = CURRENT_USER);
             CREATE POLICY two ON audit.audit_logs AS RESTRICTIVE WITH CHECK (source IS NOT NULL);
             CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER seen AFTER INSERT ON audit.audit_logs FOR EACH ROW \
                 WHEN (NEW.reason IS NULL) EXECUTE FUNCTION seen();
             CREATE TRIGGER off AFTER INSERT ON audit.audit_logs FOR EACH STATEMENT \
                 EXECUTE FUNCTION seen();
             ALTER TABLE audit.audit_logs DISABLE TRIGGER off;
             ALTER DEFAULT PRIVILEGES IN SCHEMA audit GRANT ALL ON TABLES TO {role};"
        ),
    };
    world.raw.run(&made).await;
    let before = around_the_log(&mut world).await;
    convert(&mut world).await;
    let after = around_the_log(&mut world).await;
    assert_eq!(after, before);
    if server.dialect() == Dialect::Postgres {
        // Nobody may write a partition who may not write the log.
        let rights = format!(
            "SELECT relname::text FROM pg_class WHERE relname LIKE 'audit!_logs!_%' ESCAPE '!' \
             AND relkind = 'r' AND has_table_privilege('{role}', oid, 'INSERT, DELETE, TRUNCATE')"
        );
        assert_eq!(world.raw.texts(&rights).await, [[None::<String>; 0]; 0]);
    }
    world
        .run_as("ann", &["INSERT INTO users (id) VALUES (1)"])
        .await;
    assert_eq!(world.events().await.len(), 1);
    let drop = match server.dialect() {
        Dialect::MySql => format!("DROP USER {role}"),
        _ => format!("DROP OWNED BY {role}; DROP ROLE {role}; DROP ROLE {role}_owner"),
    };
    world.raw.run(&drop).await;
}

pub(crate) async fn a_database_without_partitions_says_so() {
    let world = World::<sqlx::Sqlite>::new(Server::Sqlite).await;
    let refused = try_change(&world, &CONVERT).await;
    let Err(PartitionsError::Refused(PartitionRefusal::NoPartitions)) = refused else {
        panic!("{refused:?}");
    };
}
