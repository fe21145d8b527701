//! The path to a part of a JSON document.

use std::fmt;

/// The steps from a JSON document to one of its parts, or to several: the names of members, the
/// places of elements, and all elements of an array.
///
/// Written as `$.card.number`, `$["odd name"]`, `$['odd name']`, `$.lines[0]`, `$.lines[*].price`.
/// A name stands bare when it begins with a letter, `_` or a character outside ASCII and goes on
/// with those and digits; any other stands in quotes, with the escapes of JSON. It names a part
/// and nothing else: a name does not look into the elements of an array, nor a place into the
/// members of an object. At most [`JsonPath::MOST_STEPS`] steps.
///
/// # Source
/// RFC 9535, of which this is the part without filters, slices, descendants, wildcards of members
/// and places counted from the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JsonPath {
    steps: Vec<PathStep>,
}

/// One step of a [`JsonPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PathStep {
    /// Every element of an array.
    Each,
    /// The element of an array at this place, counted from 0.
    Item(u32),
    /// The member of an object with this name.
    Member(String),
}

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path `{path}` {problem}")]
pub struct PathError {
    path: String,
    problem: Problem,
}

impl PathError {
    /// The text.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("names the whole document; name a part of it, or the column itself")]
    Empty,
    #[error("has no `$` to begin with; write it as `$.name`")]
    NoRoot,
    #[error(
        "cannot be read from its byte {0} on; write steps as `.name`, `[\"odd name\"]`, `[0]` or \
         `[*]`"
    )]
    Step(usize),
    #[error("has a name with a NUL character, which no database can look for; leave it out")]
    Nul,
    #[error(
        "has more than {} steps; name a part that is less deep",
        JsonPath::MOST_STEPS
    )]
    TooLong,
}

impl JsonPath {
    /// The most steps of a path.
    pub const MOST_STEPS: usize = 32;

    /// Reads a path.
    ///
    /// # Errors
    /// [`PathError`] when the text is no path, names no part, or is too long.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Self::steps_of(text)
            .map(|steps| Self { steps })
            .map_err(|problem| PathError {
                path: text.to_owned(),
                problem,
            })
    }

    fn steps_of(text: &str) -> Result<Vec<PathStep>, Problem> {
        let mut rest = match text.strip_prefix('$') {
            Some("") => return Err(Problem::Empty),
            Some(rest) => rest,
            None if text.is_empty() => return Err(Problem::Empty),
            None => return Err(Problem::NoRoot),
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let Some((step, after)) = step(rest) else {
                return Err(Problem::Step(text.len() - rest.len()));
            };
            if matches!(&step, PathStep::Member(name) if name.contains('\0')) {
                return Err(Problem::Nul);
            }
            steps.push(step);
            rest = after;
        }
        if steps.len() > Self::MOST_STEPS {
            return Err(Problem::TooLong);
        }
        Ok(steps)
    }

    /// The steps, from the document inwards; there is at least one.
    #[must_use]
    pub fn steps(&self) -> &[PathStep] {
        &self.steps
    }
}

/// Writes the path in its shortest form, which reads back to the same path.
impl fmt::Display for JsonPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("$")?;
        self.steps.iter().try_for_each(|step| match step {
            PathStep::Each => formatter.write_str("[*]"),
            PathStep::Item(place) => write!(formatter, "[{place}]"),
            PathStep::Member(name) if bare(name) == Some((name, "")) => {
                write!(formatter, ".{name}")
            }
            PathStep::Member(name) => {
                write!(formatter, "[{}]", serde_json::Value::from(name.as_str()))
            }
        })
    }
}

/// The first step of a text, and what follows it.
fn step(text: &str) -> Option<(PathStep, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let (name, rest) = bare(rest)?;
        return Some((PathStep::Member(name.to_owned()), rest));
    }
    let inner = text.strip_prefix('[')?;
    let (step, rest) = match inner.chars().next()? {
        '*' => (PathStep::Each, inner.strip_prefix('*')?),
        quote @ ('"' | '\'') => {
            let (name, rest) = quoted(inner.strip_prefix(quote)?, quote)?;
            (PathStep::Member(name), rest)
        }
        _ => {
            let (place, rest) = inner.split_at(inner.find(']')?);
            let is_canonical = place.bytes().all(|byte| byte.is_ascii_digit())
                && (place == "0" || !place.starts_with('0'));
            (
                PathStep::Item(place.parse().ok().filter(|_| is_canonical)?),
                rest,
            )
        }
    };
    Some((step, rest.strip_prefix(']')?))
}

/// The name that a text begins with, where it can stand without quotes.
fn bare(text: &str) -> Option<(&str, &str)> {
    let begins = |character: char| {
        character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
    };
    let ends = text.find(|character: char| !begins(character) && !character.is_ascii_digit());
    let (name, rest) = text.split_at(ends.unwrap_or(text.len()));
    name.starts_with(begins).then_some((name, rest))
}

/// The name up to the closing quote, with its escapes undone.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut json = String::from('"');
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => {
                json.push('"');
                let (_, rest) = text.split_at(at + quote.len_utf8());
                return Some((serde_json::from_str(&json).ok()?, rest));
            }
            '\\' => match characters.next()? {
                (_, '\'') if quote == '\'' => json.push('\''),
                (_, escaped) => json.extend(['\\', escaped]),
            },
            '"' => json.push_str("\\\""),
            other => json.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(name: &str) -> PathStep {
        PathStep::Member(name.to_owned())
    }

    #[test]
    fn every_kind_of_step_is_read() {
        let read = |text: &str| JsonPath::parse(text).unwrap().steps;
        assert_eq!(read("$.card.number"), [member("card"), member("number")]);
        assert_eq!(
            read(r#"$["a b"]['it\'s "x"']["\u00e9\"'"]"#),
            [member("a b"), member("it's \"x\""), member("é\"'")]
        );
        assert_eq!(
            read("$.l[0][*][4294967295].été_2"),
            [
                member("l"),
                PathStep::Item(0),
                PathStep::Each,
                PathStep::Item(u32::MAX),
                member("été_2")
            ]
        );
        assert_eq!(read(r#"$[""]"#), [member("")]);
        assert_eq!(read("$[*]"), [PathStep::Each]);
    }

    #[test]
    fn a_text_that_is_no_path_is_refused_with_what_to_do() {
        let refused = [
            ("", "names the whole document"),
            ("$", "names the whole document"),
            ("card.number", "has no `$`"),
            (".card", "has no `$`"),
            ("$card", "cannot be read from its byte 1 on"),
            ("$.", "cannot be read from its byte 1 on"),
            ("$.a.", "cannot be read from its byte 3 on"),
            ("$.a..b", "cannot be read from its byte 3 on"),
            ("$.*", "cannot be read from its byte 1 on"),
            ("$.1a", "cannot be read from its byte 1 on"),
            ("$.card-number", "cannot be read from its byte 6 on"),
            ("$.a b", "cannot be read from its byte 3 on"),
            ("$[", "cannot be read from its byte 1 on"),
            ("$[]", "cannot be read from its byte 1 on"),
            ("$[-1]", "cannot be read from its byte 1 on"),
            ("$[+1]", "cannot be read from its byte 1 on"),
            ("$[01]", "cannot be read from its byte 1 on"),
            ("$[4294967296]", "cannot be read from its byte 1 on"),
            ("$[1:2]", "cannot be read from its byte 1 on"),
            ("$[a]", "cannot be read from its byte 1 on"),
            ("$[*", "cannot be read from its byte 1 on"),
            (r#"$["a]"#, "cannot be read from its byte 1 on"),
            (r#"$["a"#, "cannot be read from its byte 1 on"),
            (r#"$["\x"]"#, "cannot be read from its byte 1 on"),
            (r#"$["\ud800"]"#, "cannot be read from its byte 1 on"),
            (r#"$['\"']"#, ""),
            (r#"$["a\u0000"]"#, "has a name with a NUL character"),
        ];
        for (text, problem) in refused {
            match JsonPath::parse(text) {
                Ok(path) => assert!(problem.is_empty(), "{text} was read as {path}"),
                Err(error) => {
                    assert_eq!(error.path(), text);
                    let message = error.to_string();
                    let expected = format!("the path `{text}` {problem}");
                    assert!(message.starts_with(&expected), "{message}");
                }
            }
        }
        let deepest = format!("${}", ".a".repeat(JsonPath::MOST_STEPS));
        assert!(JsonPath::parse(&deepest).is_ok());
        let error = JsonPath::parse(&format!("{deepest}.a")).unwrap_err();
        assert!(error.to_string().contains("has more than 32 steps"));
    }

    fn steps() -> impl Strategy<Value = Vec<PathStep>> {
        let step = prop_oneof![
            Just(PathStep::Each),
            any::<u32>().prop_map(PathStep::Item),
            "[a-zé_][a-z0-9]{0,3}".prop_map(PathStep::Member),
            any::<String>()
                .prop_filter("NUL is refused", |name| !name.contains('\0'))
                .prop_map(PathStep::Member),
        ];
        proptest::collection::vec(step, 1..6)
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(steps in steps()) {
            let path = JsonPath { steps };
            prop_assert_eq!(JsonPath::parse(&path.to_string()), Ok(path));
        }

        #[test]
        fn any_text_is_a_path_or_an_error(text in "\\PC*|[$.\\[\\]*a\"'\\\\0-9]{0,12}") {
            if let Ok(path) = JsonPath::parse(&text) {
                prop_assert_eq!(JsonPath::parse(&path.to_string()), Ok(path));
            }
        }
    }
}
