//! Statements of SeaORM, on whatever gives a connection for each.

use std::ops::DerefMut;
use std::sync::Arc;

use async_stream::try_stream;
use audit_sqlx::AuditedPool;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{DbBackend, DbErr, ExecResult, QueryResult, Statement, TransactionOptions};
use sqlx::{AssertSqlSafe, Executor as _};

use super::driver::Driver;
use super::shared::Shared;
use super::transaction::{AuditedTransaction, Open};
use crate::error::{acquire, exec, query};

/// Rows of a statement, as they come.
pub(super) type Rows<'a> = BoxStream<'a, Result<QueryResult, DbErr>>;

/// What runs the statements of SeaORM, whichever database it is of.
#[async_trait]
pub(super) trait Runner: Send + Sync {
    fn backend(&self) -> DbBackend;

    async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr>;

    async fn execute_unprepared(&self, text: &str) -> Result<ExecResult, DbErr>;

    async fn fetch_optional(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr>;

    async fn fetch_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr>;

    async fn stream(&self, statement: Statement) -> Result<Rows<'_>, DbErr>;

    async fn begin(&self, options: TransactionOptions) -> Result<AuditedTransaction, DbErr>;
}

/// Where a statement gets its connection.
#[async_trait]
pub(super) trait Source: Send + Sync {
    type Database: Driver;

    /// A connection for one statement.
    type Lent<'s>: DerefMut<Target = audit_sqlx::AuditedConnection<Self::Database>> + Send
    where
        Self: 's;

    async fn connection(&self) -> Result<Self::Lent<'_>, DbErr>;

    /// A connection for a transaction.
    async fn shared(&self) -> Result<Arc<Shared<Self::Database>>, DbErr>;
}

#[async_trait]
impl<DB: Driver> Source for AuditedPool<DB> {
    type Database = DB;
    type Lent<'s> = Box<audit_sqlx::AuditedConnection<DB>>;

    async fn connection(&self) -> Result<Self::Lent<'_>, DbErr> {
        self.acquire().await.map(Box::new).map_err(acquire)
    }

    async fn shared(&self) -> Result<Arc<Shared<DB>>, DbErr> {
        let connection = self.acquire().await.map_err(acquire)?;
        Ok(Arc::new(Shared::new(connection)))
    }
}

#[async_trait]
impl<S: Source> Runner for S {
    fn backend(&self) -> DbBackend {
        S::Database::BACKEND
    }

    async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let connection = &mut *self.connection().await?;
        let done = connection.execute(S::Database::statement(statement)).await;
        done.map(Into::into).map_err(exec)
    }

    async fn execute_unprepared(&self, text: &str) -> Result<ExecResult, DbErr> {
        let connection = &mut *self.connection().await?;
        let done = connection.execute(AssertSqlSafe(text.to_owned())).await;
        done.map(Into::into).map_err(exec)
    }

    async fn fetch_optional(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let connection = &mut *self.connection().await?;
        let row = connection.fetch_optional(S::Database::statement(statement));
        row.await.map(|row| row.map(Into::into)).map_err(query)
    }

    async fn fetch_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let connection = &mut *self.connection().await?;
        let rows = connection.fetch_all(S::Database::statement(statement));
        let rows = rows.await.map_err(query)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    async fn stream(&self, statement: Statement) -> Result<Rows<'_>, DbErr> {
        let mut connection = self.connection().await?;
        Ok(Box::pin(try_stream! {
            let mut rows = connection.fetch(S::Database::statement(statement));
            while let Some(row) = rows.try_next().await.map_err(query)? {
                yield row.into();
            }
        }))
    }

    async fn begin(&self, options: TransactionOptions) -> Result<AuditedTransaction, DbErr> {
        let transaction = Open::on(self.shared().await?, &options).await?;
        Ok(AuditedTransaction::new(transaction))
    }
}
