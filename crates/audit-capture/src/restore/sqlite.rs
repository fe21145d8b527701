//! SQLite: functions of audit-sqlite read the values out of an image, so that each keeps its storage
//! class and its bits.

use audit_core::query::BoundQuery;
use audit_core::{Dialect, Json};

use super::{Fields, Reference, Restorable, each, image, texts};
use crate::shape::is_real_on_sqlite;
use crate::sql::{identifier, literal};

/// More bytes than SQLite keeps in one value.
const NO_LIMIT: i64 = i64::MAX;

fn name(text: &str) -> String {
    identifier(Dialect::Sqlite, text)
}

fn table(name_of: &str) -> String {
    format!("main.{}", name(name_of))
}

/// The value of a column in the image that is the bind of this number.
fn value(bind: u8, column: &str) -> String {
    format!("audit_value(?{bind}, {})", literal(Dialect::Sqlite, column))
}

/// The same where an infinite number may be: an image holds it as a text, which a column of reals
/// would keep as one.
fn number_or(of: &Restorable, bind: u8, (column, json): &(String, Json)) -> String {
    match json.as_str() {
        "\"Infinity\"" if is_real(of, column) => "9e999".to_owned(),
        "\"-Infinity\"" if is_real(of, column) => "-9e999".to_owned(),
        _ => value(bind, column),
    }
}

fn is_real(of: &Restorable, column: &str) -> bool {
    let column = of.column(column);
    column.is_some_and(|column| is_real_on_sqlite(&column.type_name))
}

fn is_row(of: &Restorable, key: &Fields, bind: u8) -> String {
    each(key, " AND ", |field| {
        format!("{} IS {}", name(&field.0), number_or(of, bind, field))
    })
}

pub(super) fn read(of: &Restorable, key: &Fields, like: &Fields) -> BoundQuery {
    let cells = of.columns.iter().map(|column| {
        let text = literal(Dialect::Sqlite, &column.name);
        format!(", {text}, {}", name(&column.name))
    });
    BoundQuery {
        text: format!(
            "SELECT audit_row({NO_LIMIT}, {NO_LIMIT}{}), ?2 FROM {} WHERE {}",
            cells.collect::<String>(),
            table(&of.name),
            is_row(of, key, 1)
        ),
        binds: texts([image(key).as_str(), image(like).as_str()]),
    }
}

pub(super) fn insert(of: &Restorable, fields: &Fields) -> BoundQuery {
    BoundQuery {
        text: format!(
            "INSERT INTO {} ({}) VALUES ({})",
            table(&of.name),
            each(fields, ", ", |(column, _)| name(column)),
            each(fields, ", ", |field| number_or(of, 1, field))
        ),
        binds: texts([image(fields).as_str()]),
    }
}

pub(super) fn update(of: &Restorable, key: &Fields, fields: &Fields) -> BoundQuery {
    BoundQuery {
        text: format!(
            "UPDATE {} SET {} WHERE {}",
            table(&of.name),
            each(fields, ", ", |field| {
                format!("{} = {}", name(&field.0), number_or(of, 2, field))
            }),
            is_row(of, key, 1)
        ),
        binds: texts([image(key).as_str(), image(fields).as_str()]),
    }
}

pub(super) fn delete(of: &Restorable, key: &Fields) -> BoundQuery {
    BoundQuery {
        text: format!(
            "DELETE FROM {} WHERE {}",
            table(&of.name),
            is_row(of, key, 1)
        ),
        binds: texts([image(key).as_str()]),
    }
}

pub(super) fn count_referring(reference: &Reference, referred: &Fields) -> BoundQuery {
    let columns = reference.columns.iter().zip(referred);
    let equal =
        columns.map(|(column, (parent, _))| format!("{} = {}", name(column), value(1, parent)));
    BoundQuery {
        text: format!(
            "SELECT CAST(count(*) AS TEXT) FROM {} WHERE {}",
            table(&reference.table),
            equal.collect::<Vec<_>>().join(" AND ")
        ),
        binds: texts([image(referred).as_str()]),
    }
}
