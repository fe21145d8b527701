//! MySQL and MariaDB through mysql_async.

use audit_adapter::{Attachment, Rows};
use audit_capture::context::mysql as context;
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::{Slot, Stamp};
use diesel::QueryResult;
use diesel::mysql::Mysql;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::{Error, UnexpectedEndOfRow};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
#[cfg(feature = "executor")]
use diesel_async::SimpleAsyncConnection as _;
use diesel_async::{AnsiTransactionManager, AsyncMysqlConnection, RunQueryDsl as _};
use futures_core::future::BoxFuture;
use uuid::Uuid;

use super::database::sealed::{Capture, Reach};
use super::session::is_in_transaction;
use crate::row;
#[cfg(feature = "executor")]
use {
    super::executor::{Run, runs_alone},
    audit_adapter::ContextScope,
    std::sync::Arc,
};

/// Puts a context on the connection and gives three columns: the echo, whether a transaction is open,
/// and a number that says nothing.
///
/// A future of mysql_async that is dropped leaves the answer to its statement in the stream, where
/// the next statement takes it for its own. The answer to this one cannot be mistaken.
#[derive(Debug)]
struct PutContext<'s> {
    echo: String,
    slots: [Option<&'s [u8]>; Slot::ALL.len()],
}

impl<'s> PutContext<'s> {
    fn new(stamp: &'s Stamp) -> Self {
        Self {
            echo: Uuid::now_v7().simple().to_string(),
            slots: Slot::ALL.map(|slot| stamp.get(slot).map(str::as_bytes)),
        }
    }
}

impl QueryId for PutContext<'_> {
    // Its text is always the same, so that it stays prepared.
    type QueryId = PutContext<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for PutContext<'_> {
    type SqlType = (Text, BigInt, BigInt);
}

impl QueryFragment<Mysql> for PutContext<'_> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        // INVARIANT: a question mark for the echo and for each slot, in their order.
        let mut parts = context::STAMP_AND_ECHO.split('?');
        pass.push_sql(parts.next().unwrap_or_default());
        pass.push_bind_param::<Text, _>(&self.echo)?;
        pass.push_sql(parts.next().unwrap_or_default());
        for (value, part) in self.slots.iter().zip(parts) {
            pass.push_bind_param::<Nullable<Binary>, _>(value)?;
            pass.push_sql(part);
        }
        Ok(())
    }
}

/// The answer was that to another statement.
#[derive(Debug, thiserror::Error)]
#[error("the connection has an answer left of a statement that nobody waited for; close it")]
struct OtherAnswer;

impl Reach for AsyncMysqlConnection {
    type Raw = Self;

    fn raw(&mut self) -> &mut Self {
        self
    }
}

impl Capture for AsyncMysqlConnection {
    const DIALECT: Dialect = Dialect::MySql;

    fn check_out<'c>(
        &'c mut self,
        _attachment: &'c Attachment,
        stamp: &'c Stamp,
    ) -> BoxFuture<'c, QueryResult<()>> {
        Box::pin(async move {
            // Diesel keeps the transaction of `begin_test_transaction` open.
            let is_expected = is_in_transaction(self)?;
            let put = PutContext::new(stamp);
            let echo = put.echo.clone();
            let rows: Vec<(String, i64, i64)> = put.load(self).await?;
            match rows.as_slice() {
                [(answer, open, _)] if *answer == echo => match open {
                    0 => Ok(()),
                    _ if is_expected => Ok(()),
                    _ => Err(Error::AlreadyInTransaction),
                },
                _ => Err(Error::DeserializationError(Box::new(OtherAnswer))),
            }
        })
    }

    fn begin<'c>(
        &'c mut self,
        opening: &'c str,
        _attachment: &'c Attachment,
        stamp: Option<&'c Stamp>,
    ) -> BoxFuture<'c, QueryResult<()>> {
        Box::pin(async move {
            let id = Uuid::now_v7();
            let text = match stamp {
                Some(stamp) => context::stamp_and_begin_by(opening, stamp, id),
                None => context::begin_by(opening, id),
            };
            AnsiTransactionManager::begin_transaction_sql(self, &text).await
        })
    }

    fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, QueryResult<Rows>> {
        Box::pin(async move {
            match bound!(Mysql, query).load(self).await {
                Ok(rows) => Ok(row::texts(rows)),
                // What Diesel says of a statement that has no rows to give.
                Err(Error::DeserializationError(error)) if error.is::<UnexpectedEndOfRow>() => {
                    Ok(Rows::new())
                }
                Err(error) => Err(error),
            }
        })
    }
}

#[cfg(feature = "executor")]
impl Run for AsyncMysqlConnection {
    const HAS_TRANSACTION_ID: bool = true;
    const MIXES_ANSWERS: bool = true;

    fn put_on(
        &mut self,
        stamp: Arc<Stamp>,
        _scope: ContextScope,
        is_in_transaction: bool,
    ) -> BoxFuture<'_, QueryResult<()>> {
        Box::pin(async move {
            let text = match is_in_transaction {
                true => context::replace(Some(&stamp)),
                // The id of a transaction before this one goes with it.
                false => context::stamp(&stamp, None),
            };
            self.batch_execute(&text).await
        })
    }

    runs_alone!(Mysql);
}
