//! A condition on the value at a path of a document.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::query::QueryError;
use crate::rules::{JsonPath, PathStep};

/// A condition in the parts that it was given in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Parts {
    path: String,
    is_one: bool,
    values: Vec<String>,
}

/// A value to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    Boolean(bool),
    Null,
    /// In the form of JSON.
    Number(String),
    Text(String),
}

/// A condition that was read: the value at a path is one of these, or is there and is none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) path: JsonPath,
    pub(super) is_one: bool,
    pub(super) values: Vec<Scalar>,
}

impl Parts {
    pub(super) fn new<V: Into<Value>>(
        path: String,
        is_one: bool,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(|value| value.into().to_string());
        Self {
            path,
            is_one,
            values: values.collect(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    pub(super) fn read(&self) -> Result<Condition, QueryError> {
        if self.values.is_empty() {
            return Err(QueryError::NoValue { filter: "filter" });
        }
        let invalid = |text: &String| QueryError::InvalidCondition { text: text.clone() };
        let values = self.values.iter();
        let values = values.map(|text| Scalar::read(text).ok_or_else(|| invalid(text)));
        Ok(Condition {
            path: rooted(&self.path)?,
            is_one: self.is_one,
            values: values.collect::<Result<_, _>>()?,
        })
    }
}

impl Condition {
    /// Reads a path, a sign and a value; what is refused is the path, where there is one.
    pub(super) fn parse(text: &str) -> Result<Self, Option<QueryError>> {
        // A quoted name may hold a sign: the first sign between a path and a value is meant.
        let mut refused = None;
        for (at, _) in text.match_indices('=') {
            let (left, right) = text.split_at(at);
            let Some(value) = right.strip_prefix('=').and_then(Scalar::read) else {
                continue;
            };
            let (path, is_one) = match left.strip_suffix('!') {
                Some(path) => (path, false),
                None => (left, true),
            };
            match rooted(path.trim_end()) {
                Ok(path) => {
                    return Ok(Self {
                        path,
                        is_one,
                        values: vec![value],
                    });
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused)
    }
}

impl Scalar {
    /// Reads a JSON text, number, true, false or null.
    pub(super) fn read(text: &str) -> Option<Self> {
        // Numbers keep the digits that they were written with.
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        match serde_json::from_str(raw.get()).ok()? {
            Value::Bool(value) => Some(Self::Boolean(value)),
            Value::Null => Some(Self::Null),
            Value::Number(_) => Some(Self::Number(raw.get().to_owned())),
            Value::String(value) => Some(Self::Text(value)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// A path that stands without its root.
fn rooted(path: &str) -> Result<JsonPath, QueryError> {
    let dot = if path.starts_with(['.', '[']) {
        ""
    } else {
        "."
    };
    let path = JsonPath::parse(&format!("${dot}{path}"))?;
    if path.steps().contains(&PathStep::Each) {
        return Err(QueryError::UnsupportedPath {
            path: path.to_string(),
            remedy: "name one element, such as `[0]`",
        });
    }
    Ok(path)
}
