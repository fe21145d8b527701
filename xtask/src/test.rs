//! `cargo xtask test`: all tests, against real servers that live as long as the run.

use std::env;
use std::ffi::OsString;
use std::num::NonZero;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::database::{ALL, Database, Selection, names};
use crate::process;
use crate::sabotage::Sabotage;
use crate::servers::{self, Fleet, Place};
use crate::workspace::{self, cargo};

/// Which tests run, and on which databases.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Test {
    #[command(flatten)]
    selection: Selection,
    /// Only the tests of this package; may be given more than once
    #[arg(short, long, value_name = "NAME")]
    package: Vec<String>,
    /// Name the tests of these databases instead of running them; starts no server
    #[arg(long)]
    list: bool,
    /// Break the triggers in every known way instead; each must turn the conformance suite red
    #[arg(long, conflicts_with_all = ["list", "arguments"])]
    sabotage: bool,
    /// Break them in this way alone; may be given more than once
    #[arg(long, value_name = "NAME", requires = "sabotage")]
    way: Vec<String>,
    /// Arguments for `cargo nextest run`, or for the test binaries when it is not installed;
    /// with them documentation tests are left out
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// How one command of a run ended.
#[derive(Debug)]
struct Line {
    what: &'static str,
    passed: bool,
    took: Duration,
}

impl Test {
    /// All tests of the workspace on these databases.
    #[must_use]
    pub fn all(selection: Selection) -> Self {
        Self {
            selection,
            ..Self::default()
        }
    }

    /// Starts the servers, runs the tests, stops the servers and prints a summary.
    ///
    /// # Errors
    ///
    /// When a test fails, a server does not start, or a signal arrives; in every case the servers
    /// have been stopped.
    pub fn run(&self) -> Result<()> {
        if self.sabotage {
            return Sabotage {
                selection: &self.selection,
                packages: &self.package,
                ways: &self.way,
            }
            .run();
        }
        let databases = self.selection.databases();
        let fleet = if self.list {
            Fleet::default()
        } else {
            Fleet::start(&databases, Place::Memory)?
        };
        let mut variables = servers::environment(&names(&databases), fleet.servers());
        variables.sort();
        if self.list {
            return process::must(with(&mut self.lister(&databases), &variables));
        }
        let used = used(&databases, &fleet);
        println!("databases: {used}");

        let mut lines = vec![timed(
            "tests",
            with(&mut self.runner(&databases), &variables),
        )?];
        if self.arguments.is_empty() {
            let mut doc_tests = self.cargo(&["test", "--doc"]);
            lines.push(timed(
                "documentation tests",
                with(&mut doc_tests, &variables),
            )?);
        }
        fleet.stop()?;
        println!("\ndatabases: {used}");
        for line in &lines {
            let word = if line.passed { "passed" } else { "failed" };
            println!("{}: {word} in {:.1} s", line.what, line.took.as_secs_f64());
        }
        if lines.iter().any(|line| !line.passed) {
            bail!("tests failed; the lines above say which");
        }
        Ok(())
    }

    /// A cargo command on the chosen packages with the features tests are built with.
    fn cargo(&self, words: &[&str]) -> Command {
        let mut command = cargo();
        command.args(words);
        packages(&mut command, &self.package);
        command
    }

    fn runner(&self, databases: &[Database]) -> Command {
        let (mut command, is_nextest) = runner();
        command.arg("--no-fail-fast");
        packages(&mut command, &self.package);
        if !is_nextest {
            command.args(["--lib", "--bins", "--tests", "--examples", "--"]);
        }
        command.args(&self.arguments);
        if is_nextest && !self.arguments.iter().any(|argument| argument == "--") {
            command.arg("--");
        }
        skip_others(&mut command, databases);
        command
    }

    fn lister(&self, databases: &[Database]) -> Command {
        let mut command;
        if has_nextest() {
            command = self.cargo(&["nextest", "list"]);
            command.args(&self.arguments);
            if !self.arguments.iter().any(|argument| argument == "--") {
                command.arg("--");
            }
        } else {
            command = self.cargo(&["test", "--lib", "--bins", "--tests", "--examples"]);
            command.args(["--", "--list"]);
            command.args(&self.arguments);
        }
        skip_others(&mut command, databases);
        command
    }
}

/// How many tests `cargo nextest` runs at once, where no argument says so.
const THREADS: &str = "NEXTEST_TEST_THREADS";

/// The command that runs tests up to the first that fails, and whether it is nextest.
pub(crate) fn runner() -> (Command, bool) {
    let mut command = cargo();
    let is_nextest = has_nextest();
    if is_nextest {
        command.args(["nextest", "run"]);
        if env::var_os(THREADS).is_none() {
            // One more than processors: a test waits while its server works.
            let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
            command.env(THREADS, (processors + 1).to_string());
        }
    } else {
        command.arg("test");
    }
    (command, is_nextest)
}

/// Leaves out the tests of the databases that are not used: tests that need one are in a module
/// of its name.
pub(crate) fn skip_others(command: &mut Command, databases: &[Database]) {
    for other in ALL {
        if !databases.contains(&other) {
            // Some modules say what of a database they are about: `mariadb_partitioned`.
            for module in [format!("{other}::"), format!("{other}_")] {
                command.args(["--skip".to_owned(), module]);
            }
        }
    }
}

/// Says which packages and features a cargo command means; all of them when none is named.
pub(crate) fn packages(command: &mut Command, packages: &[String]) {
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    let features = workspace::features(packages);
    if !features.is_empty() {
        command.args(["--features", &features]);
    }
}

/// Sets the variables and hides those of the shell we were called from.
pub(crate) fn with<'a>(
    command: &'a mut Command,
    variables: &[(String, String)],
) -> &'a mut Command {
    for name in servers::stale() {
        command.env_remove(name);
    }
    command.envs(variables.iter().map(|(name, value)| (name, value)))
}

fn timed(what: &'static str, command: &mut Command) -> Result<Line> {
    let start = Instant::now();
    let passed = process::run(command)?.success();
    Ok(Line {
        what,
        passed,
        took: start.elapsed(),
    })
}

fn has_nextest() -> bool {
    process::output(cargo().args(["nextest", "--version"])).is_ok()
}

fn used(databases: &[Database], fleet: &Fleet) -> String {
    let name = |database: &Database| match fleet.server(*database) {
        Some(server) => format!("{database} ({})", server.version),
        None => database.to_string(),
    };
    databases.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> String {
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy())
            .collect();
        words.join(" ")
    }

    #[test]
    fn packages_replace_the_workspace() {
        let mut all = Command::new("cargo");
        packages(&mut all, &[]);
        assert_eq!(
            words(&all),
            format!("--workspace --features {}", workspace::features(&[]))
        );
        let mut one = Command::new("cargo");
        packages(&mut one, &["audit-core".to_owned(), "xtask".to_owned()]);
        assert_eq!(
            words(&one),
            "--package audit-core --package xtask --features audit-core/spawn"
        );
    }

    #[test]
    fn a_list_is_of_the_chosen_databases() {
        let listed = words(&Test::default().lister(&[Database::Sqlite]));
        assert!(listed.contains("--skip mariadb::"), "{listed}");
        assert!(!listed.contains("--skip sqlite::"), "{listed}");
    }

    #[test]
    fn a_test_reads_only_the_variables_of_its_run() {
        let variables = [("AUDIT_TEST_DATABASES".to_owned(), "sqlite".to_owned())];
        let mut command = Command::new("env");
        let text = process::output(with(&mut command, &variables)).expect("env runs");
        let ours: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("AUDIT_TEST_"))
            .collect();
        assert_eq!(ours, ["AUDIT_TEST_DATABASES=sqlite"]);
    }
}
