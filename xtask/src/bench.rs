//! `cargo xtask bench`: what the audit log costs, on servers that live as long as the run.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::database::{Database, Selection, names};
use crate::process;
use crate::servers::{self, Fleet, Place};
use crate::workspace::{cargo, has_mariadb_client};

/// What is measured, and on which databases.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
    /// What is measured in place of writing.
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    selection: Selection,
    /// Operations: insert, update, delete, tx10, update1000, insert1000, select, unaudited; all of
    /// them when none is named
    #[arg(long, value_name = "OP", value_delimiter = ',')]
    ops: Vec<String>,
    /// Libraries: sqlx, seaorm, diesel, diesel-async, or all; sqlx alone when none is named
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    adapters: Vec<String>,
    /// Rounds; 100 unless set, 32 with --quick
    #[arg(long, value_name = "NUMBER")]
    rounds: Option<usize>,
    /// Shorter slices and fewer rounds: about a minute for each database
    #[arg(long)]
    quick: bool,
    /// What is printed: table, or json for one object a line
    #[arg(long, value_parser = ["table", "json"])]
    format: Option<String>,
    /// Milliseconds that what clients send is on its way; 0 unless set
    #[arg(long, value_name = "MS")]
    latency_ms: Option<u64>,
    /// Fail when a gate does not pass
    #[arg(long)]
    gate: bool,
    /// More arguments for `audit-bench`; see `cargo run --release -p audit-bench -- --help`
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// What is measured in place of writing.
#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Measure how long questions take on logs of different lengths
    Read(Read),
}

/// Which logs are read.
#[derive(Debug, Clone, clap::Args)]
struct Read {
    #[command(flatten)]
    selection: Selection,
    /// How many events the logs have, in rising order; 10000,100000,1000000 unless set
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    events: Vec<u64>,
    /// How often each question is asked; 400 unless set
    #[arg(long, value_name = "NUMBER")]
    samples: Option<u32>,
    /// What is printed: table, or json for one object a line
    #[arg(long, value_parser = ["table", "json"])]
    format: Option<String>,
    /// Fail when a gate does not pass
    #[arg(long)]
    gate: bool,
}

impl Read {
    fn command(&self) -> Command {
        let mut command = on_bench("run");
        command.args(["--", "read", "--db", &names(&self.selection.databases())]);
        if !self.events.is_empty() {
            let events: Vec<String> = self.events.iter().map(u64::to_string).collect();
            command.args(["--events", &events.join(",")]);
        }
        if let Some(samples) = self.samples {
            command.args(["--samples", &samples.to_string()]);
        }
        if let Some(format) = &self.format {
            command.args(["--format", format]);
        }
        if self.gate {
            command.arg("--gate");
        }
        command
    }
}

impl Bench {
    /// Starts the servers, measures, and stops the servers.
    ///
    /// # Errors
    ///
    /// When the bench fails, a server does not start, or a signal arrives; in every case the
    /// servers have been stopped.
    pub fn run(&self) -> Result<()> {
        let databases = match &self.what {
            Some(What::Read(read)) => read.selection.databases(),
            None => self.selection.databases(),
        };
        // Built first, so that no server waits for the compiler.
        process::must(&mut on_bench("build"))?;
        let fleet = Fleet::start(&databases, Place::Disk)?;
        let mut command = match &self.what {
            Some(What::Read(read)) => read.command(),
            None => self.command(&databases),
        };
        command.envs(servers::environment(&names(&databases), fleet.servers()));
        for server in fleet.servers() {
            let name = server.database.variable();
            command.env(format!("AUDIT_BENCH_{name}_PID"), server.pid.to_string());
        }
        let measured = process::must(&mut command);
        fleet.stop()?;
        measured
    }

    fn command(&self, databases: &[Database]) -> Command {
        let mut command = on_bench("run");
        command.args(["--", "--db", &names(databases)]);
        if !self.ops.is_empty() {
            command.args(["--ops", &self.ops.join(",")]);
        }
        if !self.adapters.is_empty() {
            command.args(["--adapters", &self.adapters.join(",")]);
        }
        if let Some(rounds) = self.rounds {
            command.args(["--rounds", &rounds.to_string()]);
        }
        if let Some(format) = &self.format {
            command.args(["--format", format]);
        }
        if let Some(millis) = self.latency_ms {
            command.args(["--latency-ms", &millis.to_string()]);
        }
        for (name, is_set) in [("--quick", self.quick), ("--gate", self.gate)] {
            if is_set {
                command.arg(name);
            }
        }
        command.args(&self.arguments);
        command
    }
}

/// A cargo command on the bench, with the client library of MariaDB where it can be linked.
fn on_bench(verb: &str) -> Command {
    let mut command = cargo();
    command.args([verb, "--quiet", "--release", "--package", "audit-bench"]);
    if has_mariadb_client() {
        command.args(["--features", "mysql"]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    fn passed_on(line: &str) -> String {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        let bench = Line::try_parse_from(words).expect("is understood").bench;
        let command = match &bench.what {
            Some(What::Read(read)) => read.command(),
            None => bench.command(&bench.selection.databases()),
        };
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy())
            .skip_while(|word| *word != "--")
            .skip(1)
            .collect();
        words.join(" ")
    }

    #[test]
    fn what_is_asked_for_is_passed_on() {
        assert_eq!(passed_on(""), "--db sqlite,postgres15,postgres18,mariadb");
        assert_eq!(
            passed_on(
                "--db sqlite --ops insert,tx10 --adapters sqlx,seaorm --rounds 3 --quick --format json"
            ),
            "--db sqlite --ops insert,tx10 --adapters sqlx,seaorm --rounds 3 --format json --quick"
        );
        assert_eq!(
            passed_on("--db sqlite --adapters all"),
            "--db sqlite --adapters all"
        );
        assert_eq!(
            passed_on("--db mariadb --latency-ms 1 --gate -- --clock cpu"),
            "--db mariadb --latency-ms 1 --gate --clock cpu"
        );
        assert_eq!(
            passed_on("read --db sqlite --events 10,100 --gate"),
            "read --db sqlite --events 10,100 --gate"
        );
    }
}
