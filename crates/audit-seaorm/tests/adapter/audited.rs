//! A connection of which each statement has its own context, as the conformance suite sees it.

use audit_core::query::LogQuery;
use audit_core::{Audit, AuditContext, Event, ManualEvent};
use audit_seaorm::{AuditedConnection, AuditedTransaction};
use audit_testkit::{Adapter, End, Failure, Step, cut_after};
use sea_orm::{ConnectionTrait, DbErr, TransactionTrait};

use super::{SeaOrm, end, failure, record_failure, run};

/// Statements run through the audited connection; the rest is that of the one that it is made of.
pub(crate) struct Audited<DB> {
    plain: SeaOrm<DB>,
    pub(crate) connection: AuditedConnection,
}

impl<DB> Audited<DB> {
    async fn begin(&self) -> Result<AuditedTransaction, DbErr> {
        self.connection.begin().await
    }
}

impl<DB> Adapter for Audited<DB>
where
    SeaOrm<DB>: Adapter,
    DB: 'static,
{
    const WRITES: usize = 1_000;

    async fn attach(url: &str, audit: &Audit, connections: u32) -> Self {
        let plain = SeaOrm::<DB>::attach(url, audit, connections).await;
        let connection = AuditedConnection::new(plain.connection.clone()).unwrap();
        Self { plain, connection }
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
        let result = self.connection.execute_unprepared(sql).await;
        Ok(result.map_err(|error| failure(&error))?.rows_affected())
    }

    async fn transaction(&self, statements: &[&str], how: End) -> Result<(), Failure> {
        let work = async {
            let transaction = self.begin().await?;
            run(&transaction, statements).await?;
            end(transaction, how).await
        };
        work.await.map_err(|error| failure(&error))
    }

    // SeaORM holds no connection but in a transaction.
    async fn held(&self, statements: &[&str]) -> Result<(), Failure> {
        self.plain.held(statements).await
    }

    async fn held_around(
        &self,
        before: &[&str],
        between: impl Future<Output = ()> + Send,
        after: &[&str],
    ) -> Result<(), Failure> {
        self.plain.held_around(before, between, after).await
    }

    async fn held_by(
        &self,
        first: &AuditContext,
        before: &[&str],
        second: &AuditContext,
        between: &[&str],
        after: &[&str],
    ) -> Result<(), Failure> {
        let held = self.plain.held_by(first, before, second, between, after);
        held.await
    }

    async fn try_held(&self, statements: &[&str]) -> Option<Result<(), Failure>> {
        self.plain.try_held(statements).await
    }

    async fn cut(&self, step: Step, sql: &str, polls: usize) -> Result<bool, Failure> {
        if matches!(step, Step::Checkout | Step::Release) {
            return self.plain.cut(step, sql, polls).await;
        }
        let work = async {
            Ok(match step {
                Step::Begin => cut_after(polls, self.begin()).await.is_some(),
                Step::Statement => {
                    let statement = self.connection.execute_unprepared(sql);
                    cut_after(polls, statement).await.is_some()
                }
                _ => {
                    let transaction = self.begin().await?;
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
        let begin = self.begin().await;
        let transaction = begin.map_err(|error| failure(&error))?;
        audit_seaorm::record(&transaction, event)
            .await
            .map_err(|error| record_failure(&error))?;
        end(transaction, how).await.map_err(|error| failure(&error))
    }
}
