//! An entry of a list in a statement.

use std::ops::Range;

use super::statement::Statement;
use super::token::Kind;

/// An entry of a list.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'s> {
    statement: &'s Statement<'s>,
    tokens: Vec<usize>,
}

impl<'s> Entry<'s> {
    pub(crate) fn new(statement: &'s Statement<'s>, tokens: Vec<usize>) -> Self {
        Self { statement, tokens }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The same without these many tokens at its end.
    pub(crate) fn without_last(&self, count: usize) -> Self {
        self.within(0..self.len().saturating_sub(count))
    }

    /// Some of its tokens.
    pub(crate) fn within(&self, range: Range<usize>) -> Self {
        Self {
            statement: self.statement,
            tokens: self.tokens.get(range).unwrap_or_default().to_vec(),
        }
    }

    /// Whether a token is outside of the brackets in the entry.
    pub(crate) fn is_outside(&self, at: usize) -> bool {
        let token = self.tokens.get(at);
        let depth = token.and_then(|token| self.statement.depth(*token));
        depth == Some(0)
    }

    /// The text of a token.
    pub(crate) fn word(&self, at: usize) -> &'s str {
        let token = self.tokens.get(at);
        token.map_or("", |&token| self.statement.at(token))
    }

    pub(crate) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).and_then(|&at| self.statement.kind(at))
    }

    pub(crate) fn is_name(&self, at: usize) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|&at| self.statement.is_name(at))
    }

    /// A name as the database knows it.
    pub(crate) fn named(&self, at: usize) -> Option<String> {
        self.tokens.get(at).and_then(|&at| self.statement.named(at))
    }

    /// Where the brackets close that open at a token.
    pub(crate) fn closing(&self, opening: usize) -> Option<usize> {
        let depth = |at: usize| {
            let token = self.tokens.get(at)?;
            self.statement.depth(*token)
        };
        let outside = depth(opening)?;
        (opening + 1..self.len()).find(|&at| depth(at) == Some(outside))
    }

    /// Its text.
    pub(crate) fn text(&self) -> &'s str {
        let (first, last) = (self.tokens.first(), self.tokens.last());
        let span = first
            .zip(last)
            .map(|(first, last)| self.statement.start(*first)..self.statement.end(*last));
        span.and_then(|span| self.statement.text.get(span))
            .unwrap_or_default()
    }
}
