//! What is known of types that every server has.

use crate::catalog::Column;

/// A type of the server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BuiltIn {
    /// Its name, with which one can make that of its array.
    pub(super) name: &'static str,
    pub(super) comparison: Comparison,
    /// The settings that the text of its values depends on.
    pub(super) settings: &'static [&'static str],
}

/// How the bytes of two values can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Equal values are the same bytes.
    Equality,
    /// Equal values are the same bytes in the collation "C".
    Text,
    /// Values can be equal and not the same, as numbers of another scale are.
    Row,
}

impl BuiltIn {
    /// What is known of the type of a column; `None` for one that somebody made, and for those that
    /// hold values of other types.
    pub(super) fn of(column: &Column) -> Option<Self> {
        if column.custom_type {
            return None;
        }
        let known = |name, comparison, settings| {
            Some(Self {
                name,
                comparison,
                settings,
            })
        };
        // A length or a precision decides nothing here.
        let (start, rest) = column
            .type_name
            .split_once('(')
            .unwrap_or((&column.type_name, ""));
        let end = rest.split_once(')').map_or("", |(_, end)| end);
        let time: &[&str] = &["TimeZone", "DateStyle"];
        match format!("{start}{end}").as_str() {
            "bigint" => known("bigint", Comparison::Equality, &[]),
            "boolean" => known("boolean", Comparison::Equality, &[]),
            "bytea" => known("bytea", Comparison::Equality, &["bytea_output"]),
            "character" => known("bpchar", Comparison::Row, &[]),
            "character varying" => known("varchar", Comparison::Text, &[]),
            "date" => known("date", Comparison::Equality, time),
            "double precision" => known("float8", Comparison::Row, &["extra_float_digits"]),
            "integer" => known("integer", Comparison::Equality, &[]),
            "json" => known("json", Comparison::Row, &[]),
            "jsonb" => known("jsonb", Comparison::Row, &[]),
            "numeric" => known("numeric", Comparison::Row, &[]),
            "real" => known("float4", Comparison::Row, &["extra_float_digits"]),
            "smallint" => known("smallint", Comparison::Equality, &[]),
            "text" => known("text", Comparison::Text, &[]),
            "timestamp with time zone" => known("timestamptz", Comparison::Equality, time),
            "timestamp without time zone" => known("timestamp", Comparison::Equality, time),
            "uuid" => known("uuid", Comparison::Equality, &[]),
            _ => None,
        }
    }
}
