//! PostgreSQL: `json_populate_record` makes a row of an image, by the input function of each type.

use audit_core::Dialect;
use audit_core::query::BoundQuery;

use super::{Fields, Reference, Restorable, each, image, texts};
use crate::sql::identifier;

/// What the row is called; no column should have this name.
const ROW: &str = "\"!row\"";

fn name(text: &str) -> String {
    identifier(Dialect::Postgres, text)
}

fn qualified(schema: Option<&str>, table: &str) -> String {
    format!("{}.{}", name(schema.unwrap_or("public")), name(table))
}

fn table(of: &Restorable) -> String {
    qualified(of.schema.as_deref(), &of.name)
}

/// The row in the image that is the first bind.
fn given(of: &Restorable) -> String {
    format!(
        "(pg_catalog.json_populate_record(NULL::{}, $1::json))",
        table(of)
    )
}

fn is_row(of: &Restorable, key: &Fields) -> String {
    each(key, " AND ", |(column, _)| {
        format!("{ROW}.{0} = {1}.{0}", name(column), given(of))
    })
}

fn columns(fields: &Fields) -> String {
    each(fields, ", ", |(column, _)| name(column))
}

pub(super) fn read(of: &Restorable, key: &Fields, like: &Fields, lock: bool) -> BoundQuery {
    BoundQuery {
        text: format!(
            "SELECT pg_catalog.row_to_json({ROW}.*)::text, pg_catalog.row_to_json(\
             pg_catalog.json_populate_record({ROW}.*, $2::json))::text FROM {} AS {ROW} WHERE {}{}",
            table(of),
            is_row(of, key),
            if lock { " FOR UPDATE" } else { "" }
        ),
        binds: texts([image(key).as_str(), image(like).as_str()]),
    }
}

/// The values that a row is given, from the record of an image. A document `null` is NULL in that.
fn values(fields: &Fields, null_documents: &[String]) -> String {
    each(fields, ", ", |(column, _)| {
        match null_documents.contains(column) {
            true => "'null'::pg_catalog.json".to_owned(),
            false => format!("given.{}", name(column)),
        }
    })
}

pub(super) fn insert(of: &Restorable, fields: &Fields, null_documents: &[String]) -> BoundQuery {
    BoundQuery {
        text: format!(
            "INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {2} \
             FROM pg_catalog.json_populate_record(NULL::{0}, $1::json) AS given",
            table(of),
            columns(fields),
            values(fields, null_documents)
        ),
        binds: texts([image(fields).as_str()]),
    }
}

pub(super) fn update(
    of: &Restorable,
    key: &Fields,
    fields: &Fields,
    null_documents: &[String],
) -> BoundQuery {
    BoundQuery {
        text: format!(
            "UPDATE {} AS {ROW} SET ({}) = (SELECT {} \
             FROM pg_catalog.json_populate_record({ROW}.*, $2::json) AS given) WHERE {}",
            table(of),
            columns(fields),
            values(fields, null_documents),
            is_row(of, key)
        ),
        binds: texts([image(key).as_str(), image(fields).as_str()]),
    }
}

pub(super) fn delete(of: &Restorable, key: &Fields) -> BoundQuery {
    BoundQuery {
        text: format!(
            "DELETE FROM {} AS {ROW} WHERE {}",
            table(of),
            is_row(of, key)
        ),
        binds: texts([image(key).as_str()]),
    }
}

pub(super) fn count_referring(
    of: &Restorable,
    reference: &Reference,
    referred: &Fields,
) -> BoundQuery {
    let columns = reference.columns.iter().zip(referred);
    let equal = columns.map(|(column, (parent, _))| {
        format!("{ROW}.{} = {}.{}", name(column), given(of), name(parent))
    });
    BoundQuery {
        text: format!(
            "SELECT pg_catalog.count(*)::text FROM {} AS {ROW} WHERE {}",
            qualified(reference.schema.as_deref(), &reference.table),
            equal.collect::<Vec<_>>().join(" AND ")
        ),
        binds: texts([image(referred).as_str()]),
    }
}
