//! One database from start to end.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use crate::Task;
use crate::adapter::Adapter;
use crate::clock::Clock;
use crate::compare::compare;
use crate::engine::Engine;
use crate::measure::{Counter, Series, Settings, Trips, rounds, trips};
use crate::op::Op;
use crate::options::{Measure, Options};
use crate::proxy::Proxy;
use crate::ratio::Ratio;
use crate::report::Line;
use crate::site::Site;
use crate::variant::Variant;

/// A database under measurement.
pub(crate) struct Run<'a, DB: Engine> {
    name: String,
    options: &'a Options,
    /// Calls run here.
    many: &'a Runtime,
    /// Round trips are counted here.
    single: Runtime,
    server: String,
    /// Where the server is; none for SQLite.
    address: Option<SocketAddr>,
    /// The major version of the server.
    version: u32,
    sites: Vec<Site<DB>>,
    counter: Counter,
}

/// What is known of a variant besides its time.
#[derive(Debug, Clone, Copy)]
struct Facts {
    variant: Variant,
    trips: Trips,
    bytes: u64,
}

/// Measures one database; gives its lines and its version.
impl Task for Options {
    type Done = (Vec<Line>, String);

    fn on<DB: Engine>(&self, name: &str, server: &str, many: &Runtime) -> Result<Self::Done> {
        let version = many.block_on(DB::prepare_server(server))?;
        let mut run = Run::<DB> {
            name: name.to_owned(),
            options: self,
            many,
            single: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            server: server.to_owned(),
            address: if DB::HAS_WIRE {
                Some(address(server)?)
            } else {
                None
            },
            version: major(&version),
            sites: Vec::new(),
            counter: Counter::default(),
        };
        let lines = run.lines();
        let removed = run.remove();
        many.block_on(DB::restore_server(server))?;
        removed?;
        Ok((lines?, version))
    }
}

fn major(version: &str) -> u32 {
    let digits = version.split(|c: char| !c.is_ascii_digit()).next();
    digits
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// The address in a URL of a server.
fn address(url: &str) -> Result<SocketAddr> {
    let place = url.split('@').next_back().unwrap_or_default();
    let place = place.split('/').next().unwrap_or_default();
    let mut found = place
        .to_socket_addrs()
        .with_context(|| format!("`{place}` is no address"))?;
    found
        .next()
        .with_context(|| format!("`{place}` is no address"))
}

impl<DB: Engine> Run<'_, DB> {
    fn lines(&mut self) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        let (ops, adapters) = (self.options.ops(), self.adapters());
        let calls = ops
            .into_iter()
            .flat_map(|op| adapters.iter().map(move |adapter| (*adapter, op)));
        for (adapter, op) in calls {
            let variants: Vec<Variant> = self
                .options
                .variants(adapter, op)
                .into_iter()
                .filter(|variant| match variant {
                    Variant::Floor => DB::floor(op, self.version).is_some(),
                    Variant::Inline => DB::INLINE.is_some(),
                    _ => true,
                })
                .collect();
            self.make(&variants)?;
            for site in &mut self.sites {
                self.many.block_on(site.change_to(adapter));
            }
            self.op(adapter, op, &variants, &mut lines)?;
        }
        Ok(lines)
    }

    /// The libraries that this database can be reached through.
    fn adapters(&self) -> Vec<Adapter> {
        let (linked, missing): (Vec<_>, Vec<_>) = self
            .options
            .adapters()
            .into_iter()
            .partition(|adapter| adapter.opener::<DB>().is_some());
        for adapter in missing {
            eprintln!(
                "{}: no rows through {}, whose client library was not found when this was built",
                self.name,
                adapter.name()
            );
        }
        linked
    }

    /// Makes the databases of variants that have none yet.
    fn make(&mut self, variants: &[Variant]) -> Result<()> {
        for variant in variants {
            if !self.sites.iter().any(|site| site.variant == *variant) {
                let site = self
                    .many
                    .block_on(Site::create(&self.server, *variant, self.version))
                    .with_context(|| format!("the database of {}", variant.name()))?;
                self.sites.push(site);
            }
        }
        Ok(())
    }

    fn op(
        &mut self,
        adapter: Adapter,
        op: Op,
        variants: &[Variant],
        lines: &mut Vec<Line>,
    ) -> Result<()> {
        let trips = self.trips(op, variants)?;
        let (through, clock) = (self.through()?, self.clock()?);
        for tasks in self.options.connections.clone() {
            let mut sites: Vec<&mut Site<DB>> = self
                .sites
                .iter_mut()
                .filter(|site| variants.contains(&site.variant))
                .collect();
            sites.sort_by_key(|site| variants.iter().position(|known| *known == site.variant));
            let settings = Settings {
                rounds: self.options.rounds(),
                slice: self.options.slice(tasks),
                through,
                // Over a network nobody waits for a connection that is still being released.
                spare: if through.is_some() { 3 } else { 1 },
                clock,
            };
            let measured = rounds(&mut sites, op, tasks, settings, &mut self.counter);
            let (series, calls) = self.many.block_on(measured)?;
            let facts = self.facts(op, variants, &trips)?;
            lines.extend(self.summary((adapter, op), tasks, calls, &series, &facts));
            eprintln!(
                "{} {} {} with {tasks} measured",
                self.name,
                adapter.name(),
                op.name()
            );
        }
        self.compare(op, variants)
    }

    /// The proxy that connections go through when the way to the server is to be longer.
    fn through(&self) -> Result<Option<SocketAddr>> {
        let delay = Duration::from_millis(self.options.latency_ms);
        match self.address {
            Some(address) if !delay.is_zero() => Ok(Some(Proxy::start(address, delay)?.address())),
            _ => Ok(None),
        }
    }

    fn clock(&self) -> Result<Clock> {
        match self.options.clock {
            Measure::Wall => Ok(Clock::Wall),
            Measure::Cpu if self.address.is_none() => Ok(Clock::processors(None)?),
            Measure::Cpu => {
                let variable = format!("AUDIT_BENCH_{}_PID", self.name.to_uppercase());
                let text = std::env::var(&variable)
                    .with_context(|| format!("`{variable}` must name the server's process"))?;
                Ok(Clock::processors(Some(text.parse()?))?)
            }
        }
    }

    fn trips(&mut self, op: Op, variants: &[Variant]) -> Result<Vec<(Variant, Trips)>> {
        let Some(address) = self.address else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for site in &self.sites {
            if variants.contains(&site.variant) {
                let proxy = Proxy::start(address, Duration::ZERO)?;
                // The admin's connection belongs to the other runtime.
                self.many.block_on(site.reset(op, 1, 7))?;
                let counted = trips(site, op, &proxy, &mut self.counter);
                found.push((site.variant, self.single.block_on(counted)?));
            }
        }
        Ok(found)
    }

    fn facts(
        &self,
        op: Op,
        variants: &[Variant],
        trips: &[(Variant, Trips)],
    ) -> Result<Vec<Facts>> {
        let mut facts = Vec::new();
        for variant in variants {
            let trips = trips.iter().find(|(known, _)| known == variant);
            let site = self.sites.iter().find(|site| site.variant == *variant);
            let bytes = match site {
                Some(site) if variant.has_log() && op.events() > 0 => {
                    self.many.block_on(event_bytes(site))?
                }
                _ => 0,
            };
            facts.push(Facts {
                variant: *variant,
                trips: trips.map(|(_, trips)| *trips).unwrap_or_default(),
                bytes,
            });
        }
        Ok(facts)
    }

    fn summary(
        &self,
        (adapter, op): (Adapter, Op),
        tasks: u64,
        calls: u64,
        series: &[Series],
        facts: &[Facts],
    ) -> Vec<Line> {
        let seconds = |variant: Variant| {
            let found = series.iter().find(|series| series.variant == variant);
            found.map_or(&[] as &[f64], |series| &series.seconds)
        };
        let to = |variant: Variant, reference: Variant| {
            Ratio::of(seconds(variant), seconds(reference)).map(|ratio| ratio.median)
        };
        let line = |facts: &Facts| {
            let own = seconds(facts.variant);
            let ratio = Ratio::of(own, seconds(Variant::Bare))?;
            let per_call = Ratio::of(own, &vec![calls_to_micros(calls * tasks); own.len()])?;
            let audited = facts.variant == Variant::Audited;
            let reference = |reference| audited.then(|| to(facts.variant, reference)).flatten();
            Some(Line {
                database: self.name.clone(),
                adapter: adapter.name(),
                op: op.name(),
                variant: facts.variant.name(),
                connections: tasks,
                ratio: ratio.median,
                low: ratio.low,
                high: ratio.high,
                round_trips: facts.trips.caller,
                release_round_trips: facts.trips.release,
                bytes: facts.bytes,
                ratio_to_limit: reference(Variant::Limit),
                ratio_to_stamped: reference(Variant::Stamped),
                ratio_to_floor: (facts.variant == Variant::Inline)
                    .then(|| to(facts.variant, Variant::Floor))
                    .flatten(),
                micros: per_call.median,
            })
        };
        facts.iter().filter_map(line).collect()
    }

    fn compare(&self, op: Op, variants: &[Variant]) -> Result<()> {
        let site = |variant: Variant| {
            let found = self.sites.iter().find(|site| site.variant == variant);
            found.filter(|_| variants.contains(&variant))
        };
        if op.events() == 0 {
            return Ok(());
        }
        for (ours, hand) in [
            (Variant::Audited, Variant::Limit),
            (Variant::Inline, Variant::Floor),
        ] {
            if let (Some(ours), Some(hand)) = (site(ours), site(hand)) {
                self.many.block_on(compare(ours, hand, op))?;
            }
        }
        Ok(())
    }

    fn remove(self) -> Result<()> {
        for site in self.sites {
            self.many.block_on(site.remove(&self.server))?;
        }
        Ok(())
    }
}

/// Seconds for so many calls at one microsecond each.
#[expect(clippy::cast_precision_loss, reason = "a number of calls")]
fn calls_to_micros(calls: u64) -> f64 {
    calls as f64 / 1e6
}

async fn event_bytes<DB: Engine>(site: &Site<DB>) -> Result<u64> {
    let events = site.count(DB::LOG).await?;
    let bytes = DB::log_bytes(&site.admin, site.variant).await?;
    Ok(bytes / events.max(1))
}
