//! A statement of PostgreSQL as tokens, which together are its text.

use std::ops::Range;

/// What a token is, as far as it matters for finding the parts of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A comment, with those within it.
    Comment,
    /// A number.
    Number,
    /// An operator, as long as it gets: where one ends and the next begins decides nothing here.
    Operator,
    /// `$1`
    Parameter,
    /// One of `( ) [ ] , ; . :`, or `::`.
    Punctuation,
    /// A name in quotes.
    Quoted,
    /// Spaces and line ends.
    Space,
    /// A string of any kind: `'..'`, `E'..'`, `$tag$..$tag$`; with its continuation on later lines.
    Text,
    /// A comment, string or name that does not end.
    Unterminated,
    /// A name or key word.
    Word,
}

/// A token and the bytes that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
}

/// The tokens of a text; put together they are the text again.
///
/// Strings are read with `standard_conforming_strings` on, as it is unless somebody turns it off.
///
/// # Source
/// PostgreSQL's `src/backend/parser/scan.l`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut scanner = Scanner { text, place: 0 };
    let mut tokens = Vec::new();
    while scanner.place < text.len() {
        let start = scanner.place;
        let kind = scanner.next();
        let span = start..scanner.place;
        tokens.push(Token { kind, span });
    }
    tokens
}

struct Scanner<'a> {
    text: &'a str,
    place: usize,
}

const OPERATORS: &str = "+-*/<>=~!@#%^&|`?";

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{b}')
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

fn starts_word(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

fn continues_word(character: char) -> bool {
    starts_word(character) || character.is_ascii_digit() || character == '$'
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.place..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn step(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.place += character.len_utf8();
        Some(character)
    }

    /// Goes on as long as the characters are such.
    fn skip(&mut self, is_such: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&is_such) {
            self.step();
        }
    }

    /// Goes behind the next place where this stands; to the end, when it stands nowhere.
    fn skip_behind(&mut self, end: &str) -> bool {
        let found = self.rest().find(end);
        self.place = found.map_or(self.text.len(), |at| self.place + at + end.len());
        found.is_some()
    }

    fn next(&mut self) -> Kind {
        let rest = self.rest();
        if rest.starts_with("--") {
            self.skip(|character| !is_line_end(character));
            return Kind::Comment;
        }
        if rest.starts_with("/*") {
            return self.comment();
        }
        if rest.starts_with("::") {
            self.place += 2;
            return Kind::Punctuation;
        }
        let mut following = rest.chars().skip(1);
        let second = following.next();
        match rest.chars().next() {
            Some(space) if is_space(space) => {
                self.skip(is_space);
                Kind::Space
            }
            Some('\'') => self.string(1, false),
            Some('e' | 'E') if second == Some('\'') => self.string(2, true),
            Some('b' | 'B' | 'n' | 'N' | 'x' | 'X') if second == Some('\'') => {
                self.string(2, false)
            }
            Some('u' | 'U') if second == Some('&') => match following.next() {
                Some('\'') => self.string(3, false),
                Some('"') => self.quoted(3),
                _ => self.word(),
            },
            Some('"') => self.quoted(1),
            Some('$') => self.dollar(second),
            Some(digit) if digit.is_ascii_digit() => self.number(),
            Some('.') if second.is_some_and(|digit| digit.is_ascii_digit()) => self.number(),
            Some(start) if starts_word(start) => self.word(),
            Some(operator) if OPERATORS.contains(operator) => self.operator(),
            _ => {
                self.step();
                Kind::Punctuation
            }
        }
    }

    fn word(&mut self) -> Kind {
        self.skip(continues_word);
        Kind::Word
    }

    /// An operator ends where a comment begins.
    fn operator(&mut self) -> Kind {
        self.step();
        while self
            .peek()
            .is_some_and(|character| OPERATORS.contains(character))
            && !self.rest().starts_with("--")
            && !self.rest().starts_with("/*")
        {
            self.step();
        }
        Kind::Operator
    }

    fn number(&mut self) -> Kind {
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        loop {
            self.skip(is_part);
            let before = self.text.get(..self.place).unwrap_or_default();
            let rest = self.rest();
            let is_exponent = before.ends_with(['e', 'E']) && rest.starts_with(['+', '-']);
            // Two dots stand between the bounds of a slice.
            let is_point = rest.starts_with('.') && !rest.starts_with("..");
            let digit_follows = rest
                .chars()
                .nth(1)
                .is_some_and(|next| next.is_ascii_digit());
            if is_point || is_exponent && digit_follows {
                self.step();
            } else {
                return Kind::Number;
            }
        }
    }

    fn comment(&mut self) -> Kind {
        let mut depth = 0_usize;
        while let Some(character) = self.peek() {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.place += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.place += 2;
                if depth == 0 {
                    return Kind::Comment;
                }
            } else {
                self.place += character.len_utf8();
            }
        }
        Kind::Unterminated
    }

    /// A name in quotes; two quotes are one of its characters.
    fn quoted(&mut self, opening: usize) -> Kind {
        self.place += opening;
        loop {
            if !self.skip_behind("\"") {
                return Kind::Unterminated;
            }
            if self.peek() != Some('"') {
                return Kind::Quoted;
            }
            self.step();
        }
    }

    fn string(&mut self, opening: usize, has_escapes: bool) -> Kind {
        self.place += opening;
        loop {
            match self.step() {
                None => return Kind::Unterminated,
                Some('\\') if has_escapes => {
                    self.step();
                }
                Some('\'') => {
                    if self.peek() == Some('\'') {
                        self.step();
                    } else if let Some(next) = self.continuation() {
                        self.place = next;
                    } else {
                        return Kind::Text;
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Where a string goes on behind a line end, past its quote. It is read as it began.
    fn continuation(&self) -> Option<usize> {
        let mut ahead = Scanner {
            text: self.text,
            place: self.place,
        };
        let mut had_line_end = false;
        loop {
            match ahead.peek()? {
                '\'' if had_line_end => return Some(ahead.place + 1),
                space if is_space(space) => {
                    had_line_end |= is_line_end(space);
                    ahead.step();
                }
                '-' if ahead.rest().starts_with("--") => {
                    ahead.skip(|character| !is_line_end(character));
                }
                _ => return None,
            }
        }
    }

    /// A parameter, or a string between two tags.
    fn dollar(&mut self, second: Option<char>) -> Kind {
        if second.is_some_and(|digit| digit.is_ascii_digit()) {
            self.step();
            self.skip(|character| character.is_ascii_digit());
            return Kind::Parameter;
        }
        let rest = self.rest();
        let tag = rest.get(1..).and_then(|behind| behind.split_once('$'));
        let is_tag = |tag: &str| {
            let starts_right = tag.chars().next().is_none_or(starts_word);
            starts_right && tag.chars().all(continues_word)
        };
        let Some((tag, _)) = tag.filter(|(tag, _)| is_tag(tag)) else {
            self.step();
            return Kind::Punctuation;
        };
        let quote = format!("${tag}$");
        self.place += quote.len();
        if self.skip_behind(&quote) {
            Kind::Text
        } else {
            Kind::Unterminated
        }
    }
}

#[cfg(test)]
mod tests;
