//! The log in partitions.

use audit_core::query::LogQuery;
use audit_core::{Actor, AuditContext, Dialect};
use audit_store::partitions::{
    Change, Changed, LogPartitions, PartitionRefusal, Partitions, PartitionsError,
};
use audit_testkit::{Explain, Server};
use chrono::{DateTime, Utc};

use super::events;
use super::world::{Db, World};

pub(super) type Error = PartitionsError<audit_sqlx::LogError>;

pub(super) const CONVERT: Change = Change::Convert { months_ahead: 3 };
pub(super) const CREATE: Change = Change::Create { months_ahead: 3 };

pub(super) async fn try_change<DB: Db>(
    world: &World<DB>,
    change: &Change,
) -> Result<Changed, Error> {
    let mut connection = world.pool.acquire().await.unwrap();
    let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
    let olga = AuditContext::new().with_actor(Actor::user("olga"));
    olga.scope(partitions.apply(change)).await
}

pub(super) async fn try_plan<DB: Db>(world: &World<DB>, change: &Change) -> Result<(), Error> {
    let mut connection = world.pool.acquire().await.unwrap();
    let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
    partitions.plan(change).await.map(|_| ())
}

pub(super) async fn change<DB: Db>(world: &World<DB>, change: &Change) -> Changed {
    try_change(world, change).await.unwrap()
}

pub(super) async fn look<DB: Db>(world: &World<DB>) -> LogPartitions {
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
pub(super) async fn split_at<DB: Db>(world: &mut World<DB>, ends: &[(&str, String)]) {
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

/// The log in months, of which March alone has events, the made-up ones.
pub(super) async fn in_march<DB: Db>(server: Server) -> World<DB> {
    let mut world = World::<DB>::new(server).await;
    convert(&mut world).await;
    let month = |month: &str| format!("2026-{month}-01 00:00:00");
    let ends = [
        ("audit_logs_2026_02", month("03")),
        ("audit_logs_2026_03", month("04")),
        ("audit_logs_2026_04", month("05")),
    ];
    split_at(&mut world, &ends).await;
    world.put(&events::drawn(&events::made(), 40)).await;
    world
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
    let mut world = in_march::<DB>(server).await;
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
        "audit_logs_2026_04",
        "audit_logs_recent",
        "audit_logs_2027",
        "audit_logs_future",
    ] {
        assert!(!plan.contains(other), "{plan}");
    }
}

pub(crate) async fn a_database_without_partitions_says_so() {
    let world = World::<sqlx::Sqlite>::new(Server::Sqlite).await;
    let refused = try_change(&world, &CONVERT).await;
    let Err(PartitionsError::Refused(PartitionRefusal::NoPartitions)) = refused else {
        panic!("{refused:?}");
    };
}
