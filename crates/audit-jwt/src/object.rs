//! A JSON object in which no key stands twice, at any depth.
//!
//! # Source
//! RFC 7519, section 4: claim names must be unique, and a parser may refuse a token where they
//! are not. Taking the last one instead would let two readers of one token read two things.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::TokenError;

/// Reads one JSON object and nothing after it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Map<String, Value>, TokenError> {
    let repeated = Cell::new(false);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Unique(&repeated)
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(Value::Object(object)) => Ok(object),
        Err(_) if repeated.get() => Err(TokenError::DuplicateKey),
        _ => Err(TokenError::Malformed),
    }
}

/// Builds a value and notes a repeated key.
#[derive(Clone, Copy)]
struct Unique<'a>(&'a Cell<bool>);

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if object.insert(key, value).is_some() {
                self.0.set(true);
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"sub":"a","\u0073ub":"a"}"#,
            r#"{"act":{"sub":"a","sub":"a"}}"#,
            r#"{"list":[1,{"x":1,"x":2}]}"#,
        ] {
            assert_eq!(
                parse(text.as_bytes()),
                Err(TokenError::DuplicateKey),
                "{text}"
            );
        }
        assert!(parse(br#"{"sub":"a","act":{"sub":"a"},"Sub":"b"}"#).is_ok());
    }

    #[test]
    fn anything_but_one_object_is_malformed() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(4000), "]".repeat(4000));
        for text in [
            "",
            "1",
            "[]",
            "null",
            r#""x""#,
            "{",
            "{}x",
            "{} {}",
            r#"{"a":"\ud800"}"#,
            &deep,
        ] {
            assert_eq!(
                parse(text.as_bytes()),
                Err(TokenError::Malformed),
                "{text:.20}"
            );
        }
        assert_eq!(parse(b"{\"a\":\"\xff\"}"), Err(TokenError::Malformed));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e9..1e9_f64).prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".{0,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_object_reads_as_serde_json_reads_it(value in json()) {
            let text = serde_json::json!({ "value": value }).to_string();
            let expected = serde_json::from_str::<Value>(&text).unwrap();
            prop_assert_eq!(parse(text.as_bytes()).map(Value::Object), Ok(expected));
        }
    }
}
