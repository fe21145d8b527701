//! Taking the audit log back.

use audit_capture::Plan;
use audit_core::Audit;

use crate::catalog;
use crate::migrate::{MigrateError, exclusively, run_all};
use crate::session::Session;
use crate::steps;
use crate::trigger::triggers_are_on_connection;

/// Takes back what [`migrate`](crate::migrate()) made: the triggers of the schemas of these settings,
/// and the audit tables **with every event in them**. The application's tables stay as they are.
///
/// # Errors
/// [`MigrateError::UnknownStep`] where a newer version has migrated, before anything is done; when
/// the database fails, what had been done by then is rolled back where the database can.
pub async fn revert<S: Session>(
    session: &mut S,
    audit: &Audit,
) -> Result<(), MigrateError<S::Error>> {
    exclusively(session, MigrateError::Database, async |session| {
        everything(session, audit).await
    })
    .await
}

/// Takes the audit triggers off the tables of the schemas of these settings, and nothing else:
/// changes go unrecorded from then on. Where triggers are put on each connection there are none to
/// drop.
///
/// # Errors
/// As [`revert`].
pub async fn drop_triggers<S: Session>(
    session: &mut S,
    audit: &Audit,
) -> Result<(), MigrateError<S::Error>> {
    exclusively(session, MigrateError::Database, async |session| {
        triggers(session, audit).await
    })
    .await
}

async fn everything<S: Session>(
    session: &mut S,
    audit: &Audit,
) -> Result<(), MigrateError<S::Error>> {
    let catalog = catalog::read(session, audit.schemas()).await?;
    if catalog.was_migrated {
        let states = steps::states(session).await;
        steps::known(&states.map_err(MigrateError::Database)?)?;
    }
    triggers(session, audit).await?;
    for step in audit_migrations::steps(S::DIALECT).iter().rev() {
        let text = steps::take_back(S::DIALECT, step);
        let done = session.run(&text).await;
        done.map_err(MigrateError::Database)?;
    }
    Ok(())
}

async fn triggers<S: Session>(
    session: &mut S,
    audit: &Audit,
) -> Result<(), MigrateError<S::Error>> {
    if triggers_are_on_connection(S::DIALECT) {
        return Ok(());
    }
    let catalog = catalog::read(session, audit.schemas()).await?;
    let statements = Plan::of_installed(&catalog).uninstall(S::DIALECT);
    let done = run_all(session, &statements).await;
    done.map_err(MigrateError::Database)
}
