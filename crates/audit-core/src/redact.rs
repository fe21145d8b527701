//! How a sensitive column appears in the row images.

/// What the row images hold in place of a column's value.
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
