//! What a database says of itself, read through a connection.

use audit_capture::{Catalog, CatalogError};
use audit_core::Switch;
use audit_core::query::BoundQuery;

use crate::session::Session;

/// The catalog could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogReadError<E: std::error::Error + 'static> {
    /// The answer is no catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The database failed.
    #[error("the database's catalog could not be read")]
    Database(#[source] E),
}

/// Reads the catalog, and what the operator has turned off.
///
/// # Errors
/// When the answer is no catalog, or the database fails.
pub async fn read<S: Session>(
    session: &mut S,
    schemas: &[String],
) -> Result<Catalog, CatalogReadError<S::Error>> {
    let mut catalog = without_switch(session, schemas).await?;
    if let Some(query) = catalog.settings_query(S::DIALECT) {
        catalog.switch = switch(session, &query).await?;
    }
    Ok(catalog)
}

/// Reads the catalog of a database whose triggers belong to the connections, and what `migrate`
/// has noted as turned off.
pub(crate) async fn read_compiled<S: Session>(
    session: &mut S,
) -> Result<Catalog, CatalogReadError<S::Error>> {
    let mut catalog = without_switch(session, &[]).await?;
    if let Some(query) = catalog.compiled_settings_query() {
        catalog.switch = switch(session, &query).await?;
    }
    Ok(catalog)
}

async fn without_switch<S: Session>(
    session: &mut S,
    schemas: &[String],
) -> Result<Catalog, CatalogReadError<S::Error>> {
    let mut text = String::new();
    for query in Catalog::queries(S::DIALECT, schemas) {
        let rows = session.texts(&query).await;
        let rows = rows.map_err(CatalogReadError::Database)?;
        for part in rows.into_iter().flatten().flatten() {
            text.push_str(&part);
            text.push('\n');
        }
    }
    Ok(Catalog::parse(&text)?)
}

/// Reads settings, each a name and a value.
async fn switch<S: Session>(
    session: &mut S,
    query: &BoundQuery,
) -> Result<Switch, CatalogReadError<S::Error>> {
    let rows = session.texts(query).await;
    let rows = rows.map_err(CatalogReadError::Database)?;
    let settings = rows.iter().filter_map(|row| match row.as_slice() {
        [Some(name), Some(value)] => Some((name.as_str(), value.as_str())),
        _ => None,
    });
    Ok(Switch::from_settings(settings))
}
