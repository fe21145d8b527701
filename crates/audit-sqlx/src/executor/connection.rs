//! A connection whose statements carry the context.

pub(super) mod inline;

use std::future::ready;
use std::sync::Arc;
use std::{fmt, io};

use audit_adapter::{Attachment, Carried, ContextScope};
use audit_capture::inline::PlanCache;
use futures_util::{StreamExt, TryFutureExt};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Database, Execute, Executor, SqlSafeStr, SqlStr};
use sqlx_core::transaction::TransactionManager;

use super::inline::Inline;
use super::opened::Opened;
use super::run::{Answers, Described, FirstRow, Prepared};
use super::statement::Statement;
use super::transaction::{AuditedTransaction, Interrupted};
use crate::database::{AuditDatabase, ConnectionOf, Stamped};
use crate::pool::{check_out, with_stamp};
use crate::session::in_failed_transaction;

/// A connection of an [`AuditedPool`](crate::AuditedPool), given back to it when dropped. Each
/// statement has the context of the task that runs it: where that is another than the one that the
/// connection carries, a round trip puts it on before.
///
/// `&mut connection` implements `sqlx::Executor`, so it stands where `&mut *connection` of sqlx stood.
pub struct AuditedConnection<DB: Database> {
    // INVARIANT: an attachment lives no longer than the options of its pool, so it is dropped first.
    attachment: Arc<Attachment>,
    connection: PoolConnection<DB>,
    /// How its statements are captured, where triggers do not.
    inline: Option<Arc<Inline>>,
    /// What statements of the open transaction become, where that sees other tables than the catalog's.
    plans: Option<Arc<PlanCache>>,
    carried: Carried,
    /// Whether the hook of the checkout ran on it.
    is_checked_out: bool,
    /// How many transactions are open, savepoints included.
    depth: usize,
    /// Whether it is not sure which transaction is open.
    is_interrupted: bool,
}

impl<DB: Database> fmt::Debug for AuditedConnection<DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuditedConnection")
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

impl<DB: AuditDatabase> AuditedConnection<DB> {
    pub(super) fn new(
        attachment: Arc<Attachment>,
        connection: PoolConnection<DB>,
        inline: Option<Arc<Inline>>,
        carried: Carried,
        is_checked_out: bool,
    ) -> Self {
        Self {
            attachment,
            connection,
            inline,
            plans: None,
            carried,
            is_checked_out,
            depth: 0,
            is_interrupted: false,
        }
    }

    /// Opens a transaction, or a savepoint where one is open: `transaction.begin()` nests.
    ///
    /// # Errors
    /// As `sqlx::Connection::begin`; an [`Interrupted`] in `sqlx::Error::Io`. After an error it is as when
    /// the future was dropped: sqlx may have rolled back what is open, or opened what it does not know of.
    ///
    /// # Cancel safety
    /// When the future was dropped, statements on this connection and in the transactions that are
    /// open on it fail with [`Interrupted`]; what was not committed is rolled back.
    pub async fn begin(&mut self) -> Result<AuditedTransaction<'_, DB>, sqlx::Error> {
        AuditedTransaction::within(self).await
    }

    /// Puts the context of this task on the connection and lends it as sqlx's own, for what takes no
    /// executor: [`record`](crate::record()), COPY, advisory locks. What runs on it keeps this
    /// context, whatever the context of the task becomes. Under
    /// [`ContextScope::Transaction`](crate::ContextScope::Transaction) nothing is put on outside of a
    /// transaction. **What runs on it is captured by triggers alone**, also where the pool captures inline.
    ///
    /// # Errors
    /// When the statement that puts the context on fails, as in a transaction of PostgreSQL that has
    /// failed; an [`Interrupted`] in `sqlx::Error::Io`.
    ///
    /// # Cancel safety
    /// A dropped future changed nothing but the context on the connection, which the next statement
    /// puts on anew.
    pub async fn stamped(&mut self) -> Result<&mut ConnectionOf<DB>, sqlx::Error> {
        self.put_context_on().await?;
        self.carried.forget();
        Ok(&mut self.connection)
    }

    /// The connection as sqlx's own, with the context that it carries. Call [`stamp`](crate::stamp) on
    /// it before anything else. One of [`try_acquire`](crate::AuditedPool::try_acquire) on which nothing
    /// ran is as sqlx's `try_acquire` gives it: call [`stamped`](Self::stamped) before.
    pub fn into_inner(self) -> PoolConnection<DB> {
        self.connection
    }

    /// Makes up for the hook of the checkout, where the connection came past it.
    async fn check_out(&mut self) -> Result<(), sqlx::Error> {
        self.uninterrupted()?;
        if self.is_checked_out {
            return Ok(());
        }
        let stamp = self.attachment.current_stamp();
        let check_out = check_out::<DB>(&mut self.connection, &self.attachment);
        if with_stamp(Arc::clone(&stamp), check_out).await? == Stamped::InTransaction {
            self.interrupt();
            return self.uninterrupted();
        }
        self.is_checked_out = true;
        if self.attachment.scope() == ContextScope::Connection {
            self.carried.set(stamp);
        }
        Ok(())
    }

    /// Puts the context of this task on the connection, where it is not there.
    async fn put_context_on(&mut self) -> Result<(), sqlx::Error> {
        self.check_out().await?;
        let scope = self.attachment.scope();
        if scope == ContextScope::Transaction && self.depth == 0 {
            return Ok(());
        }
        let stamp = self.attachment.current_stamp();
        if self.carried.is(&stamp) {
            return Ok(());
        }
        self.carried.forget();
        DB::put_on(&mut self.connection, &stamp, scope, self.depth).await?;
        self.carried.set(stamp);
        Ok(())
    }

    fn uninterrupted(&self) -> Result<(), sqlx::Error> {
        match self.is_interrupted {
            false => Ok(()),
            true => Err(sqlx::Error::Io(io::Error::other(Interrupted))),
        }
    }

    /// The connection, ready for a statement of this task.
    async fn ready_for(
        &mut self,
        keeps_context: bool,
    ) -> Result<&mut ConnectionOf<DB>, sqlx::Error> {
        match self.put_context_on().await {
            // Such a statement may be the one that ends the transaction.
            Err(error) if !keeps_context && in_failed_transaction(&error) => {}
            put => put?,
        }
        if !keeps_context {
            self.carried.forget();
        }
        Ok(&mut self.connection)
    }

    /// Opens a transaction by this text where none is open, or a savepoint.
    pub(super) async fn open_transaction(
        &mut self,
        opening: Option<&str>,
    ) -> Result<Opened, sqlx::Error> {
        self.check_out().await?;
        if let Some(inline) = self.inline.clone() {
            self.refresh(&inline).await?;
        }
        let before = self.carried.changes();
        let is_first = self.depth == 0;
        let of_transaction = (is_first && self.attachment.scope() == ContextScope::Transaction)
            .then(|| self.attachment.current_stamp());
        let statement = is_first
            .then(|| DB::begin_statement(opening, of_transaction.as_deref()))
            .flatten()
            .map(|text| AssertSqlSafe(text).into_sql_str());
        self.is_interrupted = true;
        // On an error sqlx may roll back what is open (PostgreSQL), and a BEGIN may be on its way.
        DB::TransactionManager::begin(&mut self.connection, statement).await?;
        self.is_interrupted = false;
        self.depth += 1;
        if let Some(stamp) = of_transaction {
            self.carried.set(stamp);
        }
        let depth = self.depth;
        Ok(Opened { before, depth })
    }

    /// Commits the innermost transaction, or rolls it back.
    pub(super) async fn end_transaction(
        &mut self,
        opened: Opened,
        commits: bool,
    ) -> Result<(), sqlx::Error> {
        if opened.depth != self.depth {
            self.interrupt();
        }
        self.uninterrupted()?;
        self.is_interrupted = true;
        let ended = match commits {
            true => DB::TransactionManager::commit(&mut self.connection).await,
            false => DB::TransactionManager::rollback(&mut self.connection).await,
        };
        self.is_interrupted = false;
        ended?;
        self.note_end(opened);
        Ok(())
    }

    /// Rolls the innermost transaction back before anything else runs on the connection.
    pub(super) fn start_rollback(&mut self, opened: Opened) {
        if opened.depth != self.depth {
            return self.interrupt();
        }
        self.note_end(opened);
        DB::TransactionManager::start_rollback(&mut self.connection);
    }

    /// Refuses what comes, and closes the connection in the end.
    pub(super) fn interrupt(&mut self) {
        self.is_interrupted = true;
        self.connection.close_on_drop();
    }

    /// Notes that the innermost transaction is over, however that came.
    fn note_end(&mut self, opened: Opened) {
        self.depth = self.depth.saturating_sub(1);
        self.plans = None;
        // What was put on since it began may have gone with it; what came with a begin stays (MySQL).
        let is_left_behind = self.depth == 0 && DB::begin_statement(None, None).is_some();
        if is_left_behind || self.carried.changes() != opened.before {
            self.carried.forget();
        }
    }
}

impl<'c, DB: AuditDatabase> Executor<'c> for &'c mut AuditedConnection<DB> {
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Answers<'e, DB>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let statement = Statement::of(query);
        if let Some(inline) = self.inline.clone() {
            return inline::answers(inline, ready(Ok(self)), statement);
        }
        let keeps_context = DB::keeps_context(statement.text());
        let started = async move {
            let connection = self.ready_for(keeps_context).await?;
            Ok(DB::fetch_many(connection, statement))
        };
        started.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> FirstRow<'e, DB>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let statement = Statement::of(query);
        if let Some(inline) = self.inline.clone() {
            return inline::first_row::<DB>(inline::answers(inline, ready(Ok(self)), statement));
        }
        let keeps_context = DB::keeps_context(statement.text());
        Box::pin(async move {
            let connection = self.ready_for(keeps_context).await?;
            DB::fetch_optional(connection, statement).await
        })
    }

    fn prepare_with<'e>(self, text: SqlStr, parameters: &'e [DB::TypeInfo]) -> Prepared<'e, DB>
    where
        'c: 'e,
    {
        DB::prepare_with(&mut self.connection, text, parameters)
    }

    fn describe<'e>(self, text: SqlStr) -> Described<'e, DB>
    where
        'c: 'e,
    {
        DB::describe(&mut self.connection, text)
    }
}
