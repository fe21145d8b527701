//! A call as a statement that Diesel keeps prepared.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Nullable, Text, Untyped};
use diesel::{QueryResult, QueryableByName, RunQueryDsl};

use crate::engine::{Bind, Call};

/// The texts of a row.
#[derive(Debug, QueryableByName)]
pub(crate) struct Read {
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    name: String,
}

impl Read {
    /// Their length.
    pub(crate) fn length(&self) -> usize {
        self.email.len() + self.name.len()
    }
}

/// What a stamp gives that tells.
#[derive(Debug, QueryableByName)]
pub(crate) struct Told {
    #[diesel(sql_type = Text)]
    echo: String,
    #[diesel(sql_type = BigInt)]
    open: i64,
}

impl Told {
    /// Whether it is the answer to this stamp, and no transaction is open.
    pub(crate) fn is_idle(&self, echo: &str) -> bool {
        self.echo == echo && self.open == 0
    }
}

/// Known by its text, as a statement of Diesel's language is whose parts vary.
impl QueryId for Call {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Call {
    type SqlType = Untyped;
}

impl<C> RunQueryDsl<C> for Call {}

impl<DB> QueryFragment<DB> for Call
where
    DB: Backend,
    i64: ToSql<BigInt, DB>,
    String: ToSql<Text, DB>,
    Option<String>: ToSql<Nullable<Text>, DB>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // INVARIANT: no text of a statement holds a placeholder's sign, and their order is that of
        // the binds.
        let mut rest = self.sql;
        for bind in &self.binds {
            let (before, after) = rest.split_once(['$', '?']).unwrap_or((rest, ""));
            pass.push_sql(before);
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
            match bind {
                Bind::Integer(number) => pass.push_bind_param::<BigInt, _>(number)?,
                Bind::Null => pass.push_bind_param::<Nullable<Text>, _>(&None::<String>)?,
                Bind::Text(text) => pass.push_bind_param::<Text, _>(text)?,
            }
        }
        pass.push_sql(rest);
        Ok(())
    }
}
