//! `cargo xtask test --sabotage`: the triggers are broken in each known way, and every way must
//! turn the conformance suite red on every database, through every adapter.

use std::fmt;
use std::process::Command;

use anyhow::{Result, bail};

use crate::database::{Database, Selection, names};
use crate::process;
use crate::servers::{self, Fleet, Place};
use crate::test::{packages, runner, skip_others, with};
use crate::workspace::cargo;

/// The conformance suite as one test program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Suite {
    package: &'static str,
    program: &'static str,
}

/// The suites that must notice.
const SUITES: [Suite; 5] = [
    FIRST,
    Suite {
        package: "audit-sqlx",
        program: "executors",
    },
    Suite {
        package: "audit-seaorm",
        program: "conformance",
    },
    Suite {
        package: "audit-diesel",
        program: "conformance",
    },
    Suite {
        package: "audit-diesel",
        program: "asynchronous",
    },
];

/// The suite that takes every way on every database.
const FIRST: Suite = Suite {
    package: "audit-sqlx",
    program: "conformance",
};

/// The ways that the other suites take on servers unless they are asked for more: what a fault of an
/// adapter would look like. The triggers are the same there, whoever installed them. On SQLite each
/// adapter puts them on its connections, and all suites take all ways.
const OF_ADAPTERS: [&str; 8] = [
    "actor_is_somebody_else",
    "actor_kind_is_lost",
    "actors_are_swapped",
    "context_is_lost",
    "context_is_not_replaced",
    "events_are_doubled",
    "reason_is_lost",
    "request_is_lost",
];

/// The case that looks at the results of writes alone. It must pass all the same: triggers that
/// refuse writes are noticed by everybody, and prove nothing.
const WRITES: &str = "results_are_the_same_as_without_audit";

/// The way that changes the text of the triggers and nothing that they do. A case that fails by it
/// looks at the text, as `check` does, and is left out of all other ways: it fails by every one.
const NOTHING: &str = "nothing_is_broken";

/// The variable in which the suite reads how it is to break the triggers.
const VARIABLE: &str = "AUDIT_TEST_SABOTAGE";

/// Which cases of a suite run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cases<'a> {
    /// All of them, also after one that fails.
    Every,
    /// That of this name.
    One(&'a str),
    /// All but these, up to the first that fails.
    Without(&'a [String]),
}

impl fmt::Display for Suite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.package, self.program)
    }
}

/// What is left of the ways, the suites and the databases.
#[derive(Debug)]
pub(crate) struct Sabotage<'a> {
    /// The databases.
    pub(crate) selection: &'a Selection,
    /// The packages whose suites must notice every way; when none is named all suites must, some of
    /// them [`OF_ADAPTERS`] alone.
    pub(crate) packages: &'a [String],
    /// The ways; when none is named all.
    pub(crate) ways: &'a [String],
}

impl Sabotage<'_> {
    /// Breaks the triggers in every way on these databases.
    ///
    /// # Errors
    ///
    /// When a suite fails without a sabotage, or passes with one; when a sabotage lets no write
    /// pass; when a package has no suite, or no database the way.
    pub(crate) fn run(&self) -> Result<()> {
        let suites = self.suites()?;
        let databases = self.selection.databases();
        let ways = databases.iter().map(|database| self.ways(*database));
        let ways: Vec<Vec<String>> = ways.collect::<Result<_>>()?;
        let some = if self.ways.is_empty() {
            OF_ADAPTERS.map(str::to_owned).to_vec()
        } else {
            self.ways.to_vec()
        };
        let unknown = |way: &&String| !ways.iter().flatten().any(|known| known == *way);
        if let Some(way) = some.iter().find(unknown) {
            bail!("no way to break the triggers of these databases is called `{way}`");
        }
        let fleet = Fleet::start(&databases, Place::Memory)?;
        let variables = servers::environment(&names(&databases), fleet.servers());
        let mut unnoticed = Vec::new();
        for (database, ways) in databases.iter().zip(&ways) {
            for suite in &suites {
                let takes_all =
                    !self.packages.is_empty() || *suite == FIRST || *database == Database::Sqlite;
                let taken = |way: &&String| takes_all || some.contains(way);
                let ways: Vec<&String> = ways.iter().filter(taken).collect();
                unnoticed.extend(suite.misses(*database, &ways, &variables)?);
            }
        }
        fleet.stop()?;
        if !unnoticed.is_empty() {
            bail!(
                "a suite passes with broken triggers: {}",
                unnoticed.join(", ")
            );
        }
        Ok(())
    }

    fn suites(&self) -> Result<Vec<Suite>> {
        let has_suite =
            |package: &&String| SUITES.iter().any(|suite| suite.package == package.as_str());
        if let Some(package) = self.packages.iter().find(|package| !has_suite(package)) {
            bail!("`{package}` has no conformance suite");
        }
        let is_meant = |suite: &Suite| {
            self.packages.is_empty() || self.packages.iter().any(|name| name == suite.package)
        };
        Ok(SUITES.into_iter().filter(is_meant).collect())
    }

    /// The ways that are meant and that a database has.
    fn ways(&self, database: Database) -> Result<Vec<String>> {
        let mut command = cargo();
        command.args(["run", "--quiet", "--package", "audit-testkit"]);
        command.args(["--example", "sabotages", "--", &database.to_string()]);
        let known = process::output(&mut command)?;
        let mut ways: Vec<String> = known.lines().map(str::to_owned).collect();
        ways.retain(|way| self.ways.is_empty() || self.ways.contains(way));
        Ok(ways)
    }
}

impl Suite {
    /// The ways on a database that this suite does not notice.
    fn misses(
        self,
        database: Database,
        ways: &[&String],
        variables: &[(String, String)],
    ) -> Result<Vec<String>> {
        let run = |way: Option<&str>, cases: Cases<'_>| -> Result<Vec<String>> {
            let mut command = self.command(database, cases);
            command.envs(way.map(|way| (VARIABLE, way)));
            let (passed, text) = process::said(with(&mut command, variables))?;
            let failed = failed(&text, database);
            if passed != failed.is_empty() {
                bail!("{self} on {database} did not run:\n{text}");
            }
            Ok(failed)
        };
        if let [case, ..] = &run(None, Cases::Without(&[]))?[..] {
            bail!("{self} fails without a sabotage: {case}; run `cargo xtask test` first");
        }
        let by_text = run(Some(NOTHING), Cases::Every)?;
        println!("{self} on {database}: {NOTHING}: {}", by_text.join(", "));
        let mut missed = Vec::new();
        for way in ways {
            if !run(Some(way), Cases::One(WRITES))?.is_empty() {
                bail!("{way} lets no write pass on {database}; correct the sabotage");
            }
            let noticed = run(Some(way), Cases::Without(&by_text))?;
            let word = noticed.first().map_or("NOT NOTICED", String::as_str);
            println!("{self} on {database}: {way}: {word}");
            if noticed.is_empty() {
                missed.push(format!("{way} by {self} on {database}"));
            }
        }
        Ok(missed)
    }

    fn command(self, database: Database, cases: Cases<'_>) -> Command {
        let (mut command, is_nextest) = runner();
        packages(&mut command, &[self.package.to_owned()]);
        command.args(["--test", self.program]);
        if cases == Cases::Every {
            command.arg("--no-fail-fast");
        }
        command.arg("--");
        if !is_nextest {
            command.args(["--test-threads", "2"]);
        }
        match cases {
            Cases::Every => {}
            Cases::One(case) => {
                command.arg(case);
            }
            Cases::Without(skipped) => {
                command.args(skipped.iter().flat_map(|case| ["--skip", case]));
            }
        }
        skip_others(&mut command, &[database]);
        command
    }
}

/// The names of the tests of a database that failed, by what nextest or the test programs wrote.
fn failed(text: &str, database: Database) -> Vec<String> {
    let module = format!("{database}::");
    let lines = text.lines().filter(|line| line.contains("FAIL"));
    let mut names: Vec<String> = lines
        .filter_map(|line| {
            line.split_whitespace()
                .find(|word| word.starts_with(&module))
        })
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_found_in_what_either_runner_writes() {
        let text = "
        FAIL [   0.080s] ( 3/85) audit-sqlx::conformance sqlite::b
        PASS [   0.080s] ( 4/85) audit-sqlx::conformance sqlite::c
        TRY 1 FAIL [ 0.1s] audit-sqlx::conformance mariadb::d
test sqlite::a ... FAILED
test sqlite::c ... ok
test result: FAILED. 1 passed";
        assert_eq!(failed(text, Database::Sqlite), ["sqlite::a", "sqlite::b"]);
    }
}
