//! SQLite on a thread that may block.

use audit_adapter::{Attachment, Rows};
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use diesel::connection::AnsiTransactionManager;
use diesel::{QueryResult, SqliteConnection};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use futures_core::future::BoxFuture;

use super::database::sealed::Capture;
use crate::blocking;

impl Capture for SyncConnectionWrapper<SqliteConnection> {
    const DIALECT: Dialect = Dialect::Sqlite;

    fn check_out<'c>(
        &'c mut self,
        attachment: &'c Attachment,
        stamp: &'c Stamp,
    ) -> BoxFuture<'c, QueryResult<()>> {
        let (attachment, stamp) = (attachment.clone(), stamp.clone());
        self.spawn_blocking(move |connection| {
            blocking::put_on_idle(connection, &attachment, &stamp)
        })
    }

    fn begin<'c>(
        &'c mut self,
        opening: &'c str,
        attachment: &'c Attachment,
        stamp: &'c Stamp,
    ) -> BoxFuture<'c, QueryResult<()>> {
        let (opening, attachment, stamp) = (opening.to_owned(), attachment.clone(), stamp.clone());
        self.spawn_blocking(move |connection| {
            blocking::put_on_idle(connection, &attachment, &stamp)?;
            AnsiTransactionManager::begin_transaction_sql(connection, &opening)
        })
    }

    fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, QueryResult<Rows>> {
        let query = query.clone();
        self.spawn_blocking(move |connection| blocking::texts(connection, &query))
    }
}
