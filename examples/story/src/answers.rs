//! What the API answers about the trail, over the trail of any adapter.
//!
//! An error is the caller's own: one that a [`Refusal`] and a failure of its log become.

mod undo;

use audit_core::query::{LogQuery, When};
use audit_core::{Assurance, LogReader, context, record_id};
use audit_store::{AsOf, StoreError, Trail, Turn};
use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::percent_decode_str;
use serde::Serialize;

pub use undo::{Plan, Undo};

use crate::Refusal;
use crate::contract::{At, Newest};

/// Where records are.
const RECORDS: &str = "/audit/records/";

/// Lets nobody read the trail but those whose token was verified. A real service asks here as well
/// whether they may.
///
/// # Errors
/// [`Refusal::Unauthenticated`] for everybody else.
pub fn authenticated() -> Result<(), Refusal> {
    let context = context::current();
    let actor = context.as_ref().and_then(|context| context.actor());
    match actor.and_then(|actor| actor.assurance()) {
        Some(Assurance::Verified) => Ok(()),
        _ => Err(Refusal::Unauthenticated),
    }
}

/// A record, by its table and the key that events have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    table: String,
    id: String,
}

impl Record {
    /// The record of a path, `/audit/records/{table}/{key}`, as it was sent: a key of several columns
    /// is several segments, so what is a slash in a value must still be `%2F`.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for another path.
    pub fn in_path(path: &str) -> Result<Self, Refusal> {
        let segments = path.strip_prefix(RECORDS).ok_or(Refusal::NotFound)?;
        let decoded = segments.split('/').map(|segment| {
            let segment = percent_decode_str(segment).decode_utf8().ok()?;
            (!segment.is_empty()).then(|| segment.into_owned())
        });
        let decoded: Option<Vec<String>> = decoded.collect();
        match decoded.as_deref() {
            Some([table, key @ ..]) if !key.is_empty() => Ok(Self {
                table: table.clone(),
                id: record_id(key),
            }),
            _ => Err(Refusal::NotFound),
        }
    }
}

/// Who changed a record: its newest events, each with the fields that it changed.
#[derive(Debug, Serialize)]
pub struct History {
    table_name: String,
    record_id: String,
    turns: Vec<Turn>,
    /// Whether there are older events.
    has_more: bool,
}

impl History {
    /// That of a record.
    ///
    /// # Errors
    /// When the limit makes no sense, when the log knows nothing of the record, when the log fails.
    pub async fn of<R, E>(trail: &mut Trail<R>, record: Record, newest: &Newest) -> Result<Self, E>
    where
        R: LogReader,
        E: From<Refusal> + From<StoreError<R::Error>>,
    {
        let most = newest.limit()?;
        let table = LogQuery::new().table(record.table.as_str());
        let mut timeline = trail.timeline(&table, record.id.as_str()).await?;
        let mut turns = Vec::new();
        while turns.len() <= most
            && let Some(page) = timeline.next().await?
        {
            turns.extend(page);
        }
        if turns.is_empty() {
            return Err(Refusal::NotFound.into());
        }
        let has_more = turns.len() > most;
        turns.truncate(most);
        Ok(Self {
            table_name: record.table,
            record_id: record.id,
            turns,
            has_more,
        })
    }
}

/// A record of a table as it was; what the log does not tell of it is in its gaps.
#[derive(Debug, Serialize)]
struct Was {
    record_id: String,
    #[serde(flatten)]
    was: AsOf,
}

/// A table as it was at an instant: the records of which there are events.
#[derive(Debug, Serialize)]
pub struct TableThen {
    table_name: String,
    /// The instant, in UTC.
    at: String,
    /// In the order of the bytes of their keys.
    records: Vec<Was>,
    /// Whether there are records behind the last one.
    has_more: bool,
}

impl TableThen {
    /// That of a table.
    ///
    /// # Errors
    /// When the time or the limit make no sense, when the log fails.
    pub async fn of<R, E>(trail: &mut Trail<R>, table: String, at: &At) -> Result<Self, E>
    where
        R: LogReader,
        E: From<Refusal> + From<StoreError<R::Error>>,
    {
        let most = at.limit()?;
        let instant: DateTime<Utc> = When::from(at.at.as_str())
            .instant(Utc::now())
            .map_err(Refusal::from)?;
        let query = LogQuery::new().table(table.as_str());
        let mut records = Vec::new();
        let mut states = trail.table_as_of(&query, instant);
        while records.len() <= most
            && let Some((record_id, was)) = states.next().await?
        {
            records.push(Was { record_id, was });
        }
        let has_more = records.len() > most;
        records.truncate(most);
        Ok(Self {
            table_name: table,
            at: instant.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            records,
            has_more,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_record_as_events_do() {
        for (path, table, id) in [
            ("users/7", "users", "7"),
            ("invoices/acme/1001", "invoices", r#"["acme","1001"]"#),
            ("invoices/a%2Fb/1", "invoices", r#"["a/b","1"]"#),
            ("users/J%C3%B8rgen%20B", "users", "Jørgen B"),
        ] {
            let record = Record::in_path(&format!("{RECORDS}{path}")).unwrap();
            assert_eq!((&*record.table, &*record.id), (table, id), "{path}");
        }
        for path in ["/audit/records/users", "/audit/records/users/", "/users/7"] {
            assert!(Record::in_path(path).is_err(), "{path}");
        }
        assert!(Record::in_path("/audit/records/users/%FF").is_err());
    }

    #[test]
    fn nobody_is_let_in_without_a_verified_token() {
        use audit_core::{Actor, AuditContext};
        let of = |actor| AuditContext::new().with_actor(actor);
        let verified = Actor::user("alice").with_assurance(Assurance::Verified);
        assert!(of(verified).sync_scope(authenticated).is_ok());
        assert!(of(Actor::user("alice")).sync_scope(authenticated).is_err());
        assert!(of(Actor::anonymous()).sync_scope(authenticated).is_err());
        assert!(authenticated().is_err());
    }
}
