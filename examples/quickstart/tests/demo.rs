//! The program as a user runs it, looked at from outside.

#![cfg(test)]

use story::testing::succeeded;

story::test_example! {
    env!("CARGO_BIN_EXE_quickstart"),
    mariadb: MariaDb,
    postgres15: Postgres15,
    postgres18: Postgres18,
    sqlite: Sqlite,
}

#[test]
fn the_table_fits_a_terminal() {
    let output = EXAMPLE.run(&["--demo"]);
    let table = succeeded(&output);
    let longest = table.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(120), "{table}");
    let line = |start: &str| table.lines().find(|line| line.contains(start));
    assert!(
        line("name: Ann → Anna").is_some_and(|line| line.contains(" bob ")),
        "{table}"
    );
    assert!(table.contains("password: (hidden)") && !table.contains("tr0ub4dor"));
}

/// Times are the one thing that differs from run to run.
fn without_times(table: &str) -> String {
    let shown = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let line = |line: &str| {
        let time: String = line.chars().take(12).map(shown).collect();
        let rest: String = line.chars().skip(12).collect();
        time + &rest + "\n"
    };
    table.trim().lines().map(line).collect()
}

#[test]
fn the_readme_shows_what_is_printed() {
    let output = EXAMPLE.run(&["--demo"]);
    let readme = without_times(include_str!("../../../README.md"));
    let table = without_times(succeeded(&output));
    assert!(readme.contains(&table), "paste this:\n{table}");
}
