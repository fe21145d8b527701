//! What SeaORM asks of a connection and of a transaction.

use std::fmt::{Debug, Display};
use std::pin::Pin;

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult,
    Statement, StreamTrait, TransactionError, TransactionOptions, TransactionTrait,
};

use super::connection::AuditedConnection;
use super::runner::Rows;
use super::transaction::AuditedTransaction;
use crate::transaction::ended;

/// Expands to the traits of SeaORM for a type that has a `runner`, and to the methods that SeaORM's own
/// types have beside them.
macro_rules! of_sea_orm {
    ($type:ty) => {
        impl $type {
            /// The database, as SeaORM calls it.
            #[must_use]
            pub fn get_database_backend(&self) -> DbBackend {
                self.runner().backend()
            }

            /// Runs work in a transaction: committed when it succeeds, rolled back with all its events
            /// when it fails. An `async` closure may borrow what is around it.
            ///
            /// # Errors
            /// `TransactionError::Transaction` with the error of the work; `TransactionError::Connection`
            /// as `begin`, or when the transaction cannot be ended.
            ///
            /// # Cancel safety
            /// A dropped future leaves no transaction open.
            pub async fn transaction_async<F, T, E>(
                &self,
                work: F,
            ) -> Result<T, TransactionError<E>>
            where
                F: for<'c> AsyncFnOnce(&'c AuditedTransaction) -> Result<T, E>,
            {
                self.transaction_with_config_async(work, None, None).await
            }

            /// Runs work as [`transaction_async`](Self::transaction_async) does, with an isolation level
            /// or access mode.
            ///
            /// # Errors
            /// As [`transaction_async`](Self::transaction_async).
            ///
            /// # Cancel safety
            /// As [`transaction_async`](Self::transaction_async).
            pub async fn transaction_with_config_async<F, T, E>(
                &self,
                work: F,
                isolation_level: Option<IsolationLevel>,
                access_mode: Option<AccessMode>,
            ) -> Result<T, TransactionError<E>>
            where
                F: for<'c> AsyncFnOnce(&'c AuditedTransaction) -> Result<T, E>,
            {
                let begin = self.begin_with_config(isolation_level, access_mode);
                let transaction = begin.await.map_err(TransactionError::Connection)?;
                let result = work(&transaction).await;
                ended(transaction, result).await
            }
        }

        #[async_trait]
        impl ConnectionTrait for $type {
            fn get_database_backend(&self) -> DbBackend {
                self.runner().backend()
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                self.runner().execute(statement).await
            }

            async fn execute_unprepared(&self, text: &str) -> Result<ExecResult, DbErr> {
                self.runner().execute_unprepared(text).await
            }

            async fn query_one_raw(
                &self,
                statement: Statement,
            ) -> Result<Option<QueryResult>, DbErr> {
                self.runner().fetch_optional(statement).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                self.runner().fetch_all(statement).await
            }
        }

        impl StreamTrait for $type {
            type Stream<'a> = Rows<'a>;

            fn get_database_backend(&self) -> DbBackend {
                self.runner().backend()
            }

            fn stream_raw<'a>(
                &'a self,
                statement: Statement,
            ) -> Pin<Box<dyn Future<Output = Result<Rows<'a>, DbErr>> + Send + 'a>> {
                self.runner().stream(statement)
            }
        }

        #[async_trait]
        impl TransactionTrait for $type {
            type Transaction = AuditedTransaction;

            async fn begin(&self) -> Result<AuditedTransaction, DbErr> {
                self.runner().begin(TransactionOptions::default()).await
            }

            async fn begin_with_config(
                &self,
                isolation_level: Option<IsolationLevel>,
                access_mode: Option<AccessMode>,
            ) -> Result<AuditedTransaction, DbErr> {
                let options = TransactionOptions {
                    isolation_level,
                    access_mode,
                    ..Default::default()
                };
                self.runner().begin(options).await
            }

            async fn begin_with_options(
                &self,
                options: TransactionOptions,
            ) -> Result<AuditedTransaction, DbErr> {
                self.runner().begin(options).await
            }

            async fn transaction<F, T, E>(&self, work: F) -> Result<T, TransactionError<E>>
            where
                F: for<'c> FnOnce(
                        &'c AuditedTransaction,
                    )
                        -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
                    + Send,
                T: Send,
                E: Display + Debug + Send,
            {
                self.transaction_with_config(work, None, None).await
            }

            async fn transaction_with_config<F, T, E>(
                &self,
                work: F,
                isolation_level: Option<IsolationLevel>,
                access_mode: Option<AccessMode>,
            ) -> Result<T, TransactionError<E>>
            where
                F: for<'c> FnOnce(
                        &'c AuditedTransaction,
                    )
                        -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
                    + Send,
                T: Send,
                E: Display + Debug + Send,
            {
                let begin = self.begin_with_config(isolation_level, access_mode);
                let transaction = begin.await.map_err(TransactionError::Connection)?;
                let result = work(&transaction).await;
                ended(transaction, result).await
            }
        }
    };
}

of_sea_orm!(AuditedConnection);
of_sea_orm!(AuditedTransaction);
