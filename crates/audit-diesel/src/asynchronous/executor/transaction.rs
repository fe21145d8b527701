//! Transactions of a connection whose statements carry the context.

use diesel::QueryResult;
use diesel::connection::TransactionManagerStatus;
use diesel::result::Error;
use diesel_async::TransactionManager;

use super::super::session::depth;
use super::super::transaction::{AsyncWork, ended};
use super::connection::AuditedAsyncConnection;
use super::run::Run;
use crate::executor::TransactionBuilder;
use crate::options::TransactionOptions;

/// Opens and ends the transactions of an [`AuditedAsyncConnection`], by diesel-async's own way to do it on
/// the connection inside.
#[derive(Debug)]
pub struct AuditedTransactions(());

impl<C: Run> AuditedAsyncConnection<C> {
    /// Builds a transaction with an isolation level or another of
    /// [`TransactionOptions`](crate::TransactionOptions), on any database.
    pub fn build_transaction(&mut self) -> TransactionBuilder<'_, Self> {
        TransactionBuilder::new(self)
    }

    /// Opens a transaction, by this text where one is given.
    pub(super) async fn begin(&mut self, opening: Option<&str>) -> QueryResult<()> {
        self.shared.uninterrupted()?;
        let depth = depth(&mut self.connection)?;
        let carrying = self.shared.carrying();
        let beginning = carrying.begin(depth, C::HAS_TRANSACTION_ID)?;
        let attachment = carrying.attachment()?.clone();
        let connection = &mut self.connection;
        let begin = async {
            if depth > 0 && opening.is_none() {
                return C::TransactionManager::begin_transaction(connection).await;
            }
            let plain = TransactionOptions::new().opening(C::DIALECT)?;
            let opening = opening.unwrap_or(&plain);
            let stamp = beginning.stamp.as_deref();
            connection.begin(opening, &attachment, stamp).await
        };
        self.shared.whole(begin).await?;
        self.shared.carrying().begun(beginning);
        self.shared.is_within(depth.saturating_add(1));
        Ok(())
    }

    /// Ends the innermost transaction.
    async fn end(&mut self, commits: bool) -> QueryResult<()> {
        self.shared.uninterrupted()?;
        let open = depth(&mut self.connection)?;
        self.shared.carrying().is_within(open);
        let connection = &mut self.connection;
        let end = async {
            match commits {
                true => C::TransactionManager::commit_transaction(connection).await,
                false => C::TransactionManager::rollback_transaction(connection).await,
            }
        };
        let ended = self.shared.whole(end).await;
        // One that is in no state that Diesel uses is not believed anything of.
        let open = depth(&mut self.connection).unwrap_or_default();
        self.shared.carrying().ended(open);
        self.shared.is_within(open);
        ended
    }
}

impl<C: Run> TransactionManager<AuditedAsyncConnection<C>> for AuditedTransactions {
    type TransactionStateData =
        <C::TransactionManager as TransactionManager<C>>::TransactionStateData;

    async fn begin_transaction(connection: &mut AuditedAsyncConnection<C>) -> QueryResult<()> {
        connection.begin(None).await
    }

    async fn rollback_transaction(connection: &mut AuditedAsyncConnection<C>) -> QueryResult<()> {
        connection.end(false).await
    }

    async fn commit_transaction(connection: &mut AuditedAsyncConnection<C>) -> QueryResult<()> {
        connection.end(true).await
    }

    fn transaction_manager_status_mut(
        connection: &mut AuditedAsyncConnection<C>,
    ) -> &mut TransactionManagerStatus {
        C::TransactionManager::transaction_manager_status_mut(&mut connection.connection)
    }

    fn is_broken_transaction_manager(connection: &mut AuditedAsyncConnection<C>) -> bool {
        connection.shared.is_interrupted()
            || C::TransactionManager::is_broken_transaction_manager(&mut connection.connection)
    }
}

impl<C: Run> TransactionBuilder<'_, AuditedAsyncConnection<C>> {
    /// Runs work in the transaction: it commits when the work is `Ok`, and rolls back when it is not.
    ///
    /// # Errors
    /// As `AsyncConnection::transaction`; `Error::AlreadyInTransaction` inside a transaction of Diesel's;
    /// [`UnsupportedOption`](crate::UnsupportedOption) in an `Error::QueryBuilderError` when the
    /// database has no such option.
    ///
    /// # Cancel safety
    /// As [`asynchronous::transaction`](crate::asynchronous::transaction).
    pub async fn run<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        for<'c> F: AsyncFnOnce(&'c mut AuditedAsyncConnection<C>) -> Result<T, E>
            + AsyncWork<&'c mut AuditedAsyncConnection<C>, Result<T, E>, Work: Send>
            + Send,
        E: From<Error> + Send,
        T: Send,
    {
        let opening = self.options.opening(C::DIALECT)?;
        self.connection.begin(Some(&opening)).await?;
        ended(&mut *self.connection, work).await
    }
}
