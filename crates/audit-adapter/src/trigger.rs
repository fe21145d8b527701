//! Triggers that are put on each connection (SQLite).

use audit_capture::{Plan, context};
use audit_core::Dialect;
use audit_core::query::{Bind, BoundQuery};

use crate::attachment::Attachment;
use crate::catalog::{self, CatalogReadError};
use crate::session::Session;

/// Whether the triggers of this dialect are put on each connection instead of into the schema.
#[must_use]
pub const fn triggers_are_on_connection(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Sqlite)
}

/// Makes the triggers of this connection those of the schema as it is, and notes its version.
///
/// # Errors
/// When the catalog cannot be read, or the database fails.
pub async fn install_on_connection<S: Session>(
    session: &mut S,
    attachment: &Attachment,
) -> Result<(), CatalogReadError<S::Error>> {
    // The version is read first: a change in between is found at the next checkout.
    let query = BoundQuery::plain(context::sqlite::SCHEMA_VERSION);
    let rows = session.texts(&query).await;
    let rows = rows.map_err(CatalogReadError::Database)?;
    let version = rows.into_iter().flatten().flatten().next();
    let catalog = catalog::read_compiled(session).await?;
    let plan = Plan::new(attachment.audit(), &catalog, S::DIALECT);
    for statement in plan.install(S::DIALECT) {
        let done = session.run(&statement).await;
        done.map_err(CatalogReadError::Database)?;
    }
    let fallback = attachment.fallback().joined().to_owned();
    let installed = BoundQuery {
        text: context::sqlite::INSTALLED.to_owned(),
        binds: vec![
            Bind::Text(version.unwrap_or_default()),
            Bind::Text(fallback),
        ],
    };
    let done = session.texts(&installed).await;
    done.map(|_| ()).map_err(CatalogReadError::Database)
}

/// Takes the triggers off a connection that carries them.
///
/// # Errors
/// As [`install_on_connection`].
pub async fn remove_from_connection<S: Session>(
    session: &mut S,
) -> Result<(), CatalogReadError<S::Error>> {
    if !triggers_are_on_connection(S::DIALECT) {
        return Ok(());
    }
    let catalog = catalog::read_compiled(session).await?;
    for statement in Plan::of_installed(&catalog).uninstall(S::DIALECT) {
        let done = session.run(&statement).await;
        done.map_err(CatalogReadError::Database)?;
    }
    let done = session.run(context::sqlite::NOT_INSTALLED).await;
    done.map_err(CatalogReadError::Database)
}
