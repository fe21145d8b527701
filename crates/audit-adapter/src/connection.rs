//! What is put on a connection: the settings that stay until it is closed, and the context.

use audit_capture::context::{mysql, postgres, sqlite};
use audit_core::Dialect;
use audit_core::query::{Bind, BoundQuery};
use audit_core::stamp::Stamp;

use crate::attachment::{Attachment, ContextScope};
use crate::catalog::CatalogReadError;
use crate::session::Session;
use crate::trigger::{install_on_connection, triggers_are_on_connection};

/// Makes a connection ready: what stays on it until it is closed. It can run again.
///
/// # Errors
/// When the database fails, or its catalog cannot be read (SQLite).
pub async fn prepare<S: Session>(
    session: &mut S,
    attachment: &Attachment,
) -> Result<(), CatalogReadError<S::Error>> {
    // Behind a pooler that shares sessions nothing may stay on one.
    if attachment.scope() == ContextScope::Transaction {
        return Ok(());
    }
    for query in settings(S::DIALECT, attachment) {
        let done = session.texts(&query).await;
        done.map_err(CatalogReadError::Database)?;
    }
    if triggers_are_on_connection(S::DIALECT) {
        install_on_connection(session, attachment).await?;
    }
    Ok(())
}

fn settings(dialect: Dialect, attachment: &Attachment) -> Vec<BoundQuery> {
    let key = attachment.audit().hash_key();
    let fallback = attachment.fallback();
    match dialect {
        Dialect::MySql => {
            let key = key.map(mysql::keep_key);
            let fallback = BoundQuery::plain(mysql::keep_fallback(fallback));
            key.into_iter().chain([fallback]).collect()
        }
        Dialect::Postgres => vec![postgres::keep_fallback(fallback, key)],
        _ => key.map(sqlite::keep_key).into_iter().collect(),
    }
}

/// How long a context stays on a connection that the caller holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it is replaced or the connection is given back.
    Replaced,
    /// Until the open transaction ends, where the database can take it back by itself (PostgreSQL);
    /// elsewhere as [`Until::Replaced`].
    TransactionEnd,
}

/// The statement that replaces the context of a connection; `None` stands for the fallback of what it
/// is attached to.
#[must_use]
pub fn replacement(dialect: Dialect, stamp: Option<&Stamp>, until: Until) -> BoundQuery {
    let joined = || {
        let joined = stamp.map(Stamp::joined).unwrap_or_default();
        vec![Bind::Text(joined.to_owned())]
    };
    let text = match (dialect, until) {
        (Dialect::MySql, _) => return BoundQuery::plain(mysql::replace(stamp)),
        (Dialect::Postgres, Until::Replaced) => postgres::REPLACE,
        (Dialect::Postgres, Until::TransactionEnd) => postgres::REPLACE_LOCAL,
        _ => sqlite::STAMP,
    };
    BoundQuery {
        text: text.to_owned(),
        binds: joined(),
    }
}

/// Replaces the context of a connection that the caller holds; `None` stands for the fallback of
/// what it is attached to.
///
/// # Errors
/// When the database fails.
pub async fn stamp<S: Session>(
    session: &mut S,
    stamp: Option<&Stamp>,
    until: Until,
) -> Result<(), S::Error> {
    let query = replacement(S::DIALECT, stamp, until);
    session.texts(&query).await.map(|_| ())
}
