//! The audit log as a migrator of SeaORM, for `sea-orm-cli` and for the application itself. It is
//! run after the application's own migrations, and again after each change of the rules.

use audit_core::Audit;
use audit_seaorm::AuditMigrator;
use sea_orm_migration::MigratorTraitSelf as _;
use sea_orm_migration::sea_orm::{DatabaseConnection, DbErr};

/// Brings the audit tables and triggers to where the rules want them. On SQLite the connection is
/// one that `audit_seaorm::attach` opened.
///
/// # Errors
/// Those of the migration.
pub async fn migrate_audit(connection: &DatabaseConnection, audit: &Audit) -> Result<(), DbErr> {
    AuditMigrator::new(audit).up(connection, None).await
}
