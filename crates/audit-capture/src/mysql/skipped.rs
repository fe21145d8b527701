//! `UPDATE IGNORE` fires AFTER triggers for rows that it skipped.
//!
//! A row is skipped only for a duplicate or a foreign key, so only a change of such a column is
//! looked into.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Table};

use super::column::Value;
use super::trigger::Row;
use super::{name, qualified};

/// Leaves the trigger of a row that was not written.
pub(super) fn leave(catalog: &Catalog, table: &Table) -> Option<String> {
    let is_mariadb = catalog.mysql.is_mariadb;
    let refers_to = |column: &str| {
        let mut links = catalog.tables.iter().flat_map(|other| &other.foreign_keys);
        links.any(|link| {
            link.parent == table.name
                && table.schema.as_deref() == Some(link.parent_schema.as_str())
                && link.parent_column == column
        })
    };
    let columns = table.columns.iter().filter(|column| {
        let links = &mut table.foreign_keys.iter();
        column.is_unique || refers_to(&column.name) || links.any(|link| link.column == column.name)
    });
    let bound: Vec<Value<'_>> = columns.map(|column| Value { column, is_mariadb }).collect();
    let mut reasons = Vec::new();
    if table.key.is_empty() {
        let all = table.columns.iter();
        let unique: Vec<&str> = all
            .filter(|column| column.is_unique)
            .map(|column| column.name.as_str())
            .collect();
        if !unique.is_empty() {
            reasons.push(is_there(table, &unique, "OLD", &bound));
            reasons.push(is_duplicate(table, &unique, is_mariadb));
        }
        reasons.extend(lacks_a_parent(table));
    } else {
        let key: Vec<&str> = table.key.iter().map(String::as_str).collect();
        // `FOR PORTION OF` leaves a row with the old key and a shorter period.
        let has_period = table
            .columns
            .iter()
            .any(|column| table.key.contains(&column.name) && is_temporal(&column.type_name));
        if has_period {
            let all = table.columns.iter();
            let all: Vec<Value<'_>> = all.map(|column| Value { column, is_mariadb }).collect();
            reasons.push(is_there(table, &key, "OLD", &all));
        } else {
            reasons.push(is_there(table, &key, "OLD", &bound));
        }
    }
    if reasons.is_empty() {
        return None;
    }
    let same: Vec<String> = bound.iter().map(Value::is_same_in_trigger).collect();
    Some(format!(
        "IF NOT ({}) THEN IF {} THEN LEAVE audit_capture; END IF; END IF; ",
        same.join(" AND "),
        reasons.join(" OR "),
    ))
}

/// Whether a period can begin or end with a column: the catalog does not name periods.
fn is_temporal(type_name: &str) -> bool {
    let name = type_name.to_ascii_lowercase();
    name.starts_with("date") || name.starts_with("timestamp")
}

/// Whether the table has a row that is found by these columns and has the same bytes in others.
fn is_there(table: &Table, found_by: &[&str], row: &str, same: &[Value<'_>]) -> String {
    let found = found_by
        .iter()
        .map(|column| format!("{} = {}", "audit_row".column(column), row.column(column)));
    let same = same.iter().map(|value| {
        let column = &value.column.name;
        value.is_same(&"audit_row".column(column), &row.column(column))
    });
    let conditions: Vec<String> = found.chain(same).collect();
    format!(
        "EXISTS (SELECT 1 FROM {} AS audit_row WHERE {} LOCK IN SHARE MODE)",
        name(&table.name),
        conditions.join(" AND ")
    )
}

/// Whether a row that nothing told from others was to get the unique value of another row: then
/// there is none with all that is new.
fn is_duplicate(table: &Table, unique: &[&str], is_mariadb: bool) -> String {
    let all = table.columns.iter();
    let all: Vec<Value<'_>> = all.map(|column| Value { column, is_mariadb }).collect();
    let is_null = |row: &str, word: &str| -> Vec<String> {
        let columns = unique.iter();
        columns
            .map(|column| format!("{} {word}", row.column(column)))
            .collect()
    };
    format!(
        "(({}) AND {} AND NOT {})",
        is_null("OLD", "IS NULL").join(" OR "),
        is_null("NEW", "IS NOT NULL").join(" AND "),
        is_there(table, unique, "NEW", &all)
    )
}

/// Whether a foreign key of the new row leads nowhere, one condition for each.
fn lacks_a_parent(table: &Table) -> Vec<String> {
    let mut links: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for link in &table.foreign_keys {
        links.entry(&link.name).or_default().push(link);
    }
    let nowhere = links.values().filter_map(|columns| {
        let first = columns.first()?;
        let is_here = table.schema.as_deref() == Some(first.parent_schema.as_str());
        let schema = (!is_here).then_some(first.parent_schema.as_str());
        let new = columns.iter().map(|link| "NEW".column(&link.column));
        let given: Vec<String> = new.map(|column| format!("{column} IS NOT NULL")).collect();
        let pairs: Vec<String> = columns
            .iter()
            .map(|link| {
                let parent = "audit_row".column(&link.parent_column);
                format!("{parent} = {}", "NEW".column(&link.column))
            })
            .collect();
        Some(format!(
            "(@@foreign_key_checks AND {} AND NOT EXISTS (SELECT 1 FROM {} AS audit_row WHERE {} \
             LOCK IN SHARE MODE))",
            given.join(" AND "),
            qualified(schema, &first.parent),
            pairs.join(" AND ")
        ))
    });
    nowhere.collect()
}
