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
mod report;
mod run;
mod site;
mod sqlite;
mod variant;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use crate::options::{Format, Options};
use crate::report::Line;

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints, and says whether the run counts as good.
fn measure(options: &Options) -> Result<bool> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut lines = Vec::new();
    for name in &options.db {
        let (measured, version) = database(name, options, &runtime)?;
        eprintln!("{name}: version {version}");
        lines.extend(measured);
    }
    match options.format {
        Format::Table => println!("{}", report::table(&lines)),
        Format::Json => print_json(&lines)?,
    }
    let gates = gate::gates(&lines, options.latency_ms > 0);
    for gate in &gates {
        let word = if gate.passed { "pass" } else { "fail" };
        match options.format {
            Format::Table => println!("{word}  {}", gate.text),
            Format::Json => eprintln!("{word}  {}", gate.text),
        }
    }
    Ok(!options.gate || gates.iter().all(|gate| gate.passed))
}

fn print_json(lines: &[Line]) -> Result<()> {
    for line in lines {
        println!("{}", serde_json::to_string(line)?);
    }
    Ok(())
}

fn database(name: &str, options: &Options, runtime: &Runtime) -> Result<(Vec<Line>, String)> {
    if name == "sqlite" {
        let folder = tempfile::tempdir()?;
        let path = folder.path().to_str().context("a folder named in UTF-8")?;
        return run::run::<sqlx::Sqlite>(name, path, options, runtime);
    }
    let variable = format!("AUDIT_TEST_{}_URL", name.to_uppercase());
    let url = || {
        std::env::var(&variable)
            .with_context(|| format!("`{variable}` is not set; run `cargo xtask bench`"))
    };
    if name.starts_with("postgres") {
        return run::run::<sqlx::Postgres>(name, &url()?, options, runtime);
    }
    if name == "mariadb" {
        return run::run::<sqlx::MySql>(name, &url()?, options, runtime);
    }
    bail!("`{name}` is no database of the bench")
}
