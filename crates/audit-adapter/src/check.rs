//! Whether the database captures what the rules ask for.

use audit_capture::{Catalog, CatalogError, Finding, Plan, Probe, ProbeError};
use audit_core::{Audit, Dialect, OnDrift};

use crate::catalog::{self, CatalogReadError};
use crate::probe::{self, Stamping};
use crate::session::Session;

/// What a check found.
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

    fn gaps_in_words(&self) -> String {
        let gaps = self.findings.iter().filter(|finding| finding.is_gap());
        gaps.map(Finding::to_string).collect::<Vec<_>>().join("; ")
    }
}

/// The check could not be made, or found gaps that are not allowed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError<E: std::error::Error + 'static> {
    /// The catalog cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The probe gave an answer that is not its own.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The database failed.
    #[error("the audit check failed")]
    Database(#[source] E),
    /// Changes would go unrecorded, and `OnDrift::Deny` is set.
    #[error("changes would go unrecorded: {}", .0.gaps_in_words())]
    Denied(Report),
}

impl<E: std::error::Error + 'static> From<CatalogReadError<E>> for CheckError<E> {
    fn from(error: CatalogReadError<E>) -> Self {
        match error {
            CatalogReadError::Catalog(error) => Self::Catalog(error),
            CatalogReadError::Database(error) => Self::Database(error),
        }
    }
}

/// The report, unless it has gaps that the settings do not allow.
///
/// # Errors
/// [`CheckError::Denied`].
pub fn allowed<E: std::error::Error + 'static>(
    report: Report,
    audit: &Audit,
) -> Result<Report, CheckError<E>> {
    if report.has_gaps() && audit.on_drift() == OnDrift::Deny {
        return Err(CheckError::Denied(report));
    }
    Ok(report)
}

/// How changes of the application's tables are captured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// By triggers on the tables.
    #[default]
    Triggers,
    /// By statements that write their own events, with no trigger of ours on a table of the application
    /// (PostgreSQL).
    Inline,
}

pub(crate) async fn plan<S: Session>(
    session: &mut S,
    audit: &Audit,
    strategy: Strategy,
) -> Result<Plan, CatalogReadError<S::Error>> {
    let catalog = catalog::read(session, audit.schemas()).await?;
    Ok(strategy.plan(audit, &catalog, S::DIALECT))
}

impl Strategy {
    fn plan(self, audit: &Audit, catalog: &Catalog, dialect: Dialect) -> Plan {
        match self {
            Self::Triggers => Plan::new(audit, catalog, dialect),
            Self::Inline => Plan::inline(audit, catalog),
        }
    }
}

/// The indexes that the log is to have and that no query can take.
fn missing_indexes(audit: &Audit, catalog: &Catalog, dialect: Dialect) -> Vec<Finding> {
    // A log that cannot be seen has none either.
    if !catalog.has_log {
        return Vec::new();
    }
    let default = audit_migrations::default_indexes(dialect)
        .map(|index| (index.name.to_owned(), index.leads_to.to_owned()));
    let asked = audit
        .indexes()
        .iter()
        .map(|index| (index.name(), index.leads_to()));
    default
        .chain(asked)
        .filter(|(name, _)| !catalog.ready_indexes.contains(name))
        .map(|(index, leads_to)| Finding::IndexMissing { index, leads_to })
        .collect()
}

/// Compares the triggers and the indexes of the log with those that are to be there, and makes the
/// probe on the same connection.
///
/// # Errors
/// When the catalog cannot be read, or the database fails otherwise than by an answer.
pub async fn examine<S: Session>(
    session: &mut S,
    audit: &Audit,
    probe: &Probe,
    stamping: &Stamping,
) -> Result<Report, CheckError<S::Error>> {
    examine_by(session, audit, Strategy::Triggers, probe, stamping).await
}

/// The same for a strategy.
///
/// # Errors
/// As [`examine`].
pub async fn examine_by<S: Session>(
    session: &mut S,
    audit: &Audit,
    strategy: Strategy,
    probe: &Probe,
    stamping: &Stamping,
) -> Result<Report, CheckError<S::Error>> {
    let catalog = catalog::read(session, audit.schemas()).await?;
    let plan = strategy.plan(audit, &catalog, S::DIALECT);
    let mut findings = plan.findings().to_vec();
    findings.extend(plan.drift());
    findings.extend(missing_indexes(audit, &catalog, S::DIALECT));
    if plan.can_probe() {
        findings.extend(probe::prove(session, probe, stamping).await?);
    }
    findings.sort();
    findings.dedup();
    Ok(Report { findings })
}
