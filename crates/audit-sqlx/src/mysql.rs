//! MySQL and MariaDB: row triggers in the schema, context in user variables of the session.

#[cfg(feature = "executor")]
use audit_adapter::ContextScope;
use audit_adapter::{Attachment, Rows};
use audit_capture::context::mysql as context;
use audit_core::Dialect;
use audit_core::query::{Bind, BoundQuery};
use audit_core::stamp::Stamp;
use futures_core::future::BoxFuture;
use sqlx::{AssertSqlSafe, Executor, MySql, MySqlConnection, Row, SqlSafeStr};
use uuid::Uuid;

use crate::adapter;
use crate::database::{Stamped, sealed::Capture};
use crate::session::set_outside_a_transaction;

impl Capture for MySql {
    const DIALECT: Dialect = Dialect::MySql;

    async fn check_out(
        connection: &mut MySqlConnection,
        _attachment: &Attachment,
        stamp: &Stamp,
    ) -> Result<Stamped, sqlx::Error> {
        let id = adapter::begins_here().then(Uuid::now_v7);
        let text = AssertSqlSafe(context::stamp(stamp, id)).into_sql_str();
        set_outside_a_transaction::<Self>(connection, text).await
    }

    async fn check_in(connection: &mut MySqlConnection) -> Result<Stamped, sqlx::Error> {
        set_outside_a_transaction::<Self>(connection, context::CLEAR.into_sql_str()).await
    }

    fn begin_statement(opening: Option<&str>, _stamp: Option<&Stamp>) -> Option<String> {
        let id = Uuid::now_v7();
        Some(match opening {
            Some(opening) => context::begin_by(opening, id),
            None => context::begin(id),
        })
    }

    #[cfg(feature = "executor")]
    async fn put_on(
        connection: &mut MySqlConnection,
        stamp: &Stamp,
        _scope: ContextScope,
        depth: usize,
    ) -> Result<(), sqlx::Error> {
        let text = match depth {
            // The id of a transaction before this one goes with it.
            0 => context::stamp(stamp, None),
            _ => context::replace(Some(stamp)),
        };
        Self::run(connection, &text).await
    }

    fn run<'c>(
        connection: &'c mut MySqlConnection,
        text: &'c str,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            connection.execute(AssertSqlSafe(text)).await?;
            Ok(())
        })
    }

    fn texts<'c>(
        connection: &'c mut MySqlConnection,
        query: &'c BoundQuery,
    ) -> BoxFuture<'c, Result<Rows, sqlx::Error>> {
        Box::pin(async move {
            let is_secret = |bind: &Bind| matches!(bind, Bind::Bytes(_));
            let rows = if query.binds.iter().any(is_secret) {
                bound!(query).fetch_all(connection).await?
            } else {
                // With nothing to prepare: in the answer to a preparation sqlx loses its place when
                // the future is dropped, https://github.com/launchbadge/sqlx/issues/4393
                let text = context::with_literals(query);
                connection.fetch_all(AssertSqlSafe(text)).await?
            };
            rows.iter().map(texts!()).collect()
        })
    }
}
