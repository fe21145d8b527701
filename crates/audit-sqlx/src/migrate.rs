//! The shared migration, and the triggers for the audited tables.

use audit_capture::TableSchema;
use audit_core::query::{Bind, BoundQuery};
use audit_core::{Audit, Dialect, schema};
use audit_migrations::Step;
use sqlx::{Connection, Pool, SqlSafeStr};

use crate::attachment;
use crate::check::{self, CheckError, Report};
use crate::database::{AuditDatabase, ConnectionOf};
use crate::probe;

/// The audit tables or triggers could not be brought to where the rules want them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// A step that ran here before has another text now.
    #[error("the audit migration {version:04} was changed after it ran here; restore its file")]
    ChangedStep {
        /// The step.
        version: i64,
    },
    /// A newer version of this crate has migrated this database.
    #[error(
        "this database has the audit migration {version:04}, which this version does not know; update audit-sqlx"
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
    TriggersRefused(#[source] sqlx::Error),
    /// The triggers cannot be compared with the rules, or must not differ and do.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The database failed.
    #[error("the audit migration failed")]
    Database(#[from] sqlx::Error),
}

/// Brings the audit tables to the newest shape, installs the triggers that the rules ask for, and
/// ends with a [`check`](crate::check), probe and all. It can run again at any time, and by many
/// processes at once.
///
/// On SQLite, where the triggers belong to the connections, the pool must be an attached one.
///
/// # Errors
/// [`MigrateError`]; what had been done by then is rolled back where the database can.
pub async fn migrate<DB: AuditDatabase>(
    pool: &Pool<DB>,
    audit: &Audit,
) -> Result<Report, MigrateError> {
    let attachment = match attachment::find(pool) {
        Err(error) if DB::TRIGGERS_ON_CONNECTION => return Err(error.into()),
        found => found.ok(),
    };
    let mut connection = pool.acquire().await?;
    if DB::MIGRATION_CLOSES_CONNECTION {
        connection.close_on_drop();
    }
    // Made an owned text first: the future of a borrowed one would not be Send for every lifetime.
    let begin = DB::begin_migration().into_sql_str();
    let mut transaction = connection.begin_with(begin).await?;
    run_steps::<DB>(&mut transaction).await?;
    let indexes = audit.indexes().iter();
    let statements: Vec<String> = indexes
        .map(|index| audit_migrations::index(DB::DIALECT, *index).to_owned())
        .collect();
    DB::run(&mut transaction, &statements).await?;
    let plan = check::plan::<DB>(&mut transaction, audit).await?;
    if !DB::TRIGGERS_ON_CONNECTION {
        let statements = plan.install(DB::DIALECT);
        if !statements.is_empty() {
            try_rights::<DB>(&mut transaction).await?;
        }
        DB::run(&mut transaction, &statements).await?;
    }
    DB::run(&mut transaction, plan.compile()).await?;
    for table in plan.schemas() {
        record_schema::<DB>(&mut transaction, table).await?;
    }
    transaction.commit().await?;
    let probe = probe::new();
    if let Some(attachment) = &attachment {
        DB::prepare(&mut connection, attachment).await?;
        // The application's connections are what is to be proved.
        drop(connection);
        connection = probe.context().scope(pool.acquire()).await?;
    }
    let known = attachment.as_deref();
    let report = check::examine::<DB>(&mut connection, audit, known, &probe).await?;
    Ok(check::allowed(report, audit)?)
}

/// Fails where the account may not make triggers, before anything else is made.
async fn try_rights<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
) -> Result<(), MigrateError> {
    let tried = DB::run(connection, &DB::try_rights()).await;
    tried.map_err(MigrateError::TriggersRefused)
}

/// Makes the triggers of the schema those that the rules ask for, on a connection of its own.
pub(crate) async fn install<DB: AuditDatabase>(
    pool: &Pool<DB>,
    audit: &Audit,
) -> Result<(), CheckError> {
    let mut connection = pool.acquire().await?;
    if DB::MIGRATION_CLOSES_CONNECTION {
        connection.close_on_drop();
    }
    let begin = DB::begin_migration().into_sql_str();
    let mut transaction = connection.begin_with(begin).await?;
    let plan = check::plan::<DB>(&mut transaction, audit).await?;
    DB::run(&mut transaction, &plan.install(DB::DIALECT)).await?;
    Ok(transaction.commit().await?)
}

/// The table of the steps that ran; its own statement, because it must be there before any step.
fn tracking_table<DB: AuditDatabase>() -> String {
    let table = DB::audit_table(schema::MIGRATIONS_TABLE);
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (version BIGINT NOT NULL PRIMARY KEY, \
         name VARCHAR(190) NOT NULL, checksum VARCHAR(64) NOT NULL)"
    )
}

async fn run_steps<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
) -> Result<(), MigrateError> {
    let table = DB::audit_table(schema::MIGRATIONS_TABLE);
    DB::run(connection, &[tracking_table::<DB>()]).await?;
    let text = match DB::DIALECT {
        Dialect::MySql => "CAST(version AS CHAR)",
        _ => "CAST(version AS TEXT)",
    };
    let query = BoundQuery {
        text: format!("SELECT {text}, checksum FROM {table} ORDER BY version"),
        binds: Vec::new(),
    };
    let mut done = Vec::new();
    for row in DB::texts(connection, &query).await? {
        let mut row = row.into_iter().flatten();
        let version: i64 = row
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        done.push((version, row.next().unwrap_or_default()));
    }
    let steps = audit_migrations::steps(DB::DIALECT);
    for (version, checksum) in &done {
        match steps.iter().find(|step| step.version == *version) {
            None => return Err(MigrateError::UnknownStep { version: *version }),
            Some(step) if audit_capture::checksum(step.up) != *checksum => {
                return Err(MigrateError::ChangedStep { version: *version });
            }
            Some(_) => {}
        }
    }
    if steps.len() > done.len() {
        try_rights::<DB>(connection).await?;
    }
    for step in steps
        .iter()
        .filter(|step| !done.iter().any(|(known, _)| *known == step.version))
    {
        run_step::<DB>(connection, step, &table).await?;
    }
    Ok(())
}

async fn run_step<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    step: &Step,
    table: &str,
) -> Result<(), sqlx::Error> {
    DB::run(connection, &[step.up.to_owned()]).await?;
    let checksum = audit_capture::checksum(step.up);
    let (version, name) = (step.version, step.name);
    let insert = format!(
        "INSERT INTO {table} (version, name, checksum) VALUES ({version}, '{name}', '{checksum}')"
    );
    DB::run(connection, &[insert]).await
}

async fn record_schema<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    table: &TableSchema,
) -> Result<(), sqlx::Error> {
    let binds = [
        &table.table_schema,
        &table.table_name,
        &table.fingerprint,
        &table.columns,
        &table.record_key,
    ];
    let query = BoundQuery {
        text: DB::record_schema_statement(),
        binds: binds.into_iter().cloned().map(Bind::Text).collect(),
    };
    DB::texts(connection, &query).await.map(|_| ())
}
