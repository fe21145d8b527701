//! The cases that only one database has, as the source of the tests of audit-sqlx names them.

use std::fs::read_to_string;

/// Where they are.
const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../audit-sqlx/tests");

/// A case: its name, and whether it replays what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alone {
    pub(super) name: String,
    pub(super) is_replayed: bool,
}

/// Those of a database, by group; what is in its first file has none.
pub(super) fn cases(database: &str) -> Vec<(String, Vec<Alone>)> {
    let root = read_to_string(format!("{TESTS}/{database}.rs")).expect("the file of a database");
    let source = |group: &str| {
        let path = format!("{TESTS}/{database}/{group}.rs");
        read_to_string(path).expect("the file of a module")
    };
    if let Some((_, list)) = root.split_once("\ncases! {\n") {
        let groups = listed(list).into_iter();
        let groups = groups.map(|(group, names)| {
            let text = source(&group);
            (group, alone(&text, names))
        });
        return groups.collect();
    }
    // A file that no `mod` names is not compiled.
    let modules = root
        .lines()
        .filter_map(|line| line.trim().strip_prefix("mod ")?.strip_suffix(';'));
    let files = modules.map(|name| (name, source(name)));
    let groups = std::iter::once(("", root.clone())).chain(files);
    let groups = groups.map(|(name, text)| (name.to_owned(), alone(&text, functions(&text))));
    groups.filter(|(_, cases)| !cases.is_empty()).collect()
}

/// The cases of these names in the source of their group.
fn alone(text: &str, names: Vec<String>) -> Vec<Alone> {
    let cases = names.into_iter().map(|name| {
        let body = body_of(text, &name);
        let proofs = [" prove(", "(prove(", ".prove(", ".prove_on(", ".proved("];
        let is_replayed = proofs.iter().any(|proof| body.contains(proof));
        Alone { name, is_replayed }
    });
    cases.collect()
}

/// The source of a function: up to the brace that stands where its line begins.
fn body_of<'t>(text: &'t str, name: &str) -> &'t str {
    let at = text.find(&format!("async fn {name}("));
    let at = at.expect("the function of a case");
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let indent: String = text[line..].chars().take_while(|c| *c == ' ').collect();
    let body = &text[at..];
    let end = body.find(&format!("\n{indent}}}\n"));
    &body[..end.expect("the end of a function")]
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
