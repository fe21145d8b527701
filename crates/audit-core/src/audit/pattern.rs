//! The tables that a rule is for.

use globset::{GlobBuilder, GlobMatcher};

use super::BuildError;

/// A glob over `table` or `schema.table`.
pub(super) struct Pattern {
    pub(super) text: String,
    matcher: GlobMatcher,
    pub(super) qualified: bool,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, BuildError> {
        let glob = GlobBuilder::new(text).build();
        let invalid = || BuildError::InvalidPattern {
            pattern: text.to_owned(),
        };
        if text.is_empty() {
            return Err(invalid());
        }
        let matcher = glob.map_err(|_| invalid())?.compile_matcher();
        Ok(Self {
            text: text.to_owned(),
            matcher,
            qualified: text.contains('.'),
        })
    }

    pub(super) fn matches(&self, schema: Option<&str>, table: &str) -> bool {
        match (self.qualified, schema) {
            (true, Some(schema)) => self.matcher.is_match(format!("{schema}.{table}")),
            _ => self.matcher.is_match(table),
        }
    }

    pub(super) fn is_everything(&self) -> bool {
        self.text == "*"
    }
}
