//! Conditions on a record as it was, which no database sees: it is put together from events.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::event::Json;
use crate::query::QueryError;
use crate::query::condition::{Condition, Parts, Scalar};
use crate::rules::PathStep;

/// A condition on a record as it was: that a column, or a part of a JSON column, has one of some values,
/// or that it is there and has none of them.
///
/// Made of a text such as `status = "paid"`, `address.city != "Bonn"` or `["odd name"] = null`: as
/// [`FieldFilter`](crate::query::FieldFilter), without its document. The text is read when it is used.
/// Values that come from elsewhere are given by [`StateFilter::is`], which needs no quoting.
///
/// Texts are equal when their characters are, numbers when their values are, however they are written, and
/// no text equals a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFilter(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Parts(Parts),
    Text(String),
}

impl From<&str> for StateFilter {
    fn from(text: &str) -> Self {
        Self(Form::Text(text.to_owned()))
    }
}

impl From<String> for StateFilter {
    fn from(text: String) -> Self {
        Self(Form::Text(text))
    }
}

impl StateFilter {
    /// That the value at a path (`status`, `address.city`, `lines[0].price`) is one of these: JSON texts,
    /// numbers, true, false and null.
    pub fn is<V: Into<Value>>(
        path: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self(Form::Parts(Parts::new(path.into(), true, values)))
    }

    /// That the value at a path is there and is none of these.
    pub fn is_not<V: Into<Value>>(
        path: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self(Form::Parts(Parts::new(path.into(), false, values)))
    }

    /// Reads the condition.
    ///
    /// # Errors
    /// [`QueryError`] for a text that is no condition, a path that is none or names no column, and where
    /// there is no value.
    pub fn read(&self) -> Result<StateTest, QueryError> {
        let Condition {
            path,
            is_one,
            values,
        } = match &self.0 {
            Form::Parts(parts) => parts.read()?,
            Form::Text(text) => {
                let invalid = || QueryError::InvalidStateCondition { text: text.clone() };
                let read = Condition::parse(text.trim());
                read.map_err(|refused| refused.unwrap_or_else(invalid))?
            }
        };
        match path.steps() {
            [PathStep::Member(column), inside @ ..] => Ok(StateTest {
                column: column.clone(),
                inside: inside.to_vec(),
                is_one,
                values,
            }),
            // An element of a list is in no row.
            _ => Err(QueryError::InvalidStateCondition {
                text: match &self.0 {
                    Form::Parts(_) => path.to_string(),
                    Form::Text(text) => text.clone(),
                },
            }),
        }
    }
}

/// A [`StateFilter`] that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateTest {
    column: String,
    inside: Vec<PathStep>,
    is_one: bool,
    values: Vec<Scalar>,
}

impl StateTest {
    /// The column that it is of.
    #[must_use]
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Whether it holds where the column has this value.
    #[must_use]
    pub fn holds(&self, value: &Json) -> bool {
        let mut part = Some(value.clone());
        for step in &self.inside {
            part = part.and_then(|part| inside(&part, step));
        }
        part.is_some_and(|part| {
            let is_it = |wanted: &Scalar| is_same(&part, wanted);
            self.values.iter().any(is_it) == self.is_one
        })
    }
}

/// The part to which one step leads.
fn inside(value: &Json, step: &PathStep) -> Option<Json> {
    match step {
        // Of members with one name the last one counts, as where the database looks itself.
        PathStep::Member(name) => {
            let members = value.fields().into_iter().rev();
            members
                .into_iter()
                .find_map(|(member, value)| (member == *name).then_some(value))
        }
        PathStep::Item(place) => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(value.as_str()).ok()?;
            let item = items.get(usize::try_from(*place).ok()?)?;
            item.get().parse().ok()
        }
        PathStep::Each => None,
    }
}

fn is_same(value: &Json, wanted: &Scalar) -> bool {
    match (Scalar::read(value.as_str()), wanted) {
        (Some(Scalar::Number(value)), Scalar::Number(wanted)) => {
            match (Decimal::of(&value), Decimal::of(wanted)) {
                (Some(value), Some(wanted)) => value == wanted,
                _ => value == *wanted,
            }
        }
        (value, wanted) => value.as_ref() == Some(wanted),
    }
}

/// A number of JSON as its digits, without zeros at either end, and the power of ten of the last one.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// `None` for a power of ten that nothing counts.
    fn of(number: &str) -> Option<Self> {
        let (is_negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number),
        };
        let (number, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let power: i64 = power.parse().ok()?;
        let places = i64::try_from(fraction.len()).ok()?;
        let zeros = i64::try_from(all.len() - digits.len()).ok()?;
        let digits = digits.trim_start_matches('0');
        let exponent = power.checked_sub(places)?.checked_add(zeros)?;
        let is_zero = digits.is_empty();
        Some(Self {
            is_negative: is_negative && !is_zero,
            digits: digits.to_owned(),
            exponent: if is_zero { 0 } else { exponent },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, value: &str) -> bool {
        let test = StateFilter::from(condition).read().unwrap();
        test.holds(&value.parse().unwrap())
    }

    #[test]
    fn a_value_is_compared_by_what_it_is() {
        for (condition, value) in [
            (r#"s = "paid""#, r#""pa\u0069d""#),
            (r#"s != "paid""#, r#""Paid""#),
            ("s = 1.50", "15e-1"),
            ("s = 100", "1E+2"),
            ("s = 0", "-0.00e7"),
            ("s = 9007199254740993", "9007199254740993.0"),
            ("s != 9007199254740993", "9007199254740992"),
            ("s != 1", r#""1""#),
            ("s != 1", "-1"),
            ("s = null", "null"),
            ("s != null", "false"),
            ("s != 1", "[1]"),
            (r#"s.a[1]["b c"] = true"#, r#"{"a": [0, {"b c": true}]}"#),
            ("s.a = 2", r#"{"a": 1, "a": 2}"#),
        ] {
            assert!(holds(condition, value), "{condition} of {value}");
            let is_one = condition.contains("!=");
            let other = match is_one {
                true => condition.replacen("!=", "=", 1),
                false => condition.replacen('=', "!=", 1),
            };
            assert!(!holds(&other, value), "{other} of {value}");
        }
    }

    #[test]
    fn what_is_not_there_meets_nothing() {
        for condition in ["s.a = null", "s.a != null", "s[0] = 1", "s[0] != 1"] {
            for value in ["1", "{}", "[]", r#""a""#] {
                assert!(!holds(condition, value), "{condition} of {value}");
            }
        }
    }

    #[test]
    fn one_of_several_values_is_enough() {
        let one = StateFilter::is("s", ["open", "paid"]).read().unwrap();
        let none = StateFilter::is_not("s", ["open", "paid"]).read().unwrap();
        for (value, is_one) in [(r#""paid""#, true), (r#""void""#, false)] {
            let value = value.parse().unwrap();
            assert_eq!((one.holds(&value), none.holds(&value)), (is_one, !is_one));
        }
        assert_eq!(one.column(), "s");
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in [
            "",
            "status",
            "= 1",
            "status = paid",
            "status < 1",
            "status = [1]",
        ] {
            let refused = StateFilter::from(text).read().unwrap_err();
            let refused = refused.to_string();
            assert!(
                refused.contains("status = \"paid\"") || text == "= 1",
                "{text}: {refused}"
            );
        }
        let refused = StateFilter::from("[0] = 1").read().unwrap_err().to_string();
        assert!(
            refused.starts_with("`[0] = 1` is no condition"),
            "{refused}"
        );
        let none = StateFilter::is("s", Vec::<Value>::new()).read();
        assert!(matches!(none, Err(QueryError::NoValue { .. })));
    }
}
