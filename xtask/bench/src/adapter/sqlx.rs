//! sqlx: its own pools.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use sqlx::AssertSqlSafe;
use sqlx::pool::PoolOptions;

use super::{Client, Opening, Pool};
use crate::caller::{Caller, STAMP};
use crate::engine::{Call, Engine};
use crate::variant::Variant;

/// How long a call waits for a connection.
pub(super) const WAIT: Duration = Duration::from_secs(60);

struct Sqlx<DB: Engine> {
    pool: sqlx::Pool<DB>,
    variant: Variant,
}

/// Opens a pool.
pub(super) async fn open<DB: Engine>(opening: Opening) -> Result<Pool> {
    let variant = opening.variant;
    let pool = match &opening.audit {
        Some(audit) => {
            audit_sqlx::attach(options::<DB>(&opening), audit)
                .clear_at_release(variant != Variant::Uncleared)
                .connect_with(DB::options(&opening.url, opening.through)?)
                .await?
        }
        None => plain(&opening).await?,
    };
    Ok(Arc::new(Sqlx { pool, variant }))
}

/// Opens a pool that is not attached.
pub(super) async fn plain<DB: Engine>(opening: &Opening) -> Result<sqlx::Pool<DB>> {
    let variant = opening.variant;
    let options = if variant.has_hand_hooks() {
        with_hand_hooks(options(opening), variant)
    } else {
        options(opening).test_before_acquire(variant != Variant::Unpinged)
    };
    let connect = options.connect_with(DB::options(&opening.url, opening.through)?);
    let pool = STAMP.scope(DB::hand_text(variant, Caller(0)), connect);
    Ok(pool.await?)
}

/// The options of a pool.
pub(crate) fn options<DB: Engine>(opening: &Opening) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(opening.connections)
        .acquire_timeout(WAIT)
}

fn with_hand_hooks<DB: Engine>(options: PoolOptions<DB>, variant: Variant) -> PoolOptions<DB> {
    let stamp = || STAMP.try_with(Clone::clone).unwrap_or_default();
    options
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                DB::hand_prepare(connection, variant).await?;
                DB::hand_stamp(connection, variant, stamp()).await?;
                Ok(())
            })
        })
        .before_acquire(move |connection, _| DB::hand_stamp(connection, variant, stamp()))
        .after_release(move |connection, _| DB::hand_clear(connection, variant))
}

impl<DB: Engine> Client for Sqlx<DB> {
    fn execute(&self, call: Call) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { Ok(DB::execute(&self.pool, call).await?) })
    }

    fn fetch(&self, call: Call) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move { Ok(DB::fetch(&self.pool, call).await?) })
    }

    fn transaction(&self, calls: Vec<Call>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let (pool, variant) = (&self.pool, self.variant);
            let mut transaction = if variant.is_attached() {
                audit_sqlx::begin(pool).await?
            } else if let (true, Some(begin)) = (variant.has_hand_hooks(), DB::hand_begin()) {
                pool.begin_with(AssertSqlSafe(begin)).await?
            } else {
                pool.begin().await?
            };
            for call in calls {
                DB::execute_on(&mut transaction, call).await?;
            }
            transaction.commit().await.context("the commit")
        })
    }

    fn is_idle(&self) -> bool {
        self.pool.num_idle() > 0
    }

    fn close(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.pool.close().await })
    }
}
