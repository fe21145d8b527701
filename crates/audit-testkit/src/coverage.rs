//! What each database does with each case, as the page `docs/coverage.md`.

mod alone;
mod elsewhere;

use std::fmt::Write as _;

use crate::cases::CASES;
use crate::database::Server;

pub use self::elsewhere::what_only_others_have_is_refused;

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
        "not recorded: TRUNCATE fires no trigger (<https://mariadb.com/kb/en/truncate-table/>); `check` names the accounts that may",
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
        "holds; Diesel does not hand on where it happened, so `CaptureError::of` is `Unclear` there",
    ),
    (
        "a_locked_log_fails_the_change",
        1,
        "holds; `Lock wait timeout exceeded` does not say by which table, so `CaptureError::of` is `Unclear`",
    ),
    (
        "a_locked_log_fails_the_change",
        2,
        "holds; the lock is that of the whole file, so `CaptureError::of` is `Unclear`",
    ),
    (
        "odd_names_in_paths_are_hidden",
        1,
        "a name that begins with `-` or has a quote, a backslash or a control character hides the column",
    ),
];

/// Cases that end in a refusal where statements write their own events, whether below PostgreSQL 18 and from
/// it on: with these words, and what that means.
const REFUSED_INLINE: &[(&str, [bool; 2], &str, &str)] = &[
    (
        "a_table_without_a_key_is_known_by_its_hash",
        [true, false],
        "`notes` has no primary key",
        "an UPDATE without a key is refused",
    ),
    (
        "cascading_delete_records_the_children",
        [true; 2],
        "foreign keys of `items` change its rows",
        CASCADE,
    ),
    (
        "down_and_up_again_is_as_fresh",
        [true; 2],
        "its event could not be written: relation",
        "without its log a change fails, until the application captures no more",
    ),
    (
        "foreign_keys_that_follow_the_key_are_recorded",
        [true; 2],
        "foreign keys of `followers` change its rows",
        CASCADE,
    ),
    (
        "foreign_keys_that_set_null_are_recorded",
        [true; 2],
        "foreign keys of `followers` change its rows",
        CASCADE,
    ),
    (
        "hidden_parts_are_hidden_and_their_change_is_not",
        [true; 2],
        "the len is 0 but the index is 0",
        "holds, up to its write by another program, which is not seen",
    ),
    (
        "parts_are_hidden_wherever_an_image_is_made",
        [true; 2],
        "foreign keys of `children` change its rows",
        CASCADE,
    ),
    (
        "replace_records_the_row_it_removes",
        [true; 2],
        "a statement that begins with `REPLACE` is not known",
        "a statement that is not known is refused",
    ),
    (
        "the_log_is_narrowed_by_each_filter",
        [true, false],
        KEY,
        KEY_CHANGED,
    ),
    (
        "the_story_gives_the_known_events",
        [true, false],
        KEY,
        KEY_CHANGED,
    ),
    (
        "the_story_gives_the_known_events",
        [false, true],
        "foreign keys of `items` change its rows",
        CASCADE,
    ),
    (
        "triggers_of_the_application_are_recorded_in_order",
        [true; 2],
        "the trigger `a_first` on `users` may change other rows",
        "a trigger of the application that writes is refused",
    ),
    (
        "truncate_is_recorded_where_the_database_tells",
        [true; 2],
        "`TRUNCATE` gives no rows back",
        "TRUNCATE is refused",
    ),
    (
        "update_of_a_composite_key_keeps_the_old_id",
        [true, false],
        "a column of the key of `invoices`",
        KEY_CHANGED,
    ),
    (
        "update_of_the_key_keeps_the_old_id",
        [true, false],
        KEY,
        KEY_CHANGED,
    ),
    (
        "writes_through_a_view_are_recorded",
        [true; 2],
        "the table `people` was not there",
        "a view is refused",
    ),
];

const CASCADE: &str = "foreign keys that change other rows are refused";
const KEY: &str = "a column of the key of `users`";
const KEY_CHANGED: &str = "a changed key is refused";

/// The words with which a case is refused where statements write their own events.
#[must_use]
pub fn refused_inline(server: Server, case: &str) -> Option<&'static str> {
    let place = usize::from(server == Server::Postgres18);
    let mut refused = REFUSED_INLINE.iter();
    let found = refused.find(|(name, versions, ..)| *name == case && versions[place]);
    found.map(|(_, _, words, _)| *words)
}

/// The section of capture without triggers.
fn inline() -> String {
    let mut section = "\n## PostgreSQL without triggers\n\n\
         Every case runs through `AuditedPool::inline` of audit-sqlx as well, where no trigger is on a table of \
         the application. These end otherwise, with the refusal that the test asserts; where a case proves \
         what was recorded, all that changed until then is replayed. `drawn statements replay` leaves \
         out what is refused, and the statements of its seeds are held against triggers as well.\n\n\
         | case | PostgreSQL 15 | PostgreSQL 18 |\n|---|---|---|\n"
        .to_owned();
    let mut names: Vec<&str> = REFUSED_INLINE.iter().map(|(name, ..)| *name).collect();
    names.dedup();
    for case in names {
        let outcome = |place: usize| {
            let mut refused = REFUSED_INLINE.iter();
            let found = refused.find(|(name, versions, ..)| *name == case && versions[place]);
            found.map_or("holds", |(.., what)| *what)
        };
        let shown = case.replace('_', " ");
        let _ = writeln!(section, "| {shown} | {} | {} |", outcome(0), outcome(1));
    }
    section
}

/// The name of the files of tests that each has alone.
const ALONE: [&str; 3] = ["postgres", "mariadb", "sqlite"];

/// The page; the source of the tests of audit-sqlx is read for it.
#[must_use]
pub fn markdown() -> String {
    let mut page = format!(
        "# Coverage\n\n\
         Every case of the conformance suite and its outcome on each database, through every \
         adapter: {}; then every test of what one database has alone, through audit-sqlx, with \
         what the others have instead. This page is made from the lists and the source of the \
         tests; a test keeps it true. What a library has of its own is tested in its adapter and \
         not listed here. SeaORM holds a connection in transactions alone: where a case holds one \
         outside of them, it does so through the pool of sqlx behind SeaORM's.\n\n\
         `holds` means that the sentence of the case is what the test asserts. Where a case proves \
         what was recorded (`prove` in its source), every event is replayed as well, on full reads \
         of the tables before and after. What one database has alone says so itself: `replayed`, \
         in which a change of the schema in the midst of a case is left out, or `compared`, of \
         images, answers, findings and errors, with what is written in the case or with a \
         database without audit. What a database does not have is so by the page of its vendor, and \
         where a statement shows it, `what only others have is refused` runs it.\n",
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
    page.push_str(&inline());
    for place in 0..DATABASES.len() {
        page.push_str(&alone(place));
    }
    page
}

/// The section of what one database has alone.
fn alone(place: usize) -> String {
    let others = || (0..DATABASES.len()).filter(|other| *other != place);
    let names: Vec<&str> = others().map(|other| DATABASES[other]).collect();
    let mut section = format!(
        "\n## {} alone\n\n| group | case | proof | {} |\n|---|---|---|---|---|\n",
        DATABASES[place],
        names.join(" | ")
    );
    let matters = elsewhere::of(ALONE[place]);
    for (group, cases) in alone::cases(ALONE[place]) {
        for case in cases {
            let of = |wanted: &str| matters.iter().find(|(name, _)| *name == wanted);
            let matter = of(&case.name).or_else(|| of(&group));
            let (_, outcomes) =
                matter.unwrap_or_else(|| panic!("no outcome elsewhere: {}", case.name));
            let [first, second] = outcomes.map(elsewhere::Elsewhere::in_words);
            let shown = case.name.replace('_', " ");
            let proof = if case.is_replayed {
                "replayed"
            } else {
                "compared"
            };
            let _ = writeln!(
                section,
                "| {group} | {shown} | {proof} | {first} | {second} |"
            );
        }
    }
    section
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

    /// A case or group that another database is said to have is there, and so is what it is said of.
    #[test]
    fn every_outcome_elsewhere_is_about_a_case() {
        use elsewhere::Elsewhere::{Case, Group, NotThere, Untested};
        let shared: Vec<&str> = CASES
            .iter()
            .flat_map(|(_, cases)| *cases)
            .copied()
            .collect();
        let own = ALONE.map(alone::cases);
        let has = |place: usize, name: &str| {
            let cases = own[place].iter().flat_map(|(_, cases)| cases);
            cases.clone().any(|case| case.name == name)
        };
        let groups = |place: usize| own[place].iter().map(|(group, _)| group.as_str());
        for (place, database) in ALONE.iter().enumerate() {
            let others: Vec<usize> = (0..DATABASES.len())
                .filter(|other| *other != place)
                .collect();
            for (name, outcomes) in elsewhere::of(database) {
                assert!(
                    has(place, name) || groups(place).any(|group| group == *name),
                    "{name} is no case of {database}"
                );
                for (other, outcome) in others.iter().zip(outcomes) {
                    let is_true = match outcome {
                        Case(case) => shared.contains(case) || has(*other, case),
                        Group(group) => groups(*other).any(|known| known == *group),
                        NotThere(_, page) | Untested(_, page) => {
                            let vendor = [
                                "www.postgresql.org/docs/",
                                "mariadb.com/kb/en/",
                                "sqlite.org/",
                            ];
                            page.starts_with(&format!("https://{}", vendor[*other]))
                        }
                    };
                    assert!(is_true, "{name} on {}: {outcome:?}", ALONE[*other]);
                }
            }
        }
    }

    #[test]
    fn every_exception_is_about_a_case() {
        let refused = REFUSED_INLINE.iter().map(|(name, ..)| *name);
        for name in EXCEPTIONS.iter().map(|(name, ..)| *name).chain(refused) {
            assert!(
                CASES.iter().any(|(_, cases)| cases.contains(&name)),
                "{name}"
            );
        }
    }
}
