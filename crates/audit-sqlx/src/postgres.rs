//! PostgreSQL: triggers in the schema, context in a setting of the session.

#[cfg(feature = "executor")]
use audit_adapter::ContextScope;
use audit_adapter::{Attachment, Rows};
use audit_capture::context::postgres as context;
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use futures_core::future::BoxFuture;
#[cfg(feature = "executor")]
use sqlx::Connection;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, Row, SqlSafeStr};

use crate::database::{Stamped, sealed::Capture};
#[cfg(feature = "executor")]
use crate::session::in_failed_transaction;
use crate::session::set_outside_a_transaction;

impl Capture for Postgres {
    const DIALECT: Dialect = Dialect::Postgres;
    const CONTEXT_IN_TRANSACTION: bool = true;

    async fn check_out(
        connection: &mut PgConnection,
        _attachment: &Attachment,
        stamp: &Stamp,
    ) -> Result<Stamped, sqlx::Error> {
        let text = AssertSqlSafe(context::stamp(stamp)).into_sql_str();
        set_outside_a_transaction::<Self>(connection, text).await
    }

    async fn check_in(connection: &mut PgConnection) -> Result<Stamped, sqlx::Error> {
        set_outside_a_transaction::<Self>(connection, context::CLEAR.into_sql_str()).await
    }

    fn begin_statement(opening: Option<&str>, stamp: Option<&Stamp>) -> Option<String> {
        match (opening, stamp) {
            (None, stamp) => stamp.map(context::begin),
            (Some(opening), None) => Some(opening.to_owned()),
            (Some(opening), Some(stamp)) => Some(context::begin_by(opening, stamp)),
        }
    }

    fn local_statement(stamp: &Stamp) -> Option<String> {
        Some(context::set_local(stamp))
    }

    #[cfg(feature = "executor")]
    async fn put_on(
        connection: &mut PgConnection,
        stamp: &Stamp,
        scope: ContextScope,
        _depth: usize,
    ) -> Result<(), sqlx::Error> {
        let text = match scope {
            ContextScope::Connection => context::stamp(stamp),
            ContextScope::Transaction => context::set_local(stamp),
        };
        match Self::run(connection, &text).await {
            // It may be the answer to a statement that was dropped, which sqlx gives before it sends anything.
            Err(error) if in_failed_transaction(&error) => {
                pass_over_refusals(connection).await?;
                Self::run(connection, &text).await
            }
            put => put,
        }
    }

    #[cfg(feature = "executor")]
    fn keeps_context(statement: &str) -> bool {
        context::outlives(statement)
    }

    #[cfg(feature = "executor")]
    async fn is_outside_a_transaction(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        // Not prepared, so that a transaction of its own begins with it.
        let row = connection.fetch_one(context::IS_OUTSIDE_A_TRANSACTION);
        row.await?.try_get(0)
    }

    #[cfg(feature = "executor")]
    async fn forget_prepared(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        connection.clear_cached_statements().await
    }

    fn run<'c>(
        connection: &'c mut PgConnection,
        text: &'c str,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            // Without binds it is one message, which may hold several statements.
            connection.execute(AssertSqlSafe(text)).await?;
            Ok(())
        })
    }

    fn texts<'c>(
        connection: &'c mut PgConnection,
        query: &'c BoundQuery,
    ) -> BoxFuture<'c, Result<Rows, sqlx::Error>> {
        Box::pin(async move {
            let rows = bound!(query).fetch_all(connection).await?;
            rows.iter().map(texts!()).collect()
        })
    }
}

/// Waits for the answers to all that was sent.
#[cfg(feature = "executor")]
async fn pass_over_refusals(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    while let Err(error) = connection.ping().await {
        if !in_failed_transaction(&error) {
            return Err(error);
        }
    }
    Ok(())
}
