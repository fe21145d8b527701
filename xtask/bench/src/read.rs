//! What reading costs: how long each kind of question takes on logs of different lengths.

mod fill;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use audit_core::Dialect;
use audit_core::query::LogQuery;
use audit_sqlx::PoolReader;
use audit_store::{Gap, State, Trail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use sqlx::pool::PoolOptions;
use tokio::runtime::Runtime;

use crate::Task;
use crate::engine::Engine;
use crate::options::Common;

/// The most that a question about one record at one time may take, of a hundred all but one.
const MOST_AS_OF: Duration = Duration::from_millis(20);
/// The most that ten times as many events may make a question slower.
const MOST_GROWTH: f64 = 1.05;
/// Events a page.
const PAGE: u32 = 50;
/// The page that is far from the first.
const FAR: u64 = 10_000;

/// Measure how long questions take on logs of different lengths.
#[derive(Debug, Args)]
pub(crate) struct Read {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many events the logs have, in rising order
    #[arg(
        long,
        value_name = "NUMBER",
        value_delimiter = ',',
        default_value = "10000,100000,1000000"
    )]
    events: Vec<u64>,
    /// How often each question is asked
    #[arg(long, value_name = "NUMBER", default_value_t = 400)]
    samples: u32,
}

/// A kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Question {
    /// The first page of everything
    FirstPage,
    /// A page far from the first
    FarPage,
    /// What happened to a record of a few events
    Timeline,
    /// The newest of what happened to a record that has a tenth of all events
    HotTimeline,
    /// A record of a few events at some time
    AsOf,
    /// A record that has a tenth of all events at some time
    HotAsOf,
}

/// The answer times of one question. The names are those of the JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Timed {
    database: String,
    events: u64,
    question: String,
    /// In microseconds: the median, and what all but one of a hundred stay under.
    median: f64,
    p99: f64,
    /// By what ten times as many events made it slower, since the shortest log.
    growth: Option<f64>,
    /// Whether no longer log is measured.
    is_longest: bool,
}

impl Timed {
    /// The demands on it: what is asked, and whether it is met.
    pub(crate) fn gates(&self) -> Vec<(bool, String)> {
        let of = format!("{} {} {}", self.database, self.events, self.question);
        let mut gates = Vec::new();
        if self.question.ends_with("as-of") {
            let most = MOST_AS_OF.as_secs_f64() * 1e6;
            let text = format!("{of}: p99 {:.0} µs, at most {most:.0}", self.p99);
            gates.push((self.p99 <= most, text));
        }
        // Medians of neighbours swing by more than what is asked of a decade.
        if let Some(growth) = self.growth.filter(|_| self.is_longest) {
            let text = format!("{of}: grew by {growth:.2} a decade, at most {MOST_GROWTH:.2}");
            gates.push(((growth * 100.0).round() <= MOST_GROWTH * 100.0, text));
        }
        gates
    }
}

/// The lines as a table.
pub(crate) fn table(lines: &[Timed]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header([
        "database",
        "events",
        "question",
        "median µs",
        "p99 µs",
        "growth",
    ]);
    for line in lines {
        table.add_row([
            line.database.clone(),
            line.events.to_string(),
            line.question.clone(),
            format!("{:.0}", line.median),
            format!("{:.0}", line.p99),
            line.growth
                .map_or_else(String::new, |growth| format!("{growth:.2}")),
        ]);
    }
    table.to_string()
}

/// A log under measurement.
struct Log<DB: Engine> {
    trail: Trail<PoolReader<DB>>,
    events: u64,
    /// Draws records and times.
    drawn: u64,
}

impl<DB: Engine> Log<DB> {
    /// A number below another.
    fn draw(&mut self, below: u64) -> u64 {
        // Numerical Recipes' generator of 64 bits; its high bits are the better ones.
        self.drawn = self
            .drawn
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.drawn >> 33) % below.max(1)
    }

    fn record(&mut self) -> String {
        let records = fill::records(self.events);
        self.draw(records).to_string()
    }

    /// The cursor of a page far from the first, or of the middle where the log is shorter.
    async fn far(&mut self) -> Result<Option<String>> {
        let mut left = (FAR * u64::from(PAGE)).min(self.events / 2);
        let mut cursor = None;
        while left > 0 {
            let limit = left.min(u64::from(LogQuery::MAX_LIMIT));
            let query = LogQuery::new().limit(u32::try_from(limit)?);
            cursor = self.trail.page(&query, cursor.as_deref()).await?.next;
            left -= limit;
        }
        Ok(cursor)
    }

    /// How long one question takes.
    async fn ask(&mut self, question: Question, far: Option<&str>) -> Result<Duration> {
        let users = LogQuery::new().table("users").limit(PAGE);
        let all = LogQuery::new().limit(PAGE);
        let hot = || "hot".to_owned();
        let record = match question {
            Question::HotAsOf | Question::HotTimeline => hot(),
            _ => self.record(),
        };
        let at = i64::try_from(self.draw(self.events))?;
        let begin = chrono::DateTime::from_timestamp(1_735_689_600, 0).context("a time")?;
        let at = begin + chrono::TimeDelta::milliseconds(at * 10);
        let start = Instant::now();
        match question {
            Question::FirstPage => {
                let page = self.trail.page(&all, None).await?;
                anyhow::ensure!(page.events.len() == PAGE as usize);
            }
            Question::FarPage => {
                let page = self.trail.page(&all, far).await?;
                anyhow::ensure!(page.events.len() == PAGE as usize);
            }
            Question::Timeline | Question::HotTimeline => {
                let mut timeline = self.trail.timeline(&users, record).await?;
                timeline.next().await?;
            }
            Question::AsOf | Question::HotAsOf => {
                let was = self.trail.as_of(&users, record, at).await?;
                let told = matches!(&was.state, State::Present(fields) if fields.len() == 6);
                anyhow::ensure!(told || !was.gaps.is_empty(), "{was:?}");
                anyhow::ensure!(!was.gaps.contains(&Gap::Incomplete), "{was:?}");
            }
        }
        Ok(start.elapsed())
    }

    /// The median and the ninety-ninth of a hundred, in microseconds, once warm.
    async fn time(&mut self, question: Question, samples: u32) -> Result<(f64, f64)> {
        let far = match question {
            Question::FarPage => self.far().await?,
            _ => None,
        };
        for _ in 0..samples / 4 {
            self.ask(question, far.as_deref()).await?;
        }
        let mut times = Vec::new();
        for _ in 0..samples {
            times.push(self.ask(question, far.as_deref()).await?.as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times.get(times.len() * part / 100).copied();
        let (median, p99) = (at(50), at(99));
        Ok((median.unwrap_or_default(), p99.unwrap_or_default()))
    }
}

impl Task for Read {
    type Done = Vec<Timed>;

    fn on<DB: Engine>(&self, name: &str, server: &str, runtime: &Runtime) -> Result<Vec<Timed>> {
        if !self.events.is_sorted() {
            bail!("name the numbers of events in rising order");
        }
        runtime.block_on(async {
            let database = "bench_read";
            let url = DB::create(server, database).await?;
            let measured = measured::<DB>(name, &url, self).await;
            DB::drop_database(server, database).await?;
            measured
        })
    }
}

/// The statement that brings a log to rest: what the server would do at some time anyway.
fn settle(dialect: Dialect, log: &str) -> String {
    match dialect {
        Dialect::MySql => format!("ANALYZE TABLE {log}"),
        Dialect::Postgres => format!("VACUUM (ANALYZE) {log}"),
        _ => "PRAGMA wal_checkpoint(TRUNCATE)".to_owned(),
    }
}

async fn measured<DB: Engine>(name: &str, url: &str, read: &Read) -> Result<Vec<Timed>> {
    let admin = DB::admin(url).await?;
    for step in audit_migrations::steps(DB::KIND) {
        DB::script(&admin, step.up.to_owned()).await?;
    }
    let mut lines: Vec<Timed> = Vec::new();
    let mut there = 0;
    for &events in &read.events {
        let filled = Instant::now();
        for statement in fill::statements(DB::KIND, DB::LOG, there, events) {
            DB::script(&admin, statement).await?;
        }
        DB::script(&admin, settle(DB::KIND, DB::LOG)).await?;
        eprintln!("{name}: {events} events after {:.0?}", filled.elapsed());
        // PostgreSQL plans a statement by what it has cost this connection before, on a shorter log too.
        let options = PoolOptions::<DB>::new().max_connections(1);
        let pool = options.connect_with(DB::options(url, None)?).await?;
        let mut log = Log::<DB> {
            trail: Trail::of(audit_sqlx::log(&pool)),
            events,
            drawn: events,
        };
        for question in Question::value_variants() {
            let word = question.to_possible_value();
            let word = word.map_or_else(String::new, |word| word.get_name().to_owned());
            let (median, p99) = log.time(*question, read.samples).await?;
            let shortest = lines.iter().find(|line| line.question == word);
            lines.push(Timed {
                database: name.to_owned(),
                events,
                growth: shortest.map(|shortest| {
                    let decades = (events as f64 / shortest.events as f64).log10();
                    (median / shortest.median).powf(decades.recip())
                }),
                is_longest: read.events.last() == Some(&events),
                question: word,
                median,
                p99,
            });
        }
        drop(log);
        pool.close().await;
        there = events;
    }
    admin.close().await;
    Ok(lines)
}
