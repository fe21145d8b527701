//! What an export holds in memory, as the kernel counted it for a process that did nothing else.

use std::process::Command;

use audit_core::Dialect;
use audit_core::query::LogQuery;
use audit_store::Trail;
use audit_store::export::Format;
use audit_testkit::Server;
use sqlx::pool::PoolOptions;

use super::events::START;
use super::world::{Db, World};

/// How many events the logs have. `AUDIT_EXPORT_EVENTS`, numbers with commas, is for larger ones by
/// hand; build with `--release` for them.
const EVENTS: &str = "10000,100000";
/// The most that a longer log may take more, in KiB.
const MARGIN: u64 = 8 * 1024;
/// The log that a process of this test exports.
const LOG: &str = "AUDIT_EXPORT_LOG";
/// The rows of one statement that fills the log.
const ROWS: u64 = 1_000;

#[expect(clippy::print_stdout, reason = "what was measured is told")]
pub(crate) async fn a_longer_log_takes_no_more_memory<DB: Db>(server: Server) {
    if let Ok(url) = std::env::var(LOG) {
        return export::<DB>(&url).await;
    }
    let counts = std::env::var("AUDIT_EXPORT_EVENTS").unwrap_or_else(|_| EVENTS.to_owned());
    let mut world = World::<DB>::new(server).await;
    let mut peaks = Vec::new();
    let mut there = 0;
    for count in counts.split(',') {
        let count = count.parse().unwrap();
        world.fill(there, count).await;
        there = count;
        let (exported, peak) = exported(server, world.url());
        assert_eq!(exported, count);
        println!("{server:?}: {count} events, at most {peak} KiB");
        peaks.push(peak);
    }
    let (least, most) = (peaks.iter().min().unwrap(), peaks.iter().max().unwrap());
    assert!(most - least < MARGIN, "{peaks:?} KiB");
}

/// Runs this test in another process, where it exports the log; the events, and the peak of its
/// resident memory in KiB.
fn exported(server: Server, url: &str) -> (u64, u64) {
    let test = format!("{}::a_longer_log_takes_no_more_memory", server.name());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(LOG, url)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let line = told.lines().find_map(|line| line.split_once("exported "));
    let (_, numbers) = line.unwrap_or_else(|| panic!("{told}"));
    let (events, peak) = numbers.split_once(' ').unwrap();
    (events.parse().unwrap(), peak.parse().unwrap())
}

/// Exports a log in the form that holds the most, and tells what it took.
#[expect(clippy::print_stdout, reason = "the other process reads it")]
async fn export<DB: Db>(url: &str) {
    // Each connection has a cache of its own, and a pool may open more of them over time.
    let pool = PoolOptions::<DB>::new().max_connections(1);
    let pool = pool.connect(url).await.unwrap();
    let mut trail = Trail::of(audit_sqlx::log(&pool));
    let export = trail.export(&LogQuery::new(), Format::Ocsf);
    let events = export.write_to(std::io::sink()).await.unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    println!("exported {events} {peak}");
}

impl<DB: Db> World<DB> {
    /// Puts events into the log, so many that there are `to` of them after `from`.
    pub(crate) async fn fill(&mut self, from: u64, to: u64) {
        let columns = "occurred_at, id, schema_version, operation, outcome, actor_kind, source, \
                       table_name, record_id, before_data, after_data";
        let mut next = from;
        while next < to {
            let end = to.min(next + ROWS);
            let rows: Vec<String> = (next..end)
                .map(|at| row(self.server.dialect(), at))
                .collect();
            let sql = format!(
                "INSERT INTO {} ({columns}) VALUES {}",
                self.log_table(),
                rows.join(", ")
            );
            self.raw.run(&sql).await;
            next = end;
        }
    }
}

/// An event of a row of about 200 bytes, a microsecond after the one before it.
fn row(dialect: Dialect, at: u64) -> String {
    let time = chrono::DateTime::from_timestamp_micros(START + i64::try_from(at).unwrap()).unwrap();
    let (time, id) = match dialect {
        Dialect::MySql => (
            time.format("'%Y-%m-%d %H:%M:%S%.6f'"),
            format!("X'{at:032x}'"),
        ),
        Dialect::Postgres => (
            time.format("'%Y-%m-%dT%H:%M:%S%.6fZ'"),
            format!("'{}'", uuid::Uuid::from_u128(at.into())),
        ),
        _ => (
            time.format("'%Y-%m-%dT%H:%M:%S%.6fZ'"),
            format!("X'{at:032x}'"),
        ),
    };
    let image = |name: char| {
        let text = name.to_string().repeat(150);
        format!(r#"'{{"id":{at},"name":"{text}"}}'"#)
    };
    format!(
        "({time}, {id}, 1, 'UPDATE', 'success', 'user', 'trigger', 'users', '{at}', {}, {})",
        image('a'),
        image('b')
    )
}
