//! What the conformance suite asks of an adapter, through SeaORM.

mod audited;

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use audit_core::query::LogQuery;
use audit_core::{Audit, AuditContext, Event, ManualEvent};
use audit_seaorm::{Finding, RecordError};
use audit_testkit::{Adapter, End, Failure, Step, cut_after, sabotage};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr, TransactionSession,
};
use sqlx::{AssertSqlSafe, Executor};

pub(crate) use audited::Audited;

/// A connection of SeaORM, attached as a user would attach it.
pub(crate) struct SeaOrm<DB> {
    pub(crate) connection: DatabaseConnection,
    database: PhantomData<fn() -> DB>,
}

fn failure(error: &DbErr) -> Failure {
    let capture = audit_seaorm::CaptureError::of(error).map(|capture| {
        let name = format!("{capture:?}");
        name.split('(').next().unwrap_or_default().to_owned()
    });
    Failure {
        message: error.to_string(),
        capture,
    }
}

/// An error of sqlx, as SeaORM would have it.
fn of_sqlx(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
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

async fn run(transaction: &impl ConnectionTrait, statements: &[&str]) -> Result<(), DbErr> {
    for sql in statements {
        transaction.execute_unprepared(sql).await?;
    }
    Ok(())
}

async fn end(transaction: impl TransactionSession, end: End) -> Result<(), DbErr> {
    match end {
        End::Commit => transaction.commit().await,
        End::Rollback => transaction.rollback().await,
    }
}

/// Expands to the adapter of one database. What SeaORM cannot do, holding a connection outside a
/// transaction, is done with the pool that it gives.
macro_rules! adapter {
    ($database:ty, $pool:ident, $hooks:ident, $broken:expr) => {
        impl Adapter for SeaOrm<$database> {
            async fn attach(url: &str, audit: &Audit, connections: u32) -> Self {
                let mut options = ConnectOptions::new(url);
                options.max_connections(connections);
                let first = Arc::new(OnceLock::new());
                let attach = audit_seaorm::attach(options, audit).$hooks(|pool| {
                    pool.after_connect(|connection, _| $broken(connection))
                        .before_acquire(move |connection, _| {
                            let first = Arc::clone(&first);
                            Box::pin(async move {
                                $broken(connection).await?;
                                if let Some(context) = sabotage::kept_context(&first) {
                                    context.scope(audit_sqlx::stamp(connection)).await?;
                                }
                                Ok(true)
                            })
                        })
                });
                Self {
                    connection: attach.connect().await.unwrap(),
                    database: PhantomData,
                }
            }

            async fn migrate(&self, audit: &Audit) -> Vec<String> {
                let report = audit_seaorm::migrate(&self.connection, audit)
                    .await
                    .unwrap();
                let gaps = report.findings().iter().filter(|finding| finding.is_gap());
                gaps.map(Finding::to_string).collect()
            }

            async fn check(&self) -> Vec<String> {
                let report = audit_seaorm::check(&self.connection).await.unwrap();
                report.findings().iter().map(Finding::to_string).collect()
            }

            async fn execute(&self, sql: &str) -> Result<u64, Failure> {
                let result = self.connection.execute_unprepared(sql).await;
                Ok(result.map_err(|error| failure(&error))?.rows_affected())
            }

            async fn transaction(&self, statements: &[&str], how: End) -> Result<(), Failure> {
                let work = async {
                    let transaction = audit_seaorm::begin(&self.connection).await?;
                    run(&transaction, statements).await?;
                    end(transaction, how).await
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
                    let mut connection = self.connection.$pool().acquire().await?;
                    for sql in before {
                        connection.execute(AssertSqlSafe(*sql)).await?;
                    }
                    between.await;
                    for sql in after {
                        connection.execute(AssertSqlSafe(*sql)).await?;
                    }
                    Ok(())
                };
                work.await.map_err(|error| failure(&of_sqlx(error)))
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
                    let begin = audit_seaorm::begin(&self.connection);
                    let transaction = first.clone().scope(begin).await?;
                    run(&transaction, before).await?;
                    let rest = async {
                        run(&transaction, between).await?;
                        audit_seaorm::stamp(&transaction).await?;
                        run(&transaction, after).await
                    };
                    second.clone().scope(rest).await?;
                    transaction.commit().await
                };
                work.await.map_err(|error| failure(&error))
            }

            async fn try_held(&self, statements: &[&str]) -> Option<Result<(), Failure>> {
                let mut connection = self.connection.$pool().try_acquire()?;
                for sql in statements {
                    if let Err(error) = connection.execute(AssertSqlSafe(*sql)).await {
                        return Some(Err(failure(&of_sqlx(error))));
                    }
                }
                Some(Ok(()))
            }

            async fn cut(&self, step: Step, sql: &str, polls: usize) -> Result<bool, Failure> {
                let pool = self.connection.$pool();
                let begin = || audit_seaorm::begin(&self.connection);
                let work = async {
                    Ok(match step {
                        Step::Checkout => cut_after(polls, pool.acquire()).await.is_some(),
                        Step::Begin => cut_after(polls, begin()).await.is_some(),
                        Step::Statement => {
                            let statement = self.connection.execute_unprepared(sql);
                            cut_after(polls, statement).await.is_some()
                        }
                        Step::Release => {
                            let mut connection = pool.acquire().await.map_err(of_sqlx)?;
                            let done = connection.execute(AssertSqlSafe(sql)).await;
                            done.map_err(of_sqlx)?;
                            // What the pool spawns when a connection is dropped.
                            cut_after(polls, connection.return_to_pool())
                                .await
                                .is_some()
                        }
                        Step::Commit | Step::Rollback => {
                            let transaction = begin().await?;
                            transaction.execute_unprepared(sql).await?;
                            if step == Step::Commit {
                                cut_after(polls, transaction.commit()).await.is_some()
                            } else {
                                cut_after(polls, transaction.rollback()).await.is_some()
                            }
                        }
                    })
                };
                work.await.map_err(|error: DbErr| failure(&error))
            }

            async fn record(&self, event: ManualEvent, how: End) -> Result<(), Failure> {
                let begin = audit_seaorm::begin(&self.connection).await;
                let transaction = begin.map_err(|error| failure(&error))?;
                audit_seaorm::record(&transaction, event)
                    .await
                    .map_err(|error| record_failure(&error))?;
                end(transaction, how).await.map_err(|error| failure(&error))
            }

            async fn log(&self, query: LogQuery) -> Vec<Event> {
                audit_seaorm::log(&self.connection)
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

adapter!(sqlx::MySql, get_mysql_connection_pool, mysql, whole);
adapter!(
    sqlx::Postgres,
    get_postgres_connection_pool,
    postgres,
    whole
);
adapter!(sqlx::Sqlite, get_sqlite_connection_pool, sqlite, broken);
