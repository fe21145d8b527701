//! `cargo xtask test --sabotage`: the triggers are broken in each known way, and every way must
//! turn the conformance suite red on every database.

use std::process::Command;

use anyhow::{Result, bail};

use crate::database::{Database, Selection, names};
use crate::process;
use crate::servers::{self, Fleet, Place};
use crate::test::{packages, runner, skip_others, with};
use crate::workspace::cargo;

/// The packages whose suites must notice.
const PACKAGES: [&str; 1] = ["audit-sqlx"];

/// The variable in which the suite reads how it is to break the triggers.
const VARIABLE: &str = "AUDIT_TEST_SABOTAGE";

/// Breaks the triggers in every way on these databases.
///
/// # Errors
///
/// When the suite fails without a sabotage, or passes with one.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let databases = selection.databases();
    let fleet = Fleet::start(&databases, Place::Memory)?;
    let variables = servers::environment(&names(&databases), fleet.servers());
    let mut unnoticed = Vec::new();
    for database in &databases {
        let passes = |sabotage: Option<&str>| -> Result<bool> {
            let mut command = suite(*database);
            if let Some(name) = sabotage {
                command.env(VARIABLE, name);
            }
            Ok(process::output(with(&mut command, &variables)).is_ok())
        };
        if !passes(None)? {
            bail!("the suite fails on {database} without a sabotage; run `cargo xtask test` first");
        }
        for name in ways(*database)?.lines() {
            process::check_signal()?;
            let noticed = !passes(Some(name))?;
            println!(
                "{database}: {name}: {}",
                if noticed { "noticed" } else { "NOT NOTICED" }
            );
            if !noticed {
                unnoticed.push(format!("{name} on {database}"));
            }
        }
    }
    fleet.stop()?;
    if !unnoticed.is_empty() {
        bail!(
            "the suite passes with broken triggers: {}",
            unnoticed.join(", ")
        );
    }
    Ok(())
}

/// The names of the ways that a database has, one a line.
fn ways(database: Database) -> Result<String> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "audit-testkit"]);
    command.args(["--example", "sabotages", "--", &database.to_string()]);
    process::output(&mut command)
}

/// The conformance suite on one database.
fn suite(database: Database) -> Command {
    let (mut command, is_nextest) = runner();
    packages(&mut command, &PACKAGES.map(str::to_owned));
    command.args(["--test", "conformance"]);
    if !is_nextest {
        command.args(["--", "--test-threads", "2"]);
    } else {
        command.arg("--");
    }
    skip_others(&mut command, &[database]);
    command
}
