//! A pool of r2d2 for the suite, used as an application with an async runtime uses one: on blocking
//! threads that carry the context.

#[cfg(feature = "sqlite")]
mod broken;
mod job;

use std::sync::{Arc, OnceLock};

use audit_core::query::LogQuery;
use audit_core::{Audit, AuditContext, Event, ManualEvent};
use audit_diesel::{AuditedConnection, AuditedManager, CaptureError, Finding, RecordError};
use audit_testkit::{Adapter, End, Failure, Step, cut_after, sabotage};
use diesel::connection::SimpleConnection;
use diesel::r2d2::{
    self, ConnectionManager, CustomizeConnection, Pool, PooledConnection, R2D2Connection,
};
use diesel::result::Error;
use diesel::{QueryResult, RunQueryDsl};

use job::Jobs;

/// A pool whose connections are `C`.
pub(crate) type PoolOf<C> = Pool<AuditedManager<ConnectionManager<C>>>;

type Held<C> = PooledConnection<AuditedManager<ConnectionManager<C>>>;

/// A pool of Diesel, attached as a user would attach it.
pub(crate) struct Pooled<P> {
    /// The pool.
    pub(crate) pool: P,
    audit: Audit,
    jobs: Jobs,
    first: Arc<OnceLock<AuditContext>>,
}

impl<P: Clone> Pooled<P> {
    /// Runs work on a blocking thread that carries the context, after what others went away from.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(P) -> T + Send + 'static,
    ) -> T
    where
        P: Send + 'static,
    {
        // Not while a connection is held: what is waited for may wait for it.
        self.jobs.settle().await;
        let pool = self.pool.clone();
        self.jobs.run(move || work(pool)).await
    }
}

/// What the suite takes for granted of a connection.
#[derive(Debug)]
struct Settings(&'static str);

impl<C: R2D2Connection + 'static> CustomizeConnection<C, r2d2::Error> for Settings {
    fn on_acquire(&self, connection: &mut C) -> Result<(), r2d2::Error> {
        Ok(connection.batch_execute(self.0)?)
    }
}

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

fn owned(statements: &[&str]) -> Vec<String> {
    statements.iter().copied().map(str::to_owned).collect()
}

fn run_all(connection: &mut impl SimpleConnection, statements: &[String]) -> QueryResult<()> {
    statements
        .iter()
        .try_for_each(|sql| connection.batch_execute(sql))
}

/// How a transaction of the suite comes out: an error takes it back.
enum Ended {
    Rollback,
    Failed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn ended(result: Result<(), Ended>) -> Result<(), Error> {
    match result {
        Ok(()) | Err(Ended::Rollback) => Ok(()),
        Err(Ended::Failed(error)) => Err(error),
    }
}

/// Expands to the adapter of one database: what AuditedManager asks of a connection cannot be named.
macro_rules! adapter {
    ($connection:ty, $settings:expr, $broken:expr) => {
        impl Pooled<PoolOf<$connection>> {
            /// Takes a connection out of the pool, as broken as it is meant to be.
            async fn held(&self) -> Result<Held<$connection>, Error> {
                let first = Arc::clone(&self.first);
                self.run(move |pool| {
                    let mut connection = pool.get().unwrap();
                    $broken(&mut connection)?;
                    if let Some(context) = sabotage::kept_context(&first) {
                        context.sync_scope(|| audit_diesel::stamp(&mut connection))?;
                    }
                    Ok(connection)
                })
                .await
            }

            /// Runs statements on a connection and gives it back here.
            async fn on(
                &self,
                mut connection: Held<$connection>,
                statements: Vec<String>,
            ) -> (Held<$connection>, Result<(), Error>) {
                let work = move || {
                    let done = run_all(&mut connection, &statements);
                    (connection, done)
                };
                self.jobs.run(work).await
            }

            /// Gives a connection back to the pool.
            async fn release(&self, connection: Held<$connection>) {
                self.jobs.run(move || drop(connection)).await;
            }

            /// Runs work in a transaction of the adapter's on a connection of the pool.
            async fn in_transaction<T: Send + 'static>(
                &self,
                end: End,
                work: impl FnOnce(&mut Held<$connection>) -> Result<T, Error> + Send + 'static,
            ) -> Result<(), Error> {
                let mut connection = self.held().await?;
                let audit = self.audit.clone();
                self.jobs
                    .run(move || {
                        ended(audit_diesel::transaction(
                            &mut connection,
                            &audit,
                            |connection| {
                                work(connection)?;
                                match end {
                                    End::Commit => Ok(()),
                                    End::Rollback => Err(Ended::Rollback),
                                }
                            },
                        ))
                    })
                    .await
            }
        }

        impl Adapter for Pooled<PoolOf<$connection>> {
            const HANDS_ON_THE_PLACE: bool = false;

            async fn attach(url: &str, audit: &Audit, connections: u32) -> Self {
                let manager = ConnectionManager::<$connection>::new(url);
                let manager = AuditedManager::new(manager, audit).unwrap();
                let builder = Pool::builder()
                    .max_size(connections)
                    .connection_customizer(Box::new(Settings($settings)));
                let build = move || builder.build(manager).unwrap();
                Self {
                    pool: tokio::task::spawn_blocking(build).await.unwrap(),
                    audit: audit.clone(),
                    jobs: Jobs::default(),
                    first: Arc::default(),
                }
            }

            async fn migrate(&self, audit: &Audit) -> Vec<String> {
                let audit = audit.clone();
                let report = self.run(move |pool| {
                    let mut connection = pool.get().unwrap();
                    audit_diesel::migrate(&mut connection, &audit)
                });
                let report = report.await.unwrap();
                let gaps = report.findings().iter().filter(|finding| finding.is_gap());
                gaps.map(Finding::to_string).collect()
            }

            async fn check(&self) -> Vec<String> {
                let audit = self.audit.clone();
                let report = self.run(move |pool| audit_diesel::check_pool(&pool, &audit));
                let report = report.await.unwrap();
                report.findings().iter().map(Finding::to_string).collect()
            }

            async fn execute(&self, sql: &str) -> Result<u64, Failure> {
                let work = async {
                    let mut connection = self.held().await?;
                    let statement = diesel::sql_query(sql.to_owned());
                    self.jobs
                        .run(move || statement.execute(&mut connection))
                        .await
                };
                let affected = work.await.map_err(|error| failure(&error))?;
                Ok(u64::try_from(affected).unwrap())
            }

            async fn transaction(&self, statements: &[&str], end: End) -> Result<(), Failure> {
                let statements = owned(statements);
                let work =
                    move |connection: &mut Held<$connection>| run_all(connection, &statements);
                let done = self.in_transaction(end, work).await;
                done.map_err(|error| failure(&error))
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
                    let connection = self.held().await?;
                    let (connection, done) = self.on(connection, owned(before)).await;
                    done?;
                    between.await;
                    let (connection, done) = self.on(connection, owned(after)).await;
                    self.release(connection).await;
                    done
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
                    let connection = first.clone().scope(self.held()).await?;
                    let (connection, done) = self.on(connection, owned(before)).await;
                    done?;
                    second
                        .clone()
                        .scope(async {
                            let (mut connection, done) = self.on(connection, owned(between)).await;
                            done?;
                            let stamped = self.jobs.run(move || {
                                let done = audit_diesel::stamp(&mut connection);
                                (connection, done)
                            });
                            let (connection, done) = stamped.await;
                            done?;
                            let (connection, done) = self.on(connection, owned(after)).await;
                            self.release(connection).await;
                            done
                        })
                        .await
                };
                work.await.map_err(|error| failure(&error))
            }

            /// No checkout of r2d2 goes past the hook: this one is on a thread that nobody carried a
            /// context to.
            async fn try_held(&self, statements: &[&str]) -> Option<Result<(), Failure>> {
                let statements = owned(statements);
                let done = self.run(move |pool| {
                    let held = || Some(run_all(&mut pool.try_get()?, &statements));
                    std::thread::scope(|threads| threads.spawn(held).join().unwrap())
                });
                Some(done.await?.map_err(|error| failure(&error)))
            }

            /// A step on a blocking thread cannot be cut: whoever waits for it goes away, and it runs
            /// to its end, which is waited for here.
            async fn cut(&self, step: Step, sql: &str, polls: usize) -> Result<bool, Failure> {
                let statements = owned(&[sql]);
                let work = async {
                    Ok(match step {
                        Step::Checkout => {
                            let held = self.run(|pool| drop(pool.get().unwrap()));
                            cut_after(polls, held).await.is_some()
                        }
                        Step::Begin => {
                            let connection = self.held().await?;
                            let audit = self.audit.clone();
                            let begin = self.jobs.run(move || {
                                let mut connection = connection;
                                audit_diesel::transaction(&mut connection, &audit, |_| {
                                    Ok::<_, Error>(())
                                })
                            });
                            cut_after(polls, begin).await.transpose()?.is_some()
                        }
                        Step::Statement => {
                            let connection = self.held().await?;
                            cut_after(polls, self.on(connection, statements))
                                .await
                                .is_some()
                        }
                        Step::Release => {
                            let connection = self.held().await?;
                            let (connection, done) = self.on(connection, statements).await;
                            done?;
                            cut_after(polls, self.release(connection)).await.is_some()
                        }
                        Step::Commit | Step::Rollback => {
                            let end = match step {
                                Step::Commit => End::Commit,
                                _ => End::Rollback,
                            };
                            let work = move |connection: &mut Held<$connection>| {
                                run_all(connection, &statements)
                            };
                            let whole = self.in_transaction(end, work);
                            cut_after(polls, whole).await.transpose()?.is_some()
                        }
                    })
                };
                let over = work.await.map_err(|error: Error| failure(&error))?;
                self.jobs.settle().await;
                Ok(over)
            }

            async fn record(&self, event: ManualEvent, end: End) -> Result<(), Failure> {
                let (told, heard) = std::sync::mpsc::channel();
                let work = move |connection: &mut Held<$connection>| {
                    audit_diesel::record(connection, event).map_err(|error| {
                        let _ = told.send(record_failure(&error));
                        Error::RollbackTransaction
                    })
                };
                let done = self.in_transaction(end, work).await;
                done.map_err(|error| heard.try_recv().unwrap_or_else(|_| failure(&error)))
            }

            async fn log(&self, query: LogQuery) -> Vec<Event> {
                let events = self.run(move |pool| {
                    let mut connection = pool.get().unwrap();
                    audit_diesel::log(&mut connection).matching(query).load()
                });
                events.await.unwrap()
            }
        }
    };
}

/// Elsewhere the sabotage is in the schema.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn whole(_: &mut impl SimpleConnection) -> QueryResult<()> {
    Ok(())
}

/// Breaks the triggers of the connection inside.
#[cfg(feature = "sqlite")]
fn broken_inside(connection: &mut AuditedConnection<diesel::SqliteConnection>) -> QueryResult<()> {
    connection.stamped().and_then(broken::broken)
}

#[cfg(feature = "mysql")]
adapter!(AuditedConnection<diesel::MysqlConnection>, "DO 0", whole);
#[cfg(feature = "postgres")]
adapter!(AuditedConnection<diesel::PgConnection>, "SELECT 1", whole);
#[cfg(feature = "sqlite")]
adapter!(
    AuditedConnection<diesel::SqliteConnection>,
    "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON",
    broken_inside
);
#[cfg(feature = "mysql")]
adapter!(diesel::MysqlConnection, "DO 0", whole);
#[cfg(feature = "postgres")]
adapter!(diesel::PgConnection, "SELECT 1", whole);
#[cfg(feature = "sqlite")]
adapter!(
    diesel::SqliteConnection,
    "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON",
    broken::broken
);
