//! Rounds: every variant runs a slice of each round, in an order that turns with the round.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;

use crate::adapter::{Client, Pool};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::op::Op;
use crate::site::{Site, Turn, call};
use crate::variant::Variant;

/// Rounds between two times at which rows and events are put back to the start and connections are
/// opened anew: which processor a connection's process or thread lands on makes a difference that
/// lasts as long as the connection.
const BLOCK: usize = 4;

/// How one measurement is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) rounds: usize,
    /// What a slice of the bare variant should take.
    pub(crate) slice: Duration,
    /// Where connections go instead of the server.
    pub(crate) through: Option<SocketAddr>,
    /// Connections of a pool for each task.
    pub(crate) spare: u32,
    pub(crate) clock: Clock,
}

/// The seconds of each round of a variant.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) variant: Variant,
    pub(crate) seconds: Vec<f64>,
}

/// Where the numbers of calls of a database stand, so that no call repeats another.
#[derive(Debug, Default)]
pub(crate) struct Counter(u64);

impl Counter {
    fn take(&mut self, calls: u64) -> u64 {
        let first = self.0;
        self.0 += calls;
        first
    }
}

/// Calls that follow each other on every task.
#[derive(Debug, Clone, Copy)]
struct Slice {
    op: Op,
    tasks: u64,
    calls: u64,
    /// The number of the first call, and its place since the rows were put back.
    first: u64,
    index: u64,
}

/// Measures the variants of the sites with so many tasks; gives the calls of each slice as well.
pub(crate) async fn rounds<DB: Engine>(
    sites: &mut [&mut Site<DB>],
    op: Op,
    tasks: u64,
    settings: Settings,
    counter: &mut Counter,
) -> Result<(Vec<Series>, u64)> {
    let calls = calibrate(sites, op, tasks, settings, counter).await?;
    let mut series: Vec<Series> = sites
        .iter()
        .map(|site| Series {
            variant: site.variant,
            seconds: Vec::new(),
        })
        .collect();
    let count = sites.len();
    let block = u64::try_from(BLOCK)?;
    for round in 0..settings.rounds {
        let turn = u64::try_from(round % BLOCK)?;
        if turn == 0 {
            for site in sites.iter_mut() {
                site.close_pools().await;
                site.reset(op, tasks, calls * (block + 1)).await?;
                // What the reset left cold is warmed up, not measured.
                let (first, index) = (counter.take(calls), calls * block);
                let warm = Slice {
                    op,
                    tasks,
                    calls,
                    first,
                    index,
                };
                run(site, warm, settings).await?;
            }
        }
        for step in 0..count {
            let place = (round + step) % count;
            let (Some(site), Some(series)) = (sites.get_mut(place), series.get_mut(place)) else {
                continue;
            };
            let (first, index) = (counter.take(calls), calls * turn);
            let slice = Slice {
                op,
                tasks,
                calls,
                first,
                index,
            };
            series
                .seconds
                .push(run(site, slice, settings).await?.as_secs_f64());
        }
    }
    Ok((series, calls))
}

/// The calls of each task in a slice, so that the slowest of a first try fits.
async fn calibrate<DB: Engine>(
    sites: &mut [&mut Site<DB>],
    op: Op,
    tasks: u64,
    settings: Settings,
    counter: &mut Counter,
) -> Result<u64> {
    let site = sites.first_mut().context("a variant")?;
    let mut calls = if op.is_bulk() { 1 } else { 8 };
    loop {
        site.reset(op, tasks, calls * 2).await?;
        let mut took = Duration::ZERO;
        for index in [0, calls] {
            let first = counter.take(calls);
            let slice = Slice {
                op,
                tasks,
                calls,
                first,
                index,
            };
            let start = Instant::now();
            run(site, slice, settings).await?;
            took = start.elapsed();
        }
        let factor = settings.slice.as_secs_f64() / took.as_secs_f64().max(1e-6);
        if factor < 2.0 || calls >= 20_000 {
            return Ok(scaled(calls, factor).max(1));
        }
        calls = scaled(calls, factor.min(8.0));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a number of calls, far from the ends of both types"
)]
fn scaled(calls: u64, factor: f64) -> u64 {
    (calls as f64 * factor).round() as u64
}

/// Runs a slice: every task makes its calls one after the other, all tasks at once.
async fn run<DB: Engine>(
    site: &mut Site<DB>,
    slice: Slice,
    settings: Settings,
) -> Result<Duration> {
    let connections = u32::try_from(slice.tasks)? * settings.spare;
    let pool = site.pool(connections, settings.through).await?;
    let (variant, version) = (site.variant, site.version);
    let start = settings.clock.now();
    let running = (0..slice.tasks).map(|task| {
        tokio::spawn(calls_of::<DB>(
            Pool::clone(&pool),
            (variant, version),
            slice,
            task,
        ))
    });
    for result in try_join_all(running).await? {
        result.with_context(|| format!("{} {}", variant.name(), slice.op.name()))?;
    }
    Ok(start.until(&settings.clock.now()))
}

async fn calls_of<DB: Engine>(
    client: Pool,
    (variant, version): (Variant, u32),
    slice: Slice,
    task: u64,
) -> Result<()> {
    for step in 0..slice.calls {
        let turn = Turn {
            op: slice.op,
            task,
            number: slice.first + step,
            index: slice.index + step,
            version,
        };
        call::<DB>(&*client, variant, turn).await?;
    }
    Ok(())
}

/// The round trips of one call: until its result is there, and those of the release after it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Trips {
    pub(crate) caller: f64,
    pub(crate) release: f64,
}

/// Counts round trips over a pool of one connection.
///
/// Must run on a runtime of one thread: the release then starts only once the call has returned.
pub(crate) async fn trips<DB: Engine>(
    site: &Site<DB>,
    op: Op,
    proxy: &crate::proxy::Proxy,
    counter: &mut Counter,
) -> Result<Trips> {
    const WARM: u64 = 3;
    const CALLS: u64 = 4;
    let pool = site.open(1, Some(proxy.address())).await?;
    let first = counter.take(WARM + CALLS);
    let (mut caller, mut release) = (0, 0);
    for index in 0..WARM + CALLS {
        let turn = Turn {
            op,
            task: 0,
            number: first + index,
            index,
            version: site.version,
        };
        let before = proxy.flights();
        call::<DB>(&*pool, site.variant, turn).await?;
        let answered = proxy.flights();
        released(&*pool).await?;
        if index >= WARM {
            caller += answered - before;
            release += proxy.flights() - answered;
        }
    }
    pool.close().await;
    Ok(Trips {
        caller: mean(caller, CALLS),
        release: mean(release, CALLS),
    })
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn mean(sum: u64, count: u64) -> f64 {
    sum as f64 / count as f64
}

/// Waits until the connection is back in the pool.
async fn released(client: &dyn Client) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !client.is_idle() {
        anyhow::ensure!(Instant::now() < deadline, "a connection did not come back");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
