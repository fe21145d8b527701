//! A connection whose statements carry the context.

use std::fmt;
use std::sync::Arc;

use audit_sqlx::AuditedPool;
use sea_orm::{DatabaseConnection, DbErr};

use super::runner::Runner;
use crate::backend::with_pool;
use crate::error::{conn, unsupported};

/// An attached connection through which statements run: each has the context of the task that runs it,
/// also in a transaction that is held while the context changes. Cloning is cheap, and gives the same
/// pool.
///
/// It implements `ConnectionTrait`, `TransactionTrait` and `StreamTrait` of SeaORM, so that
/// `&connection` stands where `&DatabaseConnection` stood.
#[derive(Clone)]
pub struct AuditedConnection {
    connection: DatabaseConnection,
    pool: Arc<dyn Runner>,
}

impl fmt::Debug for AuditedConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuditedConnection")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl AuditedConnection {
    /// Runs statements through a connection that [`attach`](crate::attach) opened.
    ///
    /// The connection may leave the context on at release,
    /// [`clear_at_release(false)`](crate::Attach::clear_at_release), where nothing takes a connection out
    /// of its pool by `try_acquire`.
    ///
    /// # Errors
    /// `sqlx::Error::Configuration` inside a `DbErr::Conn` when the connection was not opened by
    /// [`attach`](crate::attach).
    pub fn new(connection: DatabaseConnection) -> Result<Self, DbErr> {
        let pool: Arc<dyn Runner> = with_pool!(&connection,
            pool => Arc::new(AuditedPool::new(pool.clone()).map_err(conn)?),
            else return Err(conn(unsupported())));
        Ok(Self { connection, pool })
    }

    /// The attached connection itself: what [`migrate`](crate::migrate), [`check`](crate::check),
    /// [`log`](crate::log), migrators and whatever else names SeaORM's own type take. What runs on it has
    /// the context of its checkout.
    #[must_use]
    pub fn as_connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    pub(super) fn runner(&self) -> &dyn Runner {
        &*self.pool
    }
}
