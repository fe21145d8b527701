//! What keeps the database from finding events fast, and what mends it.

use audit_core::query::LogQuery;
use audit_core::{Audit, Dialect, LogIndex};
use audit_store::optimize::{Advice, Examined, Optimize};
use audit_store::partitions::PartitionsError;
use audit_testkit::{Raw, Server};

use super::indexes::plan;
use super::world::{Db, World};

type Error = PartitionsError<audit_sqlx::LogError>;

/// The longest that a writer may wait.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
const ASKED: [LogIndex; 1] = [LogIndex::Actor];

async fn look<DB: Db>(world: &World<DB>) -> Examined {
    let mut connection = world.pool.acquire().await.unwrap();
    let mut log = Optimize::of(audit_sqlx::writer(&mut *connection));
    log.look(&ASKED).await.unwrap()
}

/// Applies all that was found.
async fn try_apply<DB: Db>(world: &World<DB>) -> Result<(), Error> {
    let mut connection = world.pool.acquire().await.unwrap();
    let mut log = Optimize::of(audit_sqlx::writer(&mut *connection));
    for advice in log.look(&ASKED).await?.advice {
        let steps = log.apply(&advice).await?;
        assert_eq!(steps.is_empty(), !advice.is_safe || advice.steps.is_empty());
    }
    Ok(())
}

/// What is wrong, without notes; once for all partitions, of which several can be written to.
fn wrong(found: &Examined) -> Vec<String> {
    let advice = found.advice.iter().map(|advice: &Advice| &advice.matter);
    let wrong = advice.filter(|matter| !matter.is_note());
    let mut kinds: Vec<String> = wrong.map(|matter| matter.kind().to_owned()).collect();
    kinds.dedup();
    kinds
}

fn noted(found: &Examined, kind: &str) -> bool {
    found
        .advice
        .iter()
        .any(|advice| advice.matter.kind() == kind)
}

/// Rows from one number to another, an event each.
async fn insert<DB: Db>(world: &World<DB>, from: u32, to: u32) {
    let rows: Vec<String> = (from..to).map(|id| format!("({id}, 'x')")).collect();
    let insert = format!("INSERT INTO users (id, name) VALUES {}", rows.join(", "));
    let flush = match world.server.dialect() {
        // What a session has counted is seen by others a while later, unless it is told to.
        Dialect::Postgres => "SELECT pg_stat_force_next_flush()",
        _ => "SELECT 1",
    };
    world.run_as("ann", &[&format!("{insert}; {flush}")]).await;
}

/// Nobody but the test makes statistics.
async fn quiet<DB: Db>(world: &mut World<DB>) {
    let sql = match world.server.dialect() {
        Dialect::MySql => "ALTER TABLE audit_logs STATS_AUTO_RECALC = 0",
        Dialect::Postgres => {
            "DO $$ DECLARE leaf regclass; BEGIN FOR leaf IN \
             SELECT oid FROM pg_class WHERE relnamespace = 'audit'::regnamespace AND relkind = 'r' \
             LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', leaf); END LOOP; END $$"
        }
        _ => "SELECT 1",
    };
    world.raw.run(sql).await;
}

fn drop_index(server: Server, name: &str) -> String {
    match server.dialect() {
        Dialect::MySql => format!("DROP INDEX {name} ON audit_logs"),
        Dialect::Postgres => format!("DROP INDEX audit.{name}"),
        _ => format!("DROP INDEX {name}"),
    }
}

async fn takes<DB: Db>(world: &mut World<DB>, query: &LogQuery, index: &str) -> bool {
    let server = world.server;
    let taken = plan(&mut world.raw, server, query).await;
    // The index of a partition has the name of that before its own.
    let own = index.trim_start_matches("audit_logs");
    let mut words = taken.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|word| word.starts_with("audit_logs") && word.ends_with(own))
}

pub(crate) async fn an_index_that_is_missing_is_made<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let record = LogQuery::new().table("users").record("42").limit(5);
    world
        .raw
        .run(&drop_index(server, "audit_logs_record"))
        .await;
    insert(&world, 0, 3_000).await;
    assert!(!takes(&mut world, &record, "audit_logs_record").await);

    let found = look(&world).await;
    let missing = found
        .advice
        .iter()
        .filter(|a| a.matter.kind() == "missing_index");
    let names: Vec<String> = missing.map(|advice| advice.matter.to_string()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].contains("`audit_logs_record`"), "{names:?}");
    assert!(names[1].contains("`audit_logs_actor`"), "{names:?}");
    try_apply(&world).await.unwrap();
    let left = look(&world).await;
    if server == Server::Sqlite {
        // There is no way to make one while others write: the statements are for a quiet hour.
        assert_eq!(wrong(&left), ["missing_index"]);
        assert_eq!(
            left.advice.iter().filter(|a| !a.matter.is_note()).count(),
            2
        );
        for step in left.advice.iter().flat_map(|advice| &advice.steps) {
            world.raw.run(&step.statement).await;
        }
    }
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    let actor = LogQuery::new().actor("bob").limit(5);
    assert!(takes(&mut world, &record, "audit_logs_record").await);
    assert!(takes(&mut world, &actor, "audit_logs_actor").await);
    // What a migration makes is what was made here.
    let audit = Audit::builder().index(LogIndex::Actor).build().unwrap();
    audit_sqlx::migrate(&world.pool, &audit).await.unwrap();
    assert_eq!(wrong(&look(&world).await), [""; 0]);
}

pub(crate) async fn statistics_that_are_old_are_made_anew<DB: Db>(server: Server) {
    let mut world = World::<DB>::with(
        server,
        &Audit::builder().index(LogIndex::Actor).build().unwrap(),
    )
    .await;
    quiet(&mut world).await;
    insert(&world, 0, 900).await;
    try_apply(&world).await.unwrap();
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    insert(&world, 900, 2_500).await;
    let found = wrong(&look(&world).await);
    // What has no statistics yet, or those of fewer rows.
    let kinds = match server.dialect() {
        Dialect::MySql => ["stale_statistics"],
        _ => ["no_statistics"],
    };
    assert_eq!(found, kinds);
    try_apply(&world).await.unwrap();
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    // As many again are old on a server; SQLite asks for ten times as many.
    insert(&world, 2_500, 6_000).await;
    let found = wrong(&look(&world).await);
    assert_eq!(found.is_empty(), server == Server::Sqlite, "{found:?}");
    insert(&world, 6_000, 30_000).await;
    assert_eq!(wrong(&look(&world).await), ["stale_statistics"]);
    try_apply(&world).await.unwrap();
    assert_eq!(wrong(&look(&world).await), [""; 0]);
}

pub(crate) async fn sizes_are_those_of_the_database<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    insert(&world, 0, 2_000).await;
    try_apply(&world).await.unwrap();
    let figures = look(&world).await.figures;
    let sum = figures.indexes.iter().filter(|index| !index.is_table());
    let sum: u64 = sum.map(|index| index.bytes.unwrap()).sum();
    let sum = sum + figures.table_bytes.unwrap();
    assert_eq!(figures.bytes_per_event(), Some(sum / figures.events));
    let count = |text: &str| text.parse::<u64>().unwrap();
    let told = match server.dialect() {
        Dialect::MySql => {
            "SELECT CAST(DATA_LENGTH + INDEX_LENGTH AS CHAR) FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'audit_logs'"
        }
        Dialect::Postgres => {
            "SELECT sum(pg_total_relation_size(relid))::text FROM pg_partition_tree('audit.audit_logs') \
             UNION ALL SELECT pg_total_relation_size('audit.audit_logs')::text ORDER BY 1 DESC"
        }
        // The file, but for what is of others.
        _ => {
            "SELECT CAST(page_count * page_size AS TEXT) FROM pragma_page_count(), pragma_page_size()"
        }
    };
    let told = world.raw.texts(told).await;
    let told = told
        .iter()
        .flatten()
        .flatten()
        .map(|text| count(text))
        .max()
        .unwrap();
    let slack = match server {
        Server::Sqlite => 300_000,
        Server::MariaDb => 16_384 * 4,
        _ => 0,
    };
    assert!(sum <= told && told - sum <= slack, "{sum} of {told}");
    let log = world.log_table();
    let text = match server.dialect() {
        Dialect::MySql => "CHAR",
        _ => "text",
    };
    let events = world
        .raw
        .texts(&format!("SELECT CAST(count(*) AS {text}) FROM {log}"))
        .await;
    let events = count(events[0][0].as_ref().unwrap());
    assert!(
        figures.events.abs_diff(events) <= events / 10,
        "{figures:?}"
    );
}

/// Returns when an index is being made, or waited for.
async fn begun(raw: &mut Raw, server: Server) {
    let sql = match server.dialect() {
        Dialect::MySql => {
            "SELECT 'yes' FROM information_schema.PROCESSLIST \
             WHERE DB = DATABASE() AND INFO LIKE 'CREATE INDEX%'"
        }
        _ => {
            "SELECT 'yes' FROM pg_stat_activity WHERE datname = current_database() \
             AND state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%CREATE INDEX%'"
        }
    };
    while raw.texts(sql).await.is_empty() {}
}

pub(crate) async fn an_index_is_made_while_others_write<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    insert(&world, 0, 100).await;
    let mut raw = world.another_raw().await;
    // Whoever would lock the log for long waits for this one, and everyone else for him.
    let open = world
        .open("INSERT INTO users (id, name) VALUES (1000, 'x')")
        .await;
    let write = async |from: u32| {
        for id in from..from + 10 {
            let writer = tokio::time::timeout(PATIENCE, insert(&world, id, id + 1));
            assert!(writer.await.is_ok(), "a writer was held up");
        }
    };
    let apply = async {
        let applied = try_apply(&world).await;
        match server.dialect() {
            // It gives up, and can be tried again.
            Dialect::MySql => assert!(applied.is_err()),
            _ => applied.unwrap(),
        }
    };
    let is_patient = server.dialect() == Dialect::Postgres;
    let mut open = Some(open);
    let others = async {
        begun(&mut raw, server).await;
        write(2_000).await;
        if is_patient && let Some(open) = open.take() {
            open.commit().await.unwrap();
        }
        write(3_000).await;
    };
    tokio::join!(apply, others);
    if let Some(open) = open {
        open.commit().await.unwrap();
        try_apply(&world).await.unwrap();
    }
    assert_eq!(wrong(&look(&world).await), [""; 0]);
}

/// An index whose making was broken off.
pub(crate) async fn an_index_that_was_begun_is_ended<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    insert(&world, 0, 10).await;
    let mut other = world.open("UPDATE users SET name = 'y' WHERE id = 1").await;
    let begin = "SET statement_timeout = '500ms'; \
                 CREATE INDEX CONCURRENTLY audit_logs_actor ON audit.audit_logs (actor_id, occurred_at) \
                 WHERE actor_id IS NOT NULL";
    for sql in begin.split("; ") {
        let _ = world.raw.try_run(sql).await;
    }
    DB::execute_text(&mut other, "SELECT 1").await.unwrap();
    other.rollback().await.unwrap();
    assert_eq!(wrong(&look(&world).await), ["unfinished_index"]);
    try_apply(&world).await.unwrap();
    assert_eq!(wrong(&look(&world).await), [""; 0]);
}

pub(crate) async fn an_index_that_nobody_reads_is_told<DB: Db>(server: Server) {
    let audit = Audit::builder().index(LogIndex::Actor).build().unwrap();
    let mut world = World::<DB>::with(server, &audit).await;
    let (count, read, end) = match server.dialect() {
        Dialect::MySql => (
            "SET GLOBAL userstat = 1",
            "SELECT actor_id FROM audit_logs FORCE INDEX (audit_logs_actor) WHERE actor_id = 'ann'",
            "SET GLOBAL userstat = 0",
        ),
        _ => (
            "SET enable_seqscan = off",
            "SELECT actor_id FROM audit.audit_logs WHERE actor_id = 'ann'",
            "SELECT pg_stat_force_next_flush()",
        ),
    };
    world.raw.run(count).await;
    insert(&world, 0, 10).await;
    assert!(noted(&look(&world).await, "unused_index"));
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    world.raw.texts(read).await;
    if server.dialect() == Dialect::Postgres {
        world.raw.run(end).await;
    }
    let read = look(&world).await;
    if server.dialect() == Dialect::MySql {
        world.raw.run(end).await;
        assert!(noted(&look(&world).await, "usage_unknown"));
    }
    assert!(!noted(&read, "unused_index"), "{read:?}");
}

pub(crate) async fn the_next_months_are_made<DB: Db>(server: Server) {
    let audit = Audit::builder().index(LogIndex::Actor).build().unwrap();
    let mut world = World::<DB>::with(server, &audit).await;
    super::partitions::convert(&mut world).await;
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    let names = super::partitions::names(&world).await;
    let months = names.iter().filter(|name| name.starts_with("audit_logs_2"));
    for month in months {
        let sql = match server.dialect() {
            Dialect::MySql => format!("ALTER TABLE audit_logs DROP PARTITION {month}"),
            _ => format!("DROP TABLE audit.{month}"),
        };
        world.raw.run(&sql).await;
    }
    // A past that ends before today, so that the present month has none.
    super::partitions::end_past(&mut world).await;
    assert_eq!(wrong(&look(&world).await), ["missing_months"]);
    try_apply(&world).await.unwrap();
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    assert!(super::partitions::names(&world).await.len() >= 5);
}
