//! MySQL and MariaDB: row triggers in the schema, context in user variables of the session.

#[cfg(feature = "executor")]
use audit_adapter::ContextScope;
use audit_adapter::{Attachment, Rows};
use audit_capture::context::mysql as context;
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::{Slot, Stamp};
use diesel::mysql::{Mysql, MysqlConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Nullable};
use diesel::{QueryResult, RunQueryDsl};
use uuid::Uuid;

use super::database::sealed::{Capture, Reach};
use super::database::{AuditConnection, Cleared, Expected};
use super::inside::AnyConnection;
use crate::row;

/// Puts a context on the connection; one that Diesel prepares once.
#[derive(Debug)]
struct PutOn<'s>([Option<&'s [u8]>; Slot::ALL.len()]);

impl<'s> PutOn<'s> {
    fn new(stamp: &'s Stamp) -> Self {
        Self(Slot::ALL.map(|slot| stamp.get(slot).map(str::as_bytes)))
    }
}

impl QueryId for PutOn<'_> {
    type QueryId = PutOn<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<MysqlConnection> for PutOn<'_> {}

impl QueryFragment<Mysql> for PutOn<'_> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        // INVARIANT: a question mark for each slot, in their order.
        let mut parts = context::STAMP_PREPARED.split('?');
        pass.push_sql(parts.next().unwrap_or_default());
        for (value, part) in self.0.iter().zip(parts) {
            pass.push_bind_param::<Nullable<Binary>, _>(value)?;
            pass.push_sql(part);
        }
        Ok(())
    }
}

/// Takes the context off, and says whether a transaction is open; one that Diesel prepares once.
#[derive(Debug, Clone, Copy, QueryId)]
struct TakeOff;

impl Query for TakeOff {
    type SqlType = (BigInt, BigInt);
}

impl RunQueryDsl<MysqlConnection> for TakeOff {}

impl QueryFragment<Mysql> for TakeOff {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        pass.push_sql(context::CLEAR_AND_TELL);
        Ok(())
    }
}

impl AuditConnection for MysqlConnection {
    fn inside(&mut self) -> &mut dyn AnyConnection {
        self
    }

    fn dialect() -> Option<Dialect> {
        Some(Self::DIALECT)
    }
}

impl Reach for MysqlConnection {
    type Raw = Self;

    fn raw(&mut self) -> &mut Self {
        self
    }
}

impl Capture for MysqlConnection {
    const DIALECT: Dialect = Dialect::MySql;

    fn check_out(&mut self, _attachment: &Attachment, stamp: &Stamp) -> QueryResult<()> {
        PutOn::new(stamp).execute(self).map(|_| ())
    }

    fn check_in(&mut self, expected: Expected) -> QueryResult<Cleared> {
        let (open, _): (i64, i64) = TakeOff.get_result(self)?;
        Ok(match (open, expected) {
            (0, _) | (_, Expected::TestTransaction) => Cleared::Yes,
            _ => Cleared::InTransaction,
        })
    }

    fn begin_statement(opening: &str, stamp: &Stamp) -> Option<String> {
        Some(context::stamp_and_begin_by(opening, stamp, Uuid::now_v7()))
    }

    #[cfg(feature = "executor")]
    const HAS_TRANSACTION_ID: bool = true;

    #[cfg(feature = "executor")]
    fn put_on(
        &mut self,
        stamp: &Stamp,
        _scope: ContextScope,
        is_in_transaction: bool,
    ) -> QueryResult<()> {
        match is_in_transaction {
            true => diesel::sql_query(context::replace(Some(stamp))).execute(self),
            // The id of a transaction before this one goes with it.
            false => PutOn::new(stamp).execute(self),
        }
        .map(|_| ())
    }

    fn texts(&mut self, query: &BoundQuery) -> QueryResult<Rows> {
        let statement = bound!(Mysql, query);
        if gives_rows(&query.text) {
            return statement.load(self).map(row::texts);
        }
        // Diesel has no rows of a statement that gives none.
        statement.execute(self).map(|_| Rows::new())
    }
}

/// Whether a statement of ours gives rows.
fn gives_rows(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    !["DELETE", "INSERT", "SET", "UPDATE"].contains(&word)
}
