//! What a database says of itself, read through a connection.

use audit_capture::Catalog;
use audit_core::query::BoundQuery;
use audit_core::{Audit, Switch};

use crate::check::CheckError;
use crate::database::{AuditDatabase, ConnectionOf};

/// Reads the catalog, and what the operator has turned off.
pub(crate) async fn read<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    audit: &Audit,
) -> Result<Catalog, CheckError> {
    let mut catalog = Catalog::parse(&DB::catalog(connection, audit).await?)?;
    if let Some(query) = catalog.settings_query(DB::DIALECT) {
        catalog.switch = switch::<DB>(connection, &query).await?;
    }
    Ok(catalog)
}

/// Reads settings, each a name and a value.
pub(crate) async fn switch<DB: AuditDatabase>(
    connection: &mut ConnectionOf<DB>,
    query: &BoundQuery,
) -> Result<Switch, sqlx::Error> {
    let rows = DB::texts(connection, query).await?;
    let settings = rows.iter().filter_map(|row| match row.as_slice() {
        [Some(name), Some(value)] => Some((name.as_str(), value.as_str())),
        _ => None,
    });
    Ok(Switch::from_settings(settings))
}
