//! Conditions on the fields of an event's documents.

use serde::Serialize;
use serde_json::Value;

use crate::query::QueryError;
use crate::query::condition::{Condition, Parts};

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
/// `metadata["odd name"] = null`: a [`Document`], a path in the form of
/// [`JsonPath`](crate::rules::JsonPath) without its `$`, a sign, a JSON text, number, `true`, `false` or `null`. The text is read when the query runs. Values that come
/// from elsewhere are given by [`FieldFilter::is`], which needs no quoting.
///
/// Texts are equal when their bytes are, numbers when their values are (as doubles and, on
/// PostgreSQL and MariaDB, as decimals with 30 places), and no text equals a number. What is hidden
/// has the value that stands in for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldFilter(Form);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
enum Form {
    Parts { document: Document, parts: Parts },
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

/// A condition that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) document: Document,
    pub(super) condition: Condition,
}

impl FieldFilter {
    /// That the field at a path (`status`, `address.city`, `lines[0].price`) has one of these values:
    /// JSON texts, numbers, true, false and null.
    pub fn is<V: Into<Value>>(
        document: Document,
        path: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let parts = Parts::new(path.into(), true, values);
        Self(Form::Parts { document, parts })
    }

    /// That the field at a path is there and has none of these values.
    pub fn is_not<V: Into<Value>>(
        document: Document,
        path: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let parts = Parts::new(path.into(), false, values);
        Self(Form::Parts { document, parts })
    }

    /// How many values it names, as far as that is known before it is read.
    pub(super) fn count(&self) -> usize {
        match &self.0 {
            Form::Parts { parts, .. } => parts.count(),
            Form::Text(_) => 1,
        }
    }

    /// Reads the condition.
    pub(super) fn read(&self) -> Result<Test, QueryError> {
        match &self.0 {
            Form::Parts { document, parts } => Ok(Test {
                document: *document,
                condition: parts.read()?,
            }),
            Form::Text(text) => parse(text),
        }
    }
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
    let condition = Condition::parse(rest).map_err(|refused| refused.unwrap_or_else(invalid))?;
    Ok(Test {
        document,
        condition,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::condition::Scalar;
    use crate::rules::JsonPath;

    fn read(text: &str) -> Test {
        FieldFilter::from(text).read().unwrap()
    }

    #[test]
    fn a_text_is_a_document_a_path_a_sign_and_a_value() {
        let paid = Test {
            document: Document::After,
            condition: Condition {
                path: JsonPath::parse("$.status").unwrap(),
                is_one: true,
                values: vec![Scalar::Text("paid".to_owned())],
            },
        };
        assert_eq!(read(r#" after.status = "paid" "#), paid);
        assert_eq!(read(r#"after["status"]="paid""#), paid);
        let typed = FieldFilter::is(Document::After, "status", ["paid"]);
        assert_eq!(typed.read().unwrap(), paid);

        let odd = read(r#"metadata["a = 1"][3] != 1.50"#);
        assert_eq!(odd.document, Document::Metadata);
        let odd = odd.condition;
        assert_eq!(odd.path.to_string(), r#"$["a = 1"][3]"#);
        assert_eq!(
            (odd.is_one, odd.values),
            (false, vec![Scalar::Number("1.50".to_owned())])
        );
        let typed = FieldFilter::is_not(Document::Before, "[\"x\"]", [Value::Null, true.into()]);
        let typed = typed.read().unwrap().condition;
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
