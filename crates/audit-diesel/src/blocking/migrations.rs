//! The audit tables as migrations of Diesel's own.

use std::marker::PhantomData;

use audit_adapter::migrate_tables;
use diesel::backend::Backend;
use diesel::connection::BoxableConnection;
use diesel::migration::{
    Migration, MigrationMetadata, MigrationName, MigrationSource, MigrationVersion, Result,
};

use super::database::sealed::Capture;
use super::session::{Session, finish};

/// What the version of each step begins with: Diesel compares versions as texts, and a step must
/// never be the last of an application that names its own by the date.
const VERSION: &str = "0000000000000_audit_";

/// The audit tables as a source of migrations, for tools that run sources: it is for connections of
/// the type `C`, and runs before or after those of the application.
///
/// The triggers depend on the rules and on the application's tables: **call
/// [`migrate`](crate::migrate) after every change of either**, which brings the tables as well.
///
/// No step is taken back: events would be lost. `revert_last_migration` of this source says so and
/// changes nothing.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use audit_diesel::AuditMigrations;
/// use diesel::SqliteConnection;
/// use diesel::migration::MigrationSource as _;
///
/// let steps = AuditMigrations::<SqliteConnection>::new().migrations()?;
/// let names: Vec<String> = steps.iter().map(|step| step.name().to_string()).collect();
/// assert_eq!(names, ["0000000000000_audit_0001_audit_logs"]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug)]
pub struct AuditMigrations<C>(PhantomData<fn(C)>);

impl<C> AuditMigrations<C> {
    /// The source.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C> Default for AuditMigrations<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, DB> MigrationSource<DB> for AuditMigrations<C>
where
    C: Capture<Backend = DB>,
    DB: Backend + 'static,
{
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<DB>>>> {
        let steps = audit_migrations::steps(C::DIALECT).iter().map(|step| {
            let step = Tables::<C> {
                name: Name(format!("{VERSION}{}", step.name)),
                connection: PhantomData,
            };
            Box::new(step) as Box<dyn Migration<DB>>
        });
        Ok(steps.collect())
    }
}

/// A step of the audit tables.
struct Tables<C> {
    name: Name,
    connection: PhantomData<fn(C)>,
}

/// Its name, all of which is its version.
struct Name(String);

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl MigrationName for Name {
    fn version(&self) -> MigrationVersion<'_> {
        MigrationVersion::from(&self.0)
    }
}

impl<C, DB> Migration<DB> for Tables<C>
where
    C: Capture<Backend = DB>,
    DB: Backend + 'static,
{
    fn run(&self, connection: &mut dyn BoxableConnection<DB>) -> Result<()> {
        let connection = connection.downcast_mut::<C>().ok_or(NotItself)?;
        Ok(finish(migrate_tables(&mut Session(connection)))?)
    }

    fn revert(&self, _connection: &mut dyn BoxableConnection<DB>) -> Result<()> {
        Err(Box::new(Kept))
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self
    }

    fn name(&self) -> &dyn MigrationName {
        &self.name
    }
}

impl<C> MigrationMetadata for Tables<C> {
    /// It opens one of its own, which keeps other migrations out.
    fn run_in_transaction(&self) -> bool {
        false
    }
}

/// The connection is something around the one that was named.
#[derive(Debug, thiserror::Error)]
#[error(
    "the audit migration runs on the connection itself; pass `&mut *connection` of a pooled one"
)]
struct NotItself;

/// Nothing is taken back.
#[derive(Debug, thiserror::Error)]
#[error(
    "the audit log is not taken back by a migration, because its events would be lost; run the \
     `down` files of audit-migrations by hand"
)]
struct Kept;
