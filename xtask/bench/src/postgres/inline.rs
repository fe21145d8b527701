//! Pools whose statements write their own events.

use std::sync::Arc;

use anyhow::{Context, Result};
use audit_sqlx::{AuditedPool, InlineOptions};
use futures_util::future::BoxFuture;
use sqlx::{Postgres, Row};

use crate::adapter::{Client, Opening, Pool, options};
use crate::engine::{Call, Engine, bound};

struct Inline(AuditedPool<Postgres>);

/// Opens a pool. Nothing takes a connection past its hook, so that the release has nothing to do.
pub(super) async fn open(opening: Opening) -> Result<Pool> {
    let audit = opening.audit.as_ref().context("rules")?;
    let pool = audit_sqlx::attach(options::<Postgres>(&opening), audit)
        .clear_at_release(false)
        .connect_with(Postgres::options(&opening.url, opening.through)?)
        .await?;
    let pool = AuditedPool::inline(pool, InlineOptions::new()).await?;
    Ok(Arc::new(Inline(pool)))
}

impl Client for Inline {
    fn execute(&self, call: Call) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { Ok(bound!(call).execute(&self.0).await?.rows_affected()) })
    }

    fn fetch(&self, call: Call) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            let row = bound!(call).fetch_one(&self.0).await?;
            let (email, name): (&str, &str) = (row.try_get(1)?, row.try_get(2)?);
            Ok(email.len() + name.len())
        })
    }

    fn transaction(&self, calls: Vec<Call>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let mut transaction = self.0.begin().await?;
            for call in calls {
                bound!(call).execute(&mut *transaction).await?;
            }
            transaction.commit().await.context("the commit")
        })
    }

    fn is_idle(&self) -> bool {
        self.0.as_pool().num_idle() > 0
    }

    fn close(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.0.as_pool().close().await })
    }
}
