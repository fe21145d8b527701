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

/// On SQLite there is no way to make an index while others write: the statements are run by hand.
async fn in_a_quiet_hour<DB: Db>(world: &mut World<DB>) {
    let left = look(world).await;
    assert_eq!(wrong(&left), ["missing_index"]);
    assert_eq!(
        left.advice.iter().filter(|a| !a.matter.is_note()).count(),
        2
    );
    for step in left.advice.iter().flat_map(|advice| &advice.steps) {
        world.raw.run(&step.statement).await;
    }
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
    if server == Server::Sqlite {
        in_a_quiet_hour(&mut world).await;
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

/// Takes the months away of a log that was converted, and ends the past before today, so that the present month
/// has no partition.
async fn without_months<DB: Db>(world: &mut World<DB>) {
    let names = super::partitions::names(world).await;
    let months = names.iter().filter(|name| name.starts_with("audit_logs_2"));
    for month in months {
        let sql = match world.server.dialect() {
            Dialect::MySql => format!("ALTER TABLE audit_logs DROP PARTITION {month}"),
            _ => format!("DROP TABLE audit.{month}"),
        };
        world.raw.run(&sql).await;
    }
    super::partitions::end_past(world).await;
}

pub(crate) async fn the_next_months_are_made<DB: Db>(server: Server) {
    let audit = Audit::builder().index(LogIndex::Actor).build().unwrap();
    let mut world = World::<DB>::with(server, &audit).await;
    super::partitions::convert(&mut world).await;
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    without_months(&mut world).await;
    assert_eq!(wrong(&look(&world).await), ["missing_months"]);
    try_apply(&world).await.unwrap();
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    assert!(super::partitions::names(&world).await.len() >= 5);
}

/// What a REINDEX leaves that was broken off is told, and left to whoever knows that none is running.
pub(crate) async fn what_is_left_of_a_broken_off_reindex_is_told<DB: Db>(server: Server) {
    let audit = Audit::builder().index(LogIndex::Actor).build().unwrap();
    let mut world = World::<DB>::with(server, &audit).await;
    insert(&world, 0, 10).await;
    let other = world.open("UPDATE users SET name = 'y' WHERE id = 1").await;
    world.raw.run("SET statement_timeout = '500ms'").await;
    let again = "REINDEX INDEX CONCURRENTLY audit.audit_logs_record";
    assert!(world.raw.try_run(again).await.is_err());
    other.rollback().await.unwrap();
    try_apply(&world).await.unwrap();
    let found = look(&world).await;
    assert_eq!(wrong(&found), ["leftover_index"]);
    let steps = found.advice.iter().flat_map(|advice| &advice.steps);
    let steps: Vec<_> = steps.map(|step| step.statement.clone()).collect();
    world.raw.run("SET statement_timeout = 0").await;
    for statement in steps {
        world.raw.run(&statement).await;
    }
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    let left = "SELECT count(*)::text FROM pg_index WHERE indrelid = 'audit.audit_logs'::regclass AND NOT indisvalid";
    assert_eq!(world.raw.texts(left).await, [[Some("0".to_owned())]]);
}

/// An index of one partition that was begun, and made a part of the index of all.
pub(crate) async fn a_part_of_an_index_that_was_begun_is_ended<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    super::partitions::convert(&mut world).await;
    insert(&world, 0, 10).await;
    let other = world.open("UPDATE users SET name = 'y' WHERE id = 1").await;
    let columns = "(actor_id, occurred_at) WHERE actor_id IS NOT NULL";
    world.raw.run("SET statement_timeout = '500ms'").await;
    let begin = format!("CREATE INDEX CONCURRENTLY part ON audit.audit_logs_past {columns}");
    assert!(world.raw.try_run(&begin).await.is_err());
    other.rollback().await.unwrap();
    world.raw.run("SET statement_timeout = 0").await;
    let all = format!("CREATE INDEX audit_logs_actor ON ONLY audit.audit_logs {columns}");
    world.raw.run(&all).await;
    let attach = "ALTER INDEX audit.audit_logs_actor ATTACH PARTITION audit.part";
    world.raw.run(attach).await;
    assert_eq!(wrong(&look(&world).await), ["unfinished_index"]);
    try_apply(&world).await.unwrap();
    assert_eq!(wrong(&look(&world).await), [""; 0]);
    let left = "SELECT c.relname::text FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid \
                WHERE c.relname = 'part' AND NOT indisvalid";
    assert!(world.raw.texts(left).await.is_empty());
}

/// Events that the statistics do not show are there all the same: on MariaDB writers wait while they move.
pub(crate) async fn events_without_a_month_are_seen_whatever_is_estimated<DB: Db>(server: Server) {
    let audit = Audit::builder().index(LogIndex::Actor).build().unwrap();
    let mut world = World::<DB>::with(server, &audit).await;
    super::partitions::convert(&mut world).await;
    without_months(&mut world).await;
    quiet(&mut world).await;
    insert(&world, 0, 10).await;
    if server.dialect() == Dialect::MySql {
        let forget = "UPDATE mysql.innodb_table_stats SET n_rows = 0 \
            WHERE database_name = DATABASE() AND table_name LIKE 'audit_logs#P#%'; \
            RENAME TABLE audit_logs TO forgotten; RENAME TABLE forgotten TO audit_logs";
        world.raw.run(forget).await;
    }
    let found = look(&world).await;
    assert_eq!(wrong(&found), ["events_in_rest"]);
    let mut advice = found.advice.iter();
    let of_rest = advice
        .find(|advice| advice.matter.kind() == "events_in_rest")
        .unwrap();
    let audit_store::optimize::Matter::EventsInRest { events, .. } = of_rest.matter else {
        panic!("{of_rest:?}")
    };
    assert_eq!(events, 1, "the estimate is no longer wrong");
    assert_eq!(of_rest.is_safe, server.dialect() == Dialect::Postgres);
}

/// A database is in files of another name than its own.
pub(crate) async fn statistics_are_seen_whatever_the_database_is_called<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let own = world.raw.texts("SELECT DATABASE()").await[0][0]
        .clone()
        .unwrap();
    let odd = format!("{own}-odd");
    world.raw.run(&format!("CREATE DATABASE `{odd}`")).await;
    let url = world.url().replace(&own, &odd);
    let audit = Audit::builder().index(LogIndex::Actor).build().unwrap();
    let options = sqlx::pool::PoolOptions::<DB>::new().max_connections(1);
    let pool = audit_sqlx::attach(options, &audit)
        .connect(&url)
        .await
        .unwrap();
    let rows: Vec<String> = (0..2_500).map(|id| format!("({id})")).collect();
    let mut connection = pool.acquire().await.unwrap();
    let table = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY)";
    DB::execute_text(&mut connection, table).await.unwrap();
    drop(connection);
    audit_sqlx::migrate(&pool, &audit).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    for sql in [
        "ALTER TABLE audit_logs STATS_AUTO_RECALC = 0".to_owned(),
        format!("INSERT INTO users VALUES {}", rows.join(", ")),
    ] {
        DB::execute_text(&mut connection, &sql).await.unwrap();
    }
    let mut log = Optimize::of(audit_sqlx::writer(&mut *connection));
    let found = log.look(&ASKED).await.unwrap();
    drop(connection);
    pool.close().await;
    world.raw.run(&format!("DROP DATABASE `{odd}`")).await;
    assert_eq!(wrong(&found), ["stale_statistics"]);
}
