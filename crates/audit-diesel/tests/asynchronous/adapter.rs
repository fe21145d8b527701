//! The pools of diesel-async for the suite.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use audit_core::query::LogQuery;
use audit_core::{Audit, AuditContext, Event, ManualEvent};
use audit_diesel::asynchronous::{self, AuditedAsyncConnection};
use audit_diesel::{CaptureError, Finding, RecordError};
use audit_testkit::{Adapter, End, Failure, Step, cut_after, sabotage};
use diesel::result::Error;
use diesel::{QueryResult, SqliteConnection};
use diesel_async::pooled_connection::ManagerConfig;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{
    AsyncConnection, AsyncMysqlConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
    TransactionManager,
};

use crate::broken;
use crate::pool::PoolOf;

/// A pool of connections `C`, attached as a user would attach it.
pub(crate) struct Pooled<P, C> {
    /// The pool.
    pub(crate) pool: Arc<P>,
    audit: Audit,
    first: Arc<OnceLock<AuditContext>>,
    connection: PhantomData<fn() -> C>,
}

/// SQLite on a thread that may block.
pub(crate) type Sqlite = SyncConnectionWrapper<SqliteConnection>;

fn failure(error: &Error) -> Failure {
    let capture = CaptureError::of(error).map(|capture| {
        let name = format!("{capture:?}");
        name.split('(').next().unwrap_or_default().to_owned()
    });
    Failure {
        message: error.to_string(),
        capture,
    }
}

fn record_failure(error: &RecordError) -> Failure {
    match error {
        RecordError::Database(error) => failure(error),
        other => Failure {
            message: other.to_string(),
            capture: None,
        },
    }
}

async fn run_all<C: SimpleAsyncConnection>(
    connection: &mut C,
    statements: &[&str],
) -> QueryResult<()> {
    for sql in statements {
        connection.batch_execute(sql).await?;
    }
    Ok(())
}

/// How a transaction of the suite comes out: an error takes it back.
enum Ended {
    Rollback,
    Failed(Error),
    Record(Failure),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn ended(result: Result<(), Ended>) -> Result<(), Failure> {
    match result {
        Ok(()) | Err(Ended::Rollback) => Ok(()),
        Err(Ended::Failed(error)) => Err(failure(&error)),
        Err(Ended::Record(failure)) => Err(failure),
    }
}

fn end_by(end: End) -> Result<(), Ended> {
    match end {
        End::Commit => Ok(()),
        End::Rollback => Err(Ended::Rollback),
    }
}

/// Expands to the adapter of one database: what Diesel asks of a connection is too much to repeat.
macro_rules! adapter {
    ($connection:ty, $settings:expr, $broken:expr) => {
        adapter!(
            $connection,
            $connection,
            std::convert::identity,
            $settings,
            $broken
        );
    };
    ($connection:ty, $raw:ty, $around:path, $settings:expr, $broken:expr) => {
        impl<P: PoolOf<$connection>> Pooled<P, $connection> {
            /// Takes a connection out of the pool, as broken as it is meant to be.
            async fn get(&self) -> Result<P::Held<'_>, Error> {
                let mut connection = self.pool.take().await.unwrap();
                $broken(&mut *connection).await?;
                if let Some(context) = sabotage::kept_context(&self.first) {
                    context.scope(asynchronous::stamp(&mut *connection)).await?;
                }
                Ok(connection)
            }
        }

        impl<P: PoolOf<$connection>> Adapter for Pooled<P, $connection> {
            const HANDS_ON_THE_PLACE: bool = false;

            async fn attach(url: &str, audit: &Audit, connections: u32) -> Self {
                let mut config = ManagerConfig::<$connection>::default();
                config.custom_setup = Box::new(|url| {
                    Box::pin(async move {
                        let mut connection = <$raw>::establish(url).await?;
                        let set = connection.batch_execute($settings).await;
                        set.map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                        Ok($around(connection))
                    })
                });
                let manager = asynchronous::attach(config, audit).manager(url).unwrap();
                Self {
                    pool: Arc::new(P::build(manager, connections).await),
                    audit: audit.clone(),
                    first: Arc::default(),
                    connection: PhantomData,
                }
            }

            async fn migrate(&self, audit: &Audit) -> Vec<String> {
                let mut connection = self.pool.take().await.unwrap();
                let report = asynchronous::migrate(&mut *connection, audit)
                    .await
                    .unwrap();
                let gaps = report.findings().iter().filter(|finding| finding.is_gap());
                gaps.map(Finding::to_string).collect()
            }

            async fn check(&self) -> Vec<String> {
                let report = asynchronous::check_pool(&self.audit, || self.pool.take()).await;
                let report = report.unwrap();
                report.findings().iter().map(Finding::to_string).collect()
            }

            async fn execute(&self, sql: &str) -> Result<u64, Failure> {
                let work = async {
                    let mut connection = self.get().await?;
                    diesel::sql_query(sql).execute(&mut *connection).await
                };
                let affected = work.await.map_err(|error: Error| failure(&error))?;
                Ok(u64::try_from(affected).unwrap())
            }

            async fn transaction(&self, statements: &[&str], end: End) -> Result<(), Failure> {
                let mut connection = self.get().await.map_err(|error| failure(&error))?;
                let done = asynchronous::transaction(
                    &mut *connection,
                    &self.audit,
                    async |connection: &mut $connection| {
                        run_all(connection, statements).await?;
                        end_by(end)
                    },
                );
                ended(done.await)
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
                    let mut connection = self.get().await?;
                    run_all(&mut *connection, before).await?;
                    between.await;
                    run_all(&mut *connection, after).await
                };
                work.await.map_err(|error: Error| failure(&error))
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
                    let mut connection = first.clone().scope(self.get()).await?;
                    run_all(&mut *connection, before).await?;
                    second
                        .clone()
                        .scope(async {
                            run_all(&mut *connection, between).await?;
                            asynchronous::stamp(&mut *connection).await?;
                            run_all(&mut *connection, after).await
                        })
                        .await
                };
                work.await.map_err(|error: Error| failure(&error))
            }

            /// No checkout of these pools goes past the hook: this one is in a task that nobody
            /// carried a context to.
            async fn try_held(&self, statements: &[&str]) -> Option<Result<(), Failure>> {
                let pool = Arc::clone(&self.pool);
                let statements: Vec<String> =
                    statements.iter().copied().map(str::to_owned).collect();
                let held = tokio::spawn(async move {
                    let mut connection = pool.take_idle().await?;
                    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
                    let done = run_all(&mut *connection, &statements).await;
                    Some(done.map_err(|error| failure(&error)))
                });
                held.await.unwrap()
            }

            async fn cut(&self, step: Step, sql: &str, polls: usize) -> Result<bool, Failure> {
                type Transactions = <$connection as AsyncConnection>::TransactionManager;
                let work = async {
                    Ok(match step {
                        Step::Checkout => cut_after(polls, self.pool.take()).await.is_some(),
                        Step::Begin => {
                            let mut connection = self.get().await?;
                            let begin = asynchronous::transaction(
                                &mut *connection,
                                &self.audit,
                                async |_: &mut $connection| Ok::<_, Error>(()),
                            );
                            cut_after(polls, begin).await.is_some()
                        }
                        Step::Statement => {
                            let mut connection = self.get().await?;
                            let statement = connection.batch_execute(sql);
                            cut_after(polls, statement).await.is_some()
                        }
                        Step::Release => {
                            let mut connection = self.get().await?;
                            connection.batch_execute(sql).await?;
                            // A drop does not wait; a task that is to do it may be gone before.
                            let release = async move {
                                tokio::task::yield_now().await;
                                drop(connection);
                            };
                            cut_after(polls, release).await.is_some()
                        }
                        Step::Commit | Step::Rollback => {
                            let mut connection = self.get().await?;
                            let connection = &mut *connection;
                            Transactions::begin_transaction(connection).await?;
                            connection.batch_execute(sql).await?;
                            if step == Step::Commit {
                                let commit = Transactions::commit_transaction(connection);
                                cut_after(polls, commit).await.is_some()
                            } else {
                                let rollback = Transactions::rollback_transaction(connection);
                                cut_after(polls, rollback).await.is_some()
                            }
                        }
                    })
                };
                work.await.map_err(|error: Error| failure(&error))
            }

            async fn record(&self, event: ManualEvent, end: End) -> Result<(), Failure> {
                let mut connection = self.get().await.map_err(|error| failure(&error))?;
                let done = asynchronous::transaction(
                    &mut *connection,
                    &self.audit,
                    async |connection: &mut $connection| {
                        let recorded = asynchronous::record(connection, event).await;
                        recorded.map_err(|error| Ended::Record(record_failure(&error)))?;
                        end_by(end)
                    },
                );
                ended(done.await)
            }

            async fn log(&self, query: LogQuery) -> Vec<Event> {
                let mut connection = self.pool.take().await.unwrap();
                let log = asynchronous::log(&mut *connection).matching(query);
                log.list().await.unwrap()
            }
        }
    };
}

/// Where triggers are put on each connection, so is the sabotage of them.
async fn broken(connection: &mut Sqlite) -> QueryResult<()> {
    connection.spawn_blocking(broken::broken).await
}

/// Elsewhere it is in the schema.
async fn whole<C>(_: &mut C) -> QueryResult<()> {
    Ok(())
}

/// The same inside of a connection whose statements bring their context.
async fn broken_inside(connection: &mut AuditedAsyncConnection<Sqlite>) -> QueryResult<()> {
    let inside = connection.stamped().await?;
    inside.spawn_blocking(broken::broken).await
}

adapter!(
    AuditedAsyncConnection<AsyncMysqlConnection>,
    AsyncMysqlConnection,
    AuditedAsyncConnection::unattached,
    "DO 0",
    whole
);
adapter!(
    AuditedAsyncConnection<AsyncPgConnection>,
    AsyncPgConnection,
    AuditedAsyncConnection::unattached,
    "",
    whole
);
adapter!(
    AuditedAsyncConnection<Sqlite>,
    Sqlite,
    AuditedAsyncConnection::unattached,
    "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON",
    broken_inside
);
adapter!(AsyncMysqlConnection, "DO 0", whole);
adapter!(AsyncPgConnection, "", whole);
adapter!(
    Sqlite,
    "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON",
    broken
);
