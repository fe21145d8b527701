//! A connection that the transactions open on it share.

use std::sync::atomic::{AtomicBool, Ordering};

use audit_sqlx::adapter::{Opened, interrupt};
use audit_sqlx::{AuditDatabase, AuditedConnection};
use futures_util::lock::{Mutex, MutexGuard};

/// The connection of a transaction and of the savepoints in it: SeaORM gives each to its owner.
pub(super) struct Shared<DB: AuditDatabase> {
    connection: Mutex<AuditedConnection<DB>>,
    /// Whether one was dropped while another was using the connection, so that it is open still.
    is_left_open: AtomicBool,
}

impl<DB: AuditDatabase> Shared<DB> {
    pub(super) fn new(connection: AuditedConnection<DB>) -> Self {
        Self {
            connection: Mutex::new(connection),
            is_left_open: AtomicBool::new(false),
        }
    }

    /// Waits until nobody else uses the connection.
    pub(super) async fn lock(&self) -> MutexGuard<'_, AuditedConnection<DB>> {
        let mut connection = self.connection.lock().await;
        if self.is_left_open.load(Ordering::SeqCst) {
            interrupt(&mut *connection);
        }
        connection
    }

    /// Rolls a transaction back that nobody holds any more.
    pub(super) fn start_rollback(&self, opened: Opened) {
        match self.connection.try_lock() {
            Some(mut connection) => opened.start_rollback(&mut *connection),
            None => self.is_left_open.store(true, Ordering::SeqCst),
        }
    }
}

impl<DB: AuditDatabase> Drop for Shared<DB> {
    fn drop(&mut self) {
        if *self.is_left_open.get_mut() {
            interrupt(self.connection.get_mut());
        }
    }
}
