//! Proving capture: writes to a table of ours on a connection as the application gets it, which
//! are taken back.

use std::sync::Arc;

use audit_capture::{Finding, Probe};
use audit_core::Audit;
use audit_core::stamp::Stamp;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::CaptureError;
use crate::attachment::Attachment;
use crate::check::CheckError;
use crate::database::{AuditDatabase, ConnectionOf, Fault};
use crate::pool::ContextScope;

/// How the context of the probe gets to its connection.
pub(crate) enum Stamping {
    /// By the hooks of the pool, at checkout.
    Checkout,
    /// With the statement that opens the transaction.
    Begin(Arc<Stamp>),
    /// By hand: the pool is not an attached one.
    Hand(Arc<Stamp>),
}

impl Stamping {
    pub(crate) fn of(attachment: Option<&Attachment>, audit: &Audit, probe: &Probe) -> Self {
        let stamp = || probe.context().stamp(audit.service(), audit.environment());
        match attachment.map(Attachment::scope) {
            None => Self::Hand(stamp()),
            Some(ContextScope::Connection) => Self::Checkout,
            Some(ContextScope::Transaction) => Self::Begin(stamp()),
        }
    }
}

/// A probe that no other is like.
pub(crate) fn new() -> Probe {
    Probe::new(Uuid::now_v7().simple().to_string())
}

/// Makes the probe on a connection that was taken from its pool in the context of the probe.
///
/// A future that is dropped leaves nothing: the transaction is rolled back before anyone else
/// gets the connection.
pub(crate) async fn prove<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    probe: &Probe,
    stamping: &Stamping,
) -> Result<Vec<Finding>, CheckError> {
    let mut findings = Vec::new();
    if let Some(query) = Probe::definition_of_log(DB::DIALECT) {
        match DB::texts(connection, &query).await {
            Ok(rows) => findings.extend(Probe::hides_log(texts(&rows))),
            Err(sqlx::Error::Database(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match written::<DB>(connection, probe, stamping).await {
        Ok(rows) => findings.extend(probe.judge(texts(&rows))?),
        Err(error) => findings.push(finding::<DB>(error)?),
    }
    Ok(findings)
}

type Rows = Vec<Vec<Option<String>>>;

fn texts(rows: &Rows) -> impl Iterator<Item = &str> {
    rows.iter().flatten().filter_map(Option::as_deref)
}

/// Writes, reads what arrived, and takes it back.
async fn written<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    probe: &Probe,
    stamping: &Stamping,
) -> Result<Rows, sqlx::Error> {
    let stamp = match stamping {
        Stamping::Begin(stamp) => Some(&**stamp),
        Stamping::Checkout | Stamping::Hand(_) => None,
    };
    let begin = DB::begin_statement(stamp).unwrap_or_else(|| DB::BEGIN_PROBE.to_owned());
    let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
    let answers = answers::<DB>(&mut transaction, probe, stamping).await;
    // Now, and not when somebody next uses the connection: it may hold locks.
    let taken_back = transaction.rollback().await;
    let answers = answers?;
    taken_back.map(|()| answers)
}

async fn answers<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    probe: &Probe,
    stamping: &Stamping,
) -> Result<Rows, sqlx::Error> {
    if let Stamping::Hand(stamp) = stamping {
        DB::stamp(connection, Some(stamp)).await?;
    }
    let mut answers = Rows::new();
    for statement in probe.statements(DB::DIALECT) {
        answers.extend(DB::texts(connection, &statement).await?);
    }
    Ok(answers)
}

/// What a failure shows; one that is not the database's own answer shows nothing.
fn finding<DB: AuditDatabase>(error: sqlx::Error) -> Result<Finding, sqlx::Error> {
    let sqlx::Error::Database(said) = &error else {
        return Err(error);
    };
    let reason = said.message().to_owned();
    Ok(match (DB::fault(&**said), CaptureError::of::<DB>(&error)) {
        (_, Some(CaptureError::MissingContext(_))) => Finding::ProbeUnstamped,
        (Fault::Busy, _) => Finding::ProbeBusy { reason },
        (Fault::Denied, None) => Finding::ProbeDenied { reason },
        _ => Finding::ProbeRefused { reason },
    })
}
