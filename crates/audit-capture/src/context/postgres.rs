//! Putting the context into the setting that the triggers read.

use audit_core::stamp::Stamp;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::database::Stamped;

/// Takes the context off.
pub(super) const CLEAR: &str = "SET audit.context = ''";

/// Replaces the context of a connection that the caller holds. The empty text stands for the
/// fallback, which also fills the service and environment that a stamp leaves open.
pub(super) const REPLACE: &str = "SELECT pg_catalog.set_config('audit.context', CASE \
     WHEN $1 = '' THEN coalesce(pg_catalog.current_setting('audit.fallback', true), '') \
     ELSE pg_catalog.array_to_string(ARRAY(\
         SELECT coalesce(given.slots[slot], CASE WHEN slot > 15 THEN fallback.slots[slot] END, '') \
         FROM pg_catalog.string_to_array($1, E'\\x1f', '') AS given (slots), \
         pg_catalog.string_to_array(\
             pg_catalog.current_setting('audit.fallback', true), E'\\x1f', '') AS fallback (slots), \
         pg_catalog.generate_series(1, 17) AS slot ORDER BY slot), E'\\x1f') \
     END, false)";

/// A text as a literal that reads the same whatever the settings of the session.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 3);
    literal.push_str("E'");
    for character in text.chars() {
        match character {
            '\'' => literal.push_str("''"),
            '\\' => literal.push_str("\\\\"),
            // A stamp holds none; one would end the message.
            '\0' => literal.push('\u{fffd}'),
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

pub(super) fn set_statement(stamp: &Stamp) -> String {
    format!("SET audit.context = {}", literal(&stamp.joined()))
}

/// Opens a transaction and gives it the context, in one message.
pub(super) fn begin_statement(stamp: &Stamp) -> String {
    format!(
        "BEGIN; SET LOCAL audit.context = {}",
        literal(&stamp.joined())
    )
}

/// Runs a statement and tells whether a transaction is open after it, by the state that the server
/// ends its answer with. Only sqlx's own way of opening a transaction looks at that state: it
/// fails when none is open, which is what is wanted here.
pub(super) async fn set(
    connection: &mut PgConnection,
    statement: String,
) -> Result<Stamped, sqlx::Error> {
    match connection.begin_with(AssertSqlSafe(statement)).await {
        Err(sqlx::Error::BeginFailed) => Ok(Stamped::Yes),
        Ok(_) | Err(sqlx::Error::InvalidSavePointStatement) => Ok(Stamped::InTransaction),
        // The open transaction has failed, and takes no statement any more.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("25P02") => {
            Ok(Stamped::InTransaction)
        }
        Err(error) => Err(error),
    }
}
