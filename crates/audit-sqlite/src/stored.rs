//! The way back: a value of SQLite from the JSON that an image holds of it.

use audit_core::Json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::functions::Output;

/// The value of a field of an image; `None` where there is no such field, or it holds what no value
/// is written as. An infinite number is written like a text and reads as one.
pub(crate) fn value(image: &str, field: &str) -> Option<Output> {
    let image: Json = image.parse().ok()?;
    let fields = image.fields();
    let (_, json) = fields.iter().find(|(name, _)| name == field)?;
    match json.to_value() {
        Value::Null => Some(Output::Null),
        Value::Number(_) => number(json.as_str()),
        Value::String(text) => Some(Output::Text(text)),
        Value::Object(tagged) => {
            let mut members = tagged.into_iter();
            match (members.next(), members.next()) {
                (Some((tag, Value::String(base64))), None) => {
                    let bytes = STANDARD.decode(base64).ok()?;
                    match tag.as_str() {
                        "$bytes" => Some(Output::Bytes(bytes)),
                        "$text" => Some(Output::TextBytes(bytes)),
                        _ => None,
                    }
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<Output> {
    match text.parse() {
        Ok(whole) => Some(Output::Integer(whole)),
        Err(_) => text.parse().ok().map(Output::Real),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::{self, Value as Stored};

    fn back(value: Stored<'_>) -> Option<Output> {
        let fields = [("other", Stored::Null), ("a \"b\"", value)];
        let image = json::object(fields.into_iter(), usize::MAX, usize::MAX);
        super::value(&image, "a \"b\"")
    }

    #[test]
    fn what_is_no_value_is_none() {
        let image =
            r#"{"a":{"$truncated":{"len":1,"head":""}},"b":[],"c":true,"d":{"$bytes":"?"}}"#;
        for field in ["a", "b", "c", "d", "e"] {
            assert_eq!(value(image, field), None, "{field}");
        }
        assert_eq!(value("no image", "a"), None);
    }

    proptest! {
        #[test]
        fn every_value_comes_back(
            integer: i64, bits: u64, text in any::<String>(), bytes in any::<Vec<u8>>()
        ) {
            prop_assert_eq!(back(Stored::Null), Some(Output::Null));
            prop_assert_eq!(back(Stored::Integer(integer)), Some(Output::Integer(integer)));
            prop_assert_eq!(back(Stored::Text(text.as_bytes())), Some(Output::Text(text)));
            prop_assert_eq!(back(Stored::Blob(&bytes)), Some(Output::Bytes(bytes.clone())));
            let real = f64::from_bits(bits);
            if real.is_finite() {
                let found = back(Stored::Real(real));
                let is_same = matches!(found, Some(Output::Real(found)) if found.to_bits() == bits);
                prop_assert!(is_same, "{real:?}: {found:?}");
            }
            if std::str::from_utf8(&bytes).is_err() {
                prop_assert_eq!(back(Stored::Text(&bytes)), Some(Output::TextBytes(bytes)));
            }
        }
    }
}
