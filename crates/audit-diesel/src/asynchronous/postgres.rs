//! PostgreSQL through tokio-postgres.

use audit_adapter::{Attachment, Rows};
use audit_capture::context::postgres as context;
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel_async::{
    AnsiTransactionManager, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _,
};
use futures_core::future::BoxFuture;

use super::database::sealed::{Capture, Reach};
use super::session::is_in_transaction;
use crate::row;

impl Reach for AsyncPgConnection {
    type Raw = Self;

    fn raw(&mut self) -> &mut Self {
        self
    }
}

impl Capture for AsyncPgConnection {
    const DIALECT: Dialect = Dialect::Postgres;

    fn check_out<'c>(
        &'c mut self,
        _attachment: &'c Attachment,
        stamp: &'c Stamp,
    ) -> BoxFuture<'c, QueryResult<()>> {
        Box::pin(async move {
            // Diesel keeps the transaction of `begin_test_transaction` open.
            let text = match is_in_transaction(self)? {
                true => context::stamp(stamp),
                false => context::stamp_outside_a_transaction(stamp),
            };
            self.batch_execute(&text).await
        })
    }

    fn begin<'c>(
        &'c mut self,
        opening: &'c str,
        _attachment: &'c Attachment,
        stamp: Option<&'c Stamp>,
    ) -> BoxFuture<'c, QueryResult<()>> {
        Box::pin(async move {
            let with_context = stamp.map(|stamp| context::begin_by(opening, stamp));
            let text = with_context.as_deref().unwrap_or(opening);
            AnsiTransactionManager::begin_transaction_sql(self, text).await
        })
    }

    fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, QueryResult<Rows>> {
        Box::pin(async move { bound!(Pg, query).load(self).await.map(row::texts) })
    }
}
