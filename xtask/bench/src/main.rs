#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is for the terminal"
)]

mod adapter;
mod caller;
mod clock;
mod compare;
mod engine;
mod gate;
mod measure;
mod mysql;
mod op;
mod options;
mod postgres;
mod proxy;
mod ratio;
mod read;
mod report;
mod run;
mod site;
mod sqlite;
mod variant;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::engine::Engine;
use crate::options::{Common, Format, Options, What};
use crate::read::Read;

/// What is done with a database.
trait Task {
    type Done;

    /// Does it, on a server or in a folder.
    fn on<DB: Engine>(&self, name: &str, server: &str, runtime: &Runtime) -> Result<Self::Done>;
}

fn main() -> ExitCode {
    let options = Options::parse();
    let measured = match &options.what {
        Some(What::Read(read)) => measure_reading(read),
        None => measure(&options),
    };
    match measured {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}

/// Measures, prints, and says whether the run counts as good.
fn measure(options: &Options) -> Result<bool> {
    let runtime = runtime()?;
    let mut lines = Vec::new();
    for name in &options.common.db {
        let (measured, version) = on_database(name, options, &runtime)?;
        eprintln!("{name}: version {version}");
        lines.extend(measured);
    }
    let gates = gate::gates(&lines, options.latency_ms > 0);
    let gates = gates.into_iter().map(|gate| (gate.passed, gate.text));
    tell(&options.common, &lines, report::table, gates)
}

/// The same for questions.
fn measure_reading(read: &Read) -> Result<bool> {
    let runtime = runtime()?;
    let mut lines = Vec::new();
    for name in &read.common.db {
        lines.extend(on_database(name, read, &runtime)?);
    }
    let gates = lines.iter().flat_map(read::Timed::gates);
    tell(&read.common, &lines, read::table, gates)
}

/// Prints what was measured and which gates pass, and says whether the run counts as good.
fn tell<L: Serialize>(
    common: &Common,
    lines: &[L],
    table: fn(&[L]) -> String,
    gates: impl Iterator<Item = (bool, String)>,
) -> Result<bool> {
    match common.format {
        Format::Table => println!("{}", table(lines)),
        Format::Json => {
            for line in lines {
                println!("{}", serde_json::to_string(line)?);
            }
        }
    }
    let mut all = true;
    for (passed, text) in gates {
        all &= passed;
        let word = if passed { "pass" } else { "fail" };
        match common.format {
            Format::Table => println!("{word}  {text}"),
            Format::Json => eprintln!("{word}  {text}"),
        }
    }
    Ok(all || !common.gate)
}

fn on_database<T: Task>(name: &str, task: &T, runtime: &Runtime) -> Result<T::Done> {
    if name == "sqlite" {
        let folder = tempfile::tempdir()?;
        let path = folder.path().to_str().context("a folder named in UTF-8")?;
        return task.on::<sqlx::Sqlite>(name, path, runtime);
    }
    let variable = format!("AUDIT_TEST_{}_URL", name.to_uppercase());
    let url = || {
        std::env::var(&variable)
            .with_context(|| format!("`{variable}` is not set; run `cargo xtask bench`"))
    };
    if name.starts_with("postgres") {
        return task.on::<sqlx::Postgres>(name, &url()?, runtime);
    }
    if name == "mariadb" {
        return task.on::<sqlx::MySql>(name, &url()?, runtime);
    }
    bail!("`{name}` is no database of the bench")
}
