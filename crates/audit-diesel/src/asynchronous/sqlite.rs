//! SQLite on a thread that may block.

use audit_adapter::{Attachment, Rows};
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use diesel::connection::AnsiTransactionManager;
#[cfg(feature = "executor")]
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, SqliteConnection};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use futures_core::future::BoxFuture;

use super::database::sealed::{Capture, Reach};
use crate::blocking;
#[cfg(feature = "executor")]
use {
    super::executor::{Run, runs_alone},
    audit_adapter::ContextScope,
    std::sync::Arc,
};

impl Reach for SyncConnectionWrapper<SqliteConnection> {
    type Raw = Self;

    fn raw(&mut self) -> &mut Self {
        self
    }
}

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
        stamp: Option<&'c Stamp>,
    ) -> BoxFuture<'c, QueryResult<()>> {
        let (opening, attachment, stamp) = (opening.to_owned(), attachment.clone(), stamp.cloned());
        self.spawn_blocking(move |connection| {
            if let Some(stamp) = stamp {
                blocking::put_on_idle(connection, &attachment, &stamp)?;
            }
            AnsiTransactionManager::begin_transaction_sql(connection, &opening)
        })
    }

    fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, QueryResult<Rows>> {
        let query = query.clone();
        self.spawn_blocking(move |connection| blocking::texts(connection, &query))
    }
}

#[cfg(feature = "executor")]
impl Run for SyncConnectionWrapper<SqliteConnection> {
    fn put_on(
        &mut self,
        stamp: Arc<Stamp>,
        _scope: ContextScope,
        _is_in_transaction: bool,
    ) -> BoxFuture<'_, QueryResult<()>> {
        self.spawn_blocking(move |connection| blocking::put_on_held(connection, &stamp))
    }

    runs_alone!(Sqlite);
}
