//! Which events a policy or a hold is for.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::query::filter::Filter;
use crate::query::{LogQuery, OneOf};
use crate::vocabulary::{DataClass, Severity};

/// Which events a [`Policy`](super::Policy) or a [`Hold`](super::Hold) is for: all of them, unless it
/// is narrowed. Of one criterion any value will do, also of `compliance`; all criteria must hold.
///
/// In a file each criterion is a list by its name here. A list that is empty is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct Selection {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    pub(super) table: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    record: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    actor: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    tenant: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    severity: Vec<Severity>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    data_class: Vec<DataClass>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    compliance: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<DateTime<Utc>>,
}

/// A list of at least one value: an empty one is a slip, and would select everything.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let values = Vec::deserialize(deserializer)?;
    match values.is_empty() {
        true => Err(serde::de::Error::custom(
            "an empty list selects nothing; give it a value, or leave it out to select everything",
        )),
        false => Ok(values),
    }
}

/// Expands to a setter that adds values to the list of its name.
macro_rules! lists {
    ($($(#[$meta:meta])* $name:ident($kind:ty);)+) => {
        $($(#[$meta])*
        pub fn $name(mut self, values: impl OneOf<$kind>) -> Self {
            self.$name.extend(values.into_values());
            self
        })+
    };
}

impl Selection {
    /// Every event.
    pub fn new() -> Self {
        Self::default()
    }

    lists! {
        /// Events of a table, by its name or by `schema.table`, in which `*` stands for any
        /// characters.
        table(String);
        /// Events of a record, under its present or its previous id.
        record(String);
        /// Events of an actor.
        actor(String);
        /// Events of a tenant.
        tenant(String);
        /// Events of a severity.
        severity(Severity);
        /// Events of a class of data.
        data_class(DataClass);
        /// Events that are evidence for a regime.
        compliance(String);
    }

    /// Events at or after an instant; for holds alone.
    pub fn since(mut self, instant: DateTime<Utc>) -> Self {
        self.since = Some(instant);
        self
    }

    /// Events before an instant; for holds alone.
    pub fn until(mut self, instant: DateTime<Utc>) -> Self {
        self.until = Some(instant);
        self
    }

    /// Whether it selects every event.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// The name of a table that cannot be one; a rule would take it for another pattern.
    pub(super) fn invalid_table(&self) -> Option<&str> {
        let special = |c| matches!(c, '?' | '[' | ']' | '{' | '}' | '\\' | '\0');
        let mut tables = self.table.iter().map(String::as_str);
        tables.find(|name| name.is_empty() || name.contains(special))
    }

    /// The query of the events.
    pub fn query(&self) -> LogQuery {
        let mut query = LogQuery::new();
        if !self.table.is_empty() {
            query.filters.push(Filter::Named(self.table.clone()));
        }
        if !self.record.is_empty() {
            query = query.record(self.record.clone());
        }
        if !self.actor.is_empty() {
            query = query.actor(self.actor.clone());
        }
        if !self.tenant.is_empty() {
            query = query.tenant(self.tenant.clone());
        }
        if !self.severity.is_empty() {
            query = query.severity(self.severity.clone());
        }
        if !self.data_class.is_empty() {
            query = query.data_class(self.data_class.clone());
        }
        if !self.compliance.is_empty() {
            let any = Filter::Contains("compliance", self.compliance.clone());
            query.filters.push(any);
        }
        if let Some(since) = self.since {
            query = query.since(since);
        }
        if let Some(until) = self.until {
            query = query.until(until);
        }
        query
    }
}

impl fmt::Display for Selection {
    /// In words, such as `table users or items, severity low`; `everything` when nothing narrows it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everything() {
            return formatter.write_str("everything");
        }
        fn words<T: fmt::Display>(values: &[T]) -> String {
            let values: Vec<String> = values.iter().map(T::to_string).collect();
            values.join(" or ")
        }
        let instant = |instant: &Option<DateTime<Utc>>| {
            instant.map_or_else(String::new, |instant| instant.to_rfc3339())
        };
        let criteria = [
            ("table", words(&self.table)),
            ("record", words(&self.record)),
            ("actor", words(&self.actor)),
            ("tenant", words(&self.tenant)),
            ("severity", words(&self.severity)),
            ("data class", words(&self.data_class)),
            ("compliance", words(&self.compliance)),
            ("since", instant(&self.since)),
            ("until", instant(&self.until)),
        ];
        let told = criteria.iter().filter(|(_, values)| !values.is_empty());
        let told: Vec<String> = told.map(|(name, of)| format!("{name} {of}")).collect();
        formatter.write_str(&told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::query::Bind;

    #[test]
    fn only_the_star_of_a_pattern_stands_for_others() {
        let query = Selection::new().table("100%_!*").query();
        for (dialect, pattern) in [
            (Dialect::MySql, "100!%!_!!%"),
            (Dialect::Postgres, "100!%!_!!%"),
            (Dialect::Sqlite, "100%_!*"),
        ] {
            let query = query.to_sql(dialect, Utc::now()).unwrap();
            assert_eq!(query.binds[0], Bind::Text(pattern.to_owned()));
        }
    }
}
