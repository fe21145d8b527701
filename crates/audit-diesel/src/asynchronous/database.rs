//! What each connection of diesel-async does for the audit log; the rest of this module is generic
//! over it.

use audit_adapter::{Attachment, Rows};
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use futures_core::future::BoxFuture;

/// A connection that this module can audit: `AsyncPgConnection`, `AsyncMysqlConnection`,
/// `SyncConnectionWrapper<SqliteConnection>`, each behind the feature of its database. One out of a
/// pool is given as `&mut *connection`. It cannot be implemented elsewhere.
pub trait AsyncAuditConnection: sealed::Capture {}

impl<C: sealed::Capture> AsyncAuditConnection for C {}

pub(crate) mod sealed {
    use super::{
        AsyncConnection, Attachment, BoundQuery, BoxFuture, Dialect, QueryResult, Rows, Stamp,
    };

    /// The steps that differ between databases.
    pub trait Capture: AsyncConnection + 'static {
        /// The SQL dialect.
        const DIALECT: Dialect;

        /// Puts a context on a connection that comes out of a pool. It fails where somebody left a
        /// transaction open on the connection, which must not be used again then.
        fn check_out<'c>(
            &'c mut self,
            attachment: &'c Attachment,
            stamp: &'c Stamp,
        ) -> BoxFuture<'c, QueryResult<()>>;

        /// Puts a context on a connection that is about to open a transaction, and opens it by the
        /// statement that would do so without.
        fn begin<'c>(
            &'c mut self,
            opening: &'c str,
            attachment: &'c Attachment,
            stamp: &'c Stamp,
        ) -> BoxFuture<'c, QueryResult<()>>;

        /// Runs a statement with binds and gives its rows as texts.
        fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, QueryResult<Rows>>;
    }
}
