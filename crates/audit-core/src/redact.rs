//! How a sensitive column appears in the row images.

/// What the row images hold in place of a column's value, or of a part of a JSON document.
///
/// A NULL stays NULL under every redaction. That the column changed is still recorded: it is
/// compared before it is redacted, and its name is listed in `redacted_fields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Redaction {
    /// Leaves the column out of the images.
    Drop,
    /// Writes `hmac-sha256:` and the hex HMAC-SHA256 (RFC 2104) of the value's text under the key
    /// given to `AuditBuilder::hash_key`; without a key the column is left out.
    Hash,
    /// Writes [`Redaction::MASK`].
    Mask,
    /// Keeps this many leading characters of the value's text and adds [`Redaction::ELLIPSIS`];
    /// a text that is no longer than that is kept whole.
    Truncate(u16),
}

impl Redaction {
    /// What follows a truncated text.
    pub const ELLIPSIS: &'static str = "…";
    /// What stands in front of the hex digits of a hashed value.
    pub const HASH_PREFIX: &'static str = "hmac-sha256:";
    /// What a masked value reads.
    pub const MASK: &'static str = "***";
}

impl Redaction {
    /// The one of two that leaves less: [`Redaction::Drop`], then `Mask`, `Hash` and `Truncate`,
    /// of which the shorter one.
    #[must_use]
    pub fn stronger(self, other: Self) -> Self {
        let rank = |redaction: Self| match redaction {
            Self::Drop => (3, 0),
            Self::Mask => (2, 0),
            Self::Hash => (1, 0),
            Self::Truncate(length) => (0, u16::MAX - length),
        };
        if rank(other) > rank(self) {
            other
        } else {
            self
        }
    }

    /// Its word in the rules that a database holds: `drop`, `mask`, `hash` or `truncate:n`.
    #[must_use]
    pub fn to_word(self) -> String {
        match self {
            Self::Drop => "drop".to_owned(),
            Self::Hash => "hash".to_owned(),
            Self::Mask => "mask".to_owned(),
            Self::Truncate(length) => format!("truncate:{length}"),
        }
    }

    /// Reads what [`Redaction::to_word`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "drop" => Self::Drop,
            "hash" => Self::Hash,
            "mask" => Self::Mask,
            _ => Self::Truncate(word.strip_prefix("truncate:")?.parse().ok()?),
        })
    }
}
