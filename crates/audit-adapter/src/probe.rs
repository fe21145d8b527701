//! Proving capture: writes to a table of ours on a connection as the application gets it, which
//! are taken back.

use std::sync::Arc;

use audit_capture::{Finding, Probe};
use audit_core::Audit;
use audit_core::stamp::Stamp;
use uuid::Uuid;

use crate::attachment::{Attachment, ContextScope};
use crate::capture_error::{CaptureError, Fault};
use crate::check::CheckError;
use crate::session::{Refusal as _, Rows, Session};
use crate::{connection, statement};

/// How often a probe is made anew that the database took back for a deadlock: its own rows can be in
/// nobody's way, but a table that others alter, or lock whole, can be in its.
const DEADLOCKS: usize = 5;

/// How the context of the probe gets to its connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Stamping {
    /// By the hooks of the pool, at checkout.
    Checkout,
    /// With the statement that opens the transaction.
    Begin(Arc<Stamp>),
    /// By hand: nobody stamps the connection.
    Hand(Arc<Stamp>),
}

impl Stamping {
    /// How it gets there on a connection of a pool that is attached like this; `None` stands for a
    /// connection that nobody stamps.
    #[must_use]
    pub fn of(attachment: Option<&Attachment>, audit: &Audit, probe: &Probe) -> Self {
        let stamp = || probe.context().stamp(audit.service(), audit.environment());
        match attachment.map(Attachment::scope) {
            None => Self::Hand(stamp()),
            Some(ContextScope::Connection) => Self::Checkout,
            Some(ContextScope::Transaction) => Self::Begin(stamp()),
        }
    }
}

/// A probe that no other is like.
#[must_use]
pub fn new_probe() -> Probe {
    Probe::new(Uuid::now_v7().simple().to_string())
}

/// Makes the probe on a connection that was taken in the context of the probe. The transaction of
/// the probe is over afterwards.
pub(crate) async fn prove<S: Session>(
    session: &mut S,
    probe: &Probe,
    stamping: &Stamping,
) -> Result<Vec<Finding>, CheckError<S::Error>> {
    let mut findings = Vec::new();
    if let Some(query) = Probe::definition_of_log(S::DIALECT) {
        match session.texts(&query).await {
            Ok(rows) => findings.extend(Probe::hides_log(texts(&rows))),
            Err(error) if error.answer().is_some() => {}
            Err(error) => return Err(CheckError::Database(error)),
        }
    }
    let mut result = written(session, probe, stamping).await;
    for _ in 0..DEADLOCKS {
        match &result {
            Err(error) if fault::<S>(error) == Some(Fault::Deadlock) => {
                result = written(session, probe, stamping).await;
            }
            _ => break,
        }
    }
    match result {
        Ok(rows) => findings.extend(probe.judge(texts(&rows))?),
        Err(error) => findings.push(finding::<S>(error).map_err(CheckError::Database)?),
    }
    Ok(findings)
}

fn texts(rows: &Rows) -> impl Iterator<Item = &str> {
    rows.iter().flatten().filter_map(Option::as_deref)
}

/// Writes, reads what arrived, and takes it back.
async fn written<S: Session>(
    session: &mut S,
    probe: &Probe,
    stamping: &Stamping,
) -> Result<Rows, S::Error> {
    let stamp = match stamping {
        Stamping::Begin(stamp) => Some(&**stamp),
        Stamping::Checkout | Stamping::Hand(_) => None,
    };
    let begin = statement::begin_probe(S::DIALECT, stamp);
    session.run(&begin).await?;
    let answers = answers(session, probe, stamping).await;
    // Now, and not when somebody next uses the connection: it may hold locks.
    let taken_back = session.run(statement::end_probe(S::DIALECT)).await;
    let answers = answers?;
    taken_back.map(|()| answers)
}

async fn answers<S: Session>(
    session: &mut S,
    probe: &Probe,
    stamping: &Stamping,
) -> Result<Rows, S::Error> {
    if let Stamping::Hand(stamp) = stamping {
        connection::stamp(session, Some(stamp), connection::Until::Replaced).await?;
    }
    let mut answers = Rows::new();
    for statement in probe.statements(S::DIALECT) {
        answers.extend(session.texts(&statement).await?);
    }
    Ok(answers)
}

fn fault<S: Session>(error: &S::Error) -> Option<Fault> {
    error.answer().map(|answer| Fault::of(S::DIALECT, &answer))
}

/// What a failure shows; one that is not the database's own answer shows nothing.
fn finding<S: Session>(error: S::Error) -> Result<Finding, S::Error> {
    let Some(answer) = error.answer() else {
        return Err(error);
    };
    let reason = answer.message.to_owned();
    let fault = Fault::of(S::DIALECT, &answer);
    Ok(
        match (fault, CaptureError::in_answer(S::DIALECT, &answer)) {
            (_, Some(CaptureError::MissingContext(_))) => Finding::ProbeUnstamped,
            (fault, _) if fault.is_contention() => Finding::ProbeBusy { reason },
            (Fault::Denied, None) => Finding::ProbeDenied { reason },
            _ => Finding::ProbeRefused { reason },
        },
    )
}
