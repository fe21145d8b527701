//! A statement as the tokens that matter.

use std::ops::Range;

use super::Uncapturable;
use super::entry::Entry;
use super::token::{Kind, Token, tokens};

/// A statement without its spaces and comments.
#[derive(Debug, Clone)]
pub(crate) struct Statement<'t> {
    pub(crate) text: &'t str,
    tokens: Vec<Token>,
    /// How many brackets are open where a token stands.
    depths: Vec<usize>,
}

/// Splits a text into its statements; empty ones are left out.
///
/// # Errors
/// When a string, name or comment does not end.
pub(crate) fn statements(text: &str) -> Result<Vec<Statement<'_>>, Uncapturable> {
    let tokens = tokens(text);
    if tokens.iter().any(|token| token.kind == Kind::Unterminated) {
        return Err(Uncapturable::Unreadable);
    }
    let mut statements = Vec::new();
    let mut current = Statement::new(text);
    let mut depth = 0_usize;
    for token in tokens {
        if matches!(token.kind, Kind::Space | Kind::Comment) {
            continue;
        }
        match text.get(token.span.clone()) {
            Some(";") if depth == 0 => {
                statements.push(std::mem::replace(&mut current, Statement::new(text)));
                continue;
            }
            Some(")" | "]") => depth = depth.saturating_sub(1),
            _ => {}
        }
        current.depths.push(depth);
        if matches!(text.get(token.span.clone()), Some("(" | "[")) {
            depth += 1;
        }
        current.tokens.push(token);
    }
    statements.push(current);
    statements.retain(|statement| !statement.tokens.is_empty());
    Ok(statements)
}

/// A text in one line, without what it says of data: its strings, numbers and comments.
pub(crate) fn normalised(text: &str) -> String {
    let tokens = tokens(text);
    let word = |token: &Token| match token.kind {
        Kind::Space | Kind::Comment => None,
        Kind::Text | Kind::Number | Kind::Unterminated => Some("?"),
        _ => text.get(token.span.clone()),
    };
    tokens.iter().filter_map(word).collect::<Vec<_>>().join(" ")
}

/// Whether one of the statements of a text begins or ends a transaction.
pub(crate) fn bounds_transactions(text: &str) -> bool {
    let words = ["ABORT", "BEGIN", "COMMIT", "END", "ROLLBACK", "START"];
    let statements = statements(text).unwrap_or_default();
    statements.iter().any(|it| it.is_any(0, &words))
}

impl<'t> Statement<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            tokens: Vec::new(),
            depths: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// How many brackets are open where a token stands.
    pub(super) fn depth(&self, at: usize) -> Option<usize> {
        self.depths.get(at).copied()
    }

    /// The text of a token; nothing past the end.
    pub(super) fn at(&self, at: usize) -> &'t str {
        let token = self.tokens.get(at);
        let text = token.and_then(|token| self.text.get(token.span.clone()));
        text.unwrap_or_default()
    }

    pub(super) fn before(&self, at: usize) -> &'t str {
        at.checked_sub(1).map_or("", |before| self.at(before))
    }

    pub(super) fn start(&self, at: usize) -> usize {
        let end = self.tokens.last().map_or(0, |token| token.span.end);
        self.tokens.get(at).map_or(end, |token| token.span.start)
    }

    pub(super) fn end(&self, at: usize) -> usize {
        self.tokens.get(at).map_or(0, |token| token.span.end)
    }

    /// The bytes of these tokens.
    pub(super) fn span(&self, tokens: Range<usize>) -> Range<usize> {
        let end = tokens.end.checked_sub(1).map_or(0, |last| self.end(last));
        self.start(tokens.start)..end
    }

    /// Whether a key word stands there: it is none behind a dot, nor behind AS, where any word may
    /// be a name.
    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(Kind::Word)
            && self.at(at).eq_ignore_ascii_case(word)
            && self.before(at) != "."
            && !self.before(at).eq_ignore_ascii_case("as")
    }

    pub(super) fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    pub(super) fn is_name(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Word | Kind::Quoted))
    }

    /// The first of these words outside of all brackets.
    pub(super) fn find(&self, from: usize, words: &[&str]) -> Option<usize> {
        (from..self.len()).find(|&at| {
            self.depth(at) == Some(0)
                && self.is_any(at, words)
                // `IS DISTINCT FROM`
                && !(self.is(at, "FROM") && self.before(at).eq_ignore_ascii_case("distinct"))
        })
    }

    /// The functions that are called, as far as the text tells.
    pub(crate) fn calls(&self) -> impl Iterator<Item = String> {
        self.calls_in(self.span(0..self.len()))
    }

    /// Those within these bytes.
    pub(crate) fn calls_in(&self, bytes: Range<usize>) -> impl Iterator<Item = String> {
        (0..self.len())
            .filter(move |&at| {
                self.at(at + 1) == "("
                    && self.is_name(at)
                    && !self.before(at).eq_ignore_ascii_case("into")
                    && bytes.contains(&self.start(at))
            })
            .filter_map(|at| self.named(at))
    }

    /// Whether this word stands within these bytes.
    pub(crate) fn has_word(&self, word: &str, bytes: &Range<usize>) -> bool {
        (0..self.len()).any(|at| bytes.contains(&self.start(at)) && self.is(at, word))
    }

    /// Whether this name stands within these bytes, in quotes or without.
    pub(crate) fn has_name(&self, name: &str, bytes: &Range<usize>) -> bool {
        let mut inside = (0..self.len()).filter(|&at| bytes.contains(&self.start(at)));
        inside.any(|at| self.named(at).as_deref() == Some(name))
    }

    /// The number of the last parameter.
    pub(crate) fn parameters(&self) -> usize {
        let numbers = (0..self.len()).filter(|&at| self.kind(at) == Some(Kind::Parameter));
        let numbers = numbers.filter_map(|at| self.at(at).get(1..)?.parse().ok());
        numbers.max().unwrap_or(0)
    }

    /// A name as the database knows it.
    pub(super) fn named(&self, at: usize) -> Option<String> {
        let text = self.at(at);
        match self.kind(at) {
            Some(Kind::Word) => Some(text.to_ascii_lowercase()),
            // Names with escapes are written by programs alone, and by hardly any.
            Some(Kind::Quoted) => text
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'))
                .map(|text| text.replace("\"\"", "\"")),
            _ => None,
        }
    }

    /// The columns that SET names; none where it is not sure.
    pub(crate) fn columns_set(&self, set: &Range<usize>) -> Vec<String> {
        let mut columns = Vec::new();
        let inside = (0..self.len()).filter(|&at| set.contains(&self.start(at)));
        let inside: Vec<usize> = inside.collect();
        let mut is_target = true;
        for &at in &inside {
            let depth = self.depths.get(at).copied().unwrap_or_default();
            if depth == 0 && self.at(at) == "," {
                is_target = true;
            } else if depth == 0 && self.at(at) == "=" {
                is_target = false;
            } else if is_target && self.is_name(at) && self.before(at) != "." {
                columns.extend(self.named(at));
            }
        }
        columns
    }

    /// The entries of a list, each as its tokens.
    pub(crate) fn entries(&self, bytes: &Range<usize>) -> Vec<Entry<'_>> {
        let inside = (0..self.len()).filter(|&at| bytes.contains(&self.start(at)));
        let mut entries = vec![Vec::new()];
        for at in inside {
            if self.depth(at) == Some(0) && self.at(at) == "," {
                entries.push(Vec::new());
            } else if let Some(entry) = entries.last_mut() {
                entry.push(at);
            }
        }
        let entry = |tokens| Entry::new(self, tokens);
        entries.into_iter().map(entry).collect()
    }
}
