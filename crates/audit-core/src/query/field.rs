//! Conditions on the fields of an event's documents.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::query::QueryError;
use crate::rules::{JsonPath, PathStep};

/// A document of an event into which a condition looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Document {
    /// The row after, `after` in a text.
    After,
    /// The row before, `before` in a text.
    Before,
    /// Where the event came from, `context` in a text.
    Context,
    /// What the application added, `metadata` in a text.
    Metadata,
}

impl Document {
    const ALL: [Self; 4] = [Self::After, Self::Before, Self::Context, Self::Metadata];

    fn name(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::Before => "before",
            Self::Context => "context",
            Self::Metadata => "metadata",
        }
    }

    pub(super) fn column(self) -> &'static str {
        match self {
            Self::After => "after_data",
            Self::Before => "before_data",
            Self::Context => "context",
            Self::Metadata => "metadata",
        }
    }
}

/// A condition on a field of a document: that it has one of some values, or that it is there and
/// has none of them.
///
/// Made of a text such as `after.status = "paid"`, `before.address.city != "Bonn"` or
/// `metadata["odd name"] = null`: a [`Document`], a path in the form of [`JsonPath`] without its `$`,
/// a sign, a JSON text, number, `true`, `false` or `null`. The text is read when the query runs. Values that come
/// from elsewhere are given by [`FieldFilter::is`], which needs no quoting.
///
/// Texts are equal when their bytes are, numbers when their values are (as doubles and, on
/// PostgreSQL and MariaDB, as decimals with 30 places), and no text equals a number. What is hidden
/// has the value that stands in for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldFilter(Form);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
enum Form {
    Parts {
        document: Document,
        path: String,
        is_one: bool,
        values: Vec<String>,
    },
    Text(String),
}

impl From<&str> for FieldFilter {
    fn from(text: &str) -> Self {
        Self(Form::Text(text.to_owned()))
    }
}

impl From<String> for FieldFilter {
    fn from(text: String) -> Self {
        Self(Form::Text(text))
    }
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

/// A condition that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) document: Document,
    pub(super) path: JsonPath,
    pub(super) is_one: bool,
    pub(super) values: Vec<Scalar>,
}

impl FieldFilter {
    /// That the field at a path (`status`, `address.city`, `lines[0].price`) has one of these values:
    /// JSON texts, numbers, true, false and null.
    pub fn is<V: Into<Value>>(
        document: Document,
        path: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::parts(document, path.into(), true, values)
    }

    /// That the field at a path is there and has none of these values.
    pub fn is_not<V: Into<Value>>(
        document: Document,
        path: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::parts(document, path.into(), false, values)
    }

    fn parts<V: Into<Value>>(
        document: Document,
        path: String,
        is_one: bool,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(|value| value.into().to_string());
        Self(Form::Parts {
            document,
            path,
            is_one,
            values: values.collect(),
        })
    }

    /// How many values it names, as far as that is known before it is read.
    pub(super) fn count(&self) -> usize {
        match &self.0 {
            Form::Parts { values, .. } => values.len(),
            Form::Text(_) => 1,
        }
    }

    /// Reads the condition.
    pub(super) fn read(&self) -> Result<Test, QueryError> {
        match &self.0 {
            Form::Parts { values, .. } if values.is_empty() => {
                Err(QueryError::NoValue { filter: "filter" })
            }
            Form::Parts {
                document,
                path,
                is_one,
                values,
            } => {
                let invalid = |text: &String| QueryError::InvalidCondition { text: text.clone() };
                let values = values
                    .iter()
                    .map(|text| scalar(text).ok_or_else(|| invalid(text)));
                Ok(Test {
                    document: *document,
                    path: rooted(path)?,
                    is_one: *is_one,
                    values: values.collect::<Result<_, _>>()?,
                })
            }
            Form::Text(text) => parse(text),
        }
    }
}

/// A path that stands behind the name of its document.
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

fn parse(text: &str) -> Result<Test, QueryError> {
    let invalid = || QueryError::InvalidCondition {
        text: text.to_owned(),
    };
    let whole = text.trim();
    let document = Document::ALL
        .into_iter()
        .find(|document| whole.starts_with(document.name()))
        .ok_or_else(invalid)?;
    let rest = whole
        .strip_prefix(document.name())
        .filter(|rest| rest.starts_with(['.', '[']))
        .ok_or_else(invalid)?;
    // A quoted name may hold a sign: the first sign between a path and a value is meant.
    let mut refused = None;
    for (at, _) in rest.match_indices('=') {
        let (left, right) = rest.split_at(at);
        let Some(value) = right.strip_prefix('=').and_then(scalar) else {
            continue;
        };
        let (path, is_one) = match left.strip_suffix('!') {
            Some(path) => (path, false),
            None => (left, true),
        };
        match rooted(path.trim_end()) {
            Ok(path) => {
                return Ok(Test {
                    document,
                    path,
                    is_one,
                    values: vec![value],
                });
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(invalid))
}

fn scalar(text: &str) -> Option<Scalar> {
    // Numbers keep the digits that they were written with.
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    match serde_json::from_str(raw.get()).ok()? {
        Value::Bool(value) => Some(Scalar::Boolean(value)),
        Value::Null => Some(Scalar::Null),
        Value::Number(_) => Some(Scalar::Number(raw.get().to_owned())),
        Value::String(value) => Some(Scalar::Text(value)),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Test {
        FieldFilter::from(text).read().unwrap()
    }

    #[test]
    fn a_text_is_a_document_a_path_a_sign_and_a_value() {
        let paid = Test {
            document: Document::After,
            path: JsonPath::parse("$.status").unwrap(),
            is_one: true,
            values: vec![Scalar::Text("paid".to_owned())],
        };
        assert_eq!(read(r#" after.status = "paid" "#), paid);
        assert_eq!(read(r#"after["status"]="paid""#), paid);
        let typed = FieldFilter::is(Document::After, "status", ["paid"]);
        assert_eq!(typed.read().unwrap(), paid);

        let odd = read(r#"metadata["a = 1"][3] != 1.50"#);
        assert_eq!(odd.document, Document::Metadata);
        assert_eq!(odd.path.to_string(), r#"$["a = 1"][3]"#);
        assert_eq!(
            (odd.is_one, odd.values),
            (false, vec![Scalar::Number("1.50".to_owned())])
        );
        let typed = FieldFilter::is_not(Document::Before, "[\"x\"]", [Value::Null, true.into()]);
        let typed = typed.read().unwrap();
        assert_eq!(typed.values, [Scalar::Null, Scalar::Boolean(true)]);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in [
            "",
            "after",
            "after.a",
            "after = 1",
            "afters.a = 1",
            "row.a = 1",
            "after.a = paid",
            "after.a = [1]",
            "after.a < 1",
            "after.a =",
            "after.a = 1 2",
        ] {
            let refused = FieldFilter::from(text).read().unwrap_err();
            assert!(
                matches!(refused, QueryError::InvalidCondition { .. }),
                "{text}: {refused}"
            );
        }
        for (text, message) in [
            (
                "after.a b = 1",
                "the path `$.a b` cannot be read from its byte 3 on",
            ),
            (
                "after.lines[*] = 1",
                "the database cannot follow the path `$.lines[*]`",
            ),
        ] {
            let refused = FieldFilter::from(text).read().unwrap_err().to_string();
            assert!(refused.starts_with(message), "{refused}");
        }
        let none = FieldFilter::is(Document::After, "a", Vec::<Value>::new()).read();
        assert!(matches!(none, Err(QueryError::NoValue { .. })));
        let list = FieldFilter::is(Document::After, "a", [vec![1]]).read();
        assert!(matches!(list, Err(QueryError::InvalidCondition { .. })));
    }
}
