//! An audited pool as the conformance suite sees it.

use audit_core::query::LogQuery;
use audit_core::{Audit, AuditContext, Event, ManualEvent};
use audit_sqlx::AuditedPool;
use audit_testkit::{Adapter, End, Failure, Step, cut_after};
use sqlx::{AssertSqlSafe, Executor};

use crate::plain::{Sqlx, failure, record_failure};

/// Statements run through the audited pool; the rest is that of the pool that it is made of.
pub(crate) struct Executors<DB: sqlx::Database> {
    pub(crate) plain: Sqlx<DB>,
    pub(crate) pool: AuditedPool<DB>,
}

/// Runs statements through an executor.
macro_rules! run {
    ($statements:expr, $executor:expr) => {
        for sql in $statements {
            $executor.execute(AssertSqlSafe(*sql)).await?;
        }
    };
}

/// Expands to the adapter of one database: sqlx's result types have no trait in common.
macro_rules! adapter {
    ($database:ty) => {
        impl Adapter for Executors<$database> {
            const WRITES: usize = 1_000;

            async fn attach(url: &str, audit: &Audit, connections: u32) -> Self {
                let plain = Sqlx::<$database>::attach(url, audit, connections).await;
                let pool = AuditedPool::new(plain.pool.clone()).unwrap();
                Self { plain, pool }
            }

            async fn migrate(&self, audit: &Audit) -> Vec<String> {
                self.plain.migrate(audit).await
            }

            async fn check(&self) -> Vec<String> {
                self.plain.check().await
            }

            async fn log(&self, query: LogQuery) -> Vec<Event> {
                self.plain.log(query).await
            }

            async fn execute(&self, sql: &str) -> Result<u64, Failure> {
                let result = sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await;
                let done = result.map_err(|error| failure(&error))?;
                Ok(done.rows_affected())
            }

            async fn transaction(&self, statements: &[&str], end: End) -> Result<(), Failure> {
                let work = async {
                    let mut transaction = self.pool.begin().await?;
                    run!(statements, transaction);
                    match end {
                        End::Commit => transaction.commit().await,
                        End::Rollback => transaction.rollback().await,
                    }
                };
                work.await.map_err(|error| failure(&error))
            }

            async fn held(&self, statements: &[&str]) -> Result<(), Failure> {
                self.held_around(statements, std::future::ready(()), &[])
                    .await
            }

            async fn held_around(
                &self,
                before: &[&str],
                between: impl Future<Output = ()> + Send,
                after: &[&str],
            ) -> Result<(), Failure> {
                let work = async {
                    let mut connection = self.pool.acquire().await?;
                    run!(before, connection);
                    between.await;
                    run!(after, connection);
                    Ok(())
                };
                work.await.map_err(|error| failure(&error))
            }

            // What keeps a context is the connection that an executor lends.
            async fn held_by(
                &self,
                first: &AuditContext,
                before: &[&str],
                second: &AuditContext,
                between: &[&str],
                after: &[&str],
            ) -> Result<(), Failure> {
                let work = async {
                    let mut connection = self.pool.acquire().await?;
                    let lent = first.clone().scope(connection.stamped()).await?;
                    run!(before, lent);
                    let between = async {
                        run!(between, lent);
                        Ok::<_, sqlx::Error>(())
                    };
                    second.clone().scope(between).await?;
                    let after = async {
                        run!(after, connection);
                        Ok(())
                    };
                    second.clone().scope(after).await
                };
                work.await.map_err(|error| failure(&error))
            }

            // What comes past the hook without a context is the connection of the plain pool beside.
            async fn try_held(&self, statements: &[&str]) -> Option<Result<(), Failure>> {
                self.plain.try_held(statements).await
            }

            async fn cut(&self, step: Step, sql: &str, polls: usize) -> Result<bool, Failure> {
                let work = async {
                    let sql = AssertSqlSafe(sql);
                    Ok(match step {
                        Step::Checkout => cut_after(polls, self.pool.acquire()).await.is_some(),
                        Step::Begin => cut_after(polls, self.pool.begin()).await.is_some(),
                        Step::Statement => {
                            let mut connection = self.pool.acquire().await?;
                            cut_after(polls, connection.execute(sql)).await.is_some()
                        }
                        Step::Release => {
                            let mut connection = self.pool.acquire().await?;
                            connection.execute(sql).await?;
                            // What the pool spawns when a connection is dropped.
                            let release = connection.into_inner().return_to_pool();
                            cut_after(polls, release).await.is_some()
                        }
                        Step::Commit | Step::Rollback => {
                            let mut transaction = self.pool.begin().await?;
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
                let begin = self.pool.begin().await;
                let mut transaction = begin.map_err(|error| failure(&error))?;
                let lent = transaction.stamped().await;
                let lent = lent.map_err(|error| failure(&error))?;
                audit_sqlx::record(lent, event)
                    .await
                    .map_err(|error| record_failure(&error))?;
                let ended = match end {
                    End::Commit => transaction.commit().await,
                    End::Rollback => transaction.rollback().await,
                };
                ended.map_err(|error| failure(&error))
            }
        }
    };
}

adapter!(sqlx::MySql);
adapter!(sqlx::Postgres);
adapter!(sqlx::Sqlite);
