//! Whether the database captures what the rules ask for.

use audit_capture::{Catalog, CatalogError, Finding, Plan};
use audit_core::{Audit, OnDrift};
use sqlx::Pool;

use crate::attachment;
use crate::database::{AuditDatabase, ConnectionOf};
use crate::migrate;

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// The findings, in a stable order; each says in its text what to do.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether changes may go unrecorded, or be recorded otherwise than the rules ask for.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        self.findings.iter().any(Finding::is_gap)
    }

    pub(crate) fn gaps_in_words(&self) -> String {
        let gaps = self.findings.iter().filter(|finding| finding.is_gap());
        gaps.map(Finding::to_string).collect::<Vec<_>>().join("; ")
    }
}

/// The check could not be made, or found gaps that are not allowed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The catalog cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The database failed.
    #[error("the audit check failed")]
    Database(#[from] sqlx::Error),
    /// Changes would go unrecorded, and `OnDrift::Deny` is set.
    #[error("changes would go unrecorded: {}", .0.gaps_in_words())]
    Denied(Report),
}

/// Compares the triggers in the database with those that the rules of an attached pool ask for.
/// A service may call it at start.
///
/// # Errors
/// [`CheckError::Denied`] when there are gaps and `OnDrift::Deny` is set;
/// `sqlx::Error::Configuration` when the pool was not built by [`attach`](crate::attach).
pub async fn check<DB: AuditDatabase>(pool: &Pool<DB>) -> Result<Report, CheckError> {
    let attachment = attachment::find(pool)?;
    let audit = attachment.audit();
    let mut connection = pool.acquire().await?;
    let mut report = examine::<DB>(&mut connection, audit).await?;
    if report.has_gaps() && audit.on_drift() == OnDrift::Install {
        if DB::TRIGGERS_ON_CONNECTION {
            let plan = plan::<DB>(&mut connection, audit).await?;
            DB::run(&mut connection, &plan.install(DB::DIALECT)).await?;
        } else {
            drop(connection);
            migrate::install::<DB>(pool, audit).await?;
            connection = pool.acquire().await?;
        }
        report = examine::<DB>(&mut connection, audit).await?;
    }
    allowed(report, audit)
}

/// The report, unless it has gaps that the settings do not allow.
pub(crate) fn allowed(report: Report, audit: &Audit) -> Result<Report, CheckError> {
    if report.has_gaps() && audit.on_drift() == OnDrift::Deny {
        return Err(CheckError::Denied(report));
    }
    Ok(report)
}

pub(crate) async fn plan<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    audit: &Audit,
) -> Result<Plan, CheckError> {
    let catalog = Catalog::parse(&DB::catalog(connection, audit).await?)?;
    Ok(Plan::new(audit, &catalog, DB::DIALECT))
}

pub(crate) async fn examine<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    audit: &Audit,
) -> Result<Report, CheckError> {
    let plan = plan::<DB>(connection, audit).await?;
    let mut findings = plan.findings().to_vec();
    findings.extend(plan.drift());
    findings.sort();
    Ok(Report { findings })
}
