//! Values of SQLite as exact JSON, within limits.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A value as SQLite holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// Bytes that should be UTF-8, which SQLite does not check.
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// No limit is below this: null, numbers and short texts always stay.
const SHORTEST_LIMIT: usize = 24;

/// How much of a value that is too long stays readable, in bytes.
const HEAD_BYTES: usize = 64;

impl Value<'_> {
    /// Whether type and bytes are the same: 1 is not 1.0, and 0.0 is not -0.0.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
            (Value::Text(a), Value::Text(b)) | (Value::Blob(a), Value::Blob(b)) => a == b,
            _ => false,
        }
    }

    /// The text of a value on its own, for keys and hashes; `None` for NULL.
    pub(crate) fn to_text(self) -> Option<String> {
        match self {
            Value::Null => None,
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) => Some(real(number)),
            Value::Text(bytes) => Some(match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => hex(bytes),
            }),
            Value::Blob(bytes) => Some(hex(bytes)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Value::Null | Value::Integer(_) | Value::Real(_) => 24,
            Value::Text(bytes) | Value::Blob(bytes) => bytes.len(),
        }
    }

    /// Appends the JSON of this value, or what stands in for it when it is longer than `limit`.
    fn write(&self, out: &mut String, limit: usize) {
        let start = out.len();
        if self.len() > limit {
            return self.write_truncated(out);
        }
        match self {
            Value::Null => out.push_str("null"),
            Value::Integer(number) => {
                let _ = write!(out, "{number}");
            }
            Value::Real(number) if number.is_finite() => out.push_str(&real(*number)),
            Value::Real(number) => {
                let _ = write!(out, "\"{}\"", real(*number));
            }
            Value::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => string(out, text),
                Err(_) => tagged(out, "$text", bytes),
            },
            Value::Blob(bytes) => tagged(out, "$bytes", bytes),
        }
        if out.len() - start > limit {
            out.truncate(start);
            self.write_truncated(out);
        }
    }

    fn write_truncated(&self, out: &mut String) {
        let _ = write!(out, "{{\"$truncated\":{{\"len\":{},\"head\":", self.len());
        match self {
            Value::Text(bytes) => {
                let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
                let valid = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
                string(out, valid);
            }
            Value::Blob(bytes) => string(out, &hex(bytes.get(..HEAD_BYTES).unwrap_or(bytes))),
            Value::Null | Value::Integer(_) | Value::Real(_) => out.push_str("null"),
        }
        out.push_str("}}");
    }
}

/// The shortest decimal text that reads back to the same bits; it always has a point or an
/// exponent, so that a REAL does not read as an INTEGER.
fn real(number: f64) -> String {
    if number.is_finite() {
        format!("{number:?}")
    } else {
        (if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        })
        .to_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn tagged(out: &mut String, tag: &str, bytes: &[u8]) {
    let _ = write!(out, "{{\"{tag}\":\"{}\"}}", STANDARD.encode(bytes));
}

/// Appends a JSON string (RFC 8259, section 7).
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// The JSON object of a row. Cells longer than `cell` bytes, and then the longest ones until the
/// image fits in `image` bytes, are replaced by what stands in for them.
#[expect(
    clippy::needless_pass_by_value,
    reason = "an iterator to be cloned, as callers have it"
)]
pub(crate) fn object<'a>(
    fields: impl Iterator<Item = (&'a str, Value<'a>)> + Clone,
    cell: usize,
    image: usize,
) -> String {
    let mut out = String::with_capacity(256);
    write_object(&mut out, fields.clone(), cell);
    if out.len() <= image {
        return out;
    }
    let mut lengths: Vec<usize> = fields.clone().map(|(_, value)| value.len()).collect();
    lengths.sort_unstable();
    // INVARIANT: the limit falls with every round and ends at zero, where each cell is a stand-in.
    while out.len() > image {
        let Some(limit) = lengths.pop() else { break };
        out.clear();
        write_object(&mut out, fields.clone(), limit.saturating_sub(1).min(cell));
    }
    out
}

fn write_object<'a>(
    out: &mut String,
    fields: impl Iterator<Item = (&'a str, Value<'a>)>,
    limit: usize,
) {
    out.push('{');
    for (index, (name, value)) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        string(out, name);
        out.push(':');
        value.write(out, limit.max(SHORTEST_LIMIT));
    }
    out.push('}');
}

/// A JSON array of texts; an absent one is null.
pub(crate) fn list<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> String {
    let mut out = String::from("[");
    for (index, text) in texts.enumerate() {
        if index > 0 {
            out.push(',');
        }
        match text {
            Some(text) => string(&mut out, text),
            None => out.push_str("null"),
        }
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(value: Value<'_>) -> String {
        let mut out = String::new();
        value.write(&mut out, 65_536);
        out
    }

    #[test]
    fn values_are_exact() {
        assert_eq!(one(Value::Integer(i64::MIN)), "-9223372036854775808");
        assert_eq!(one(Value::Real(0.1 + 0.2)), "0.30000000000000004");
        assert_eq!(one(Value::Real(1000.0)), "1000.0");
        assert_eq!(one(Value::Real(-0.0)), "-0.0");
        assert_eq!(one(Value::Real(f64::NEG_INFINITY)), "\"-Infinity\"");
        assert_eq!(one(Value::Blob(&[0, 255])), r#"{"$bytes":"AP8="}"#);
        assert_eq!(one(Value::Text(&[0xED, 0xA0, 0x80])), r#"{"$text":"7aCA"}"#);
        assert_eq!(one(Value::Text(b"a\0\"\\\n")), r#""a\u0000\"\\\n""#);
    }

    #[test]
    fn a_long_cell_is_replaced_and_says_so() {
        let long = "é".repeat(1000);
        let fields = [
            ("a", Value::Integer(1)),
            ("b", Value::Text(long.as_bytes())),
        ];
        let text = object(fields.into_iter(), 256, 1024);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["a"], 1);
        assert_eq!(json["b"]["$truncated"]["len"], 2000);
        assert_eq!(json["b"]["$truncated"]["head"], "é".repeat(32));
    }

    #[test]
    fn an_image_that_is_too_long_loses_its_longest_cells() {
        let (short, long) = ("s".repeat(200), "l".repeat(900));
        let fields = [
            ("short", Value::Text(short.as_bytes())),
            ("long", Value::Text(long.as_bytes())),
        ];
        let text = object(fields.into_iter(), 1000, 600);
        assert!(text.len() <= 600, "{}", text.len());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["short"], short);
        assert_eq!(json["long"]["$truncated"]["len"], 900);
    }

    proptest! {
        #[test]
        fn texts_read_back_by_another_parser(text in any::<String>()) {
            let json = one(Value::Text(text.as_bytes()));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn reals_read_back_to_the_same_bits(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            prop_assert_eq!(one(Value::Real(number)).parse::<f64>().unwrap().to_bits(), bits);
        }

        #[test]
        fn a_list_reads_back(texts in proptest::collection::vec(any::<String>(), 0..5)) {
            let json = list(texts.iter().map(|text| Some(text.as_str())));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), texts);
        }
    }
}
