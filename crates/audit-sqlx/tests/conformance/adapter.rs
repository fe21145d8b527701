//! A pool of sqlx as the conformance suite sees it.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use audit_core::query::LogQuery;
use audit_core::{Audit, AuditContext, Event, ManualEvent};
use audit_sqlx::{CaptureError, Finding, RecordError};
use audit_testkit::{ALL_KINDS, Adapter, End, Failure, Step, cut_after, sabotage};
use sqlx::{AssertSqlSafe, Executor};

/// A pool of sqlx, attached as a user would attach it.
pub(crate) struct Sqlx<DB: sqlx::Database> {
    pub(crate) pool: sqlx::Pool<DB>,
}

pub(crate) fn failure(error: &sqlx::Error) -> Failure {
    let capture = CaptureError::of(error).map(|capture| {
        let name = format!("{capture:?}");
        name.split('(').next().unwrap_or_default().to_owned()
    });
    let capture = refusal(error).or(capture);
    Failure {
        message: error.to_string(),
        capture,
    }
}

#[cfg(feature = "executor")]
fn refusal(error: &sqlx::Error) -> Option<String> {
    let is_refusal = matches!(
        audit_sqlx::InlineRefusal::of(error),
        Some(audit_sqlx::InlineRefusal::Uncapturable(_))
    );
    is_refusal.then(|| audit_testkit::REFUSAL.to_owned())
}

#[cfg(not(feature = "executor"))]
fn refusal(_: &sqlx::Error) -> Option<String> {
    None
}

pub(crate) fn record_failure(error: &RecordError) -> Failure {
    match error {
        RecordError::Database(error) => failure(error),
        other => Failure {
            message: other.to_string(),
            capture: None,
        },
    }
}

/// Expands to the adapter of one database: sqlx's result types have no trait in common.
macro_rules! adapter {
    ($database:ty, $options:ty, $broken:expr) => {
        impl Adapter for Sqlx<$database> {
            const SEEDS: std::ops::RangeInclusive<u64> = 1..=ALL_KINDS;

            async fn attach(url: &str, audit: &Audit, connections: u32) -> Self {
                let options = <$options>::new().max_connections(connections);
                let first = Arc::new(OnceLock::new());
                let attach = audit_sqlx::attach(options, audit)
                    .after_connect(|connection, _| $broken(connection))
                    .before_acquire(move |connection, _| {
                        let first = Arc::clone(&first);
                        Box::pin(async move {
                            $broken(connection).await?;
                            if let Some(context) = sabotage::kept_context(&first) {
                                context.scope(audit_sqlx::stamp(connection)).await?;
                            }
                            Ok(true)
                        })
                    });
                Self {
                    pool: attach.connect(url).await.unwrap(),
                }
            }

            async fn migrate(&self, audit: &Audit) -> Vec<String> {
                let report = audit_sqlx::migrate(&self.pool, audit).await.unwrap();
                let gaps = report.findings().iter().filter(|finding| finding.is_gap());
                gaps.map(Finding::to_string).collect()
            }

            async fn check(&self) -> Vec<String> {
                let report = audit_sqlx::check(&self.pool).await.unwrap();
                report.findings().iter().map(Finding::to_string).collect()
            }

            async fn execute(&self, sql: &str) -> Result<u64, Failure> {
                let result = sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await;
                let done = result.map_err(|error| failure(&error))?;
                Ok(done.rows_affected())
            }

            async fn transaction(&self, statements: &[&str], end: End) -> Result<(), Failure> {
                let work = async {
                    let mut transaction = audit_sqlx::begin(&self.pool).await?;
                    for sql in statements {
                        transaction.execute(AssertSqlSafe(*sql)).await?;
                    }
                    match end {
                        End::Commit => transaction.commit().await,
                        End::Rollback => transaction.rollback().await,
                    }
                };
                work.await.map_err(|error| failure(&error))
            }

            async fn held(&self, statements: &[&str]) -> Result<(), Failure> {
                let work = async {
                    let mut connection = self.pool.acquire().await?;
                    for sql in statements {
                        connection.execute(AssertSqlSafe(*sql)).await?;
                    }
                    Ok(())
                };
                work.await.map_err(|error| failure(&error))
            }

            async fn held_around(
                &self,
                before: &[&str],
                between: impl Future<Output = ()> + Send,
                after: &[&str],
            ) -> Result<(), Failure> {
                let work = async {
                    let mut connection = self.pool.acquire().await?;
                    for sql in before {
                        connection.execute(AssertSqlSafe(*sql)).await?;
                    }
                    between.await;
                    for sql in after {
                        connection.execute(AssertSqlSafe(*sql)).await?;
                    }
                    Ok(())
                };
                work.await.map_err(|error| failure(&error))
            }

            async fn held_by(
                &self,
                first: &AuditContext,
                before: &[&str],
                second: &AuditContext,
                between: &[&str],
                after: &[&str],
            ) -> Result<(), Failure> {
                let work = async {
                    let mut connection = first.clone().scope(self.pool.acquire()).await?;
                    for sql in before {
                        connection.execute(AssertSqlSafe(*sql)).await?;
                    }
                    second
                        .clone()
                        .scope(async {
                            for sql in between {
                                connection.execute(AssertSqlSafe(*sql)).await?;
                            }
                            audit_sqlx::stamp(&mut *connection).await?;
                            for sql in after {
                                connection.execute(AssertSqlSafe(*sql)).await?;
                            }
                            Ok(())
                        })
                        .await
                };
                work.await.map_err(|error| failure(&error))
            }

            async fn try_held(&self, statements: &[&str]) -> Option<Result<(), Failure>> {
                let mut connection = self.pool.try_acquire()?;
                for sql in statements {
                    if let Err(error) = connection.execute(AssertSqlSafe(*sql)).await {
                        return Some(Err(failure(&error)));
                    }
                }
                Some(Ok(()))
            }

            async fn cut(&self, step: Step, sql: &str, polls: usize) -> Result<bool, Failure> {
                let work = async {
                    let sql = AssertSqlSafe(sql);
                    Ok(match step {
                        Step::Checkout => cut_after(polls, self.pool.acquire()).await.is_some(),
                        Step::Begin => cut_after(polls, audit_sqlx::begin(&self.pool))
                            .await
                            .is_some(),
                        Step::Statement => {
                            let mut connection = self.pool.acquire().await?;
                            cut_after(polls, connection.execute(sql)).await.is_some()
                        }
                        Step::Release => {
                            let mut connection = self.pool.acquire().await?;
                            connection.execute(sql).await?;
                            // What the pool spawns when a connection is dropped.
                            cut_after(polls, connection.return_to_pool())
                                .await
                                .is_some()
                        }
                        Step::Commit | Step::Rollback => {
                            let mut transaction = audit_sqlx::begin(&self.pool).await?;
                            transaction.execute(sql).await?;
                            if step == Step::Commit {
                                cut_after(polls, transaction.commit()).await.is_some()
                            } else {
                                cut_after(polls, transaction.rollback()).await.is_some()
                            }
                        }
                    })
                };
                work.await.map_err(|error: sqlx::Error| failure(&error))
            }

            async fn record(&self, event: ManualEvent, end: End) -> Result<(), Failure> {
                let begin = audit_sqlx::begin(&self.pool).await;
                let mut transaction = begin.map_err(|error| failure(&error))?;
                audit_sqlx::record(&mut *transaction, event)
                    .await
                    .map_err(|error| record_failure(&error))?;
                let ended = match end {
                    End::Commit => transaction.commit().await,
                    End::Rollback => transaction.rollback().await,
                };
                ended.map_err(|error| failure(&error))
            }

            async fn log(&self, query: LogQuery) -> Vec<Event> {
                audit_sqlx::log(&self.pool)
                    .matching(query)
                    .list()
                    .await
                    .unwrap()
            }
        }
    };
}

type Broken<'c> = Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'c>>;

/// Where triggers are put on each connection, so is the sabotage of them.
fn broken(connection: &mut sqlx::SqliteConnection) -> Broken<'_> {
    Box::pin(sabotage::connection(connection))
}

fn whole<C>(_: &mut C) -> Broken<'_> {
    Box::pin(std::future::ready(Ok(())))
}

adapter!(sqlx::MySql, sqlx::mysql::MySqlPoolOptions, whole);
adapter!(sqlx::Postgres, sqlx::postgres::PgPoolOptions, whole);
adapter!(sqlx::Sqlite, sqlx::sqlite::SqlitePoolOptions, broken);
