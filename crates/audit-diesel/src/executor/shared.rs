//! What a connection carries on which several statements may be on their way at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use audit_adapter::ContextScope;
use audit_core::stamp::Stamp;
use diesel::QueryResult;
use diesel::result::Error;
use futures_core::future::BoxFuture;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::carrying::Carrying;
use crate::refusal::in_failed_transaction;

/// A begin, a commit or a rollback was dropped before it was over, or on MySQL any statement, so that it
/// is not sure what is open on the connection or what it answers: what an `Error::QueryBuilderError` of
/// an executor holds.
#[derive(Debug, thiserror::Error)]
#[error(
    "work on this connection was dropped half-way, so that it is not sure what is open on it: what was not committed is rolled back; take another connection"
)]
#[non_exhaustive]
pub struct Interrupted;

/// The context of a connection of diesel-async.
#[derive(Debug)]
pub struct Shared {
    // INVARIANT: what is on its way holds it, so that the context is replaced when all has been answered.
    carrying: RwLock<Carrying>,
    is_in_transaction: AtomicBool,
    is_interrupted: AtomicBool,
    /// Whether a statement that is dropped leaves its answer for the next one.
    mixes_answers: bool,
}

/// What a statement holds while it is on its way: with others of the same context, or alone.
#[derive(Debug)]
#[expect(dead_code, reason = "held until it is dropped")]
pub(crate) enum OnItsWay<'s> {
    Alone(RwLockWriteGuard<'s, Carrying>),
    Beside(RwLockReadGuard<'s, Carrying>),
}

impl Shared {
    /// Nothing is known yet.
    pub(crate) fn new(mixes_answers: bool) -> Self {
        Self {
            mixes_answers,
            carrying: RwLock::new(Carrying::new()),
            is_in_transaction: AtomicBool::new(false),
            is_interrupted: AtomicBool::new(false),
        }
    }

    /// What is carried, while nothing is on its way.
    pub(crate) fn carrying(&mut self) -> &mut Carrying {
        self.carrying.get_mut()
    }

    /// Notes whether a transaction is open.
    pub(crate) fn is_within(&mut self, depth: usize) {
        *self.is_in_transaction.get_mut() = depth > 0;
    }

    /// Whether work was dropped half-way.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`Interrupted`].
    pub(crate) fn uninterrupted(&self) -> QueryResult<()> {
        match self.is_interrupted() {
            false => Ok(()),
            true => Err(Error::QueryBuilderError(Box::new(Interrupted))),
        }
    }

    /// Does work that leaves the connection in an unknown state when it is dropped before it is over.
    pub(crate) async fn whole<F: Future>(&self, work: F) -> F::Output {
        self.is_interrupted.store(true, Ordering::Relaxed);
        let done = work.await;
        self.is_interrupted.store(false, Ordering::Relaxed);
        done
    }

    /// Does the work of a statement.
    pub(crate) async fn statement<F: Future>(&self, work: F) -> F::Output {
        match self.mixes_answers {
            true => self.whole(work).await,
            false => work.await,
        }
    }

    /// Sees to it that the context of this task is on the connection until the statement has been
    /// answered; `put_on` puts it there, with whether a transaction is open. `leaves_the_context` is
    /// whether it is sure to be there after the statement.
    ///
    /// # Errors
    /// [`Interrupted`], [`NotAttached`](super::NotAttached), and those of `put_on`.
    pub(crate) async fn ready<'c>(
        &self,
        leaves_the_context: bool,
        put_on: impl FnOnce(Arc<Stamp>, ContextScope, bool) -> BoxFuture<'c, QueryResult<()>>,
    ) -> QueryResult<OnItsWay<'_>> {
        let is_in_transaction = self.is_in_transaction.load(Ordering::Relaxed);
        if leaves_the_context {
            let carrying = self.carrying.read().await;
            self.uninterrupted()?;
            if carrying.wanted(is_in_transaction)?.is_none() {
                return Ok(OnItsWay::Beside(carrying));
            }
        }
        let mut carrying = self.carrying.write().await;
        self.uninterrupted()?;
        if let Some(stamp) = carrying.wanted(is_in_transaction)? {
            let scope = carrying.attachment()?.scope();
            carrying.forget();
            let put = put_on(Arc::clone(&stamp), scope, is_in_transaction);
            match self.statement(put).await {
                Ok(()) => carrying.set(stamp),
                // Such a statement may be the one that ends the transaction.
                Err(error) if !leaves_the_context && in_failed_transaction(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if leaves_the_context {
            return Ok(OnItsWay::Beside(carrying.downgrade()));
        }
        carrying.forget();
        Ok(OnItsWay::Alone(carrying))
    }
}
