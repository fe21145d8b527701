//! Statements of ours with their binds, and rows of texts.

use std::fmt;

use audit_adapter::Rows;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::row::{Field as _, NamedRow, Row};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Binary, Text};

/// A row whose columns are all texts, whatever their names.
pub(crate) struct Texts(Vec<Option<String>>);

impl<DB> QueryableByName<DB> for Texts
where
    DB: Backend,
    String: FromSql<Text, DB>,
{
    fn build<'a>(row: &impl NamedRow<'a, DB>) -> deserialize::Result<Self> {
        let text = |index| match Row::get(row, index) {
            Some(field) => field.value().map(String::from_sql).transpose(),
            None => Ok(None),
        };
        (0..row.field_count())
            .map(text)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Bytes that no instrumentation of the connection gets to see.
pub(crate) struct Secret<'q>(pub(crate) &'q [u8]);

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

impl<DB> ToSql<Binary, DB> for Secret<'_>
where
    DB: Backend,
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

/// A statement with its binds, for whichever database. Diesel keeps none of these prepared, so no
/// secret stays with one.
macro_rules! bound {
    ($backend:ty, $query:expr) => {{
        let query: &audit_core::query::BoundQuery = $query;
        let mut statement = diesel::sql_query(query.text.as_str()).into_boxed::<$backend>();
        for bind in &query.binds {
            statement = match bind {
                audit_core::query::Bind::Bytes(bytes) => {
                    statement.bind::<diesel::sql_types::Binary, _>(crate::row::Secret(bytes))
                }
                audit_core::query::Bind::Integer(number) => {
                    statement.bind::<diesel::sql_types::BigInt, _>(*number)
                }
                audit_core::query::Bind::Text(text) => {
                    statement.bind::<diesel::sql_types::Text, _>(text.as_str())
                }
                _ => statement,
            };
        }
        statement
    }};
}

/// Takes the texts out of rows.
pub(crate) fn texts(rows: Vec<Texts>) -> Rows {
    rows.into_iter().map(|row| row.0).collect()
}
