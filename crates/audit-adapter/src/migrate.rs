//! The shared migration, and the triggers for the audited tables.

use audit_capture::TableSchema;
use audit_core::Audit;
use audit_core::query::{Bind, BoundQuery};

use crate::catalog::CatalogReadError;
use crate::check::{self, CheckError, Strategy};
use crate::session::Session;
use crate::statement;
use crate::steps;
use crate::trigger::triggers_are_on_connection;

/// The audit tables or triggers could not be brought to where the rules want them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError<E: std::error::Error + 'static> {
    /// A step that ran here before has another text now.
    #[error("the audit migration {version:04} was changed after it ran here; restore its file")]
    ChangedStep {
        /// The step.
        version: i64,
    },
    /// A newer version of this crate has migrated this database.
    #[error(
        "this database has the audit migration {version:04}, which this version does not know; update the audit crates"
    )]
    UnknownStep {
        /// The step.
        version: i64,
    },
    /// The account may not do what the triggers need (MySQL); nothing but the table of migrations
    /// was made.
    #[error(
        "this account may not make the audit triggers; grant it TRIGGER and CREATE TEMPORARY TABLES and, where binary logging is on, set `log_bin_trust_function_creators`"
    )]
    TriggersRefused(#[source] E),
    /// The triggers cannot be compared with the rules, or must not differ and do.
    #[error(transparent)]
    Check(#[from] CheckError<E>),
    /// The database failed.
    #[error("the audit migration failed")]
    Database(#[source] E),
}

impl<E: std::error::Error + 'static> From<CatalogReadError<E>> for MigrateError<E> {
    fn from(error: CatalogReadError<E>) -> Self {
        match error {
            CatalogReadError::Catalog(error) => Self::Check(CheckError::Catalog(error)),
            CatalogReadError::Database(error) => Self::Database(error),
        }
    }
}

/// Brings the audit tables to the newest shape and installs the triggers that the rules ask for, in
/// a transaction that keeps other migrations out. It can run again at any time.
///
/// # Errors
/// [`MigrateError`]; what had been done by then is rolled back where the database can.
pub async fn migrate<S: Session>(
    session: &mut S,
    audit: &Audit,
) -> Result<(), MigrateError<S::Error>> {
    migrate_by(session, audit, Strategy::Triggers).await
}

/// The same for a strategy: triggers of ours that it has no use for are removed.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_by<S: Session>(
    session: &mut S,
    audit: &Audit,
    strategy: Strategy,
) -> Result<(), MigrateError<S::Error>> {
    exclusively(session, MigrateError::Database, async |session| {
        everything(session, audit, strategy).await
    })
    .await
}

/// Brings the audit tables to the newest shape, and nothing else: the part of [`migrate`] that a
/// tool with a list of steps can keep apart.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_tables<S: Session>(session: &mut S) -> Result<(), MigrateError<S::Error>> {
    exclusively(session, MigrateError::Database, async |session| {
        steps::run(session).await
    })
    .await
}

/// Makes the triggers of the schema those that the rules ask for, and nothing else.
///
/// # Errors
/// When the catalog cannot be read, or the database fails; nothing is done then where the database
/// can roll back.
pub async fn install<S: Session>(
    session: &mut S,
    audit: &Audit,
) -> Result<(), CheckError<S::Error>> {
    install_by(session, audit, Strategy::Triggers).await
}

/// The same for a strategy.
///
/// # Errors
/// As [`install`].
pub async fn install_by<S: Session>(
    session: &mut S,
    audit: &Audit,
    strategy: Strategy,
) -> Result<(), CheckError<S::Error>> {
    exclusively(session, CheckError::Database, async |session| {
        Ok(triggers(session, audit, strategy).await?)
    })
    .await
}

/// Makes the triggers of the schema those that the rules ask for, as the last part of [`migrate`]
/// does. Where triggers are put on each connection there are none to make.
///
/// # Errors
/// As [`migrate`].
pub async fn install_triggers<S: Session>(
    session: &mut S,
    audit: &Audit,
) -> Result<(), MigrateError<S::Error>> {
    exclusively(session, MigrateError::Database, async |session| {
        bring_triggers(session, audit, Strategy::Triggers).await
    })
    .await
}

/// Does work in a transaction that keeps other migrations out, which ends with it: kept when it is
/// done, taken back where the database can when it fails. `failed` tells of the transaction itself.
pub(crate) async fn exclusively<S: Session, T, E>(
    session: &mut S,
    failed: fn(S::Error) -> E,
    work: impl AsyncFnOnce(&mut S) -> Result<T, E>,
) -> Result<T, E> {
    let begin = statement::begin_migration(S::DIALECT);
    session.run(&begin).await.map_err(failed)?;
    let done = work(&mut *session).await;
    let ended = end(session, done.is_ok()).await;
    let done = done?;
    ended.map(|()| done).map_err(failed)
}

async fn end<S: Session>(session: &mut S, is_done: bool) -> Result<(), S::Error> {
    let ended = session
        .run(if is_done { "COMMIT" } else { "ROLLBACK" })
        .await;
    if let Some(text) = statement::end_migration(S::DIALECT) {
        session.run(&text).await?;
    }
    ended
}

async fn triggers<S: Session>(
    session: &mut S,
    audit: &Audit,
    strategy: Strategy,
) -> Result<(), CatalogReadError<S::Error>> {
    let plan = check::plan(session, audit, strategy).await?;
    let done = run_all(session, &plan.install(S::DIALECT)).await;
    done.map_err(CatalogReadError::Database)
}

pub(crate) async fn run_all<S: Session, T: AsRef<str> + Sync>(
    session: &mut S,
    statements: &[T],
) -> Result<(), S::Error> {
    for statement in statements {
        session.run(statement.as_ref()).await?;
    }
    Ok(())
}

async fn everything<S: Session>(
    session: &mut S,
    audit: &Audit,
    strategy: Strategy,
) -> Result<(), MigrateError<S::Error>> {
    steps::run(session).await?;
    for index in audit.indexes() {
        let statement = audit_migrations::index(S::DIALECT, *index);
        let done = session.run(statement).await;
        done.map_err(MigrateError::Database)?;
    }
    bring_triggers(session, audit, strategy).await
}

/// What `migrate` does after the steps: the triggers, and what goes with them.
async fn bring_triggers<S: Session>(
    session: &mut S,
    audit: &Audit,
    strategy: Strategy,
) -> Result<(), MigrateError<S::Error>> {
    let plan = check::plan(session, audit, strategy).await?;
    if !triggers_are_on_connection(S::DIALECT) {
        let statements = plan.install(S::DIALECT);
        if !statements.is_empty() {
            try_rights(session).await?;
        }
        let done = run_all(session, &statements).await;
        done.map_err(MigrateError::Database)?;
    }
    let compiled = run_all(session, plan.compile()).await;
    compiled.map_err(MigrateError::Database)?;
    for table in plan.schemas() {
        let noted = record_schema(session, table).await;
        noted.map_err(MigrateError::Database)?;
    }
    Ok(())
}

/// Fails where the account may not make triggers, before anything else is made.
pub(crate) async fn try_rights<S: Session>(session: &mut S) -> Result<(), MigrateError<S::Error>> {
    let tried = run_all(session, statement::try_rights(S::DIALECT)).await;
    tried.map_err(MigrateError::TriggersRefused)
}

async fn record_schema<S: Session>(session: &mut S, table: &TableSchema) -> Result<(), S::Error> {
    let binds = [
        table.table_schema.clone(),
        table.table_name.clone(),
        table.fingerprint.clone(),
        table.columns_json(),
        table.record_key_json(),
    ];
    let query = BoundQuery {
        text: statement::record_schema(S::DIALECT).to_owned(),
        binds: binds.map(Bind::Text).into(),
    };
    session.texts(&query).await.map(|_| ())
}
