//! The connection of one database, whichever it is: what this crate does with it.

use std::sync::Arc;

use audit_adapter::{
    self as adapter, Attachment, Probe, Report, Rows, Stamping, Until, prepare,
    remove_from_connection,
};
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use audit_core::{Audit, Dialect, ManualEvent, context};
use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, TransactionManager as _};

use super::check::{CheckError, checked, install};
use super::connection::{AttachError, knows_functions};
use super::database::sealed::{Capture as _, Reach};
use super::database::{Cleared, Expected};
use super::migrate::{MigrateError, migrated};
use super::record::RecordError;
use super::session::{Session, finish, is_in_transaction, unreadable};

/// One of the connections that this crate can audit, whichever is inside of an
/// [`AuditConnection`](crate::AuditConnection). It cannot be implemented elsewhere.
pub trait AnyConnection: sealed::Steps {}

impl<C: Reach> AnyConnection for C {}

pub(super) mod sealed {
    use super::{
        Arc, AttachError, Attachment, Audit, BoundQuery, CheckError, Cleared, Dialect, ManualEvent,
        MigrateError, Probe, QueryResult, RecordError, Report, Rows, Stamp, Until,
    };

    /// What is done with a connection whose type is not known.
    pub trait Steps: Send {
        /// The SQL dialect.
        fn dialect_inside(&self) -> Dialect;

        /// Refuses a connection that cannot be attached.
        fn attachable(&mut self) -> Result<(), AttachError>;

        /// Makes the connection ready.
        fn prepare(&mut self, attachment: &Attachment) -> QueryResult<()>;

        /// Tells a connection that was made ready whose it is, and puts a context on it, where one is to
        /// stay there.
        fn hand_out(
            &mut self,
            attachment: &Arc<Attachment>,
            stamp: Option<Arc<Stamp>>,
        ) -> QueryResult<()>;

        /// Where the connection is in memory, unless its statements bring their context.
        #[cfg(feature = "deadpool-diesel")]
        fn place(&mut self) -> Option<usize>;

        /// Takes the context off.
        ///
        /// # Errors
        /// When the database fails, or a transaction is open that Diesel knows nothing of (PostgreSQL).
        fn clear(&mut self) -> QueryResult<Cleared>;

        /// Puts the context of this thread on a connection that is held.
        fn stamp_until(&mut self, until: Until) -> QueryResult<()>;

        /// Whether Diesel has opened a transaction on it.
        fn is_inside_a_transaction(&mut self) -> QueryResult<bool>;

        /// Opens a transaction by a statement that carries a context, where the database has such.
        fn begin_by(
            &mut self,
            opening: String,
            attachment: &Attachment,
            stamp: &Stamp,
        ) -> QueryResult<()>;

        /// Opens a savepoint.
        fn begin_savepoint(&mut self) -> QueryResult<()>;

        /// Commits the innermost transaction.
        fn commit(&mut self) -> QueryResult<()>;

        /// Rolls the innermost transaction back.
        fn rollback(&mut self) -> QueryResult<()>;

        /// Runs a statement with binds, whatever the context, and gives its rows as texts.
        fn rows(&mut self, query: &BoundQuery) -> QueryResult<Rows>;

        /// Records an event of the application's own.
        fn record(&mut self, event: ManualEvent) -> Result<(), RecordError>;

        /// Brings the audit tables and the triggers to where the rules want them.
        fn migrate(&mut self, audit: &Audit) -> Result<Report, MigrateError>;

        /// Compares the triggers with the rules and proves them.
        fn check(&mut self, audit: &Audit) -> Result<Report, CheckError>;

        /// The same of a connection that was taken out of a pool in the context of the probe.
        fn check_taken(&mut self, audit: &Audit, probe: &Probe) -> Result<Report, CheckError>;

        /// Makes the triggers those that the rules ask for.
        fn install(&mut self, audit: &Audit) -> Result<(), CheckError>;

        /// Takes the triggers off, where they are on the connection.
        fn take_triggers_off(&mut self) -> QueryResult<()>;
    }
}

impl<C: Reach> sealed::Steps for C {
    fn dialect_inside(&self) -> Dialect {
        C::Raw::DIALECT
    }

    fn attachable(&mut self) -> Result<(), AttachError> {
        finish(knows_functions(&mut Session(self.raw())))
    }

    fn prepare(&mut self, attachment: &Attachment) -> QueryResult<()> {
        finish(prepare(&mut Session(self.raw()), attachment)).map_err(unreadable)
    }

    fn hand_out(
        &mut self,
        attachment: &Arc<Attachment>,
        stamp: Option<Arc<Stamp>>,
    ) -> QueryResult<()> {
        if let Some(stamp) = &stamp {
            self.raw().check_out(attachment, stamp)?;
        }
        self.attached(attachment, stamp);
        outdate(self);
        Ok(())
    }

    #[cfg(feature = "deadpool-diesel")]
    fn place(&mut self) -> Option<usize> {
        (!C::BRINGS_CONTEXT).then(|| std::ptr::from_mut(self.raw()).addr())
    }

    fn clear(&mut self) -> QueryResult<Cleared> {
        let connection = self.raw();
        let expected = match is_in_transaction(connection)? {
            true => Expected::TestTransaction,
            false => Expected::NoTransaction,
        };
        connection.check_in(expected)
    }

    fn stamp_until(&mut self, until: Until) -> QueryResult<()> {
        outdate(self);
        let current = context::current().map(|context| context.stamp(None, None));
        let session = &mut Session(self.raw());
        finish(adapter::stamp(session, current.as_deref(), until))
    }

    fn is_inside_a_transaction(&mut self) -> QueryResult<bool> {
        is_in_transaction(self.raw())
    }

    fn begin_by(
        &mut self,
        opening: String,
        attachment: &Attachment,
        stamp: &Stamp,
    ) -> QueryResult<()> {
        outdate(self);
        let connection = self.raw();
        let with_context = C::Raw::begin_statement(&opening, stamp);
        if with_context.is_none() {
            connection.check_out(attachment, stamp)?;
        }
        let statement = with_context.unwrap_or(opening);
        AnsiTransactionManager::begin_transaction_sql(connection, &statement)
    }

    fn begin_savepoint(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction(self.raw())
    }

    fn commit(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::commit_transaction(self.raw())
    }

    fn rollback(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::rollback_transaction(self.raw())
    }

    fn rows(&mut self, query: &BoundQuery) -> QueryResult<Rows> {
        self.raw().texts(query)
    }

    fn record(&mut self, event: ManualEvent) -> Result<(), RecordError> {
        let connection = self.current().map_err(RecordError::Database)?;
        finish(adapter::record(&mut Session(connection), event))
    }

    fn migrate(&mut self, audit: &Audit) -> Result<Report, MigrateError> {
        migrated(self.raw(), audit)
    }

    fn check(&mut self, audit: &Audit) -> Result<Report, CheckError> {
        checked(self.raw(), audit)
    }

    fn check_taken(&mut self, audit: &Audit, probe: &Probe) -> Result<Report, CheckError> {
        let session = &mut Session(self.raw());
        finish(adapter::examine(session, audit, probe, &Stamping::Checkout))
    }

    fn install(&mut self, audit: &Audit) -> Result<(), CheckError> {
        install(self.raw(), audit)
    }

    fn take_triggers_off(&mut self) -> QueryResult<()> {
        finish(remove_from_connection(&mut Session(self.raw()))).map_err(unreadable)
    }
}

/// Notes that a connection may have another context than that of its checkout.
#[cfg(feature = "deadpool-diesel")]
fn outdate<C: Reach>(connection: &mut C) {
    if let Some(place) = sealed::Steps::place(connection) {
        crate::deadpool::outdate(place);
    }
}

/// Other pools need no such note: they take the context off.
#[cfg(not(feature = "deadpool-diesel"))]
fn outdate<C: Reach>(_: &mut C) {}
