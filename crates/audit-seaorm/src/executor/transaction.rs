//! A transaction whose statements carry the context.

use std::fmt;
use std::sync::Arc;

use audit_sqlx::AuditedConnection;
use audit_sqlx::adapter::Opened;
use futures_util::lock::MutexGuard;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{DbErr, TransactionOptions, TransactionSession};

use super::driver::Driver;
use super::options::{opening, settings};
use super::runner::{Runner, Source};
use super::shared::Shared;
use crate::error::query;

/// A transaction or savepoint of an [`AuditedConnection`](crate::AuditedConnection), rolled back when
/// dropped: it stands where `DatabaseTransaction` of SeaORM stood, and `begin` on it nests.
///
/// Statements on one connection wait for each other, so a stream that is still read holds up all others
/// of the transaction, as with SeaORM. The innermost of nested transactions ends first: once another
/// ended before it, or it was dropped while another was reading a stream, statements fail with
/// [`Interrupted`](crate::Interrupted) and nothing is committed.
pub struct AuditedTransaction(Box<dyn Session>);

impl fmt::Debug for AuditedTransaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuditedTransaction")
            .field("backend", &self.0.backend())
            .finish_non_exhaustive()
    }
}

impl AuditedTransaction {
    pub(super) fn new<DB: Driver>(transaction: Open<DB>) -> Self {
        Self(Box::new(transaction))
    }

    pub(super) fn runner(&self) -> &dyn Runner {
        &*self.0
    }

    /// Commits the transaction, or keeps what was done since the savepoint.
    ///
    /// # Errors
    /// As `DatabaseTransaction::commit` of SeaORM; an [`Interrupted`](crate::Interrupted) in
    /// `sqlx::Error::Io`, and then it was rolled back.
    ///
    /// # Cancel safety
    /// When the future was dropped, all of it is committed or none. The transaction around a savepoint
    /// fails with [`Interrupted`](crate::Interrupted) from then on.
    pub async fn commit(mut self) -> Result<(), DbErr> {
        self.0.end(true).await
    }

    /// Takes back what was done since it began.
    ///
    /// # Errors
    /// As `DatabaseTransaction::rollback` of SeaORM; an [`Interrupted`](crate::Interrupted) in
    /// `sqlx::Error::Io`. It is rolled back all the same.
    ///
    /// # Cancel safety
    /// When the future was dropped it is rolled back. The transaction around a savepoint fails with
    /// [`Interrupted`](crate::Interrupted) from then on.
    pub async fn rollback(mut self) -> Result<(), DbErr> {
        self.0.end(false).await
    }
}

#[async_trait]
impl TransactionSession for AuditedTransaction {
    async fn commit(self) -> Result<(), DbErr> {
        self.commit().await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        self.rollback().await
    }
}

/// What can end, whichever database it is of.
#[async_trait]
trait Session: Runner {
    /// Commits it, or rolls it back.
    async fn end(&mut self, commits: bool) -> Result<(), DbErr>;
}

/// A transaction that is open.
pub(super) struct Open<DB: Driver> {
    shared: Arc<Shared<DB>>,
    opened: Option<Opened>,
}

impl<DB: Driver> Open<DB> {
    /// Opens one on a connection, inside of those that are open on it.
    pub(super) async fn on(
        shared: Arc<Shared<DB>>,
        options: &TransactionOptions,
    ) -> Result<Self, DbErr> {
        let opening = opening(DB::BACKEND, options);
        let opened = Opened::on(&mut *shared.lock().await, opening.as_deref()).await;
        let opened = opened.map_err(query)?;
        let transaction = Self {
            shared,
            opened: Some(opened),
        };
        if opened.is_savepoint()
            && let Some(settings) = settings(DB::BACKEND, options)
        {
            transaction.execute_unprepared(&settings).await?;
        }
        Ok(transaction)
    }
}

#[async_trait]
impl<DB: Driver> Source for Open<DB> {
    type Database = DB;
    type Lent<'s> = MutexGuard<'s, AuditedConnection<DB>>;

    async fn connection(&self) -> Result<Self::Lent<'_>, DbErr> {
        Ok(self.shared.lock().await)
    }

    async fn shared(&self) -> Result<Arc<Shared<DB>>, DbErr> {
        Ok(Arc::clone(&self.shared))
    }
}

#[async_trait]
impl<DB: Driver> Session for Open<DB> {
    async fn end(&mut self, commits: bool) -> Result<(), DbErr> {
        if let Some(opened) = self.opened {
            let connection = &mut *self.shared.lock().await;
            opened.end(connection, commits).await.map_err(query)?;
            self.opened = None;
        }
        Ok(())
    }
}

impl<DB: Driver> Drop for Open<DB> {
    fn drop(&mut self) {
        if let Some(opened) = self.opened {
            self.shared.start_rollback(opened);
        }
    }
}
