//! PostgreSQL: triggers in the schema, context in a setting of the session.

use audit_adapter::{Attachment, Rows};
use audit_capture::context::postgres as context;
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use diesel::connection::SimpleConnection as _;
use diesel::pg::{Pg, PgConnection};
use diesel::{QueryResult, RunQueryDsl as _};

use super::database::sealed::{Capture, Reach};
use super::database::{AuditConnection, Cleared, Expected};
use super::inside::AnyConnection;
use crate::row;
#[cfg(feature = "executor")]
use {
    crate::executor::leaves_the_context, audit_adapter::ContextScope,
    diesel::query_builder::QueryFragment,
};

impl AuditConnection for PgConnection {
    fn inside(&mut self) -> &mut dyn AnyConnection {
        self
    }

    fn dialect() -> Option<Dialect> {
        Some(Self::DIALECT)
    }
}

impl Reach for PgConnection {
    type Raw = Self;

    fn raw(&mut self) -> &mut Self {
        self
    }
}

impl Capture for PgConnection {
    const DIALECT: Dialect = Dialect::Postgres;

    fn check_out(&mut self, _attachment: &Attachment, stamp: &Stamp) -> QueryResult<()> {
        self.batch_execute(&context::stamp(stamp))
    }

    fn check_in(&mut self, expected: Expected) -> QueryResult<Cleared> {
        // Diesel says nothing of the state that the server ends its answer with, so the server
        // refuses the text where a transaction is open.
        self.batch_execute(match expected {
            Expected::NoTransaction => context::CLEAR_OUTSIDE_A_TRANSACTION,
            Expected::TestTransaction => context::CLEAR,
        })?;
        Ok(Cleared::Yes)
    }

    fn begin_statement(opening: &str, stamp: &Stamp) -> Option<String> {
        Some(context::begin_by(opening, stamp))
    }

    #[cfg(feature = "executor")]
    fn put_on(
        &mut self,
        stamp: &Stamp,
        scope: ContextScope,
        _is_in_transaction: bool,
    ) -> QueryResult<()> {
        self.batch_execute(&match scope {
            ContextScope::Connection => context::stamp(stamp),
            ContextScope::Transaction => context::set_local(stamp),
        })
    }

    #[cfg(feature = "executor")]
    fn text_leaves_the_context(text: &str) -> bool {
        context::outlives(text)
    }

    #[cfg(feature = "executor")]
    fn leaves_the_context(statement: &impl QueryFragment<Pg>) -> bool {
        leaves_the_context(statement)
    }

    fn texts(&mut self, query: &BoundQuery) -> QueryResult<Rows> {
        bound!(Pg, query).load(self).map(row::texts)
    }
}
