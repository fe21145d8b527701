//! The audit migration as a migrator of SeaORM.

use audit_core::{Audit, Dialect};
use audit_sqlx::{MigrateError, adapter};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::sea_orm::sea_query::{
    Alias, ColumnDef, Expr, ExprTrait, IntoIden, Query, Table, TableCreateStatement,
};
use sea_orm_migration::sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, DynIden, FromQueryResult,
};
use sea_orm_migration::{
    IntoSchemaManagerConnection, MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager,
    SchemaManagerConnection, seaql_migrations,
};

use crate::backend::with_pool;
use crate::error::{conn, unsupported};

/// The table in which SeaORM keeps which of these steps ran, apart from the application's own.
const TABLE: &str = "audit_seaql_migrations";
/// The step that installs the triggers.
const TRIGGERS: &str = "triggers";

/// The audit migration as a migrator of SeaORM, for tools that run migrators. It keeps track in a
/// table of its own, so that it runs beside the application's, and after it.
///
/// Its steps are those of the audit tables; the last one is [`migrate`](crate::migrate), which
/// installs the triggers. What that one has to do depends on the rules and on the application's
/// tables, so it is always pending: **run the migrator after every change of either**. A run that
/// finds nothing to do changes nothing, and any number of processes may run it at the same moment.
/// With `OnDrift::Deny` gaps are an error of the run; in other cases [`check`](crate::check) tells
/// them.
///
/// No step is taken back: events would be lost. `down`, `reset`, `refresh` and `fresh` say so and
/// change nothing.
#[derive(Debug, Clone)]
pub struct AuditMigrator {
    audit: Audit,
}

impl AuditMigrator {
    /// The migrator of these rules.
    #[must_use]
    pub fn new(audit: &Audit) -> Self {
        Self {
            audit: audit.clone(),
        }
    }
}

#[async_trait]
impl MigratorTraitSelf for AuditMigrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        // The names are the same in every dialect.
        let tables = audit_migrations::steps(Dialect::Sqlite).iter();
        let mut steps: Vec<Box<dyn MigrationTrait>> = tables
            .map(|step| Box::new(Tables(step.name)) as Box<dyn MigrationTrait>)
            .collect();
        steps.push(Box::new(Triggers(self.audit.clone())));
        steps
    }

    fn migration_table_name(&self) -> DynIden {
        Alias::new(TABLE).into_iden()
    }

    /// The table has a key of its own: of two processes that run the same step at the same moment
    /// each notes it, and neither fails because the other has.
    async fn install<C>(&self, db: &C) -> Result<(), DbErr>
    where
        C: ConnectionTrait,
    {
        let made = db.execute(&tracking_table(db.get_database_backend())).await;
        let is_there = Query::select()
            .expr(Expr::val(1))
            .from(self.migration_table_name())
            .limit(0)
            .take();
        match made {
            Ok(_) => Ok(()),
            // PostgreSQL lets one fail of those that make it at once.
            Err(error) => db.query_all(&is_there).await.map(|_| ()).map_err(|_| error),
        }
    }

    /// SeaORM would drop every table that it finds, the application's among them.
    async fn fresh<'c, C>(&self, _db: C) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        Err(kept())
    }

    async fn get_migration_models<C>(&self, db: &C) -> Result<Vec<seaql_migrations::Model>, DbErr>
    where
        C: ConnectionTrait,
    {
        self.install(db).await?;
        let version = Expr::col(seaql_migrations::Column::Version);
        let query = Query::select()
            .columns([
                seaql_migrations::Column::Version,
                seaql_migrations::Column::AppliedAt,
            ])
            .from(self.migration_table_name())
            .and_where(version.ne(TRIGGERS))
            .take();
        let rows = db.query_all(&query).await?;
        rows.iter()
            .map(|row| seaql_migrations::Model::from_query_result(row, ""))
            .collect()
    }
}

fn tracking_table(backend: DbBackend) -> TableCreateStatement {
    let mut id = ColumnDef::new(Alias::new("id")).integer().take();
    // SQLite counts by itself; asked to, it makes a table for that.
    if backend != DbBackend::Sqlite {
        id.auto_increment();
    }
    Table::create()
        .table(Alias::new(TABLE))
        .if_not_exists()
        .col(id.primary_key())
        .col(
            ColumnDef::new(seaql_migrations::Column::Version)
                .string()
                .not_null(),
        )
        .col(
            ColumnDef::new(seaql_migrations::Column::AppliedAt)
                .big_integer()
                .not_null(),
        )
        .take()
}

/// A step of the audit tables.
struct Tables(&'static str);

/// The triggers, and all that [`migrate`](crate::migrate) does.
struct Triggers(Audit);

impl MigrationName for Tables {
    fn name(&self) -> &str {
        self.0
    }
}

impl MigrationName for Triggers {
    fn name(&self) -> &str {
        TRIGGERS
    }
}

#[async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = connection(manager)?;
        let done = with_pool!(connection, pool => adapter::tables(pool).await,
            else Err(MigrateError::Database(unsupported())));
        done.map_err(as_sea_orm)
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(kept())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

#[async_trait]
impl MigrationTrait for Triggers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = connection(manager)?;
        crate::migrate(connection, &self.0)
            .await
            .map_err(as_sea_orm)?;
        // SeaORM notes every step that it ran, this one as often as it is pending.
        let forget = Query::delete()
            .from_table(Alias::new(TABLE))
            .and_where(Expr::col(seaql_migrations::Column::Version).eq(TRIGGERS))
            .to_owned();
        connection.execute(&forget).await.map(|_| ())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(kept())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// The steps open transactions of their own, which keep other migrations out.
fn connection<'c>(manager: &'c SchemaManager<'_>) -> Result<&'c DatabaseConnection, DbErr> {
    match manager.get_connection() {
        SchemaManagerConnection::Connection(connection) => Ok(connection),
        _ => Err(DbErr::Migration(
            "the audit migration opens transactions of its own; run it on the `DatabaseConnection`, \
             not in a transaction"
                .to_owned(),
        )),
    }
}

fn kept() -> DbErr {
    DbErr::Migration(
        "the audit log is not taken back by a migrator, because its events would be lost; run the \
         `down` files of audit-migrations by hand"
            .to_owned(),
    )
}

fn as_sea_orm(error: MigrateError) -> DbErr {
    match error {
        MigrateError::Database(error) => conn(error),
        other => DbErr::Migration(other.to_string()),
    }
}
