//! A statement and its binds.

/// A value bound to a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bind {
    /// Bytes that are a secret: they are bound and never written into a statement's text.
    Bytes(Vec<u8>),
    /// A whole number.
    Integer(i64),
    /// A text; instants are bound as texts in RFC 3339.
    Text(String),
}

/// A statement and its binds, in the order of its placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundQuery {
    /// The statement.
    pub text: String,
    /// The binds.
    pub binds: Vec<Bind>,
}

impl BoundQuery {
    /// A statement without binds.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            binds: Vec::new(),
        }
    }
}
