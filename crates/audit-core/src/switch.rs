//! The operator's switch: what the owner of the log has turned off, for a whole database or for
//! single tables.

use std::sync::Arc;

/// The name of the setting that turns capture off for the whole database.
const CAPTURE: &str = "capture";

/// What is turned off in the table `audit_settings`; nothing unless it says so. `migrate` compiles
/// it into the triggers.
///
/// The setting `capture` is for the whole database; `capture:users` and `capture:public.users` are
/// for one table, by its exact name. The value `off` turns capture off, any other leaves it on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Switch {
    off: Arc<[String]>,
}

impl Switch {
    /// Reads the rows of `audit_settings`, each a name and a value.
    #[must_use]
    pub fn from_settings<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let is_off = |(name, value): &(&str, &str)| {
            *value == "off" && (*name == CAPTURE || table_of(name).is_some())
        };
        let off = rows.into_iter().filter(is_off);
        let mut off: Vec<String> = off.map(|(name, _)| name.to_owned()).collect();
        off.sort();
        Self { off: off.into() }
    }

    /// The names of the settings that are off, sorted.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.off
    }

    /// Whether capture is off for the whole database.
    #[must_use]
    pub fn is_all_off(&self) -> bool {
        self.off.iter().any(|name| name == CAPTURE)
    }

    /// The tables for which capture is off by themselves, as the settings name them.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.off.iter().filter_map(|name| table_of(name))
    }

    /// The tables that the settings name and that are none of these: most likely misspelt.
    pub fn unused<'a>(
        &'a self,
        tables: &'a [(Option<&'a str>, &'a str)],
    ) -> impl Iterator<Item = &'a str> {
        self.tables().filter(|named| {
            let mut tables = tables.iter();
            !tables.any(|(schema, table)| is_named(named, *schema, table))
        })
    }

    /// Whether capture is off for a table.
    #[must_use]
    pub fn is_off(&self, schema: Option<&str>, table: &str) -> bool {
        self.is_all_off() || self.tables().any(|named| is_named(named, schema, table))
    }
}

/// Whether `named` stands for a table: its name, alone or after its schema.
fn is_named(named: &str, schema: Option<&str>, table: &str) -> bool {
    let in_schema = |schema: &str| {
        let rest = named.strip_prefix(schema);
        rest.and_then(|rest| rest.strip_prefix('.')) == Some(table)
    };
    named == table || schema.is_some_and(in_schema)
}

fn table_of(name: &str) -> Option<&str> {
    name.strip_prefix(CAPTURE)?.strip_prefix(':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Audit, Operation};

    #[test]
    fn only_what_says_off_is_off() {
        let on = [("capture", "on"), ("capture:users", "on"), ("mode", "off")];
        assert_eq!(Switch::from_settings(on), Switch::default());
        let all = Switch::from_settings([("capture", "off")]);
        assert!(all.is_all_off() && all.is_off(None, "users"));
    }

    #[test]
    fn a_table_is_named_exactly_with_or_without_its_schema() {
        let off = Switch::from_settings([("capture:users", "off"), ("capture:shop.items", "off")]);
        assert!(!off.is_all_off());
        for (schema, table, expected) in [
            (None, "users", true),
            (Some("public"), "users", true),
            (Some("public"), "users_old", false),
            (Some("shop"), "items", true),
            (Some("public"), "items", false),
            (None, "shop.items", true),
            (None, "items", false),
        ] {
            assert_eq!(off.is_off(schema, table), expected, "{schema:?} {table}");
        }
        let tables = [(Some("public"), "users"), (Some("public"), "items")];
        assert_eq!(off.unused(&tables).collect::<Vec<_>>(), ["shop.items"]);
    }

    #[test]
    fn what_is_off_has_no_rule() {
        let audit = Audit::builder().build().unwrap();
        let off = audit.with_switch(Switch::from_settings([("capture:users", "off")]));
        assert!(audit.rule(None, "users", Operation::Insert).is_some());
        assert_eq!(off.rule(None, "users", Operation::Insert), None);
        assert!(off.rule(None, "items", Operation::Insert).is_some());
    }
}
