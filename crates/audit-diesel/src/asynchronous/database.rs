//! What each connection of diesel-async does for the audit log; the rest of this module is generic
//! over it.

use std::future::ready;
use std::sync::Arc;

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
pub trait AsyncAuditConnection: sealed::Reach {}

impl<C: sealed::Reach> AsyncAuditConnection for C {}

pub(crate) mod sealed {
    use super::{
        Arc, AsyncConnection, Attachment, BoundQuery, BoxFuture, Dialect, QueryResult, Rows, Stamp,
        ready,
    };

    /// Gets at diesel-async's own connection.
    pub trait Reach: AsyncConnection + 'static {
        /// Its type.
        type Raw: Capture;

        /// The connection, with whatever context is on it.
        fn raw(&mut self) -> &mut Self::Raw;

        /// The connection with the context that work on it has now: that of this task, where
        /// statements bring their own.
        fn current(&mut self) -> BoxFuture<'_, QueryResult<&mut Self::Raw>> {
            Box::pin(ready(Ok(self.raw())))
        }

        /// Opens a transaction that carries a context, by the statement that would open it without.
        fn begin_by<'c>(
            &'c mut self,
            opening: &'c str,
            attachment: &'c Attachment,
        ) -> BoxFuture<'c, QueryResult<()>> {
            let stamp = attachment.current_stamp();
            Box::pin(async move { self.raw().begin(opening, attachment, Some(&stamp)).await })
        }

        /// Tells whose connection it is, and what was put on it.
        fn attached(&mut self, _attachment: &Arc<Attachment>, _stamp: Option<Arc<Stamp>>) {}
    }

    /// The steps that differ between databases.
    pub trait Capture: Reach<Raw = Self> {
        /// The SQL dialect.
        const DIALECT: Dialect;

        /// Puts a context on a connection that comes out of a pool. It fails where somebody left a
        /// transaction open on the connection, which must not be used again then.
        fn check_out<'c>(
            &'c mut self,
            attachment: &'c Attachment,
            stamp: &'c Stamp,
        ) -> BoxFuture<'c, QueryResult<()>>;

        /// Puts a context on a connection that is about to open a transaction, where one is given, and
        /// opens it by the statement that would do so without.
        fn begin<'c>(
            &'c mut self,
            opening: &'c str,
            attachment: &'c Attachment,
            stamp: Option<&'c Stamp>,
        ) -> BoxFuture<'c, QueryResult<()>>;

        /// Runs a statement with binds and gives its rows as texts.
        fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, QueryResult<Rows>>;
    }
}
