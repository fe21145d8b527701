//! A JSON object that is built member by member and nearly always only sent.

use std::ops::Range;

use serde_json::{Map, Value};

/// The members of an object, as the text that travels: with every request one is built, sent, and
/// never looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object {
    /// With commas between the members, without braces.
    members: String,
    /// Where the name of each member is.
    names: Vec<Range<usize>>,
}

impl Object {
    /// The members with commas between them; empty when there is none.
    pub(crate) fn members(&self) -> &str {
        &self.members
    }

    /// Adds a member at the end; one of the same name goes.
    pub(crate) fn insert(&mut self, name: &str, value: &Value) {
        self.add(name, |object| match value {
            Value::String(text) => object.push_text(text),
            other => object.members.push_str(&other.to_string()),
        });
    }

    /// The same of a text.
    pub(crate) fn insert_text(&mut self, name: &str, text: &str) {
        self.add(name, |object| object.push_text(text));
    }

    fn add(&mut self, name: &str, push_value: impl FnOnce(&mut Self)) {
        if self.members.is_empty() {
            self.members.reserve(256);
            self.names.reserve(8);
        } else {
            self.members.push(',');
        }
        let start = self.members.len();
        self.push_text(name);
        let added = start..self.members.len();
        self.members.push(':');
        push_value(self);
        let is_added = |known: &Range<usize>| {
            self.members.get(known.clone()) == self.members.get(added.clone())
        };
        let repeated = self.names.iter().position(is_added);
        self.names.push(added);
        if let Some(place) = repeated {
            self.remove(place);
        }
    }

    /// Removes a member that another follows.
    fn remove(&mut self, place: usize) {
        let start = self.names.remove(place).start;
        let Some(next) = self.names.get(place).map(|next| next.start) else {
            return;
        };
        self.members.drain(start..next);
        for name in self.names.iter_mut().skip(place) {
            *name = name.start - (next - start)..name.end - (next - start);
        }
    }

    fn push_text(&mut self, text: &str) {
        let is_special = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
        // Without an early end the compiler looks at many bytes at once.
        let is_any = text.bytes().fold(false, |any, byte| any | is_special(byte));
        if is_any {
            self.members.push_str(&Value::from(text).to_string());
        } else {
            self.members.push('"');
            self.members.push_str(text);
            self.members.push('"');
        }
    }

    /// The object itself.
    pub(crate) fn to_map(&self) -> Map<String, Value> {
        serde_json::from_str(&format!("{{{}}}", self.members)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_stand_in_the_order_of_their_last_writing() {
        let mut object = Object::default();
        for (name, value) in [("a", 1), ("b", 2), ("c", 3), ("a", 4), ("a", 5), ("b", 6)] {
            object.insert(name, &Value::from(value));
        }
        assert_eq!(object.members(), r#""c":3,"a":5,"b":6"#);
    }

    proptest! {
        #[test]
        fn it_is_the_object_that_a_map_would_be(
            members in proptest::collection::vec(("[a-c\"\\\\\n]{0,2}", ".*", any::<bool>()), 0..12)
        ) {
            let (mut object, mut map) = (Object::default(), Map::new());
            for (name, text, is_list) in members {
                let value = if is_list { Value::from(vec![text]) } else { Value::from(text) };
                match value.as_str() {
                    Some(text) if text.len() % 2 == 0 => object.insert_text(&name, text),
                    _ => object.insert(&name, &value),
                }
                map.insert(name, value);
            }
            prop_assert_eq!(object.to_map(), map);
        }
    }
}
