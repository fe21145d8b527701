//! A transaction that is open on a connection.

use super::connection::AuditedConnection;
use crate::database::AuditDatabase;

/// A transaction or savepoint that was opened on a connection. It holds no connection, so that several
/// can be open on one that they share: each call is given the connection that it was opened on.
///
/// The innermost ends first. Whoever ends another before it interrupts the connection: nothing of it is
/// committed any more.
#[derive(Debug, Clone, Copy)]
#[must_use = "end it, or start its rollback"]
pub struct Opened {
    /// How often the context on the connection had changed before.
    pub(super) before: u64,
    /// How many are open with it.
    pub(super) depth: usize,
}

impl Opened {
    /// Opens a transaction by `opening` in place of the database's own way, or a savepoint where one is
    /// open.
    ///
    /// # Errors
    /// As [`AuditedConnection::begin`].
    ///
    /// # Cancel safety
    /// As [`AuditedConnection::begin`].
    pub async fn on<DB: AuditDatabase>(
        connection: &mut AuditedConnection<DB>,
        opening: Option<&str>,
    ) -> Result<Self, sqlx::Error> {
        connection.open_transaction(opening).await
    }

    /// Whether it was opened inside another.
    #[must_use]
    pub fn is_savepoint(self) -> bool {
        self.depth > 1
    }

    /// Commits it, or rolls it back. After an error it is still open: start its rollback.
    ///
    /// # Errors
    /// As `sqlx::Transaction::commit`; an [`Interrupted`](super::Interrupted) in `sqlx::Error::Io`, also
    /// where another that was opened inside it has not ended.
    ///
    /// # Cancel safety
    /// When the future was dropped, all of it is committed or none; the connection is interrupted.
    pub async fn end<DB: AuditDatabase>(
        self,
        connection: &mut AuditedConnection<DB>,
        commits: bool,
    ) -> Result<(), sqlx::Error> {
        connection.end_transaction(self, commits).await
    }

    /// Rolls it back before anything else runs on the connection.
    pub fn start_rollback<DB: AuditDatabase>(self, connection: &mut AuditedConnection<DB>) {
        connection.start_rollback(self);
    }
}

/// Refuses every further statement on a connection, and closes it when it is given back: for whoever
/// could not start a rollback on it in time.
pub fn interrupt<DB: AuditDatabase>(connection: &mut AuditedConnection<DB>) {
    connection.interrupt();
}
