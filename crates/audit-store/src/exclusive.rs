//! Keeping those apart who place holds and those who remove events.

use audit_core::query::BoundQuery;
use audit_core::retention::exclusion;
use audit_core::{Dialect, RowWriter};

/// A transaction could not be kept apart from others that place holds or remove events.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExclusionError<E: std::error::Error + 'static> {
    /// The transaction sees an older state of PostgreSQL than the newest one.
    #[error(
        "a transaction at `{level}` may not see the newest holds; begin one at `read committed`"
    )]
    Isolation {
        /// Its level of isolation.
        level: String,
    },
    /// The database failed, or refused it.
    #[error(
        "the holds could not be locked; roll back, and see that the account may read, insert and update in `audit_holds`, as its owner may"
    )]
    Refused(#[source] E),
}

/// Waits until nobody else places or releases holds or removes events, and keeps them from it until
/// the transaction ends.
pub(crate) async fn enter<W: RowWriter>(writer: &mut W) -> Result<(), ExclusionError<W::Error>> {
    if writer.dialect() == Dialect::Postgres {
        let level = "SELECT current_setting('transaction_isolation')";
        let rows = writer.texts(&BoundQuery::plain(level)).await;
        let rows = rows.map_err(ExclusionError::Refused)?;
        let level = rows.into_iter().flatten().next().flatten();
        let level = level.unwrap_or_default();
        if level != "read committed" {
            return Err(ExclusionError::Isolation { level });
        }
    }
    let entered = writer.texts(&exclusion(writer.dialect())).await;
    entered.map(|_| ()).map_err(ExclusionError::Refused)
}
