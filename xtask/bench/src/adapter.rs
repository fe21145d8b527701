//! The library through which calls are made, bare and audited alike.

use anyhow::{Context, Result};
use clap::ValueEnum;
use sea_orm::DatabaseConnection;
use sqlx::{AssertSqlSafe, Pool};

use crate::engine::{Call, Engine};
use crate::seaorm;
use crate::variant::Variant;

/// A library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Adapter {
    /// sqlx itself.
    Sqlx,
    /// SeaORM, by its `Statement`.
    Seaorm,
}

impl Adapter {
    /// The name in options and in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlx => "sqlx",
            Self::Seaorm => "seaorm",
        }
    }

    /// Whether a variant can be had through it. What one decision costs is measured on sqlx.
    pub(crate) fn has(self, variant: Variant) -> bool {
        match self {
            Self::Sqlx => true,
            Self::Seaorm => matches!(variant, Variant::Bare | Variant::Audited | Variant::Limit),
        }
    }
}

/// An open pool of a library.
#[derive(Debug)]
pub(crate) enum Client<DB: Engine> {
    Sqlx(Pool<DB>),
    /// The connection of SeaORM, and the pool inside.
    Seaorm(DatabaseConnection, Pool<DB>),
}

impl<DB: Engine> Clone for Client<DB> {
    fn clone(&self) -> Self {
        match self {
            Self::Sqlx(pool) => Self::Sqlx(pool.clone()),
            Self::Seaorm(connection, pool) => Self::Seaorm(connection.clone(), pool.clone()),
        }
    }
}

impl<DB: Engine> Client<DB> {
    /// Runs a statement; gives the number of rows.
    pub(crate) async fn execute(&self, call: Call) -> Result<u64> {
        match self {
            Self::Sqlx(pool) => Ok(DB::execute(pool, call).await?),
            Self::Seaorm(connection, _) => seaorm::execute(connection, call).await,
        }
    }

    /// Reads one row; gives the length of its texts.
    pub(crate) async fn fetch(&self, call: Call) -> Result<usize> {
        match self {
            Self::Sqlx(pool) => Ok(DB::fetch(pool, call).await?),
            Self::Seaorm(connection, _) => seaorm::fetch(connection, call).await,
        }
    }

    /// Runs statements in one transaction, opened as the variant opens it.
    pub(crate) async fn transaction(&self, variant: Variant, calls: Vec<Call>) -> Result<()> {
        let pool = match self {
            Self::Sqlx(pool) => pool,
            Self::Seaorm(connection, _) => {
                return seaorm::transaction::<DB>(connection, variant, calls).await;
            }
        };
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
    }

    /// Whether a connection waits to be used.
    pub(crate) fn is_idle(&self) -> bool {
        self.pool().num_idle() > 0
    }

    /// Closes the pool.
    pub(crate) async fn close(&self) {
        self.pool().close().await;
    }

    fn pool(&self) -> &Pool<DB> {
        match self {
            Self::Sqlx(pool) | Self::Seaorm(_, pool) => pool,
        }
    }
}
