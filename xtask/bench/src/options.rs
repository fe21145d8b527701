//! The command line.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::adapter::Adapter;
use crate::op::Op;
use crate::read::Read;
use crate::variant::Variant;

/// Measure what the audit log costs.
#[derive(Debug, Parser)]
#[command(name = "audit-bench", args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// What is measured in place of writing.
    #[command(subcommand)]
    pub(crate) what: Option<What>,
    #[command(flatten)]
    pub(crate) common: Common,
    /// Libraries through which calls are made: sqlx, seaorm, diesel, diesel-async, or all
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "sqlx",
        value_parser = Adapter::named
    )]
    adapters: Vec<&'static [Adapter]>,
    /// Operations; all of them when none is named
    #[arg(long, value_name = "OP", value_delimiter = ',')]
    pub(crate) ops: Vec<Op>,
    /// Variants in place of those that an operation is measured with
    #[arg(long, value_name = "VARIANT", value_delimiter = ',')]
    pub(crate) variants: Vec<Variant>,
    /// Connections, each with a task that calls without a pause
    #[arg(
        long,
        value_name = "NUMBER",
        value_delimiter = ',',
        default_value = "1,8"
    )]
    pub(crate) connections: Vec<u64>,
    /// Rounds; 100 unless set, 32 with --quick
    #[arg(long, value_name = "NUMBER")]
    rounds: Option<usize>,
    /// Shorter slices and fewer rounds: about a minute for each database
    #[arg(long)]
    pub(crate) quick: bool,
    /// Milliseconds that what clients send is on its way
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) latency_ms: u64,
    /// What is measured: time that passes, or time that processors work for client and server
    #[arg(long, value_enum, default_value_t = Measure::Wall)]
    pub(crate) clock: Measure,
}

/// What is measured on, and how it is told.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Databases: sqlite, or the name of a server whose URL is in `AUDIT_TEST_<NAME>_URL`
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "sqlite"
    )]
    pub(crate) db: Vec<String>,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Fail when a gate does not pass
    #[arg(long)]
    pub(crate) gate: bool,
}

/// What is measured in place of writing.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    Read(Read),
}

/// Which time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// Of processors, for this process and the server; other load on the machine does not show
    Cpu,
    /// That passes
    Wall,
}

/// How the lines are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object a line
    Json,
    /// A table
    Table,
}

impl Options {
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 32 } else { 100 })
    }

    /// How long a slice of the bare variant takes with so many tasks: those of a few must be short
    /// to alternate often, those of many long enough for all of them to have their turn. Behind a
    /// latency it is long enough for the calls of a new connection that plan its statements, which
    /// PostgreSQL does with the first five, to be warm-up.
    pub(crate) fn slice(&self, tasks: u64) -> Duration {
        let millis = if self.quick { 4 } else { 10 };
        Duration::from_millis(millis * (1 + tasks / 4) + 24 * self.latency_ms)
    }

    /// The libraries, each once.
    pub(crate) fn adapters(&self) -> Vec<Adapter> {
        let mut adapters = Vec::new();
        for adapter in self.adapters.iter().copied().flatten() {
            if !adapters.contains(adapter) {
                adapters.push(*adapter);
            }
        }
        adapters
    }

    pub(crate) fn ops(&self) -> Vec<Op> {
        if self.ops.is_empty() {
            Op::ALL.to_vec()
        } else {
            self.ops.clone()
        }
    }

    /// The variants of an operation through a library, bare first.
    pub(crate) fn variants(&self, adapter: Adapter, op: Op) -> Vec<Variant> {
        let mut variants = vec![Variant::Bare];
        let named = if self.variants.is_empty() {
            Variant::default_for(op)
        } else {
            &self.variants
        };
        variants.extend(named.iter().filter(|variant| **variant != Variant::Bare));
        variants.retain(|variant| adapter.has(*variant));
        variants
    }
}
