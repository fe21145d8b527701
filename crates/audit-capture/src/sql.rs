//! Quoting, and names that fit.

use std::fmt::Write as _;

use audit_core::{Dialect, Operation};
use sha2::{Digest, Sha256};

/// A name in the quotes of the dialect.
pub(crate) fn identifier(dialect: Dialect, name: &str) -> String {
    let quote = if dialect == Dialect::MySql { '`' } else { '"' };
    let mut text = String::with_capacity(name.len() + 2);
    text.push(quote);
    for character in name.chars() {
        if character == quote {
            text.push(quote);
        }
        text.push(character);
    }
    text.push(quote);
    text
}

/// A text as a literal. MySQL reads backslashes as escapes unless told otherwise, so there they
/// are doubled as well.
pub(crate) fn literal(dialect: Dialect, value: &str) -> String {
    let escaped = value.replace('\'', "''");
    match dialect {
        Dialect::MySql => format!("'{}'", escaped.replace('\\', "\\\\")),
        Dialect::Postgres if escaped.contains('\\') => {
            format!("E'{}'", escaped.replace('\\', "\\\\"))
        }
        _ => format!("'{escaped}'"),
    }
}

/// A literal, or NULL.
pub(crate) fn literal_or_null(dialect: Dialect, value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| literal(dialect, value))
}

/// The name of the trigger for an operation on a table, at most `longest` bytes: a name that is
/// too long is cut and ends in a hash of the whole.
pub(crate) fn trigger_name(
    prefix: &str,
    operation: Operation,
    table: &str,
    longest: usize,
) -> String {
    let name = format!(
        "{prefix}{}_{table}",
        operation.as_str().to_ascii_lowercase()
    );
    if name.len() <= longest {
        return name;
    }
    let mut cut = String::new();
    for character in name.chars() {
        if cut.len() + character.len_utf8() + 17 > longest {
            break;
        }
        cut.push(character);
    }
    format!("{cut}_{}", short_hash(&name))
}

/// The SHA-256 of a text in hex, for telling whether a migration step was changed.
#[must_use]
pub fn checksum(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The first 16 hex digits of a SHA-256.
pub(crate) fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    hex(digest.get(..8).unwrap_or_default())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_cannot_be_left_from_inside() {
        assert_eq!(identifier(Dialect::Sqlite, r#"a"b"#), r#""a""b""#);
        assert_eq!(identifier(Dialect::MySql, "a`b"), "`a``b`");
        assert_eq!(literal(Dialect::Sqlite, "it's"), "'it''s'");
        assert_eq!(literal(Dialect::MySql, r"\'"), r"'\\'''");
        assert_eq!(literal(Dialect::Postgres, r"a\b"), r"E'a\\b'");
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let (a, b) = ("é".repeat(60) + "a", "é".repeat(60) + "b");
        let name = |table: &str| trigger_name("audit_", Operation::Insert, table, 63);
        assert!(name(&a).len() <= 63);
        assert_ne!(name(&a), name(&b));
        assert_eq!(name("users"), "audit_insert_users");
    }
}
