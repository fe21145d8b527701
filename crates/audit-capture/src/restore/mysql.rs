//! MySQL and MariaDB: each value by the form in which the image of its column holds it.
//!
//! Values stand in the text, in hex, and no statement has binds: libraries that write binds into the
//! text look for question marks, which the expressions of an image have.

use audit_core::Json;
use audit_core::query::BoundQuery;
use serde_json::Value;

use super::{Fields, Reference, Restorable, each};
use crate::catalog::Column;
use crate::mysql::{hex_literal, name, qualified, whole_image};

pub(super) fn query(schema: Option<&str>, table: &str) -> BoundQuery {
    let schema = schema.map_or_else(|| "DATABASE()".to_owned(), hex_literal);
    let query = include_str!("mysql.sql").replace("{schema}", &schema);
    BoundQuery::plain(query.replace("{table}", &hex_literal(table)))
}

/// The value that a row is given of a field of an image.
fn given(of: &Restorable, (column, json): &(String, Json), null_documents: &[String]) -> String {
    match null_documents.contains(column) {
        true => hex_literal("null"),
        false => value(of.column(column), json),
    }
}

/// The value that an image holds of a column.
fn value(column: Option<&Column>, json: &Json) -> String {
    let text = json.as_str();
    if text == "null" {
        return "NULL".to_owned();
    }
    if column.is_some_and(|column| column.type_name == "json") {
        return hex_literal(text);
    }
    match json.to_value() {
        Value::String(text) => hex_literal(&text),
        // The text of a number in JSON is one in SQL.
        Value::Number(_) => text.to_owned(),
        Value::Object(tagged) => match tagged.get("$bytes") {
            Some(Value::String(base64)) => format!("FROM_BASE64({})", hex_literal(base64)),
            _ => hex_literal(text),
        },
        _ => hex_literal(text),
    }
}

fn is_row(of: &Restorable, key: &Fields) -> String {
    each(key, " AND ", |(column, json)| {
        format!("{} = {}", name(column), value(of.column(column), json))
    })
}

/// A statement that writes. Instants are in UTC, and the hour that a time zone has twice must not be
/// mistaken.
fn write(of: &Restorable, text: &str) -> BoundQuery {
    let is_instant = |column: &Column| column.type_name.starts_with("timestamp");
    let zone = if of.columns.iter().any(is_instant) {
        "SET STATEMENT time_zone = '+00:00' FOR "
    } else {
        ""
    };
    BoundQuery::plain(format!("{zone}{text}"))
}

fn table(of: &Restorable) -> String {
    qualified(of.schema.as_deref(), &of.name)
}

pub(super) fn read(of: &Restorable, key: &Fields, like: &Fields, lock: bool) -> BoundQuery {
    BoundQuery::plain(format!(
        "SELECT CAST({} AS CHAR), {} FROM {} WHERE {}{}",
        whole_image(&of.columns, of.is_mariadb),
        hex_literal(&super::image(like)),
        table(of),
        is_row(of, key),
        if lock { " FOR UPDATE" } else { "" }
    ))
}

pub(super) fn insert(of: &Restorable, fields: &Fields, null_documents: &[String]) -> BoundQuery {
    let columns = each(fields, ", ", |(column, _)| name(column));
    let values = each(fields, ", ", |field| given(of, field, null_documents));
    write(
        of,
        &format!("INSERT INTO {} ({columns}) VALUES ({values})", table(of)),
    )
}

pub(super) fn update(
    of: &Restorable,
    key: &Fields,
    fields: &Fields,
    null_documents: &[String],
) -> BoundQuery {
    let set = each(fields, ", ", |field| {
        let given = given(of, field, null_documents);
        format!("{} = {given}", name(&field.0))
    });
    write(
        of,
        &format!("UPDATE {} SET {set} WHERE {}", table(of), is_row(of, key)),
    )
}

pub(super) fn delete(of: &Restorable, key: &Fields) -> BoundQuery {
    write(
        of,
        &format!("DELETE FROM {} WHERE {}", table(of), is_row(of, key)),
    )
}

pub(super) fn count_referring(
    of: &Restorable,
    reference: &Reference,
    referred: &Fields,
) -> BoundQuery {
    let columns = reference.columns.iter().zip(referred);
    let equal = columns.map(|(column, (parent, json))| {
        format!("{} = {}", name(column), value(of.column(parent), json))
    });
    BoundQuery::plain(format!(
        "SELECT CAST(COUNT(*) AS CHAR) FROM {} WHERE {}",
        qualified(reference.schema.as_deref(), &reference.table),
        equal.collect::<Vec<_>>().join(" AND ")
    ))
}
