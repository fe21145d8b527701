//! Changing rows for audit-store.

use audit_adapter::{Session as _, Until};
use audit_core::log::Rows;
use audit_core::query::BoundQuery;
use audit_core::{Dialect, LogReader, RowWriter};
use sqlx::Connection;

use crate::connection::stamp_until;
use crate::database::AuditDatabase;
use crate::database::sealed::Capture;
use crate::log::LogError;
use crate::session::Session;

/// Changes rows through a connection on which a transaction is open; see [`writer`].
#[derive(Debug)]
pub struct Writer<'c, C>(&'c mut C);

/// What audit-store changes rows through: the connection of a transaction that [`begin`](crate::begin)
/// opened, `writer(&mut *transaction)`. What it did is there when the caller commits.
pub fn writer<C>(connection: &mut C) -> Writer<'_, C>
where
    C: Connection<Database: AuditDatabase>,
{
    Writer(connection)
}

impl<C> LogReader for Writer<'_, C>
where
    C: Connection<Database: AuditDatabase>,
{
    type Error = LogError;

    fn dialect(&self) -> Dialect {
        <C::Database as Capture>::DIALECT
    }

    async fn texts(&mut self, query: &BoundQuery) -> Result<Rows, LogError> {
        let rows = Session::<C::Database>(self.0).texts(query).await;
        rows.map_err(LogError::Database)
    }
}

impl<C> RowWriter for Writer<'_, C>
where
    C: Connection<Database: AuditDatabase>,
{
    async fn stamp(&mut self) -> Result<(), LogError> {
        let stamped = stamp_until(self.0, Until::TransactionEnd).await;
        stamped.map_err(LogError::Database)
    }
}
