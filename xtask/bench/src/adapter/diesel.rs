//! Diesel: connections that block, out of a pool of r2d2. Every call runs on a thread that may
//! block, and gives its connection back there.

mod by_hand;
mod database;
mod statement;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use audit_core::{Audit, context};
use audit_diesel::{AttachError, AuditConnection};
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::query_dsl::methods::{ExecuteDsl, LoadQuery};
use diesel::r2d2::{
    self, ConnectionManager, CustomizeConnection, ManageConnection, R2D2Connection,
};
use diesel::result::ConnectionError;
use diesel::{ConnectionResult, QueryResult};
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use self::by_hand::ByHand;
use super::sqlx::WAIT;
use super::{Client, Opening, Pool};
use crate::caller::STAMP;
use crate::engine::Call;
use crate::variant::Variant;

pub(super) use self::statement::{Read, Told};

/// What differs between the connections of Diesel.
pub(crate) trait Connection:
    R2D2Connection<TransactionManager = AnsiTransactionManager> + AuditConnection + 'static
{
    /// [`Call`], as this connection runs it.
    type Statement: From<Call> + ExecuteDsl<Self> + LoadQuery<'static, Self, Read>;
    /// `AuditedManager` around the manager of Diesel.
    type Audited: ManageConnection<Connection = Self, Error = r2d2::Error>;

    /// The manager of an attached pool.
    fn audited(
        manager: ConnectionManager<Self>,
        audit: &Audit,
    ) -> Result<Self::Audited, AttachError>;

    /// Opens a connection that has hooks written by hand.
    fn open_by_hand(url: &str) -> ConnectionResult<Self> {
        Self::establish(url)
    }

    /// What such a connection needs before its first use.
    fn prepare(&mut self, _variant: Variant) -> QueryResult<()> {
        Ok(())
    }

    /// Puts a stamp on it.
    fn stamp(&mut self, text: &str) -> QueryResult<()>;

    /// Opens a transaction by hand.
    fn begin_by_hand(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction(self)
    }

    /// Takes the stamp off; `false` when a transaction was left open.
    fn clear(&mut self) -> QueryResult<bool>;
}

/// Opens a connection that has hooks written by hand.
pub(super) fn open_by_hand<C: Connection>(url: &str, variant: Variant) -> ConnectionResult<C> {
    let mut connection = C::open_by_hand(url)?;
    let prepared = connection.prepare(variant);
    prepared.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Sets a connection up, as the documentation of Diesel shows it.
#[derive(Debug)]
struct Settings(&'static str);

impl<C: Connection> CustomizeConnection<C, r2d2::Error> for Settings {
    fn on_acquire(&self, connection: &mut C) -> Result<(), r2d2::Error> {
        let set = connection.batch_execute(self.0);
        set.map_err(r2d2::Error::QueryError)
    }
}

struct Diesel<M: ManageConnection> {
    pool: r2d2::Pool<M>,
    opening: Arc<Opening>,
}

/// Opens a pool.
pub(crate) fn open<C: Connection>(opening: Opening) -> BoxFuture<'static, Result<Pool>> {
    Box::pin(async move { spawn_blocking(move || pool::<C>(opening)).await? })
}

fn pool<C: Connection>(opening: Opening) -> Result<Pool> {
    let url = opening.target();
    if opening.variant.has_hand_hooks() {
        return over(ByHand::<C>::new(url, opening.variant), opening);
    }
    let manager = ConnectionManager::<C>::new(url);
    match &opening.audit {
        Some(audit) => over(C::audited(manager, audit)?, opening),
        None => over(manager, opening),
    }
}

fn over<M>(manager: M, opening: Opening) -> Result<Pool>
where
    M: ManageConnection<Connection: Connection, Error = r2d2::Error>,
{
    let pool = r2d2::Pool::builder()
        .max_size(opening.connections)
        .connection_timeout(WAIT)
        .connection_customizer(Box::new(Settings(opening.settings)))
        .build(manager)?;
    let opening = Arc::new(opening);
    Ok(Arc::new(Diesel { pool, opening }))
}

impl<M: ManageConnection<Connection: Connection>> Diesel<M> {
    /// Runs work on a connection, on a thread that has the context of this task.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut M::Connection) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let pool = self.pool.clone();
        let work = move || work(&mut *pool.get()?);
        let running = if self.opening.audit.is_some() {
            context::spawn_blocking(work)
        } else if let Ok(stamp) = STAMP.try_with(Clone::clone) {
            spawn_blocking(move || STAMP.sync_scope(stamp, work))
        } else {
            spawn_blocking(work)
        };
        Box::pin(async move { running.await? })
    }
}

fn execute<C: Connection>(connection: &mut C, call: Call) -> Result<u64> {
    let rows = ExecuteDsl::execute(C::Statement::from(call), connection)?;
    Ok(u64::try_from(rows)?)
}

fn execute_all<C: Connection>(connection: &mut C, calls: Vec<Call>) -> Result<()> {
    for call in calls {
        execute(connection, call)?;
    }
    Ok(())
}

/// Runs statements in one transaction, opened as the variant opens it.
fn transaction<C: Connection>(
    connection: &mut C,
    opening: &Opening,
    calls: Vec<Call>,
) -> Result<()> {
    if let Some(audit) = &opening.audit {
        let work = |connection: &mut C| execute_all(connection, calls);
        return audit_diesel::transaction(connection, audit, work);
    }
    if !opening.variant.has_hand_hooks() {
        return connection.transaction(|connection| execute_all(connection, calls));
    }
    connection.begin_by_hand()?;
    execute_all(connection, calls)?;
    Ok(AnsiTransactionManager::commit_transaction(connection)?)
}

impl<M> Client for Diesel<M>
where
    M: ManageConnection<Connection: Connection>,
{
    fn execute(&self, call: Call) -> BoxFuture<'_, Result<u64>> {
        self.run(move |connection| execute(connection, call))
    }

    fn fetch(&self, call: Call) -> BoxFuture<'_, Result<usize>> {
        self.run(move |connection| {
            type Statement<M> = <<M as ManageConnection>::Connection as Connection>::Statement;
            let row = Statement::<M>::from(call).internal_load(connection)?.next();
            Ok(row.context("the row is gone")??.length())
        })
    }

    fn transaction(&self, calls: Vec<Call>) -> BoxFuture<'_, Result<()>> {
        let opening = Arc::clone(&self.opening);
        self.run(move |connection| transaction(connection, &opening, calls))
    }

    fn is_idle(&self) -> bool {
        self.pool.state().idle_connections > 0
    }

    /// A pool of r2d2 is closed when nobody holds it any more.
    fn close(self: Arc<Self>) -> BoxFuture<'static, ()> {
        drop(self);
        Box::pin(std::future::ready(()))
    }
}
