//! A pool that captures inline as the conformance suite sees it.

use audit_core::query::LogQuery;
use audit_core::{Audit, AuditContext, Event, ManualEvent};
use audit_sqlx::{AuditedPool, Finding, InlineOptions};
use audit_testkit::{Adapter, End, Failure, Server, Step, refused_inline};
use sqlx::{AssertSqlSafe, Executor, Postgres};

use crate::executors::Executors;
use crate::plain::{Sqlx, failure};

/// No trigger is on a table of the application.
pub(crate) struct Inline(Executors<Postgres>);

impl Inline {
    pub(crate) fn pool(&self) -> &AuditedPool<Postgres> {
        &self.0.pool
    }
}

fn in_words(report: &audit_sqlx::Report, is_told: impl Fn(&Finding) -> bool) -> Vec<String> {
    let findings = report.findings().iter().filter(|finding| is_told(finding));
    findings.map(Finding::to_string).collect()
}

impl Adapter for Inline {
    const WRITES: usize = 1_000;

    fn refuses(server: Server, case: &str) -> Option<&'static str> {
        refused_inline(server, case)
    }

    async fn attach(url: &str, audit: &Audit, connections: u32) -> Self {
        let plain = Sqlx::<Postgres>::attach(url, audit, connections).await;
        let options = InlineOptions::new();
        let pool = AuditedPool::inline(plain.pool.clone(), options)
            .await
            .unwrap();
        Self(Executors { plain, pool })
    }

    async fn migrate(&self, audit: &Audit) -> Vec<String> {
        let pool = self.pool();
        let report = audit_sqlx::migrate_inline(pool.as_pool(), audit).await;
        pool.reload().await.unwrap();
        in_words(&report.unwrap(), Finding::is_gap)
    }

    async fn check(&self) -> Vec<String> {
        let report = audit_sqlx::check_inline(self.pool().as_pool()).await;
        in_words(&report.unwrap(), |_| true)
    }

    async fn log(&self, query: LogQuery) -> Vec<Event> {
        self.0.log(query).await
    }

    async fn execute(&self, sql: &str) -> Result<u64, Failure> {
        self.0.execute(sql).await
    }

    async fn transaction(&self, statements: &[&str], end: End) -> Result<(), Failure> {
        self.0.transaction(statements, end).await
    }

    async fn held(&self, statements: &[&str]) -> Result<(), Failure> {
        self.0.held(statements).await
    }

    async fn held_around(
        &self,
        before: &[&str],
        between: impl Future<Output = ()> + Send,
        after: &[&str],
    ) -> Result<(), Failure> {
        self.0.held_around(before, between, after).await
    }

    // What keeps a context from one task to the next is its scope.
    async fn held_by(
        &self,
        first: &AuditContext,
        before: &[&str],
        second: &AuditContext,
        between: &[&str],
        after: &[&str],
    ) -> Result<(), Failure> {
        let work = async {
            let mut connection = self.pool().acquire().await?;
            let steps = [(first, before), (first, between), (second, after)];
            for (context, statements) in steps {
                for sql in statements {
                    let done = connection.execute(AssertSqlSafe(*sql));
                    context.clone().scope(done).await?;
                }
            }
            Ok(())
        };
        work.await.map_err(|error| failure(&error))
    }

    // Past the hook each statement has the context of its task as well: here a task of nobody's.
    async fn try_held(&self, statements: &[&str]) -> Option<Result<(), Failure>> {
        let mut connection = self.pool().try_acquire()?;
        let nobody = AuditContext::new();
        for sql in statements {
            let done = connection.execute(AssertSqlSafe(*sql));
            if let Err(error) = nobody.clone().scope(done).await {
                return Some(Err(failure(&error)));
            }
        }
        Some(Ok(()))
    }

    async fn cut(&self, step: Step, sql: &str, polls: usize) -> Result<bool, Failure> {
        Box::pin(self.0.cut(step, sql, polls)).await
    }

    async fn record(&self, event: ManualEvent, end: End) -> Result<(), Failure> {
        self.0.record(event, end).await
    }
}
