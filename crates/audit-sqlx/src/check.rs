//! Whether the database captures what the rules ask for.

use audit_capture::{CatalogError, Finding, Plan, Probe, ProbeError};
use audit_core::{Audit, OnDrift};
use sqlx::Pool;

use crate::attachment::{self, Attachment};
use crate::database::{AuditDatabase, ConnectionOf};
use crate::held::Held;
use crate::probe::{self, Stamping};
use crate::{catalog, migrate};

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
    /// The probe gave an answer that is not its own.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The database failed.
    #[error("the audit check failed")]
    Database(#[from] sqlx::Error),
    /// Changes would go unrecorded, and `OnDrift::Deny` is set.
    #[error("changes would go unrecorded: {}", .0.gaps_in_words())]
    Denied(Report),
}

/// Compares the triggers in the database with those that the rules of an attached pool ask for,
/// and proves by a probe that they work: on a connection of the pool, under a context of its own,
/// it writes to the table `audit_probe`, looks at what arrives in the log, and rolls back. A
/// service may call it at start.
///
/// The probe proves the connection that it got. It needs no right on the log: on PostgreSQL every
/// role may make it; on MySQL the account needs SELECT, INSERT, UPDATE and DELETE on
/// `audit_probe`. It takes five round trips or fewer, and on SQLite the lock of writers while they
/// last; a database that stays locked for longer than the connection waits is
/// [`Finding::ProbeBusy`].
///
/// # Errors
/// [`CheckError::Denied`] when there are gaps and `OnDrift::Deny` is set;
/// `sqlx::Error::Configuration` when the pool was not built by [`attach`](crate::attach).
///
/// # Cancel safety
/// A dropped future leaves no transaction open and nothing written; its connection is closed.
pub async fn check<DB: AuditDatabase>(pool: &Pool<DB>) -> Result<Report, CheckError> {
    let attachment = attachment::find(pool)?;
    let audit = attachment.audit();
    let probe = probe::new();
    let mut connection = probe.context().scope(Held::acquire(pool)).await?;
    let known = Some(&*attachment);
    let mut report = examine::<DB>(&mut connection, audit, known, &probe).await?;
    if report.has_gaps() && audit.on_drift() == OnDrift::Install {
        if DB::TRIGGERS_ON_CONNECTION {
            DB::prepare(&mut connection, &attachment).await?;
        } else {
            connection.give_back();
            migrate::install::<DB>(pool, audit).await?;
            connection = probe.context().scope(Held::acquire(pool)).await?;
        }
        report = examine::<DB>(&mut connection, audit, known, &probe).await?;
    }
    connection.give_back();
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
    let catalog = catalog::read::<DB>(connection, audit).await?;
    Ok(Plan::new(audit, &catalog, DB::DIALECT))
}

/// Compares, and makes the probe on the same connection, which was taken in the probe's context.
pub(crate) async fn examine<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    audit: &Audit,
    attachment: Option<&Attachment>,
    probe: &Probe,
) -> Result<Report, CheckError> {
    let plan = plan::<DB>(connection, audit).await?;
    let mut findings = plan.findings().to_vec();
    findings.extend(plan.drift());
    if plan.can_probe() {
        let stamping = Stamping::of(attachment, audit, probe);
        findings.extend(probe::prove::<DB>(connection, probe, &stamping).await?);
    }
    findings.sort();
    findings.dedup();
    Ok(Report { findings })
}
