//! Events of a lane, written through a pool.

use std::sync::Arc;

use audit_adapter::Attachment;
use audit_core::lane::WriteError;
use audit_core::stamp::Stamp;
use audit_core::{AuditContext, EventSink, QueuedEvent};
use sqlx::{Database, Pool};

use crate::attachment;
use crate::database::AuditDatabase;
use crate::held::Held;
use crate::session::Session;

/// Writes events of a lane through a pool; see [`event_sink`].
#[derive(Debug, Clone)]
pub struct PoolSink<DB: Database> {
    // INVARIANT: it goes before the pool by whose address it is found.
    attachment: Arc<Attachment>,
    pool: Pool<DB>,
}

/// What a lane writes its events through: it holds one connection of the pool while it writes. Give it
/// a pool of its own where the application uses all of its connections.
///
/// # Errors
/// `sqlx::Error::Configuration` when the pool was not built by [`attach`](crate::attach).
pub fn event_sink<DB: AuditDatabase>(pool: &Pool<DB>) -> Result<PoolSink<DB>, sqlx::Error> {
    Ok(PoolSink {
        attachment: attachment::find(pool)?,
        pool: pool.clone(),
    })
}

impl<DB: AuditDatabase> EventSink for PoolSink<DB> {
    type Error = sqlx::Error;

    fn stamp(&self) -> Arc<Stamp> {
        self.attachment.current_stamp()
    }

    async fn write(&self, events: &[QueuedEvent]) -> Result<(), WriteError<sqlx::Error>> {
        // Each event brings its context; that of the connection says nothing.
        let connection = AuditContext::new().scope(Held::acquire(&self.pool)).await;
        let mut connection = connection.map_err(WriteError::Unavailable)?;
        audit_adapter::write_queued(&mut Session::<DB>(&mut connection), events).await?;
        connection.give_back();
        Ok(())
    }
}
