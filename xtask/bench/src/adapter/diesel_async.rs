//! diesel-async: connections out of a pool of deadpool.

mod database;

use std::sync::Arc;

use anyhow::Result;
use audit_diesel::asynchronous::{self, AsyncAuditConnection};
use deadpool::Runtime;
use deadpool::managed::{self, Hook, HookError, Manager, Metrics, Timeouts};
use diesel::result::ConnectionError;
use diesel::{ConnectionResult, QueryResult};
use diesel_async::methods::{ExecuteDsl, LoadQuery};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolError, RecyclingMethod,
};
use diesel_async::{RunQueryDsl as _, TransactionManager as _};
use futures_util::future::BoxFuture;

use super::diesel::Read;
use super::sqlx::WAIT;
use super::{Client, Opening, Pool};
use crate::caller::STAMP;
use crate::engine::Call;
use crate::variant::Variant;

/// What differs between the connections of diesel-async.
pub(crate) trait Connection: AsyncAuditConnection {
    /// [`Call`], as this connection runs it.
    type Statement: From<Call> + ExecuteDsl<Self> + LoadQuery<'static, Self, Read> + Send + 'static;
    /// diesel-async's own manager.
    type Manager: Manager<Type = Self, Error = PoolError> + From<AsyncDieselConnectionManager<Self>>;

    /// Opens a connection, with what hooks written by hand need when the variant has them.
    fn open(url: &str, _variant: Variant) -> BoxFuture<'_, ConnectionResult<Self>> {
        Box::pin(Self::establish(url))
    }

    /// Puts a stamp on it.
    fn stamp(&mut self, text: String) -> BoxFuture<'_, QueryResult<()>>;

    /// Opens a transaction by hand.
    fn begin_by_hand(&mut self) -> BoxFuture<'_, QueryResult<()>> {
        Box::pin(Self::TransactionManager::begin_transaction(self))
    }
}

struct DieselAsync<C: Connection> {
    pool: managed::Pool<C::Manager>,
    opening: Opening,
}

/// Opens a pool.
pub(crate) fn open<C: Connection>(opening: Opening) -> BoxFuture<'static, Result<Pool>> {
    Box::pin(async move { pool::<C>(opening) })
}

fn pool<C: Connection>(opening: Opening) -> Result<Pool> {
    let (variant, settings) = (opening.variant, opening.settings);
    let mut config = ManagerConfig::<C>::default();
    config.custom_setup = Box::new(move |url| {
        let connection = C::open(url, variant);
        Box::pin(async move {
            let mut connection = connection.await?;
            let set = connection.batch_execute(settings).await;
            set.map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        })
    });
    if variant.has_hand_hooks() {
        config.recycling_method = RecyclingMethod::Fast;
    }
    let manager = match &opening.audit {
        Some(audit) => asynchronous::attach(config, audit).manager(opening.target())?,
        None => AsyncDieselConnectionManager::new_with_config(opening.target(), config),
    };
    let mut builder = managed::Pool::builder(C::Manager::from(manager))
        .max_size(usize::try_from(opening.connections)?)
        .timeouts(Timeouts::wait_millis(u64::try_from(WAIT.as_millis())?))
        .runtime(Runtime::Tokio1);
    if variant.has_hand_hooks() {
        // In the place of the ping; the pool has no hook at release.
        builder = builder
            .post_create(Hook::async_fn(stamp::<C>))
            .post_recycle(Hook::async_fn(stamp::<C>));
    }
    let pool = builder.build()?;
    Ok(Arc::new(DieselAsync::<C> { pool, opening }))
}

/// The hook at checkout.
fn stamp<'c, C: Connection>(
    connection: &'c mut C,
    _metrics: &'c Metrics,
) -> BoxFuture<'c, Result<(), HookError<PoolError>>> {
    let text = STAMP.try_with(Clone::clone).unwrap_or_default();
    let stamped = connection.stamp(text);
    Box::pin(async move {
        let stamped = stamped.await;
        stamped.map_err(|error| HookError::Backend(PoolError::QueryError(error)))
    })
}

async fn execute<C: Connection>(connection: &mut C, call: Call) -> Result<u64> {
    let rows = C::Statement::from(call).execute(connection).await?;
    Ok(u64::try_from(rows)?)
}

async fn execute_all<C: Connection>(connection: &mut C, calls: Vec<Call>) -> Result<()> {
    for call in calls {
        execute(connection, call).await?;
    }
    Ok(())
}

/// Runs statements in one transaction, opened as the variant opens it.
async fn transaction<C: Connection>(
    connection: &mut C,
    opening: &Opening,
    calls: Vec<Call>,
) -> Result<()> {
    if let Some(audit) = &opening.audit {
        let work = async |connection: &mut C| execute_all(connection, calls).await;
        return asynchronous::transaction(connection, audit, work).await;
    }
    if !opening.variant.has_hand_hooks() {
        let work = async |connection: &mut C| execute_all(connection, calls).await;
        return connection.transaction(work).await;
    }
    connection.begin_by_hand().await?;
    execute_all(connection, calls).await?;
    Ok(C::TransactionManager::commit_transaction(connection).await?)
}

impl<C: Connection> Client for DieselAsync<C> {
    fn execute(&self, call: Call) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { execute(&mut *self.pool.get().await?, call).await })
    }

    fn fetch(&self, call: Call) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            let connection = &mut *self.pool.get().await?;
            let row: Read = C::Statement::from(call).get_result(connection).await?;
            Ok(row.length())
        })
    }

    fn transaction(&self, calls: Vec<Call>) -> BoxFuture<'_, Result<()>> {
        Box::pin(
            async move { transaction(&mut *self.pool.get().await?, &self.opening, calls).await },
        )
    }

    fn is_idle(&self) -> bool {
        self.pool.status().available > 0
    }

    fn close(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.pool.close() })
    }
}
