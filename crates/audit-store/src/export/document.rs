//! What the forms of others have in common: objects whose fields are given by their paths.

use std::collections::BTreeMap;
use std::net::IpAddr;

use audit_core::{Event, Json};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

/// A part of a document.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Node<'e> {
    /// A document of the log, by its exact text.
    Exact(&'e Json),
    /// Fields by their names.
    Fields(BTreeMap<&'static str, Node<'e>>),
    /// A value.
    Value(Value),
    /// An event in the wire form.
    Wire(&'e Event),
}

impl<'e, V: Into<Value>> From<V> for Node<'e> {
    fn from(value: V) -> Self {
        Self::Value(value.into())
    }
}

/// An object; the order of its fields is that of their names.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Document<'e>(BTreeMap<&'static str, Node<'e>>);

impl<'e> Document<'e> {
    /// Puts a value at a path, whose steps have dots between them.
    pub(super) fn put(&mut self, path: &'static str, value: impl Into<Node<'e>>) {
        let mut fields = &mut self.0;
        let mut rest = path;
        while let Some((step, behind)) = rest.split_once('.') {
            let inner = fields.entry(step).or_insert(Node::Fields(BTreeMap::new()));
            // INVARIANT: no path of a form goes through a value.
            let Node::Fields(inner) = inner else {
                return;
            };
            (fields, rest) = (inner, behind);
        }
        fields.insert(rest, value.into());
    }

    /// Puts a value at a path where there is one.
    pub(super) fn put_some(&mut self, path: &'static str, value: Option<impl Into<Node<'e>>>) {
        if let Some(value) = value {
            self.put(path, value);
        }
    }
}

/// The context of an event, of which only what has the expected kind is seen.
#[derive(Debug)]
pub(super) struct Facts(Map<String, Value>);

impl Facts {
    pub(super) fn of(event: &Event) -> Self {
        let facts = event.context.as_ref().map(Json::to_object);
        Self(facts.unwrap_or_default())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(super) fn texts(&self, name: &str) -> Option<Value> {
        let list = self.0.get(name)?;
        let is_texts = list.as_array()?.iter().all(Value::is_string);
        is_texts.then(|| list.clone())
    }

    /// An address in the one form of it.
    pub(super) fn address(&self, name: &str) -> Option<String> {
        let address: IpAddr = self.text(name)?.parse().ok()?;
        Some(address.to_string())
    }
}

/// An instant as on the wire.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The operation as a word of other forms.
pub(super) fn operation(event: &Event) -> String {
    event.operation.as_str().to_ascii_lowercase()
}

/// The business verb, or the operation.
pub(super) fn action(event: &Event) -> String {
    event.action.clone().unwrap_or_else(|| operation(event))
}
