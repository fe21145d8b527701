//! The cases that only one database has, as the source of the tests of audit-sqlx names them.

use std::fs::read_to_string;

/// Where they are.
const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../audit-sqlx/tests");

/// Those of a database, by group; what is in its first file has none.
pub(super) fn cases(database: &str) -> Vec<(String, Vec<String>)> {
    let root = read_to_string(format!("{TESTS}/{database}.rs")).expect("the file of a database");
    if let Some((_, list)) = root.split_once("\ncases! {\n") {
        return listed(list);
    }
    // A file that no `mod` names is not compiled.
    let modules = root
        .lines()
        .filter_map(|line| line.trim().strip_prefix("mod ")?.strip_suffix(';'));
    let files = modules.map(|name| {
        let path = format!("{TESTS}/{database}/{name}.rs");
        (name, read_to_string(path).expect("the file of a module"))
    });
    let groups = std::iter::once(("", root.clone())).chain(files);
    let groups = groups.map(|(name, text)| (name.to_owned(), functions(&text)));
    groups.filter(|(_, cases)| !cases.is_empty()).collect()
}

/// The list that a macro makes a test of each of: `group: [case, ..], ..`.
fn listed(list: &str) -> Vec<(String, Vec<String>)> {
    let (list, _) = list.split_once("\n}").expect("the end of the list");
    let groups = list.split(']').filter_map(|group| group.split_once(": ["));
    groups
        .map(|(group, cases)| {
            let cases = cases.split(',').map(str::trim);
            let cases = cases.filter(|case| !case.is_empty()).map(str::to_owned);
            let group = group.trim_start_matches(',').trim();
            (group.to_owned(), cases.collect())
        })
        .collect()
}

/// The functions that are tests.
fn functions(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("#[tokio::test"))
        .map(|pair| {
            let name = pair[1].strip_prefix("async fn ");
            let name = name.and_then(|name| name.split_once('('));
            name.expect("a test is a function").0.to_owned()
        })
        .collect()
}
