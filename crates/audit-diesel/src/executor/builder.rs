//! Transactions with options, on a connection that knows its context.

use std::fmt;

use crate::options::TransactionOptions;

/// A transaction with an isolation level or another of [`TransactionOptions`], under construction: what
/// `build_transaction` of an executor gives. Its methods are those of Diesel's own builder, which is
/// there for PostgreSQL alone, and those of SQLite.
#[must_use = "call `run`"]
pub struct TransactionBuilder<'c, C> {
    pub(crate) connection: &'c mut C,
    pub(crate) options: TransactionOptions,
}

impl<C> fmt::Debug for TransactionBuilder<'_, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TransactionBuilder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<'c, C> TransactionBuilder<'c, C> {
    pub(crate) fn new(connection: &'c mut C) -> Self {
        Self {
            connection,
            options: TransactionOptions::new(),
        }
    }

    /// As [`TransactionOptions::read_committed`].
    pub fn read_committed(mut self) -> Self {
        self.options = self.options.read_committed();
        self
    }

    /// As [`TransactionOptions::repeatable_read`].
    pub fn repeatable_read(mut self) -> Self {
        self.options = self.options.repeatable_read();
        self
    }

    /// As [`TransactionOptions::serializable`].
    pub fn serializable(mut self) -> Self {
        self.options = self.options.serializable();
        self
    }

    /// As [`TransactionOptions::read_only`].
    pub fn read_only(mut self) -> Self {
        self.options = self.options.read_only();
        self
    }

    /// As [`TransactionOptions::read_write`].
    pub fn read_write(mut self) -> Self {
        self.options = self.options.read_write();
        self
    }

    /// As [`TransactionOptions::deferrable`].
    pub fn deferrable(mut self) -> Self {
        self.options = self.options.deferrable();
        self
    }

    /// As [`TransactionOptions::not_deferrable`].
    pub fn not_deferrable(mut self) -> Self {
        self.options = self.options.not_deferrable();
        self
    }

    /// As [`TransactionOptions::immediate`].
    pub fn immediate(mut self) -> Self {
        self.options = self.options.immediate();
        self
    }

    /// As [`TransactionOptions::exclusive`].
    pub fn exclusive(mut self) -> Self {
        self.options = self.options.exclusive();
        self
    }
}
