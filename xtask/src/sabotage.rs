//! `cargo xtask test --sabotage`: the triggers are broken in each known way, and every way must
//! turn the conformance suite red on every database, through every adapter; those that a replay of
//! the rows notices must also turn the tests red of what one database has alone.

use std::fmt;
use std::process::Command;

use anyhow::{Result, bail};

use crate::database::{Database, Selection, names};
use crate::process;
use crate::servers::{self, Fleet, Place};
use crate::test::{packages, runner, skip_others, with};
use crate::workspace::cargo;

/// A test program that must notice broken triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Suite {
    package: &'static str,
    program: &'static str,
    /// The groups of its tests that replay what they did; none where it is the conformance suite.
    groups: &'static [&'static str],
    /// The case that looks at the results of writes alone. It must pass all the same: triggers that
    /// refuse writes are noticed by everybody, and prove nothing.
    writes: &'static str,
}

impl Suite {
    /// The conformance suite, through an adapter.
    const fn conformance(package: &'static str, program: &'static str) -> Self {
        Self {
            package,
            program,
            groups: &[],
            writes: "results_are_the_same_as_without_audit",
        }
    }
}

/// The suites that must notice.
const SUITES: [Suite; 8] = [
    FIRST,
    Suite::conformance("audit-sqlx", "executors"),
    Suite::conformance("audit-seaorm", "conformance"),
    Suite::conformance("audit-diesel", "conformance"),
    Suite::conformance("audit-diesel", "asynchronous"),
    // What a database has alone; the name of the program is how that of the database begins.
    Suite {
        package: "audit-sqlx",
        program: "postgres",
        groups: &[
            "order",
            "partitions",
            "statements",
            "tables",
            "transactions",
        ],
        writes: "answers_are_those_of_a_database_without_audit",
    },
    Suite {
        package: "audit-sqlx",
        program: "mariadb",
        groups: &["cascades", "families", "statements", "tables"],
        writes: "every_answer_is_that_of_a_database_without_the_log",
    },
    Suite {
        package: "audit-sqlx",
        program: "sqlite",
        groups: &["statements", "tables", "triggers", "values"],
        writes: "rows_names_types_counts_and_errors_are_the_same",
    },
];

/// The suite that takes every way on every database.
const FIRST: Suite = Suite::conformance("audit-sqlx", "conformance");

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

/// The ways that the tests of one database take: what a replay of the rows notices.
const OF_DATABASES: [&str; 14] = [
    "after_is_before",
    "after_is_lost",
    "before_is_after",
    "before_is_lost",
    "deletes_are_missed",
    "events_are_doubled",
    "first_rows_are_recorded_alone",
    "inserts_are_missed",
    "key_is_lost",
    "old_key_is_lost",
    "operation_is_wrong",
    PARTITIONS,
    "table_is_wrong",
    "updates_are_missed",
];

/// The way that the conformance suite cannot notice: its tables are those that every database has.
const PARTITIONS: &str = "partitions_are_missed";

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
    /// Breaks the triggers on these databases, in every way that a suite can notice.
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
            for suite in suites.iter().filter(|suite| suite.runs_on(*database)) {
                let is_other = suite.groups.is_empty() && *suite != FIRST;
                let takes_all =
                    !self.packages.is_empty() || !is_other || *database == Database::Sqlite;
                let taken = |way: &&String| suite.notices(way) && (takes_all || some.contains(way));
                let ways: Vec<&String> = ways.iter().filter(taken).collect();
                if !ways.is_empty() {
                    unnoticed.extend(suite.misses(*database, &ways, &variables)?);
                }
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
    /// Whether it has tests on a database.
    fn runs_on(self, database: Database) -> bool {
        self.groups.is_empty() || database.to_string().starts_with(self.program)
    }

    /// Whether it is one to notice a way.
    fn notices(self, way: &str) -> bool {
        if self.groups.is_empty() {
            way != PARTITIONS
        } else {
            OF_DATABASES.contains(&way)
        }
    }

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
            if !run(Some(way), Cases::One(self.writes))?.is_empty() {
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
        let groups = self.groups.iter().map(|group| format!("::{group}::"));
        match cases {
            Cases::Every => {
                command.args(groups);
            }
            Cases::One(case) => {
                command.arg(case);
            }
            Cases::Without(skipped) => {
                command.args(groups);
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
    fn tests_of_one_database_run_there_alone() {
        let on = |database| {
            let own = SUITES.iter().filter(|suite| !suite.groups.is_empty());
            own.filter(|suite| suite.runs_on(database))
                .map(|suite| suite.program)
                .collect::<Vec<_>>()
        };
        assert_eq!(on(Database::Mariadb), ["mariadb"]);
        assert_eq!(on(Database::Postgres(18)), ["postgres"]);
        assert_eq!(on(Database::Sqlite), ["sqlite"]);
        assert!(SUITES.iter().any(|suite| suite.notices(PARTITIONS)));
        assert!(!FIRST.notices(PARTITIONS));
    }

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
