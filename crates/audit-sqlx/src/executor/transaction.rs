//! A transaction whose statements carry the context.

use std::fmt;
use std::ops::{Deref, DerefMut};

use sqlx::Database;

use super::connection::AuditedConnection;
use super::opened::Opened;
use crate::database::AuditDatabase;

/// A transaction or savepoint of an [`AuditedPool`](crate::AuditedPool) or an [`AuditedConnection`],
/// rolled back when dropped. `&mut *transaction` implements `sqlx::Executor`, as with sqlx's own.
///
/// What triggers of the application's write as it commits, because they were deferred, has the context
/// of the last statement; on PostgreSQL, where a savepoint was rolled back after it, the context from
/// before the savepoint.
pub struct AuditedTransaction<'c, DB: AuditDatabase> {
    connection: Holder<'c, DB>,
    opened: Option<Opened>,
}

/// Whose connection it is.
enum Holder<'c, DB: Database> {
    Lent(&'c mut AuditedConnection<DB>),
    Own(Box<AuditedConnection<DB>>),
}

/// A begin failed, a begin, a commit or a rollback was dropped before it was over, a transaction ended
/// before another inside it, or one was left open on a connection that
/// [`try_acquire`](crate::AuditedPool::try_acquire) took, so that it is not sure which is open: what a
/// `sqlx::Error::Io` of an executor holds.
#[derive(Debug, thiserror::Error)]
#[error(
    "opening or ending a transaction on this connection failed or was dropped half-way: what was not committed is rolled back; take another connection from the pool"
)]
#[non_exhaustive]
pub struct Interrupted;

impl<DB: AuditDatabase> fmt::Debug for AuditedTransaction<'_, DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuditedTransaction")
            .field("is_open", &self.opened.is_some())
            .finish_non_exhaustive()
    }
}

impl<'c, DB: AuditDatabase> AuditedTransaction<'c, DB> {
    /// Opens one on a connection that it keeps.
    pub(super) async fn on(connection: AuditedConnection<DB>) -> Result<Self, sqlx::Error> {
        Self::open(Holder::Own(Box::new(connection))).await
    }

    /// Opens one on a connection that it gives back.
    pub(super) async fn within(
        connection: &'c mut AuditedConnection<DB>,
    ) -> Result<Self, sqlx::Error> {
        Self::open(Holder::Lent(connection)).await
    }

    async fn open(connection: Holder<'c, DB>) -> Result<Self, sqlx::Error> {
        let mut transaction = Self {
            connection,
            opened: None,
        };
        transaction.opened = Some(transaction.open_transaction(None).await?);
        Ok(transaction)
    }

    /// Commits the transaction, or keeps what was done since the savepoint.
    ///
    /// # Errors
    /// As `sqlx::Transaction::commit`; an [`Interrupted`] in `sqlx::Error::Io`, and then it was rolled
    /// back.
    ///
    /// # Cancel safety
    /// When the future was dropped, all of it is committed or none. A connection that the caller
    /// holds fails with [`Interrupted`] from then on.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.end(true).await
    }

    /// Takes back what was done since it began.
    ///
    /// # Errors
    /// As `sqlx::Transaction::rollback`; an [`Interrupted`] in `sqlx::Error::Io`. It is rolled back
    /// all the same.
    ///
    /// # Cancel safety
    /// When the future was dropped it is rolled back. A connection that the caller holds fails with
    /// [`Interrupted`] from then on.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.end(false).await
    }

    async fn end(mut self, commits: bool) -> Result<(), sqlx::Error> {
        if let Some(opened) = self.opened {
            self.end_transaction(opened, commits).await?;
            self.opened = None;
        }
        Ok(())
    }
}

impl<DB: AuditDatabase> Deref for AuditedTransaction<'_, DB> {
    type Target = AuditedConnection<DB>;

    fn deref(&self) -> &Self::Target {
        match &self.connection {
            Holder::Lent(connection) => connection,
            Holder::Own(connection) => connection,
        }
    }
}

impl<DB: AuditDatabase> DerefMut for AuditedTransaction<'_, DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match &mut self.connection {
            Holder::Lent(connection) => connection,
            Holder::Own(connection) => connection,
        }
    }
}

impl<DB: AuditDatabase> Drop for AuditedTransaction<'_, DB> {
    fn drop(&mut self) {
        if let Some(opened) = self.opened {
            self.start_rollback(opened);
        }
    }
}
