//! For the adapter of a library that builds its pools and opens its transactions on sqlx by
//! itself. An application needs none of it.

use std::fmt;
use std::sync::Weak;

use audit_adapter::{Attachment, ContextScope};
use sqlx::Pool;
use sqlx::pool::PoolOptions;

use crate::database::AuditDatabase;
#[cfg(feature = "executor")]
pub use crate::executor::{Opened, interrupt};
use crate::{Attach, MigrateError, attachment, migrate};

/// What the hooks of pool options belong to; it becomes known to a pool by [`Unbuilt::built`].
#[derive(Clone)]
#[must_use = "call `built` with the pool"]
pub struct Unbuilt(Weak<Attachment>);

impl fmt::Debug for Unbuilt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Unbuilt").finish_non_exhaustive()
    }
}

impl Unbuilt {
    /// Says which pool was built of the options, once it is.
    pub fn built<DB: AuditDatabase>(self, pool: &Pool<DB>) {
        attachment::remember(pool, self.0);
    }
}

/// The options of a pool that is to be attached, for whoever builds it. `first` are statements that
/// run on a connection after it was opened, before anything else does.
///
/// Open the pool in an empty context: sqlx releases its first connection without a hook.
///
/// # Errors
/// As [`Attach::connect_lazy_with`].
pub fn pool_options<DB: AuditDatabase>(
    attach: Attach<DB>,
    first: Vec<String>,
) -> Result<(PoolOptions<DB>, Unbuilt), sqlx::Error> {
    let (options, attachment) = attach.first(first).hooked()?;
    Ok((options, Unbuilt(attachment)))
}

tokio::task_local! {
    /// Set while a connection is taken to open a transaction on it.
    static BEGINS: ();
}

/// Whether the connection that is being handed out is for a transaction.
#[cfg(feature = "mysql")]
pub(crate) fn begins_here() -> bool {
    BEGINS.try_with(|()| ()).is_ok()
}

/// Runs a future that takes a connection out of the pool and opens a transaction on it, so that
/// the context and, on MySQL, the id of the transaction are put on it at checkout: no round trip
/// more than without. The text that it gives beside the answer has to run first in the
/// transaction: it is the context where that ends with the transaction.
///
/// # Errors
/// `sqlx::Error::Configuration` when the pool was not built by [`attach`](crate::attach) or of
/// [`pool_options`]; then the future did not run.
///
/// # Cancel safety
/// As the future.
pub async fn begin<DB: AuditDatabase, T>(
    pool: &Pool<DB>,
    begin: impl Future<Output = T>,
) -> Result<(T, Option<String>), sqlx::Error> {
    let attachment = attachment::find(pool)?;
    let first = match attachment.scope() {
        ContextScope::Connection => None,
        ContextScope::Transaction => DB::local_statement(&attachment.current_stamp()),
    };
    Ok((BEGINS.scope((), begin).await, first))
}

/// Brings the audit tables to the newest shape and installs nothing: the part of
/// [`migrate()`] that a tool with a list of steps can keep apart.
///
/// # Errors
/// [`MigrateError`]; what had been done by then is rolled back where the database can.
pub async fn tables<DB: AuditDatabase>(pool: &Pool<DB>) -> Result<(), MigrateError> {
    migrate::tables(pool).await
}
