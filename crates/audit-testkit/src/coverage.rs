//! What each database does with each case, as the page `docs/coverage.md`.

mod alone;

use std::fmt::Write as _;

use crate::cases::CASES;

/// The databases, in the order of the page.
const DATABASES: [&str; 3] = ["PostgreSQL 15, 18", "MariaDB 10.11", "SQLite"];

/// The adapters that the suite runs through, by the name of their crates.
const ADAPTERS: [&str; 3] = ["audit-diesel", "audit-seaorm", "audit-sqlx"];

/// Where a case has another outcome than the one its name states: the case, the place of the
/// database in [`DATABASES`], and what happens instead.
const EXCEPTIONS: [(&str, usize, &str); 8] = [
    (
        "replace_records_the_row_it_removes",
        0,
        "the statement does not exist: `syntax error`",
    ),
    (
        "truncate_is_recorded_where_the_database_tells",
        1,
        "not recorded: TRUNCATE fires no trigger",
    ),
    (
        "truncate_is_recorded_where_the_database_tells",
        2,
        "the statement does not exist: `syntax error`",
    ),
    (
        "an_added_column_is_captured_after_migrate",
        1,
        "missing from the images until `migrate`",
    ),
    (
        "a_locked_log_fails_the_change",
        0,
        "holds; Diesel does not hand on where it happened, so `CaptureError::of` is `None` there",
    ),
    (
        "a_locked_log_fails_the_change",
        1,
        "holds; `Lock wait timeout exceeded` does not say by which table, so `CaptureError::of` is `None`",
    ),
    (
        "a_locked_log_fails_the_change",
        2,
        "holds; the lock is that of the whole file, so `CaptureError::of` is `None`",
    ),
    (
        "odd_names_in_paths_are_hidden",
        1,
        "a name that begins with `-` or has a quote, a backslash or a control character hides the column",
    ),
];

/// The name of the files of tests that each has alone.
const ALONE: [&str; 3] = ["postgres", "mariadb", "sqlite"];

/// The page; the source of the tests of audit-sqlx is read for it.
#[must_use]
pub fn markdown() -> String {
    let mut page = format!(
        "# Coverage\n\n\
         Every case of the conformance suite and its outcome on each database, through every \
         adapter: {}; then every test of what only one database has, through audit-sqlx alone. This \
         page is made from the lists and the source of the tests; a test keeps it true. What a \
         library has of its own is tested in its adapter and not listed here.\n\n\
         `holds` means that the sentence of the case is what the test asserts. Where a case proves \
         what was recorded (`prove` in its source), every event is replayed as well, on full reads \
         of the tables before and after.\n",
        ADAPTERS.join(", ")
    );
    for (group, cases) in CASES {
        let _ = write!(
            page,
            "\n## {group}\n\n| case | {} |\n|---|",
            DATABASES.join(" | ")
        );
        page.push_str("---|---|---|\n");
        for case in *cases {
            let _ = write!(page, "| {} |", case.replace('_', " "));
            for database in 0..DATABASES.len() {
                let _ = write!(page, " {} |", outcome(case, database));
            }
            page.push('\n');
        }
    }
    for (database, file) in DATABASES.iter().zip(ALONE) {
        let _ = write!(
            page,
            "\n## {database} alone\n\n| group | case |\n|---|---|\n"
        );
        for (group, cases) in alone::cases(file) {
            for case in cases {
                let _ = writeln!(page, "| {group} | {} |", case.replace('_', " "));
            }
        }
    }
    page
}

fn outcome(case: &str, database: usize) -> &'static str {
    let exception = EXCEPTIONS
        .iter()
        .find(|(name, place, _)| *name == case && *place == database);
    exception.map_or("holds", |(_, _, what)| what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_the_one_of_the_suite() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/coverage.md");
        if std::env::var_os("AUDIT_WRITE_COVERAGE").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            page == markdown(),
            "docs/coverage.md is not that of the suite; run `AUDIT_WRITE_COVERAGE=1 cargo test -p audit-testkit`"
        );
    }

    #[test]
    fn every_adapter_runs_the_suite() {
        let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut running: Vec<_> = std::fs::read_dir(crates)
            .unwrap()
            .map(|found| found.unwrap())
            .filter(|found| found.path().join("tests/conformance.rs").exists())
            .map(|found| found.file_name().into_string().unwrap())
            .collect();
        running.sort();
        assert_eq!(running, ADAPTERS);
    }

    #[test]
    fn every_exception_is_about_a_case() {
        for (name, _, _) in EXCEPTIONS {
            assert!(
                CASES.iter().any(|(_, cases)| cases.contains(&name)),
                "{name}"
            );
        }
    }
}
