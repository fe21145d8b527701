//! What RETURNING gives, entry by entry, under the names that the server would give.

use super::Uncapturable;
use super::entry::Entry;
use super::shape::Write;
use super::statement::Statement;
use super::token::Kind;

/// An entry of RETURNING.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Every column of the row as it is.
    Row(Image),
    /// One value.
    Value { expression: String, name: String },
}

/// Which row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    /// The one that the statement gives when it does not say which.
    Given,
    New,
    Old,
}

/// What an entry is called that has no name.
const NAMELESS: &str = "?column?";

/// Words that stand for no column, function or type by themselves.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "between",
    "both",
    "case",
    "cast",
    "collate",
    "default",
    "distinct",
    "do",
    "else",
    "end",
    "exists",
    "false",
    "for",
    "from",
    "ilike",
    "in",
    "interval",
    "is",
    "isnull",
    "lateral",
    "leading",
    "like",
    "not",
    "notnull",
    "null",
    "on",
    "only",
    "or",
    "overlaps",
    "placing",
    "row",
    "select",
    "similar",
    "some",
    "symmetric",
    "then",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "using",
    "variadic",
    "when",
    "where",
    "with",
    "zone",
];

/// What is given back.
///
/// # Errors
/// When an entry is one whose name is not sure.
pub(crate) fn outputs(
    statement: &Statement<'_>,
    write: &Write,
    gives_both_rows: bool,
) -> Result<Vec<Output>, Uncapturable> {
    let Some(returning) = &write.returning else {
        return Ok(Vec::new());
    };
    let entries = statement.entries(returning);
    let outputs = entries.iter().map(|entry| {
        output(entry, write, gives_both_rows).ok_or_else(|| Uncapturable::Returning {
            expression: entry.text().to_owned(),
        })
    });
    outputs.collect()
}

fn output(entry: &Entry<'_>, write: &Write, gives_both_rows: bool) -> Option<Output> {
    if entry.word(0).eq_ignore_ascii_case("with") {
        return None;
    }
    let last = entry.len().checked_sub(1)?;
    match (entry.len(), entry.word(last)) {
        // With several tables it means the columns of all.
        (1, "*") => return write.from.is_none().then_some(Output::Row(Image::Given)),
        (3, "*") if entry.word(1) == "." => {
            let row = entry.named(0)?;
            return match row.as_str() {
                "new" if gives_both_rows => Some(Output::Row(Image::New)),
                "old" if gives_both_rows => Some(Output::Row(Image::Old)),
                _ if write.is_called(&row) => Some(Output::Row(Image::Given)),
                _ => None,
            };
        }
        _ => {}
    }
    if last > 0 && entry.word(last) == "*" && entry.word(last - 1) == "." {
        return None;
    }
    let value = |entry: &Entry<'_>, name: String| {
        let expression = entry.text().to_owned();
        Some(Output::Value { expression, name })
    };
    if last > 1 && entry.word(last - 1).eq_ignore_ascii_case("as") {
        return value(&entry.without_last(2), entry.named(last)?);
    }
    if let Some(name) = figure(entry) {
        return value(entry, name);
    }
    let rest = entry.without_last(1);
    // Behind a type it could be a part of it, as in `double precision`.
    let casts = (0..last).any(|at| entry.word(at) == "::");
    if last > 0
        && entry.is_name(last)
        && !casts
        && !is_reserved(entry, last)
        && figure(&rest).is_some()
    {
        return value(&rest, entry.named(last)?);
    }
    None
}

fn is_reserved(entry: &Entry<'_>, at: usize) -> bool {
    entry.kind(at) == Some(Kind::Word)
        && RESERVED.contains(&entry.word(at).to_ascii_lowercase().as_str())
}

/// The name that the server gives an expression, where that is sure.
///
/// # Source
/// `FigureColname` in PostgreSQL's `src/backend/parser/parse_target.c`.
fn figure(entry: &Entry<'_>) -> Option<String> {
    let last = entry.len().checked_sub(1)?;
    let is_literal = matches!(
        entry.kind(0),
        Some(Kind::Number | Kind::Parameter | Kind::Text)
    );
    if entry.len() == 1 && is_literal || is_calculation(entry) {
        return Some(NAMELESS.to_owned());
    }
    if entry.word(0).eq_ignore_ascii_case("cast") && entry.closing(1) == Some(last) {
        let inside: Vec<usize> = (2..entry.len()).collect();
        let end = inside
            .iter()
            .find(|&&at| entry.word(at).eq_ignore_ascii_case("as"))?;
        return path(&entry.within(2..*end)).map(|(name, _)| name);
    }
    if let Some(cast) = (0..entry.len()).find(|&at| entry.word(at) == "::") {
        let kind = entry.within(cast + 1..entry.len());
        let is_type = (0..kind.len()).all(|at| {
            kind.is_name(at)
                || kind.kind(at) == Some(Kind::Number)
                || matches!(kind.word(at), "(" | ")" | "[" | "]" | "." | ",")
        });
        // What follows a type without a sign could be a name for the entry.
        let names = (0..kind.len()).filter(|&at| kind.is_name(at)).count();
        return (is_type && names == 1)
            .then(|| figure(&entry.within(0..cast)))
            .flatten()
            .filter(|name| name != NAMELESS);
    }
    if entry.word(0) == "(" {
        let end = entry.closing(0)?;
        let names = entry.within(end + 1..entry.len());
        // `(x)` is called as `x` is, and `(x).y` as `y`.
        return match names.word(0) {
            "" => figure(&entry.within(1..end)),
            "." => path(&names.within(1..names.len()))
                .filter(|(_, end)| end + 1 == names.len())
                .map(|(name, _)| name),
            _ => None,
        };
    }
    let (name, end) = path(entry)?;
    let is_call = entry.word(end) == "(" && entry.closing(end) == Some(last);
    (end == entry.len() || is_call).then_some(name)
}

/// A name with dots, and where it ends.
fn path(entry: &Entry<'_>) -> Option<(String, usize)> {
    let mut end = 0;
    loop {
        if !entry.is_name(end) || end == 0 && is_reserved(entry, end) {
            return None;
        }
        end += 1;
        if entry.word(end) != "." {
            break;
        }
        end += 1;
    }
    let name = entry.named(end - 1)?;
    // A longer one is cut by the server.
    (name.len() < 64).then_some((name, end))
}

/// Whether the last thing done is an operator's, and no name follows.
fn is_calculation(entry: &Entry<'_>) -> bool {
    let Some(last) = entry.len().checked_sub(1) else {
        return false;
    };
    let is_outside = |at: &usize| entry.is_outside(*at);
    let has_operator = (0..=last)
        .filter(is_outside)
        .any(|at| entry.kind(at) == Some(Kind::Operator));
    let has_other = (0..=last).filter(is_outside).any(|at| {
        ["case", "at", "collate"].contains(&entry.word(at).to_ascii_lowercase().as_str())
    });
    let may_be_named = last > 0
        && entry.is_name(last)
        && entry.kind(last - 1) != Some(Kind::Operator)
        && !matches!(entry.word(last - 1), "." | "::");
    has_operator && !has_other && !may_be_named
}
