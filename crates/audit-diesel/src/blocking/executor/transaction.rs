//! Transactions of a connection whose statements carry the context.

use audit_adapter::ContextScope;
use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, TransactionManager, TransactionManagerStatus};
use diesel::result::Error;

use super::super::database::sealed::{Capture as _, Reach};
use super::super::session::depth;
use super::super::transaction::ended;
use super::connection::AuditedConnection;
use crate::executor::TransactionBuilder;
use crate::options::TransactionOptions;

/// Opens and ends the transactions of an [`AuditedConnection`], by Diesel's own way to do it on the
/// connection inside.
#[derive(Debug)]
pub struct AuditedTransactions(());

impl<C: Reach> AuditedConnection<C> {
    /// Builds a transaction with an isolation level or another of
    /// [`TransactionOptions`](crate::TransactionOptions), on any database.
    pub fn build_transaction(&mut self) -> TransactionBuilder<'_, Self> {
        TransactionBuilder::new(self)
    }

    /// Opens a transaction, with options where it is not inside another.
    fn begin(&mut self, options: TransactionOptions) -> QueryResult<()> {
        let raw = self.connection.raw();
        let depth = depth(raw)?;
        let beginning = self.carrying.begin(depth, C::Raw::HAS_TRANSACTION_ID)?;
        if depth > 0 && options == TransactionOptions::new() {
            AnsiTransactionManager::begin_transaction(raw)?;
        } else {
            let opening = options.opening(C::Raw::DIALECT)?;
            let with_context = match beginning.stamp.as_deref() {
                None => None,
                Some(stamp) => {
                    let text = C::Raw::begin_statement(&opening, stamp);
                    if text.is_none() {
                        raw.put_on(stamp, ContextScope::Connection, false)?;
                    }
                    text
                }
            };
            let text = with_context.unwrap_or(opening);
            AnsiTransactionManager::begin_transaction_sql(raw, &text)?;
        }
        self.carrying.begun(beginning);
        Ok(())
    }

    /// Ends the innermost transaction.
    fn end(&mut self, end: fn(&mut C::Raw) -> QueryResult<()>) -> QueryResult<()> {
        let raw = self.connection.raw();
        self.carrying.is_within(depth(raw)?);
        let ended = end(raw);
        // One that is in no state that Diesel uses is not believed anything of.
        self.carrying.ended(depth(raw).unwrap_or_default());
        ended
    }
}

impl<C: Reach> TransactionManager<AuditedConnection<C>> for AuditedTransactions
where
    AuditedConnection<C>: diesel::Connection<TransactionManager = Self>,
{
    type TransactionStateData = AnsiTransactionManager;

    fn begin_transaction(connection: &mut AuditedConnection<C>) -> QueryResult<()> {
        connection.begin(TransactionOptions::new())
    }

    fn rollback_transaction(connection: &mut AuditedConnection<C>) -> QueryResult<()> {
        connection.end(AnsiTransactionManager::rollback_transaction)
    }

    fn commit_transaction(connection: &mut AuditedConnection<C>) -> QueryResult<()> {
        connection.end(AnsiTransactionManager::commit_transaction)
    }

    fn transaction_manager_status_mut(
        connection: &mut AuditedConnection<C>,
    ) -> &mut TransactionManagerStatus {
        AnsiTransactionManager::transaction_manager_status_mut(connection.connection.raw())
    }
}

impl<C: Reach> TransactionBuilder<'_, AuditedConnection<C>>
where
    AuditedConnection<C>: diesel::Connection<TransactionManager = AuditedTransactions>,
{
    /// Runs work in the transaction: it commits when the work is `Ok`, and rolls back when it is not.
    ///
    /// # Errors
    /// As `diesel::Connection::transaction`; `Error::AlreadyInTransaction` inside a transaction of
    /// Diesel's, where options are set; [`UnsupportedOption`](crate::UnsupportedOption) in an
    /// `Error::QueryBuilderError` when the database has no such option.
    pub fn run<T, E>(
        &mut self,
        work: impl FnOnce(&mut AuditedConnection<C>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.connection.begin(self.options)?;
        let (commit, rollback) = (
            AuditedTransactions::commit_transaction,
            AuditedTransactions::rollback_transaction,
        );
        ended(&mut *self.connection, work, commit, rollback)
    }
}

#[cfg(feature = "sqlite")]
impl<C> AuditedConnection<C>
where
    C: Reach<Raw = diesel::SqliteConnection> + diesel::Connection,
{
    /// Runs work in a transaction that takes the lock of writers at once.
    ///
    /// # Errors
    /// As [`TransactionBuilder::run`].
    pub fn immediate_transaction<T, E>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.build_transaction().immediate().run(work)
    }

    /// Runs work in a transaction during which nobody else writes, nor reads without a write-ahead log.
    ///
    /// # Errors
    /// As [`TransactionBuilder::run`].
    pub fn exclusive_transaction<T, E>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.build_transaction().exclusive().run(work)
    }
}
